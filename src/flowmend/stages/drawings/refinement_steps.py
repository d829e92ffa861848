"""Error and confidence in the hole over the refinement steps, of every iterative experiment."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from flowmend.errors import InputError
from flowmend.evaluation.compare import BASELINE, results_from_csv
from flowmend.evaluation.tasks import tasks_from_csv
from flowmend.figures.refinement_steps import Course, draw_refinement_steps
from flowmend.params import IterativeExperiment
from flowmend.stages.drawings.drawing import Drawing, Study, rounded
from flowmend.stages.drawings.refinement_groups import BASE, grouped, iterative, words_of


def refinement_steps(study: Study) -> Drawing:
    """Error and confidence in the hole after every refinement step, for each experiment.

    Raises:
        InputError: there is no iterative experiment, or a table is missing or lacks it.
    """
    study.params.experiment(BASE)
    blocks = iterative(study.params.experiments)
    tasks = tasks_from_csv(_text(study.layout.tasks))
    rows = tasks[tasks["task"] == "refinement"]
    fills = _fill_errors(study, blocks)
    groups = {
        title: [
            Course(
                words,
                _steps(study, rows, name, "epe_hole_px") / fills[name],
                _steps(study, rows, name, "confidence"),
                is_base=place == 0,
            )
            for place, (name, words) in enumerate(members.items())
        ]
        for title, members in grouped(blocks).items()
    }
    last = {n: rounded(_steps(study, rows, n, "epe_hole_px")[-1] / fills[n]) for n in blocks}
    setups = {
        block.setup: [n for n, b in blocks.items() if b.setup == block.setup]
        for block in blocks.values()
    }
    best = {setup: min(names, key=lambda name: last[name]) for setup, names in setups.items()}
    caption = (
        "Mean end-point error in the hole of the test clips as a ratio to the biharmonic fill on "
        "the same holes (below the dashed line is better), and mean confidence in the hole, after "
        "every refinement step; step 0 is the initial fill. Each group varies one thing of the "
        f"experiment {BASE} (black), which is {words_of(blocks[BASE])}; in a group of another "
        "setup, black is its first experiment, and the fill is judged in that setup. Confidence "
        "has no unit. Least after the last step: "
        + ", ".join(f"{n} {last[n]:.3g} ({s.replace('_', ' ')})" for s, n in best.items())
        + "."
    )
    return Drawing(
        draw_refinement_steps(groups),
        draw_refinement_steps,
        "Error and confidence, refinement step by step",
        "",
        caption,
        [study.layout.tasks, study.layout.results],
        list(blocks),
        {"ratio_after_last_step": last},
    )


def _fill_errors(study: Study, blocks: Mapping[str, IterativeExperiment]) -> dict[str, float]:
    """Mean EPE of the biharmonic fill in each experiment's own holes, px."""
    results = results_from_csv(_text(study.layout.results))
    fill = results[(results["kind"] == "classical") & (results["method"] == BASELINE)]
    errors = fill.groupby(["setup", "hole"])["epe_hole_px"].mean()
    shapes = study.params.at(study.scale).holes.shapes
    found = {}
    for name, block in blocks.items():
        own = [(block.setup, shape) for shape in block.hole_shapes or shapes]
        if missing := [case for case in own if case not in errors]:
            what = f"has no {BASELINE} fill of {', '.join(missing[0])}"
            raise InputError(study.layout.results, what, "evaluate again")
        found[name] = float(errors.loc[own].mean())
    return found


def _steps(study: Study, rows: pd.DataFrame, name: str, metric: str) -> np.ndarray:
    """Mean over clips and seeds, before the first refinement step and after each."""
    own = rows[(rows["method"] == name) & (rows["metric"] == metric)]
    by_step = own.groupby("condition")["value"].mean()
    values = [
        by_step[condition]
        for number in range(len(by_step))
        if (condition := f"step {number}") in by_step
    ]
    if len(values) < 2:
        raise InputError(study.layout.tasks, f"has no {metric} of {name}", "evaluate again")
    return np.array(values)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise InputError(path, "is missing", "run `dvc repro`") from None
