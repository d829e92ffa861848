"""From a filled clip to a predicted one: what every trunk is wrapped in."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowmend.networks.coordinates import with_position
from flowmend.networks.resnet import ResNet
from flowmend.networks.unet import UNet
from flowmend.types import BothFlows, Hole

# A typical flow length: inputs and outputs of the trunk are of order one.
FLOW_UNIT_PX = 2.0

EdgeMaps = Float[Tensor, "batch frames height width"]


class Prediction(NamedTuple):
    """What a network makes of a clip.

    Attributes:
        flows: (B, T, 2 directions [forward, backward], 2, H, W), px.
        edges: probability of an edge, (B, T, H, W), or None if it is not asked for them.
    """

    flows: BothFlows
    edges: EdgeMaps | None


class FlowPredictor(nn.Module):
    """All frames' filled flows and hole maps in, all frames' flows out (report, 2.1.4).

    Args:
        trunk: as many channels in and out as :func:`channels` says, with a ``last`` layer.
        residual: False predicts the flow itself, over the whole frame, as in the report; True
            adds a correction to the fill, inside the hole, which is zero at the start.
        edges: True also predicts edges, given those outside the hole (report, 2.6.2).
        coordinates: True also tells the trunk where each pixel is (CoordConv; report, 2.5.1).
    """

    def __init__(
        self, trunk: UNet | ResNet, residual: bool, edges: bool = False, coordinates: bool = False
    ) -> None:
        super().__init__()
        self.trunk = trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.residual, self.edges, self.coordinates = residual, edges, coordinates
        if residual:
            nn.init.zeros_(trunk.last.weight)

    def forward(
        self,
        filled: BothFlows,
        hole: Hole,
        known_edges: EdgeMaps | None = None,
        position: Tensor | None = None,
    ) -> Prediction:
        """Flow in px; (B, T, 2 directions [forward, backward], 2, H, W) in and out.

        Args:
            filled: true flow outside the hole, the initial fill inside.
            hole: bool (B, T, H, W).
            known_edges: 0 or 1, (B, T, H, W), 0 inside the hole; for a network of edges.
            position: of each pixel in its frame, (B, 2, H, W) in [-1, 1]; by default what is
                given is the whole frame.
        """
        parts = [filled.flatten(1, 3) / FLOW_UNIT_PX, hole.to(filled.dtype)]
        if self.edges:
            assert known_edges is not None, "a network of edges is given the known ones"
            parts.append(known_edges)
        inputs = torch.cat(parts, dim=1)
        inputs = with_position(inputs, position) if self.coordinates else inputs
        out = self.trunk(inputs.contiguous(memory_format=torch.channels_last))
        frames = filled.shape[1]
        predicted = FLOW_UNIT_PX * out[:, : 4 * frames].unflatten(1, filled.shape[1:4])
        if self.residual:
            predicted = filled + hole[:, :, None, None] * predicted
        return Prediction(predicted, out[:, 4 * frames :].sigmoid() if self.edges else None)


def channels(frames: int, edges: bool, coordinates: bool) -> tuple[int, int]:
    """Channels in and out of a trunk.

    A frame has forward and backward flow (4) and the hole in, and with edges one more in and out.
    """
    return (5 + edges) * frames + 2 * coordinates, (4 + edges) * frames
