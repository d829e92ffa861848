"""Figures of trainings and tables: 3a, 9, 14, flow storage, the results and the overview."""

from pathlib import Path

import numpy as np
import pandas as pd

from flowmend.errors import InputError
from flowmend.evaluation.minimisers import STEP_PX, minimise_round_trip
from flowmend.figures.curves import NETWORKS, Curve, draw_curves
from flowmend.figures.edges import draw_edge_agreement
from flowmend.figures.occlusions import draw_minimisers
from flowmend.figures.results import draw_results
from flowmend.figures.storage import OWN, draw_storage
from flowmend.params import FlowExperiment
from flowmend.stages.drawings.drawing import Drawing, Study, rounded

STORAGE_TABLE = Path("docs/benchmarks/flow_archive.csv")
STORAGE_BOUND_PX = 1 / 128


def minimisers(study: Study) -> Drawing:
    """Fig. 3a: the round trip's minimisers at an occlusion and at a disocclusion."""
    disocclusion, occlusion = minimise_round_trip("disocclusion"), minimise_round_trip("occlusion")
    ramp = np.clip(1 - occlusion.x, 0, 1)
    off = rounded(float(np.abs(occlusion.smallest - ramp).max()))
    caption = (
        "An object moves to the right by one pixel a frame over a background at rest. Green: the "
        "forward flow of frame t that makes the round trip through frame t+1 (blue) shortest, "
        "found by trying every flow. Where the background becomes hidden (right), it is a straight "
        "ramp from the object's motion to the background's instead of the true step (red), and up "
        "to half a pixel of round trip remains. Where it becomes visible (left), the truth and the "
        "shape of frame t+1 are equally good; a minimiser that starts from rest takes the latter "
        f"and copies that shape. The search meets the ramp to {off:.2g} px, its step being "
        f"1/{1 / STEP_PX:.0f} px."
    )
    return Drawing(
        draw_minimisers(disocclusion, occlusion),
        draw_minimisers,
        "What minimising the forward–backward error does at occlusions, in one dimension",
        "3a",
        caption,
        facts={"largest_distance_to_ramp_px": off, "step_px": STEP_PX},
    )


def training_curves(study: Study) -> Drawing:
    """Fig. 9: L1 loss of each network on each initial fill.

    Raises:
        InputError: no experiment belongs to the study, or a curve is missing or has no L1 term.
    """
    blocks = {
        name: block
        for name, block in study.params.mending.items()
        if isinstance(block, FlowExperiment) and block.study == "fig9"
    }
    if not blocks:
        raise InputError("params.yaml: experiments", "none is of study fig9", "restore one")
    seeds = study.params.at(study.scale).train.seeds
    files = {name: [study.layout.curves(name, seed) for seed in seeds] for name in blocks}
    curves = {
        name: Curve(blocks[name].network, blocks[name].fill, np.stack([_l1(p) for p in paths]))
        for name, paths in files.items()
    }
    final = {name: rounded(curve.final()) for name, curve in curves.items()}
    ranking = ", ".join(
        f"{NETWORKS[curves[name].network]} on {curves[name].fill} fill {final[name]:.3g} px"
        for name in sorted(final, key=lambda name: final[name])
    )
    caption = (
        "L1 loss during training when the flow of all six frames is predicted directly, as in the "
        "report; the colours are the report's. Faint lines are single steps, bold ones a running "
        f"mean. Over the last tenth of the training: {ranking}."
    )
    return Drawing(
        draw_curves(curves),
        draw_curves,
        "L1 loss of U-Net and ResNet on zero and smooth fills",
        "9",
        caption,
        [path for paths in files.values() for path in paths],
        list(blocks),
        {"l1_over_last_tenth_px": final},
    )


def edge_agreement_surface(study: Study) -> Drawing:
    """Fig. 14: the loss that ties edges to the flow's gradient."""
    caption = (
        "The loss proposed to tie an edge map e to the norm n of the flow's gradient, as a surface "
        "and from above. It is zero where there is neither edge nor gradient and falls to zero "
        "where an edge lies on a strong one. For any n the best e is 0 or 1; it switches at "
        "n = N ln 2 (dashed), where every e costs one half."
    )
    return Drawing(
        draw_edge_agreement(),
        draw_edge_agreement,
        "The edge agreement loss L(e, n)",
        "14",
        caption,
    )


def flow_storage(study: Study) -> Drawing:
    """Rate, error and speed of every way to store flow.

    Raises:
        InputError: the benchmark's table is missing.
    """
    table = _table(STORAGE_TABLE)
    own = table[table["codec"].isin(OWN)]
    sizes = ", ".join(
        f"{codec} {share:.1f} % of .flo and at most {error:.2g} px off"
        for codec, share, error in zip(own["codec"], own["share_percent"], own["max_error_px"])
    )
    caption = (
        "Ways to store flow, measured on DIS flow of real clips at 480×854 px: size, largest error "
        "and time per field on one core; less is better everywhere. Fixed-step codecs promise "
        "1/128 px (dotted); the error of the report's 8 bits and a range grows with the range. "
        f"Codecs to choose from: {sizes}. The table is docs/benchmarks/flow_archive.csv, which "
        "“make bench” measures anew."
    )
    return Drawing(
        draw_storage(table, STORAGE_BOUND_PX),
        draw_storage,
        "Storing flow: size, error and speed",
        "",
        caption,
        [STORAGE_TABLE],
    )


def results_at_a_glance(study: Study) -> Drawing:
    """Every method's ratio to the biharmonic fill."""
    summary = _table(study.layout.summary)
    networks = sorted(summary.loc[summary["kind"] == "network", "method"].unique())
    caption = (
        "Mean end-point error in the hole of every method on the test clips, as a ratio to the "
        "biharmonic fill on the same holes: left of the line is better. Bars are 95 % intervals of "
        "a paired bootstrap over clips; they say nothing of another training seed. Networks are "
        "judged on the setup and the hole shapes that they were trained for, and the fill beside "
        "them on the same holes."
    )
    return Drawing(
        draw_results(summary),
        draw_results,
        "All methods against the biharmonic fill",
        "",
        caption,
        [study.layout.summary],
        networks,
    )


def _l1(path: Path) -> np.ndarray:
    curve = _table(path)
    if "l1" not in curve:
        raise InputError(path, "has no column l1", "give the experiment the loss l1")
    return curve["l1"].to_numpy(float)


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise InputError(path, "is missing", "run `dvc repro` (or `make bench`)") from None
