"""A scale with curves and tables of iterative experiments, by hand and known to the digit."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flowmend.evaluation.tasks import TaskRow, tasks_table, to_csv
from flowmend.params import Params, load
from flowmend.stages.drawings.drawing import Study
from flowmend.stages.layout import Layout

SCALE, STEPS = "smoke", 12
SEEDS = (0, 1)
BASE = {
    "study": "refinement", "task": "iterative", "fill": "biharmonic", "setup": "all_frames",
    "rule": "power_mean", "neighbours": "warped", "schedule": "eq4", "losses": {"inpaint_l1": 1.0},
    "backpropagation": "per_step",
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "refine": {},
    "refine_polynomial": {"rule": "polynomial"},
    "refine_last_step": {"schedule": "last_step_only"},
    "refine_weighted": {"confidence_weighted": True},
    "refine_architecture2": {
        "architecture": 2, "losses": {"inpaint_l1": 1.0, "min_round_trip": 0.1}
    },
    "refine_splat": {"rule": "clip", "neighbours": "splatted", "differences": True},
    "refine_sandwich": {"setup": "sandwich"},
    "refine_tv_sandwich": {
        "setup": "sandwich", "losses": {"inpaint_l1": 1.0, "total_variation": 0.1}
    },
}  # fmt: skip
FILL_PX = {"all_frames": 0.5, "sandwich": 0.25}


def study(project: Path, names: list[str] | None = None) -> Study:
    """Params alone; write what a figure needs with the functions below.

    Args:
        names: of :data:`VARIANTS` or of the project's experiments; None for all variants.
    """
    params = load(project / "params.yaml").model_dump()
    blocks = params["experiments"] | {name: BASE | block for name, block in VARIANTS.items()}
    params["experiments"] = {name: blocks[name] for name in names or VARIANTS}
    params["scales"][SCALE]["train"]["seeds"] = list(SEEDS)
    return Study(Params.model_validate(params), SCALE, Layout(SCALE), None)  # type: ignore[arg-type]


def refinement_steps(given: Study) -> int:
    return given.params.at(SCALE).train.refinement.refinement_steps


def write_curves(given: Study) -> None:
    """Seed k's columns differ by k: p ends at 1.5 + k and 0.8 + k, a at 0.5, b at 0.8."""
    ramp = np.linspace(0, 1, STEPS)
    last = refinement_steps(given)
    for name, block in given.params.experiments.items():
        given.layout.model(name).mkdir(parents=True)
        for seed in SEEDS:
            columns = {"step": np.arange(STEPS)}
            for place, p in (("first", 1.5), ("second", 0.8)):
                columns[f"p_{place}"] = 1 + (p + seed - 1) * ramp
                columns[f"a_{place}"] = 1 / 3 + (0.5 - 1 / 3) * ramp
                columns[f"b_{place}"] = 2 / 3 + (0.8 - 2 / 3) * ramp
            for step in range(1, last + 1):
                share = step / sum(range(1, last + 1))
                alone = block.schedule == "last_step_only"  # type: ignore[union-attr]
                columns[f"mu_{step}"] = ramp * (float(step == last) if alone else share)
            pd.DataFrame(columns).to_csv(given.layout.curves(name, seed), index=False)


def write_tables(given: Study, steps: int = 3) -> None:
    """Step k of an experiment multiplies its fill by 1 − k/10; confidence is k/10."""
    rows, results = [], []
    shapes = given.params.at(SCALE).holes.shapes
    for name, block in given.params.experiments.items():
        fill = FILL_PX[block.setup]  # type: ignore[union-attr]
        for clip, factor in (("a", 0.5), ("b", 1.5)):
            for k in range(steps + 1):
                epe = fill * factor * (1 - k / 10)
                for seed in SEEDS:
                    at = ("refinement", name, seed, clip, f"step {k}")
                    rows.append(TaskRow(*at, "epe_hole_px", epe))
                    rows.append(TaskRow(*at, "confidence", k / 10))
            rows.append(TaskRow("refinement", name, 0, clip, "truth", "speed_px", 9.0))
    for setup, fill in FILL_PX.items():
        for clip, factor in (("a", 0.5), ("b", 1.5)):
            for shape in shapes:
                for direction in ("forward", "backward"):
                    case = f"biharmonic,classical,,{setup},{clip},{shape},{direction}"
                    results.append(f"{case},9,{fill * factor},0.1,0.1,0.1")
    header = "method,kind,seed,setup,clip,hole,direction,hole_pixels,epe_hole_px,epe_full_px,"
    given.layout.reports.mkdir(parents=True)
    given.layout.tasks.write_text(to_csv(tasks_table(rows)))
    given.layout.results.write_text("\n".join([header + "epe_edge_px,fb_px", *results]) + "\n")
