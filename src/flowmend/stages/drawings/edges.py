"""Figures of edges: 12, where they can come from, and 15, completed by a GAN (2.6)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from flowmend.edges import flow_edges
from flowmend.errors import InputError
from flowmend.evaluation.boundaries import TOLERANCES_PX, motion_boundaries
from flowmend.evaluation.edge_measures import COMMON_SHAPE, LIKELY
from flowmend.evaluation.statistics import ClipBootstrap, Estimate
from flowmend.evaluation.tasks import tasks_from_csv
from flowmend.figures.edge_completion import (
    LONG_SHARE,
    NEAR_PX,
    DrawnEdges,
    choose_examples,
    draw_edge_completion,
)
from flowmend.figures.edges import ADD_HED, EdgeSources, draw_edge_sources
from flowmend.inpainters.edges import EdgeInpainter
from flowmend.io.progress import tracked
from flowmend.params import EdgeParams, EdgesExperiment
from flowmend.stages.build import load_network
from flowmend.stages.drawings.drawing import Drawing, Study, rounded
from flowmend.stages.drawings.flow import clearest_moment
from flowmend.stages.evaluate_tasks import edge_inpainter
from flowmend.stages.hed_edges import hed_finder, hed_weights
from flowmend.stages.image_edges import at_size, canny_finder
from flowmend.stages.layout import EDGE_SOURCES
from flowmend.types import Clip

BASELINE = "biharmonic"


def edge_sources(study: Study) -> Drawing:
    """Fig. 12: the edge sources on the frame of Fig. 4, and how well each meets the truth.

    HED is among them where its weights are; where they are not, its panel says so.

    Raises:
        InputError: the table of tasks is missing, or HED's weights are damaged.
    """
    name, frame = clearest_moment(study)
    flow = study.clips.field(name, "forward", frame)
    size = (flow.shape[1], flow.shape[2])
    edges = {source: study.clips.edges(name, source)[frame] for source in EDGE_SOURCES}
    image = study.clips.image(name, frame)
    params = study.params.at(study.scale).edges
    edges |= _edges_of_image(params, edges.pop("image"), at_size(image, *size))
    segmentation = study.clips.segmentation(name, frame, size)
    sources = EdgeSources(name, frame, image, segmentation, flow, edges)
    strength = {s: rounded(v) for s, v in sources.gradient_on_edges().items() if np.isfinite(v)}
    agreements = _agreements(study)
    weights = [hed_weights(params)] if "hed" in edges else []
    caption = (
        "Four places that motion edges can come from, on the frame of Fig. 4. What the first three "
        "maps are computed from stands above each; the fourth looks at the image, too. Canny on "
        "the image also finds texture that does not move apart; the outlines of annotated objects "
        "miss what is not annotated; Canny on the flow itself follows the motion borders by "
        "construction. The mean gradient of the flow on each map's edges says how much motion they "
        f"mark. {_HED_THERE if weights else _HED_MISSING} {_agreement_words(agreements)}"
    )
    return Drawing(
        draw_edge_sources(sources, agreements),
        draw_edge_sources,
        "Edges from the image, the objects and the flow",
        "12",
        caption,
        [*study.clips.files("sequences", "flow", "edges"), study.layout.tasks, *weights],
        facts={
            "clip": name,
            "frame": frame,
            "flow_gradient_on_edges_px_per_px": strength,
            "f_measure": _values(agreements),
        },
    )


_HED_THERE = (
    "HED is a network trained on outlines that people drew in photographs; shown are the ridges of "
    "its probability, where that is a half or more."
)
_HED_MISSING = (
    "The fourth, the network HED, is not computed: its trained weights, which flowmend does not "
    f"ship, are missing here (`{ADD_HED}` adds them)."
)


def _edges_of_image(
    params: EdgeParams, stored: np.ndarray, picture: np.ndarray
) -> dict[str, np.ndarray]:
    """``image`` by Canny, and ``hed`` where its weights are; one of them the stage has found."""
    if params.source == "hed":
        return {"image": canny_finder(params)(picture), "hed": stored}
    if hed_weights(params).is_file():
        return {"image": stored, "hed": hed_finder(params)(picture)}
    return {"image": stored}


def edge_completion(study: Study) -> Drawing:
    """Fig. 15: edges that the GAN draws into the hole, beside the simplest alternative.

    Raises:
        InputError: no experiment completes edges, or its weights are missing or damaged.
    """
    weights, inpainter = _edge_gan(study)
    threshold = study.params.at(study.scale).edges.canny_flow_px
    frame = study.frames // 2
    tries = [
        _tried(study, name, frame, inpainter, threshold)
        for name in tracked(study.clips.names, "fig. 15")
    ]
    examples = choose_examples(tries)
    median, worst = examples.values()
    caption = (
        "Left: Canny edges of the true flow. Middle: those outside the hole, and in it what a "
        "conditional WGAN-GP draws from them and from noise, one frame at a time. Right: Canny on "
        f"the {BASELINE} fill, which no one trained. Top: of the {LONG_SHARE:.0%} of the test "
        "clips with the longest true edges in the hole, the one whose completion has the median "
        f"F-measure within {NEAR_PX} px ({median.f_measure():.2f}). Bottom: of all others the one "
        f"with most false edge pixels, farther than {NEAR_PX} px from any motion boundary "
        f"({worst.false_px()}). Frame {frame} of each clip, rectangular holes."
    )
    return Drawing(
        draw_edge_completion(examples),
        draw_edge_completion,
        "Edges of single frames completed by a conditional WGAN-GP",
        "15",
        caption,
        [*study.clips.files("flow", "holes", "fills", "edges"), weights],
        [weights.parent.name],
        {"frame": frame, **{why: _facts(example) for why, example in examples.items()}},
    )


def _edge_gan(study: Study) -> tuple[Path, EdgeInpainter]:
    blocks = study.params.experiments.items()
    names = [name for name, block in blocks if isinstance(block, EdgesExperiment)]
    if not names:
        raise InputError("params.yaml: experiments", "none is of task edges", "restore one")
    weights = study.layout.weights(names[0], study.params.at(study.scale).train.seeds[0])
    return weights, edge_inpainter(load_network(weights))


def _tried(
    study: Study, name: str, frame: int, inpainter: EdgeInpainter, threshold_px: float
) -> DrawnEdges:
    flow = study.clips.flow(name, study.frames)
    hole = study.clips.hole(name, COMMON_SHAPE)
    forward, backward = torch.from_numpy(flow).unbind(1)
    whole = Clip(forward, backward, torch.from_numpy(hole).expand(len(flow), -1, -1), name)
    fill = study.clips.filled(name, COMMON_SHAPE, BASELINE, flow)[frame, 0]
    drawn = {
        "drawn by the WGAN-GP": inpainter(whole)[frame].numpy() >= LIKELY,
        f"Canny on the {BASELINE} fill": flow_edges(fill, threshold_px),
    }
    true = study.clips.edges(name, "flow")[frame]
    return DrawnEdges(name, hole, true, motion_boundaries(flow[frame, 0]), drawn)


def _facts(example: DrawnEdges) -> dict[str, object]:
    return {
        "clip": example.clip,
        "f_measure": rounded(example.f_measure()),
        "false_edges_px": example.false_px(),
        "true_edges_px": example.length_px(),
    }


def _agreements(study: Study) -> dict[str, dict[str, Estimate]] | None:
    """F-measure of each source by tolerance, over all test clips; None on estimated flow."""
    try:
        rows = tasks_from_csv(study.layout.tasks.read_text())
    except FileNotFoundError:
        raise InputError(study.layout.tasks, "is missing", "run `dvc repro`") from None
    rows = rows[(rows["task"] == "edge_sources") & (rows["metric"] == "f_measure")]
    if rows.empty:
        return None
    block = study.params.at(study.scale)
    settings, of_image = block.evaluate, {"image": "hed"} if block.edges.source == "hed" else {}
    return {
        f"{px} px": {
            of_image.get(str(source), str(source)): ClipBootstrap(
                own["clip"], settings.bootstrap_samples, settings.bootstrap_seed
            ).mean(own["value"])
            for source, own in rows[rows["condition"] == f"{px} px"].groupby("method")
        }
        for px in TOLERANCES_PX
    }


def _agreement_words(agreements: Mapping[str, Mapping[str, Estimate]] | None) -> str:
    if agreements is None:
        return "Nothing is measured here: of estimated flow no one knows the true boundaries."
    strict = agreements[f"{TOLERANCES_PX[0]} px"]
    ranked = sorted(strict, key=lambda source: -strict[source].value)
    called = {"hed": "HED"}
    named = ", ".join(f"{called.get(s, s)} {strict[s].value:.3f}" for s in ranked)
    return (
        "Bars: F-measure against the true motion boundaries (jumps of the exact flow) over all "
        f"test clips, with 95 % intervals over clips; within 1 px: {named}. Here every moving "
        "object is annotated and the flow is exact, which is kinder to both sources than footage "
        "is; estimated flow, where there is a bar for it, was found by DIS on the small frames."
    )


def _values(agreements: Mapping[str, Mapping[str, Estimate]] | None) -> dict[str, dict]:
    return {
        tolerance: {source: rounded(found.value) for source, found in of_source.items()}
        for tolerance, of_source in (agreements or {}).items()
    }
