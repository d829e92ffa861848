"""Tables as the evaluate stage writes them, with effects that a test chooses."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flowmend import params as schema
from flowmend.evaluation.compare import RESULT_COLUMNS
from flowmend.evaluation.tasks import TaskRow, tasks_table
from flowmend.report.claims.evidence import Evidence

CLIPS = [f"test_{number:04d}" for number in range(12)]
MOTIONS = [f"{what} {far}" for what in ("uniform", "object") for far in ("0-2 px", "2-4 px")]
METRICS = ("precision", "recall", "f_measure")
ROUND_TRIP = {"visible": 0.02, "occluded": 1.3}
CORRELATIONS = {"round_trip_gradient": 0.8, "flow_gradient": 0.6}
WARPED = {"slow": 0.7, "middle": 0.6, "fast": 0.3}
DISTANCES = {("occlusion", "ramp"): 0.002, ("disocclusion", "copy"): 0.0}


def experiments(project: Path) -> dict[str, Any]:
    """The blocks of the project's own ``params.yaml``, as the report stage sees them."""
    blocks = schema.load(project / "params.yaml").experiments
    return {name: block.model_dump(mode="json") for name, block in blocks.items()}


def evidence(
    blocks: Mapping[str, Any], rows: list[TaskRow] | None = None, **given: Any
) -> Evidence:
    """Evidence with 500 draws; ``results``, ``curves`` and ``storage`` as given."""
    return Evidence(
        results=given.get("results", results(dict.fromkeys(blocks, 1.0))),
        experiments=blocks,
        samples=500,
        seed=1,
        tasks=tasks_table(rows or []),
        curves=given.get("curves", {}),
        storage=given.get("storage", pd.DataFrame()),
    )


def results(errors: Mapping[str, float], spread: float = 0.01) -> pd.DataFrame:
    """Rows of ``results.csv``: each method's mean error, the clips scattered around it."""
    rng = np.random.default_rng(0)
    rows = [
        (method, "network", 0, "all_frames", clip, "ellipse", "forward", 99, e, e / 10, e * 2, 0.1)
        for method, error in errors.items()
        for clip, e in zip(CLIPS, error * rng.normal(1, spread, len(CLIPS)))
    ]
    return pd.DataFrame(rows, columns=RESULT_COLUMNS)


def curves(accuracy: float, steps: int = 200) -> pd.DataFrame:
    """Curves that come to one accuracy at once and scatter around it."""
    noise = 0.01 * np.random.default_rng(0).normal(size=steps)
    late = pd.DataFrame({"step": np.arange(steps), "discriminator_accuracy": accuracy + noise})
    return late.assign(seed=0, loss=1.0)


def clip_rows(
    task: str, method: str, conditions: Mapping[str, float], metric: str, seed: int | None = None
) -> Iterator[TaskRow]:
    """One row a clip and condition, near the condition's value."""
    rng = np.random.default_rng(len(method + metric))
    for condition, value in conditions.items():
        for clip in CLIPS:
            near = value * (1 + 0.02 * rng.normal())
            yield TaskRow(task, method, seed, clip, condition, metric, near)


def agreement(task: str, method: str, share: float, seed: int | None = None) -> Iterator[TaskRow]:
    """Precision, recall and F-measure at both tolerances, all alike."""
    for metric in METRICS:
        both = {"1 px": 0.9 * share, "2 px": share}
        yield from clip_rows(task, method, both, metric, seed)


def in_hole(method: str, precision: float, recall: float) -> Iterator[TaskRow]:
    """Edges drawn into holes."""
    shares = (precision, recall, 2 * precision * recall / (precision + recall))
    for metric, share in zip(METRICS, shares):
        yield from clip_rows("edges_in_hole", method, {"2 px": share}, metric)


def consistency(
    trip: Mapping[str, float] = ROUND_TRIP, same: Mapping[str, float] = CORRELATIONS
) -> Iterator[TaskRow]:
    """What is computed of the true flow (claims C2 and C5)."""
    yield from clip_rows("round_trip", "truth", trip, "fb_px")
    yield from clip_rows("spatio_temporal", "truth", same, "rank_correlation")


def sanity(warped: Mapping[str, float] = WARPED) -> Iterator[TaskRow]:
    """The sanity check (claim C3)."""
    yield from clip_rows("backward_flow", "fb_sanity", warped, "warped_share", 0)
    for method in ("fb_sanity", "copy"):
        yield from clip_rows("backward_flow", method, dict.fromkeys(warped, 1.0), "epe_px")


def minimiser(distances: Mapping[tuple[str, str], float] = DISTANCES) -> Iterator[TaskRow]:
    """The minimiser's distances to ramp and copy (claim C4)."""
    for (case, shape), distance in distances.items():
        metric = f"distance_to_{shape}_px"
        yield TaskRow("occlusion", "minimiser", None, "", case, metric, distance)


def toy(ratios: Mapping[str, float]) -> Iterator[TaskRow]:
    """Patterns moved (claims C9 and C10)."""
    for method, ratio in ratios.items():
        yield from clip_rows(
            "move_pattern", method, dict.fromkeys(MOTIONS, ratio), "error_ratio", 0
        )
