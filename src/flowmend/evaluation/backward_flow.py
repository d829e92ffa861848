"""The sanity check judged: is the predicted backward flow warped, or a copy? (2.2.3, claim C3)

A *copy* is minus the forward flow, where it stood. It is wrong where something moved away or
arrived: on these pixels a prediction is compared with the truth and with the copy. How far the
motion there is from what was there before is a pixel's *step*, ‖b_{t+1} + f_t‖.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from flowmend.evaluation.metrics import end_point_error
from flowmend.evaluation.tasks import TaskRow
from flowmend.geometry.round_trip import round_trip
from flowmend.types import ErrorMap, Flow

TASK = "backward_flow"
TERCILES = ("slow", "middle", "fast")
STEPS_PX = ((0.5, 2.0), (2.0, 4.0), (4.0, np.inf))

Clips = Mapping[str, Float[ndarray, "frames 2 2 height width"]]
Predictor = Callable[[Flow], Flow]  # f_t -> b_{t+1}


def copy_forward(forward: Flow) -> Flow:
    """The copy: every silhouette stays where it is."""
    return -forward


@dataclass(frozen=True)
class Judged:
    """Predictions of pairs, seen pixel by pixel.

    Attributes:
        to_truth: EPE to the true b_{t+1}, (pairs, H, W), px.
        to_copy: EPE to the unmoved copy −f_t, px.
        step: EPE between truth and copy, px.
        trip: round trip of the true f_t through the prediction, px.
    """

    to_truth: ErrorMap
    to_copy: ErrorMap
    step: ErrorMap
    trip: ErrorMap

    def moving(self, low: float, high: float) -> Iterator[tuple[str, float]]:
        """Metrics over the pixels whose step is above ``low`` and at most ``high`` px, if any."""
        region = (self.step > low) & (self.step <= high)
        if region.any():
            yield "epe_moving_px", float(self.to_truth[region].double().mean())
            yield "copy_moving_px", float(self.to_copy[region].double().mean())
            nearer = (self.to_truth < self.to_copy)[region]
            yield "warped_share", float(nearer.double().mean())


@torch.inference_mode()
def judge(predict: Predictor, clip: Float[ndarray, "frames 2 2 height width"]) -> Judged:
    """All pairs of a clip.

    Args:
        predict: (B, 2, H, W) to (B, 2, H, W), px.
        clip: true flow, (T, 2 directions [forward, backward], 2, H, W), px.
    """
    forward, backward = pairs_of(clip)
    predicted, copied = predict(forward), copy_forward(forward)
    return Judged(
        to_truth=end_point_error(predicted, backward),
        to_copy=end_point_error(predicted, copied),
        step=end_point_error(copied, backward),
        trip=round_trip(forward, predicted),
    )


def rows(method: str, seed: int | None, predict: Predictor, clips: Clips) -> Iterator[TaskRow]:
    """A clip's errors under its tercile of speed, and its moving pixels' under their step.

    Metrics: ``epe_px`` and ``fb_px`` over all pixels; over those whose step is above 0.5 px,
    ``epe_moving_px`` to the truth, ``copy_moving_px`` to the copy, and ``warped_share``, how many
    of them are nearer to the truth. Conditions: ``slow``, ``middle``, ``fast``, and of the latter
    three metrics also the step, ``step 0.5-2 px`` and so on, where a clip has such pixels.

    Args:
        method: the experiment, or ``copy``.
        seed: of the training, None for the copy.
        predict: forward flow of frames t to backward flow of frames t+1.
        clips: true flow by name.
    """
    tercile = speed_terciles(clips)
    for name, clip in clips.items():
        judged = judge(predict, clip)
        over_all = (("epe_px", judged.to_truth), ("fb_px", judged.trip))
        found = [(tercile[name], metric, float(m.double().mean())) for metric, m in over_all]
        found += [(tercile[name], *each) for each in judged.moving(STEPS_PX[0][0], np.inf)]
        found += [(step_words(s), *each) for s in STEPS_PX for each in judged.moving(*s)]
        for condition, metric, value in found:
            yield TaskRow(TASK, method, seed, name, condition, metric, value)


def step_words(step_px: tuple[float, float]) -> str:
    """``step 0.5-2 px``, ``step over 4 px``."""
    low, high = step_px
    return f"step {low:g}-{high:g} px" if np.isfinite(high) else f"step over {low:g} px"


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


def pairs_of(clip: Float[ndarray, "frames 2 2 height width"]) -> tuple[Flow, Flow]:
    """f_t and b_{t+1} of all pairs of a clip, (T − 1, 2, H, W) each."""
    return (
        torch.from_numpy(np.ascontiguousarray(clip[:-1, 0])),
        torch.from_numpy(np.ascontiguousarray(clip[1:, 1])),
    )


def _motions(name: str, clip: Float[ndarray, "frames 2 2 height width"]) -> Iterator[PairMotion]:
    forward, backward = pairs_of(clip)
    for frame, step in enumerate(end_point_error(-forward, backward)):
        moving = step > STEPS_PX[0][0]
        mean = float(step[moving].double().mean()) if moving.any() else 0.0
        yield PairMotion(name, frame, float(moving.double().mean()), mean)


def _speed(flow: Float[ndarray, "frames 2 height width"]) -> float:
    return float(np.hypot(flow[:, 0], flow[:, 1]).mean(dtype=float))
