"""Pairs of frames by how they move: which are slow or fast, and where motion covers or uncovers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.ndimage import binary_opening

from flowmend.evaluation.metrics import end_point_error
from flowmend.geometry.round_trip import round_trip
from flowmend.geometry.warp import warp
from flowmend.types import Flow

TERCILES = ("slow", "middle", "fast")
MOVING_PX = 0.5  # a greater step is a motion that a copy gets wrong
OPEN_PX = 0.5  # a round trip that ends farther from its start has met an occlusion
# Thinner slivers come from interpolation across a border (two motions mixed).
_THINNEST = np.ones((2, 2), bool)

Clips = Mapping[str, Float[ndarray, "frames 2 2 height width"]]


def speed_terciles(clips: Clips) -> dict[str, str]:
    """``slow``, ``middle`` or ``fast``: a clip's third by the mean length of its forward flow."""
    ranked = sorted(clips, key=lambda name: (_speed(clips[name][:, 0]), name))
    return {name: TERCILES[3 * place // len(ranked)] for place, name in enumerate(ranked)}


@dataclass(frozen=True)
class PairMotion:
    """How much of a pair moves against its surroundings, and how far.

    Attributes:
        clip, frame: where f_t stands; frames count from 0.
        moving_share: of the pixels whose step is above 0.5 px.
        step_px: mean step of these.
    """

    clip: str
    frame: int
    moving_share: float
    step_px: float


def choose_pairs(clips: Clips, least_share: float) -> tuple[PairMotion, PairMotion]:
    """A good and a bad case for the sanity check, by their motion alone (report, Fig. 2).

    Good: the smallest step in the slow third of the clips. Bad: the largest in the fast third.
    Pairs with fewer moving pixels than ``least_share`` have nothing to warp and are left out,
    unless all are like that.
    """
    tercile = speed_terciles(clips)
    found = [motion for name, clip in clips.items() for motion in _motions(name, clip)]
    found.sort(key=lambda m: (m.step_px, m.clip, m.frame))
    by_tercile = {word: [m for m in found if tercile[m.clip] == word] for word in TERCILES}
    slow, fast = (
        [m for m in by_tercile[word] if m.moving_share >= least_share] or by_tercile[word] or found
        for word in ("slow", "fast")
    )
    return slow[0], fast[-1]


@dataclass(frozen=True)
class Occlusions:
    """What a pair's motion covers and uncovers, on the pixels of frame t+1, where b_{t+1} lives.

    Attributes:
        covered: two places of frame t arrive here, one over the other, bool (H, W).
        uncovered: nothing that frame t shows arrives here, bool (H, W).
    """

    covered: Bool[ndarray, "height width"]
    uncovered: Bool[ndarray, "height width"]

    @property
    def pixels(self) -> int:
        """Of both together."""
        return int(self.covered.sum() + self.uncovered.sum())


def occlusions(forward: Flow, backward_next: Flow) -> Occlusions:
    """Round trips that stay in the frame and do not close within ``OPEN_PX``, in either direction.

    Args:
        forward: true flow from frame t to t+1, (2, H, W), px.
        backward_next: true flow from frame t+1 to t, same shape.
    """
    lost = _open(forward, backward_next)
    rows, columns = np.nonzero(lost)
    # The places where what becomes hidden comes to lie, under what hides it.
    dx, dy = forward.numpy()[:, rows, columns]
    covered = np.zeros_like(lost)
    covered[np.rint(rows + dy).astype(int), np.rint(columns + dx).astype(int)] = True
    return Occlusions(covered, _open(backward_next, forward))


def most_occluded(clips: Clips) -> tuple[str, int]:
    """The clip and frame whose motion covers and uncovers most pixels."""
    found = {
        (name, frame): occlusions(*pair).pixels
        for name, clip in clips.items()
        for frame, pair in enumerate(zip(*pairs_of(clip)))
    }
    return max(found, key=lambda pair: (found[pair], pair))


def pairs_of(clip: Float[ndarray, "frames 2 2 height width"]) -> tuple[Flow, Flow]:
    """f_t and b_{t+1} of all pairs of a clip, (T − 1, 2, H, W) each."""
    return (
        torch.from_numpy(np.ascontiguousarray(clip[:-1, 0])),
        torch.from_numpy(np.ascontiguousarray(clip[1:, 1])),
    )


def _open(there: Flow, back: Flow) -> Bool[ndarray, "height width"]:
    inside = warp(back, there)[1]
    found = (round_trip(there, back) > OPEN_PX) & inside
    opened: Bool[ndarray, "height width"] = binary_opening(found.numpy(), _THINNEST)
    return opened


def _motions(name: str, clip: Float[ndarray, "frames 2 2 height width"]) -> Iterator[PairMotion]:
    forward, backward = pairs_of(clip)
    for frame, step in enumerate(end_point_error(-forward, backward)):
        moving = step > MOVING_PX
        mean = float(step[moving].double().mean()) if moving.any() else 0.0
        yield PairMotion(name, frame, float(moving.double().mean()), mean)


def _speed(flow: Float[ndarray, "frames 2 height width"]) -> float:
    return float(np.hypot(flow[:, 0], flow[:, 1]).mean(dtype=float))
