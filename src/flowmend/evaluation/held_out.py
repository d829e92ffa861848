"""Held-out clips as the methods meet them: known flow, one hole of each shape, motion edges."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from flowmend.edges import flow_edges
from flowmend.evaluation.metrics import motion_edge_band
from flowmend.holes import setup_frames
from flowmend.types import Clip


@dataclass(frozen=True)
class HoledClip:
    """One held-out clip under each of its S hole shapes.

    Attributes:
        clip: the flow that methods know (S, T, 2, H, W) and the holes (S, T, H, W), the same in
            every frame.
        shapes: the S shapes, in the batch's order.
        near_edge: the motion-edge band, (T, H, W).
        exact: true flow, px, where the clip's is an estimate of it; None where there is no better
            truth than the clip's own flow.
    """

    clip: Clip
    shapes: tuple[str, ...]
    near_edge: Bool[Tensor, "frames height width"]
    exact: Float[Tensor, "directions frames 2 height width"] | None = None

    def at_setup(self, setup: str, shapes: Container[str]) -> Clip:
        """What a completion is judged against: known flow outside the holes, the truth inside.

        Args:
            setup: which frames are hidden; in the others everything is known.
            shapes: of the holes, which keep the order of ``self.shapes``.
        """
        chosen = [index for index, shape in enumerate(self.shapes) if shape in shapes]
        hides = torch.from_numpy(setup_frames(setup, self.clip.hole.shape[-3])).view(-1, 1, 1)
        hole = self.clip.hole[chosen] & hides
        forward, backward = self.clip.forward[chosen], self.clip.backward[chosen]
        if self.exact is not None:
            forward = torch.where(hole.unsqueeze(-3), self.exact[0], forward)
            backward = torch.where(hole.unsqueeze(-3), self.exact[1], backward)
        return replace(self.clip, forward=forward, backward=backward, hole=hole)


def holed_clip(
    name: str,
    flow: np.ndarray,
    holes: Mapping[str, np.ndarray],
    edge_threshold_px: float,
    edge_band_px: float,
    exact: np.ndarray | None = None,
) -> HoledClip:
    """Put a clip's holes over its flow.

    Motion edges are those of the true forward flow (Canny on flow, source (c) of report 2.6.1);
    the backward flow of a frame breaks along the same contours.

    Args:
        name: of the clip.
        flow: what methods know, (T, 2 directions [forward, backward], 2, H, W), px.
        holes: by shape, bool (H, W).
        edge_threshold_px: Canny's upper threshold, px per px.
        edge_band_px: half width of the band around motion edges, px.
        exact: the truth, where ``flow`` is an estimate of it; of the same shape.
    """
    both = _by_direction(flow)
    forward, backward = both.unsqueeze(1).expand(2, len(holes), *both.shape[1:])
    maps = torch.from_numpy(np.stack(list(holes.values())))
    every_frame = maps.unsqueeze(1).expand(-1, len(flow), -1, -1)
    truth = flow if exact is None else exact
    edges = np.stack([flow_edges(frame, edge_threshold_px) for frame in truth[:, 0]])
    return HoledClip(
        Clip(forward, backward, every_frame, name),
        tuple(holes),
        torch.from_numpy(motion_edge_band(edges, edge_band_px)),
        None if exact is None else _by_direction(exact),
    )


def _by_direction(flow: np.ndarray) -> Float[Tensor, "directions frames 2 height width"]:
    return torch.from_numpy(np.ascontiguousarray(flow, dtype=np.float32)).movedim(1, 0)
