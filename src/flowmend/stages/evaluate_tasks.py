"""The part of ``evaluate`` that is not the error of mended flow: one row a number."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch

from flowmend.edges import flow_edges
from flowmend.evaluation import (
    backward_flow,
    edge_measures,
    minimisers,
    moving_patterns,
    refinement,
    round_trips,
)
from flowmend.evaluation.compare import Method
from flowmend.evaluation.estimated_edges import estimated_flow_edges
from flowmend.evaluation.held_out import HoledClip
from flowmend.evaluation.tasks import TaskRow
from flowmend.fills import FILLS
from flowmend.inpainters.edges import EdgeInpainter
from flowmend.io.progress import tracked
from flowmend.params import (
    BackwardFlowExperiment,
    EdgesExperiment,
    MovePatternExperiment,
    Params,
    Scale,
)
from flowmend.stages.build import Trained, load_network
from flowmend.stages.held_out_files import HeldOutFiles
from flowmend.stages.layout import EDGE_FILL, EDGE_SOURCES, Layout

Tested = BackwardFlowExperiment | EdgesExperiment | MovePatternExperiment
NOISE_SEED = 0


def truth_rows(layout: Layout, settings: Scale, clips: Sequence[HoledClip]) -> Iterator[TaskRow]:
    """What the true flow itself says: claims C2, C4, C5 and C12."""
    yield from minimisers.rows()
    if settings.flow.estimator == "exact":
        shapes = tuple(settings.holes.shapes)
        yield from mended_rows(edge_measures.true_flow(shapes), clips, settings.edges.canny_flow_px)
    frames = settings.data.frames
    with HeldOutFiles(layout) as files:
        for name in tracked(files.names, "round trips and edge sources"):
            flow = files.flow(name, frames)
            yield from round_trips.correlation_rows(name, flow)
            if files.estimator(name) == "exact":
                hidden = [files.occlusion(name, t, flow.shape[-2:]) for t in range(frames - 1)]
                yield from round_trips.occlusion_rows(name, flow, np.stack(hidden))
                yield from refinement.part_rows(name, flow, np.stack(hidden))
                sources = {source: files.edges(name, source) for source in EDGE_SOURCES}
                sources["estimated flow"] = estimated_flow_edges(
                    files.frames(name), frames, flow.shape[-2:], settings.edges.canny_flow_px
                )
                yield from edge_measures.source_rows(name, flow[:, 0], sources)


def mended_rows(method: Method, clips: Iterable[HoledClip], canny_px: float) -> Iterator[TaskRow]:
    """Edges of what a method mends, on exact flow (claim C11)."""
    for clip in clips:
        yield from edge_measures.mended_rows(method, clip, canny_px)


def sanity_rows(
    params: Params, layout: Layout, settings: Scale, clips: Sequence[HoledClip]
) -> Iterator[TaskRow]:
    """Every experiment that does not mend flow, and what it is compared with."""
    flows = {clip.clip.name: _flow(clip) for clip in clips}
    yield from backward_flow.rows("copy", None, backward_flow.copy_forward, flows)
    for name, block in params.experiments.items():
        if isinstance(block, Tested):
            for seed in tracked(settings.train.seeds, name):
                model = load_network(layout.weights(name, seed))
                yield from _rows(model, flows, clips, settings)


def _rows(
    model: Trained, flows: Mapping[str, np.ndarray], clips: Sequence[HoledClip], settings: Scale
) -> Iterator[TaskRow]:
    name, seed = model.name, model.seed
    match model.experiment:
        case BackwardFlowExperiment():
            yield from backward_flow.rows(name, seed, model.network, flows)
        case MovePatternExperiment():
            yield from moving_patterns.rows(
                name, seed, model.network, moving_patterns.pattern_test()
            )
        case EdgesExperiment() if settings.flow.estimator == "exact":
            draw = edge_inpainter(model)
            for clip in clips:
                yield from edge_measures.drawn_rows(name, seed, draw, clip, model.shapes)


def edge_inpainter(model: Trained) -> EdgeInpainter:
    """A trained edge generator, ready to draw."""
    find = partial(flow_edges, threshold_px=model.settings["edges"]["canny_flow_px"])
    return EdgeInpainter(model.network, FILLS[EDGE_FILL], find, NOISE_SEED)


def _flow(clip: HoledClip) -> np.ndarray:
    """True flow (T, 2 directions, 2, H, W), px."""
    return torch.stack([clip.clip.forward[0], clip.clip.backward[0]], dim=1).numpy()
