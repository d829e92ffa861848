"""Edge maps against true motion boundaries: sources, and what is drawn into holes (2.6).

Each row pools the pixels of one clip over its frames. All of it needs exact flow
(:func:`~flowmend.evaluation.boundaries.motion_boundaries`): on footage nothing is measured.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from flowmend.edges import flow_edges
from flowmend.evaluation.boundaries import TOLERANCES_PX, Matches, matches, motion_boundaries
from flowmend.evaluation.compare import Method
from flowmend.evaluation.held_out import HoledClip
from flowmend.evaluation.tasks import TaskRow
from flowmend.geometry.derivatives import jacobian_norm
from flowmend.holes import setup_frames
from flowmend.types import Clip, Completion

SOURCES, IN_HOLE = "edge_sources", "edges_in_hole"
COMMON_SHAPE = "rectangle"
"""Of the holes that every experiment knows: methods are compared on these, or on their own."""

LIKELY = 0.5
"""Predicted edges count from this probability on."""

EdgeMaps = Bool[ndarray, "*maps height width"]


@dataclass(frozen=True)
class HoledBoundaries:
    """A held-out clip under some of its holes, with its true motion boundaries.

    Attributes:
        clip: true flow (S, T, 2, H, W), and the holes (S, T, H, W).
        boundaries: (S, T, H, W).
    """

    clip: Clip
    boundaries: EdgeMaps

    @property
    def hole(self) -> EdgeMaps:
        """Of every frame, (S, T, H, W)."""
        return self.clip.hole.numpy()


def holed_boundaries(held_out: HoledClip, shapes: Sequence[str], setup: str) -> HoledBoundaries:
    """A clip's rectangle, or holes of the given shapes, in the frames that a setup hides."""
    known = [shape for shape in shapes if shape in held_out.shapes]
    judged = [COMMON_SHAPE] if COMMON_SHAPE in known else known
    chosen = [held_out.shapes.index(shape) for shape in judged]
    whole = held_out.clip
    hides = torch.from_numpy(setup_frames(setup, whole.hole.shape[-3])).view(-1, 1, 1)
    clip = replace(
        whole,
        forward=whole.forward[chosen],
        backward=whole.backward[chosen],
        hole=whole.hole[chosen] & hides,
    )
    boundaries = motion_boundaries(whole.forward[0].numpy())
    return HoledBoundaries(clip, np.broadcast_to(boundaries, clip.hole.shape))


def source_rows(
    clip: str, flow: Float[ndarray, "frames 2 height width"], sources: Mapping[str, EdgeMaps]
) -> Iterator[TaskRow]:
    """How well edges of each source (T, H, W) agree with the true boundaries (claim C12).

    Args:
        clip: its name.
        flow: exact forward flow, px.
        sources: edges of the same frames, by name.
    """
    true = motion_boundaries(flow)
    for source, found in sources.items():
        for tolerance in TOLERANCES_PX:
            counted = matches(found, true, tolerance)
            yield from _rows(SOURCES, source, None, clip, tolerance, counted)


def true_flow(shapes: tuple[str, ...]) -> Method:
    """Canny on the flow that no one had to mend: the most that edges of mended flow can reach."""
    found = lambda clip: Completion(clip.forward, clip.backward)  # noqa: E731
    return Method("truth", "classical", None, found, ("all_frames",), shapes, framewise=True)


@torch.inference_mode()
def mended_rows(method: Method, held_out: HoledClip, canny_px: float) -> Iterator[TaskRow]:
    """Edges of the mended forward flow, those that the method predicts, and sharpness.

    ``<method> canny`` is Canny on the mended flow; ``<method>`` has the method's own edges where
    it predicts them, and its sharpness (claim C11): the mean norm of the mended flow's gradient on
    the true boundaries in the hole, over the truth's.

    Args:
        method: judged on rectangles, and on whole hidden clips where it can mend these.
        held_out: the clip.
        canny_px: Canny's upper threshold, px per px.
    """
    case = holed_boundaries(held_out, method.shapes, _widest(method.setups))
    completion = method.inpainter(case.clip)
    mended = torch.where(case.clip.hole.unsqueeze(-3), completion.forward, case.clip.forward)
    name, seed = method.name, method.seed
    yield from _drawn(f"{name} canny", seed, case, _canny(mended, canny_px))
    if completion.edges is not None:
        yield from _drawn(name, seed, case, completion.edges.numpy() >= LIKELY)
    where = torch.from_numpy(case.hole & case.boundaries)
    if where.any():
        share = _steepness(mended, where) / _steepness(case.clip.forward, where)
        yield TaskRow(IN_HOLE, name, seed, case.clip.name, "", "sharpness", share)


@torch.inference_mode()
def drawn_rows(
    name: str,
    seed: int | None,
    inpainter: Callable[[Clip], Tensor],
    held_out: HoledClip,
    shapes: Sequence[str],
) -> Iterator[TaskRow]:
    """Edges that a network draws without mending any flow (claim C13), in every frame's hole.

    Args:
        name, seed: of the experiment.
        inpainter: gives probabilities (S, T, H, W), e.g. an ``EdgeInpainter``.
        held_out: the clip.
        shapes: of the holes.
    """
    case = holed_boundaries(held_out, shapes, "all_frames")
    yield from _drawn(name, seed, case, inpainter(case.clip).numpy() >= LIKELY)


def _drawn(
    name: str, seed: int | None, case: HoledBoundaries, found: EdgeMaps
) -> Iterator[TaskRow]:
    holes = np.count_nonzero(case.hole.any(axis=(-2, -1)))
    for tolerance in TOLERANCES_PX:
        counted = matches(found, case.boundaries, tolerance, case.hole)
        yield from _rows(IN_HOLE, name, seed, case.clip.name, tolerance, counted)
        false = (counted.found - counted.right) / holes
        condition = f"{tolerance} px"
        yield TaskRow(IN_HOLE, name, seed, case.clip.name, condition, "false_edges_px", false)


def _rows(
    task: str, method: str, seed: int | None, clip: str, tolerance: int, counted: Matches
) -> Iterator[TaskRow]:
    """Precision needs edges, recall and F-measure need a truth: without them there is no row."""
    agreement = counted.agreement()
    needs = {"precision": counted.found, "recall": counted.true, "f_measure": counted.true}
    for metric, pixels in needs.items():
        if pixels:
            value = getattr(agreement, metric)
            yield TaskRow(task, method, seed, clip, f"{tolerance} px", metric, value)


def _widest(setups: Sequence[str]) -> str:
    return "all_frames" if "all_frames" in setups else setups[0]


def _canny(forward: Tensor, threshold_px: float) -> EdgeMaps:
    flows = forward.numpy()
    found = [flow_edges(flow, threshold_px) for flow in flows.reshape(-1, *flows.shape[-3:])]
    return np.stack(found).reshape(*flows.shape[:-3], *flows.shape[-2:])


def _steepness(forward: Tensor, where: Tensor) -> float:
    return jacobian_norm(forward)[where].double().mean().item()
