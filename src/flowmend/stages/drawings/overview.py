"""The overview: one test case of each hole shape, mended by two fills and the best network."""

import numpy as np
import pandas as pd
import torch

from flowmend.errors import InputError
from flowmend.evaluation.compare import results_from_csv
from flowmend.figures.consistency import ESTIMATOR_WORDS
from flowmend.figures.overview import MendedCase, draw_overview
from flowmend.holes import setup_frames
from flowmend.stages.build import load_model
from flowmend.stages.drawings.drawing import Drawing, Study, rounded
from flowmend.stages.layout import FILLS
from flowmend.types import Clip, Inpainter

BASELINE = "biharmonic"


def overview(study: Study) -> Drawing:
    """Per hole shape, the case of median gain: frame, flow, hole, completions and errors.

    Raises:
        InputError: the tables are missing or hold no network, or weights are damaged.
    """
    torch.set_num_threads(1)
    network, setup = _best_network(pd.read_csv(study.layout.summary))
    results = results_from_csv(study.layout.results.read_text())
    chosen = _median_cases(results, network, setup)
    seed = study.params.at(study.scale).train.seeds[0]
    weights = study.layout.weights(network, seed)
    inpainter = load_model(weights).inpainter
    cases = [_mend(study, clip, shape, network, setup, inpainter) for shape, clip in chosen.items()]
    gains = {
        f"{case.clip}, {case.shape}": {m: rounded(case.mean_error(m)) for m in case.mended}
        for case in cases
    }
    caption = (
        f"One test case of each hole shape: a frame, its {cases[0].truth_word}, that with the "
        "hole, three completions and their errors; beside the frame, only the part in its white "
        "box. Shown are "
        "the middle frame's forward flow and, for each shape, the clip on which the ratio of "
        f"{network} (the best network of this scale) to the biharmonic fill is the median: "
        "neither the best nor the worst was picked. Hue is the direction of motion and saturation "
        "its speed, by the wheel of the row; numbers are the mean end-point error in the hole."
    )
    return Drawing(
        draw_overview(cases),
        draw_overview,
        "Flow with a hole, three ways to mend it",
        "",
        caption,
        [
            *study.clips.files("sequences", "flow", "holes", "fills"),
            study.layout.results,
            study.layout.summary,
            weights,
        ],
        [network],
        {"setup": setup, "mean_error_in_hole_px": gains},
    )


def _best_network(summary: pd.DataFrame) -> tuple[str, str]:
    """Name and setup of the network with the smallest ratio to the biharmonic fill."""
    networks = summary[summary["kind"] == "network"].dropna(subset=["ratio_biharmonic"])
    if networks.empty:
        raise InputError("summary.csv", "holds no network", "add an experiment to params.yaml")
    best = networks.sort_values(["ratio_biharmonic", "method"]).iloc[0]
    return str(best["method"]), str(best["setup"])


def _median_cases(results: pd.DataFrame, network: str, setup: str) -> dict[str, str]:
    """By hole shape, the clip whose forward error has the median ratio to the biharmonic fill's."""
    rows = results[(results["setup"] == setup) & (results["direction"] == "forward")]
    errors = rows.groupby(["kind", "method", "hole", "clip"])["epe_hole_px"].mean()
    ratio = (errors["network", network] / errors["classical", BASELINE]).dropna()
    chosen = {}
    for shape, of_shape in ratio.groupby("hole", sort=False):
        ordered = of_shape.sort_values(kind="stable")
        chosen[str(shape)] = str(ordered.index[(len(ordered) - 1) // 2][1])
    return chosen


def _mend(
    study: Study, name: str, shape: str, network: str, setup: str, inpainter: Inpainter
) -> MendedCase:
    hole, frame = study.clips.hole(name, shape), study.frames // 2
    hidden = setup_frames(setup, study.frames)[:, None, None] & hole
    flow = study.clips.judged_flow(name, hidden)
    forward, backward = (torch.from_numpy(np.ascontiguousarray(flow[:, k])) for k in (0, 1))
    completed = inpainter(Clip(forward, backward, torch.from_numpy(hidden), name))
    mended = {fill: study.clips.filled(name, shape, fill, flow)[frame, 0] for fill in FILLS}
    mended[network] = completed.forward[frame].numpy()
    image = study.clips.image(name, frame)
    return MendedCase(
        name, shape, frame, image, flow[frame, 0], _truth_word(study, name), hole, mended
    )


def _truth_word(study: Study, name: str) -> str:
    estimator = study.clips.estimator(name)
    if estimator == "exact":
        return "true flow"
    inside = "" if study.clips.exact_flow(name, study.frames) is None else " (true in the hole)"
    return f"{ESTIMATOR_WORDS.get(estimator, estimator)} flow{inside}"
