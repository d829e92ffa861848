"""Held-out clips as the methods meet them: true flow, one hole of each shape, motion edges."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from flowmend.edges import flow_edges
from flowmend.evaluation.metrics import motion_edge_band
from flowmend.types import Clip


@dataclass(frozen=True)
class HoledClip:
    """One held-out clip under each of its S hole shapes.

    Attributes:
        clip: true flow (S, T, 2, H, W) and the holes (S, T, H, W), the same in every frame.
        shapes: the S shapes, in the batch's order.
        near_edge: the motion-edge band, (T, H, W).
    """

    clip: Clip
    shapes: tuple[str, ...]
    near_edge: Bool[Tensor, "frames height width"]


def holed_clip(
    name: str,
    flow: np.ndarray,
    holes: Mapping[str, np.ndarray],
    edge_threshold_px: float,
    edge_band_px: float,
) -> HoledClip:
    """Put a clip's holes over its flow.

    Motion edges are those of the true forward flow (Canny on flow, source (c) of report 2.6.1);
    the backward flow of a frame breaks along the same contours.

    Args:
        name: of the clip.
        flow: truth, (T, 2 directions [forward, backward], 2, H, W), px.
        holes: by shape, bool (H, W).
        edge_threshold_px: Canny's upper threshold, px per px.
        edge_band_px: half width of the band around motion edges, px.
    """
    both = torch.from_numpy(np.ascontiguousarray(flow, dtype=np.float32)).movedim(1, 0)
    forward, backward = both.unsqueeze(1).expand(2, len(holes), *both.shape[1:])
    maps = torch.from_numpy(np.stack(list(holes.values())))
    every_frame = maps.unsqueeze(1).expand(-1, len(flow), -1, -1)
    edges = np.stack([flow_edges(frame, edge_threshold_px) for frame in flow[:, 0]])
    return HoledClip(
        Clip(forward, backward, every_frame, name),
        tuple(holes),
        torch.from_numpy(motion_edge_band(edges, edge_band_px)),
    )
