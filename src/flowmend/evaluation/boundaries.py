"""True motion boundaries, and how well an edge map agrees with them (report, 2.6.1)."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

MOTION_JUMP_PX = 0.5
"""Between neighbours of one smooth surface exact flow changes by 0.24 px at most (laptop scale,
median 0.016), across an outline by 2.1 px in the median: 95 % of outlines are boundaries."""

TOLERANCES_PX = (1, 2)

Map = Bool[ndarray, "*maps height width"]


class Agreement(NamedTuple):
    """Shares, in [0, 1]."""

    precision: float
    recall: float
    f_measure: float


class Matches(NamedTuple):
    """Counts of pixels: they add up over frames and holes.

    Attributes:
        found: edge pixels.
        right: those with a true pixel within the tolerance.
        true: true pixels.
        met: those with an edge pixel within the tolerance.
    """

    found: int
    right: int
    true: int
    met: int

    def agreement(self) -> Agreement:
        """Precision is 1 where nothing was found, recall 1 where nothing was to be found."""
        precision = self.right / self.found if self.found else 1.0
        recall = self.met / self.true if self.true else 1.0
        both = precision + recall
        return Agreement(precision, recall, 2 * precision * recall / both if both else 0.0)


def motion_boundaries(
    flow: Float[ndarray, "*frames 2 height width"], jump_px: float = MOTION_JUMP_PX
) -> Bool[ndarray, "*frames height width"]:
    """Pixels whose motion differs from a 4-neighbour's by more than ``jump_px``.

    No smoothing, no thinning and no Canny: an edge finder can be judged by it. Both sides of a
    jump are marked, so that mirrors and transposition of a flow do the same to its boundaries.

    This is the truth for **exact** flow alone. An estimated flow is smooth across the borders of
    what moves, and jumps elsewhere: there is no truth on footage, and nothing is measured.

    Args:
        flow: exact flow, px.
        jump_px: length of the difference.
    """
    boundary = np.zeros((*flow.shape[:-3], *flow.shape[-2:]), bool)
    down = np.linalg.norm(np.diff(flow, axis=-2), axis=-3) > jump_px
    right = np.linalg.norm(np.diff(flow, axis=-1), axis=-3) > jump_px
    boundary[..., :-1, :] |= down
    boundary[..., 1:, :] |= down
    boundary[..., :-1] |= right
    boundary[..., 1:] |= right
    return boundary


def f_measure(found: Map, true: Map, tolerance_px: int, region: Map | None = None) -> Agreement:
    """Precision, recall and F-measure over all pixels of all maps; see :func:`matches`."""
    return matches(found, true, tolerance_px, region).agreement()


def matches(found: Map, true: Map, tolerance_px: int, region: Map | None = None) -> Matches:
    """Count edge pixels and true pixels, each with and without one of the other within reach.

    With a region (the hole), edges outside it are not an edge finder's merit: they do not count
    and meet nothing. The truth is the truth everywhere: an edge just inside the region whose true
    place lies just outside is right.

    Args:
        found: edges.
        true: motion boundaries.
        tolerance_px: greatest distance between centres, px.
        region: where edges are judged; everywhere by default.
    """
    inside = np.ones_like(found) if region is None else region
    found, wanted = found & inside, true & inside
    right = found & within(true, tolerance_px)
    met = wanted & within(found, tolerance_px)
    return Matches(*(int(np.count_nonzero(part)) for part in (found, right, wanted, met)))


def within(edges: Map, distance_px: int) -> Map:
    """Pixels at most ``distance_px`` (Euclidean, between centres) from an edge pixel.

    What a distance transform says below a threshold; one dilation by a disc does all maps at once.
    """
    offsets = np.arange(-distance_px, distance_px + 1)
    disc = (offsets[:, None] ** 2 + offsets**2 <= distance_px**2).astype(np.uint8)
    maps = edges.reshape(-1, *edges.shape[-2:]).astype(np.uint8)
    wide = [cv2.dilate(each, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0) for each in maps]
    return np.array(wide, bool).reshape(edges.shape)
