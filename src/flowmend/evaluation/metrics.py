"""What a completion is worth, per clip and direction: distances to the truth, and its round trip.

No metrics library has the end-point error: the two lines it takes stand here.
"""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from flowmend.geometry.round_trip import round_trip
from flowmend.types import Clip, Completion, ErrorMap, Flow

Direction = Literal["forward", "backward"]
PerClip = Float[Tensor, "*batch"]


@dataclass(frozen=True)
class Measures:
    """One number a clip, (*batch,) float64, NaN where no pixel counts.

    Attributes:
        hole_pixels: pixels of the hole, per frame that has one.
        epe_hole_px: mean EPE in the hole, px. The headline.
        epe_full_px: mean EPE over the whole of those frames; outside the hole it is zero, so this
            is ``epe_hole_px`` times the hole's share of the frame. Published tables use it.
        epe_edge_px: mean EPE over the hole's pixels that lie in the motion-edge band, px.
        fb_px: mean length of the round trip from the hole, px (report, 2.2.2).
    """

    hole_pixels: PerClip
    epe_hole_px: PerClip
    epe_full_px: PerClip
    epe_edge_px: PerClip
    fb_px: PerClip


METRICS = tuple(field.name for field in fields(Measures))


def end_point_error(p: Flow, q: Flow) -> ErrorMap:
    """``EPE(p, q)(x) = ‖p(x) − q(x)‖₂``, px: exactly zero where they agree."""
    return torch.hypot(*(p - q).unbind(-3))


def motion_edge_band(motion_edges: NDArray[np.bool_], band_px: float) -> NDArray[np.bool_]:
    """Pixels within ``band_px`` (Euclidean) of a motion edge; none in a frame without edges.

    Args:
        motion_edges: edges of the true flow, (…, H, W) bool.
        band_px: the band's half width, px; zero keeps the edges themselves.
    """
    maps = motion_edges.reshape(-1, *motion_edges.shape[-2:])
    bands = [
        distance_transform_edt(~edges) <= band_px if edges.any() else np.zeros_like(edges)
        for edges in maps
    ]
    return np.array(bands, dtype=bool).reshape(motion_edges.shape)


def composite(clip: Clip, completion: Completion) -> Completion:
    """The completion inside the hole, the clip's own flow outside."""
    hole = clip.hole.unsqueeze(-3)
    return Completion(
        torch.where(hole, completion.forward, clip.forward),
        torch.where(hole, completion.backward, clip.backward),
        completion.confidence,
    )


def measure(
    truth: Clip,
    completion: Completion,
    near_edge: Bool[Tensor, "*batch frames height width"],
) -> dict[Direction, Measures]:
    """Judge a completion over the frames that have a hole, each pixel counting the same.

    The round trip of the forward flow at t looks up the completion's own backward flow at t+1
    (the truth's, where t+1 has no hole), that of the backward flow at t the forward flow at t−1.
    The end frame whose neighbour is not in the clip is left out of ``fb_px``. Trips that leave
    the frame are clamped to its border like every other warp.

    Args:
        truth: the clip with its true flow in the hole.
        completion: the same, mended; what it says outside the hole is not looked at.
        near_edge: the motion-edge band.
    """
    mended = composite(truth, completion)
    return {
        "forward": _measures(
            end_point_error(mended.forward, truth.forward),
            round_trip(mended.forward[..., :-1, :, :, :], mended.backward[..., 1:, :, :, :]),
            truth.hole,
            truth.hole[..., :-1, :, :],
            near_edge,
        ),
        "backward": _measures(
            end_point_error(mended.backward, truth.backward),
            round_trip(mended.backward[..., 1:, :, :, :], mended.forward[..., :-1, :, :, :]),
            truth.hole,
            truth.hole[..., 1:, :, :],
            near_edge,
        ),
    }


def _measures(
    error: Tensor, trip: Tensor, hole: Tensor, hole_with_trip: Tensor, near_edge: Tensor
) -> Measures:
    frames = hole.flatten(-2).any(-1).sum(-1).double()
    pixels = hole.sum((-3, -2, -1)).double()
    frame_pixels = hole.shape[-2] * hole.shape[-1]
    in_hole = _mean_over(error, hole)
    return Measures(
        hole_pixels=pixels / frames,
        epe_hole_px=in_hole,
        epe_full_px=in_hole * pixels / (frames * frame_pixels),
        epe_edge_px=_mean_over(error, hole & near_edge),
        fb_px=_mean_over(trip, hole_with_trip),
    )


def _mean_over(values: Tensor, region: Tensor) -> Tensor:
    """Mean of ``values`` (…, T, H, W) where ``region``; in double, NaN where it is empty."""
    inside = torch.where(region, values, 0).double().sum((-3, -2, -1))
    return inside / region.sum((-3, -2, -1))
