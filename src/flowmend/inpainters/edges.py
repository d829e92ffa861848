"""A trained edge generator on whole clips, frame by frame (report, 2.6.4)."""

import numpy as np
import torch
from torch import Tensor, nn

from flowmend.fills import Fill
from flowmend.inpainters.direct import EdgeFinder
from flowmend.types import Clip


class EdgeInpainter:
    """Continues the edges of a clip's forward flow into its hole.

    Args:
        generator: :class:`flowmend.networks.edge_gan.EdgeGenerator`, trained.
        fill: closes the hole before known edges are looked for.
        find: finds them; the true flow in the hole is never looked at.
        seed: of the noise, the same for every clip.
    """

    def __init__(self, generator: nn.Module, fill: Fill, find: EdgeFinder, seed: int) -> None:
        self._generator, self._fill, self._find = generator.eval(), fill, find
        self._seed = seed

    @torch.inference_mode()
    def __call__(self, clip: Clip) -> Tensor:
        """Edges, (*batch, T, H, W) in [0, 1]: found ones outside the hole, drawn ones inside."""
        hole = clip.hole.flatten(0, -3).unsqueeze(1).float()
        known = torch.from_numpy(self._known(clip)).float().view(hole.shape)
        chance = torch.Generator().manual_seed(self._seed)
        noise = torch.randn(clip.hole.shape[-3:], generator=chance)
        noise = noise.expand(clip.hole.shape).reshape(hole.shape)
        return self._generator(known, hole, noise).view(clip.hole.shape)

    def _known(self, clip: Clip) -> np.ndarray:
        seen = clip.hidden()
        filled = self._fill(seen.forward.numpy(), seen.hole.numpy())
        edges = [self._find(flow) for flow in filled.reshape(-1, *filled.shape[-3:])]
        return np.stack(edges).reshape(seen.hole.shape) & ~seen.hole.numpy()
