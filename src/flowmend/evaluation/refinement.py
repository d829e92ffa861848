"""Iterative refinement step by step, and where the two round trips of the true flow are high (3).

Rows of the tasks ``refinement`` and ``round_trip_parts``.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from flowmend.evaluation.boundaries import motion_boundaries, within
from flowmend.evaluation.held_out import HoledClip
from flowmend.evaluation.metrics import composite, measure
from flowmend.evaluation.tasks import TaskRow
from flowmend.geometry.derivatives import total_variation
from flowmend.geometry.round_trip import min_round_trip, round_trip
from flowmend.types import Clip, Completion

TASK, PARTS = "refinement", "round_trip_parts"
TRUTH = "truth"
BORDER_PX = 1
"""A bilinear look-up mixes pixels whose centres are less than this apart."""

Trace = Callable[[Clip], Sequence[Completion]]
Flows = Float[ndarray, "frames 2 2 height width"]


@torch.inference_mode()
def rows(
    name: str,
    seed: int | None,
    trace: Trace,
    held_out: HoledClip,
    setup: str,
    shapes: Sequence[str],
) -> Iterator[TaskRow]:
    """What every refinement step does inside the hole: means over the clip's holes.

    Conditions ``step 0`` (the initial fill), ``step 1``, …; and ``truth``, what the true flow has
    of all but error, confidence and ``round_trip_px`` in the same holes. ``total_variation_px`` is
    over the whole hole, ``smooth_variation_px`` over its part away from motion edges.

    Args:
        name, seed: of the experiment.
        trace: one completion a step, the initial fill first, e.g. ``IterativeInpainter.trace``.
        held_out: the clip.
        setup: which of its frames are hidden.
        shapes: of the holes.
    """
    clip = held_out.at_setup(setup, shapes)
    near_edge = held_out.near_edge.expand(clip.hole.shape)
    truth = Completion(clip.forward, clip.backward)
    numbers = {f"step {k}": _step(clip, each, near_edge) for k, each in enumerate(trace(clip))}
    for condition, metrics in {**numbers, TRUTH: _shape_of(clip, truth, near_edge)}.items():
        for metric, values in metrics.items():
            value = values.mean().item()
            yield TaskRow(TASK, name, seed, clip.name, condition, metric, value)


def part_rows(
    clip: str, flow: Flows, occluded: Bool[ndarray, "pairs height width"]
) -> Iterator[TaskRow]:
    """The round trip and the smaller of the two, by what a pixel is (claim C17).

    ``border`` pixels lie within ``BORDER_PX`` of a motion boundary of their frame, ``occluded``
    ones are hidden in the next frame and no border, ``visible`` are all others. Over the frames
    that have both neighbours, so that both maps are judged on the same pixels.

    Args:
        clip: its name.
        flow: exact flow, (T, 2 directions [forward, backward], 2, H, W), px.
        occluded: what frame t shows and frame t+1 does not.
    """
    forward, backward = (torch.from_numpy(flow[:, k]) for k in (0, 1))
    f, b_next = forward[1:-1], backward[2:]
    maps = {
        "fb_px": round_trip(f, b_next),
        "min_px": min_round_trip(f, b_next, backward[1:-1], forward[:-2]),
    }
    border = within(motion_boundaries(flow[1:-1, 0]), BORDER_PX)
    hidden = occluded[1:] & ~border
    parts = {"border": border, "occluded": hidden, "visible": ~(border | hidden)}
    for condition, where in parts.items():
        for metric, trip in maps.items():
            if where.any():
                value = float(trip.double().numpy()[where].mean())
                yield TaskRow(PARTS, TRUTH, None, clip, condition, metric, value)


def _step(clip: Clip, completion: Completion, near_edge: Tensor) -> dict[str, Tensor]:
    """Metrics of one step, one value a hole, or a hole and direction."""
    mended = composite(clip, completion)
    judged = measure(clip, mended, near_edge).values()
    numbers = {
        "epe_hole_px": torch.stack([each.epe_hole_px for each in judged]),
        "round_trip_px": torch.stack([each.fb_px for each in judged]),
        **_shape_of(clip, mended, near_edge),
    }
    if completion.confidence is not None:
        numbers["confidence"] = _mean_in(completion.confidence, clip.hole)
    return numbers


def _shape_of(clip: Clip, flow: Completion, near_edge: Tensor) -> dict[str, Tensor]:
    """How fast, how rough and how consistent a flow is inside the hole; the truth needs none."""
    both = torch.stack([flow.forward, flow.backward])
    rough = total_variation(both)
    f, b = flow.forward, flow.backward
    trip = min_round_trip(
        f[..., 1:-1, :, :, :], b[..., 2:, :, :, :], b[..., 1:-1, :, :, :], f[..., :-2, :, :, :]
    )
    return {
        "speed_px": _mean_in(torch.hypot(*both.unbind(-3)), clip.hole),
        "total_variation_px": _mean_in(rough, clip.hole),
        "smooth_variation_px": _mean_in(rough, clip.hole & ~near_edge),
        "min_round_trip_px": _mean_in(trip, clip.hole[..., 1:-1, :, :]),
    }


def _mean_in(values: Tensor, hole: Tensor) -> Tensor:
    """Mean of ``values`` (…, S, T, H, W) over each hole's pixels of all frames, if it has any.

    A hole may lie wholly beside what is asked for; NaN comes from flow that is NaN, and from there
    alone.
    """
    pixels = hole.sum((-3, -2, -1))
    inside = torch.where(hole, values, 0).double().sum((-3, -2, -1))
    return inside[..., pixels > 0] / pixels[pixels > 0]
