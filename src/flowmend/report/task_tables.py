"""Tables of ``tasks.csv``: means with intervals, a group a condition or a column a condition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from flowmend.evaluation.refinement import BORDER_PX
from flowmend.report.claims.evidence import Evidence
from flowmend.report.numbers import interval
from flowmend.report.tables import Group, Row, Table

Best = Literal["most", "least", "none"]
REFERENCE = "truth"
"""Methods that begin so are no competitors."""


@dataclass(frozen=True)
class Column:
    """A metric and its head (with the unit), and which value of it is best."""

    metric: str
    head: str
    best: Best = "most"


@dataclass(frozen=True)
class Plan:
    """What a table of one task shows.

    Attributes:
        task: of ``tasks.csv``.
        title: of the table, with the report's section.
        columns: its metrics. A single one is shown with its conditions as columns.
        conditions: which are shown, with the words for them.
        note: how to read it.
    """

    task: str
    title: str
    columns: tuple[Column, ...]
    conditions: dict[str, str]
    note: str


WITHIN = {"1 px": "matched within 1 px", "2 px": "matched within 2 px"}
TERCILES = {"slow": "slow third", "middle": "middle third", "fast": "fast third"}
MOTIONS = ("0-2 px", "2-4 px", "4-8 px")
AGREEMENT = (
    Column("precision", "precision"),
    Column("recall", "recall"),
    Column("f_measure", "F-measure"),
)
BRACKETS = "Brackets are 95 % intervals over clips; the best of a group is bold."
PLANS = (
    Plan(
        "round_trip",
        "Round trip of the true flow (2.2.2)",
        (Column("fb_px", "", "none"),),
        {"visible": "visible (px)", "occluded": "occluded (px)"},
        "Mean forward–backward error of the pixels that stay in view and of those that do not. "
        "Brackets are 95 % intervals over clips.",
    ),
    Plan(
        "round_trip_parts",
        "The smaller of both round trips of the true flow (3.4.3)",
        (
            Column("fb_px", "forward–backward (px)", "none"),
            Column("min_px", "the smaller of both (px)", "none"),
        ),
        {
            "border": "border pixels",
            "occluded": "occluded pixels, no border",
            "visible": "all others",
        },
        f"Border pixels lie within {BORDER_PX} px of a motion boundary. Brackets are 95 % "
        "intervals over clips.",
    ),
    Plan(
        "backward_flow",
        "Backward flow from forward flow (2.2.3)",
        (
            Column("epe_px", "EPE (px)", "least"),
            Column("epe_moving_px", "EPE, moving pixels (px)", "least"),
            Column("fb_px", "round trip (px)", "none"),
            Column("warped_share", "warped share"),
        ),
        TERCILES,
        "Clips in thirds by their mean speed. “copy” is minus the given flow, not moved. Moving "
        "pixels are those where that copy is off by more than 0.5 px; the warped share of them "
        "lies nearer to the truth than to the copy: 0 is a copied silhouette, 1 a warped one. "
        + BRACKETS,
    ),
    Plan(
        "move_pattern",
        "Moving a pattern by a given flow (2.5)",
        (Column("error_ratio", "", "least"),),
        {f"{what} {far}": f"{what} {far}" for what in ("uniform", "object") for far in MOTIONS},
        "L1 error over that of not moving the pattern: 0 is perfect, 1 no better than a copy. "
        "By what moves (the whole picture, or an object over a still background) and how far. "
        "Brackets are 95 % intervals over test patterns; the best of a column is bold.",
    ),
    Plan(
        "edge_sources",
        "Edges of three sources (2.6.1)",
        AGREEMENT,
        WITHIN,
        "Against the motion boundaries of the true flow; shares, 1 is perfect. The F-measure is "
        "the harmonic mean of precision and recall. Edges from the flow are found on the flow "
        "that has the boundaries; the other sources do not see it. " + BRACKETS,
    ),
    Plan(
        "edges_in_hole",
        "Edges inside the hole (2.6.2, 2.6.4)",
        (*AGREEMENT, Column("false_edges_px", "false edges (px a hole)", "none")),
        WITHIN,
        "Against the true motion boundaries in the hole. “canny” is Canny on the mended flow, the "
        "bare name of an experiment the edges that it draws itself; “truth canny” is what Canny "
        "reaches on flow without a hole. Methods are judged on their own holes. " + BRACKETS,
    ),
    Plan(
        "edges_in_hole",
        "Sharpness of the mended flow (2.6.2)",
        (Column("sharpness", "", "none"),),
        {"": "sharpness"},
        "Mean norm of the mended flow's gradient on true motion boundaries in the hole, over that "
        "of the true flow: 1 is as sharp as the truth. Brackets are 95 % intervals over clips.",
    ),
)


def task_tables(evidence: Evidence) -> list[Table]:
    """The tables of all tasks that ``tasks.csv`` has rows of."""
    tables = (_table(plan, evidence) for plan in PLANS)
    return [table for table in tables if table.groups]


def _table(plan: Plan, evidence: Evidence) -> Table:
    if len(plan.columns) == 1:
        (column,) = plan.columns
        shown = [(column, each) for each in plan.conditions]
        heads = [words or column.head for words in plan.conditions.values()]
        groups = [_group("", plan.task, shown, evidence)]
    else:
        heads = [column.head for column in plan.columns]
        groups = [
            _group(words, plan.task, [(column, each) for column in plan.columns], evidence)
            for each, words in plan.conditions.items()
        ]
    kept = tuple(group for group in groups if group.rows)
    return Table(plan.title, ("method", *heads), kept, plan.note)


def _group(title: str, task: str, shown: Sequence[tuple[Column, str]], evidence: Evidence) -> Group:
    """Rows of all methods that have any of these numbers, the best by the last marked one first."""
    estimates = {
        method: [
            evidence.mean(evidence.measured(task, method, column.metric, [condition]))
            for column, condition in shown
        ]
        for method in evidence.methods(task)
    }
    found = {m: each for m, each in estimates.items() if any(np.isfinite(e.value) for e in each)}
    if not found:
        return Group(title, ())
    values = pd.DataFrame({m: [e.value for e in each] for m, each in found.items()}).T
    best = np.stack([_best(values[k], column.best) for k, (column, _) in enumerate(shown)], axis=1)
    rows = {
        method: Row(
            (method, *(interval(e.value, e.low, e.high) for e in found[method])),
            (False, *map(bool, marks)),
        )
        for method, marks in zip(values.index, best)
    }
    return Group(title, tuple(rows[method] for method in _order(values, shown)))


def _order(values: pd.DataFrame, shown: Sequence[tuple[Column, str]]) -> list[str]:
    """Best first: by the mean of a single metric's columns, else by the last that has a best."""
    ranked = [k for k, (column, _) in enumerate(shown) if column.best != "none"]
    single = len({column.metric for column, _ in shown}) == 1
    keys = values.mean(axis=1) if single or not ranked else values[ranked[-1]]
    least = bool(ranked) and shown[ranked[-1]][0].best == "least"
    return list(keys.sort_values(ascending=least, kind="stable").index)


def _best(values: pd.Series, best: Best) -> np.ndarray:
    rivals = np.array([not str(name).startswith(REFERENCE) for name in values.index])
    if best == "none" or values[rivals].notna().sum() < 2:
        return np.zeros(len(values), bool)
    target = values[rivals].max() if best == "most" else values[rivals].min()
    return np.asarray((values == target) & rivals, bool)
