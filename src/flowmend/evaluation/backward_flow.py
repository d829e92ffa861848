"""The sanity check judged: is the predicted backward flow warped, or a copy? (2.2.3, claim C3)

A *copy* is minus the forward flow, where it stood. It is wrong where something moved away or
arrived: on these pixels a prediction is compared with the truth and with the copy. How far the
motion there is from what was there before is a pixel's *step*, ‖b_{t+1} + f_t‖.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from flowmend.evaluation.metrics import end_point_error
from flowmend.evaluation.pair_motion import MOVING_PX, Clips, pairs_of, speed_terciles
from flowmend.evaluation.tasks import TaskRow
from flowmend.geometry.round_trip import round_trip
from flowmend.types import ErrorMap, Flow

TASK = "backward_flow"
STEPS_PX = ((MOVING_PX, 2.0), (2.0, 4.0), (4.0, np.inf))

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
        found += [(tercile[name], *each) for each in judged.moving(MOVING_PX, np.inf)]
        found += [(step_words(s), *each) for s in STEPS_PX for each in judged.moving(*s)]
        for condition, metric, value in found:
            yield TaskRow(TASK, method, seed, name, condition, metric, value)


def step_words(step_px: tuple[float, float]) -> str:
    """``step 0.5-2 px``, ``step over 4 px``."""
    low, high = step_px
    return f"step {low:g}-{high:g} px" if np.isfinite(high) else f"step over {low:g} px"


def way_to_truth(
    predicted: Flow, forward: Flow, backward_next: Flow, region: Bool[Tensor, "*batch height width"]
) -> float:
    """How far predictions went from the copy to the truth, mean over a region's moving pixels.

    0 is the copy, 1 the truth; a prediction beside the straight line between them counts as the
    nearest point of the line. NaN where nothing moves.

    Args:
        predicted, backward_next: predicted and true b_{t+1}, (*batch, 2, H, W), px.
        forward: true f_t, same shape.
        region: bool (*batch, H, W).
    """
    whole, gone = backward_next + forward, predicted + forward
    length = whole.square().sum(-3)
    moving = region & (length > MOVING_PX**2)
    return float(((whole * gone).sum(-3)[moving] / length[moving]).double().mean())
