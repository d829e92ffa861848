"""The results tables of the report page: rows of text in groups, the best marked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flowmend.report.numbers import interval, number

SETUPS = {
    "middle_two": "hole in the two middle frames",
    "all_frames": "hole in all frames",
    "sandwich": "hole in all frames but the first and the last",
}
STUDIES = {
    "fig2": "Sanity check (Figs. 2, 3b)",
    "fig8": "Weights of the losses (Figs. 5 to 8)",
    "fig9": "Networks and fills (Fig. 9)",
    "losses": "Other losses",
    "fig11": "Networks made to warp (Figs. 10, 11)",
    "fig13": "Flow and edges together (Fig. 13)",
    "fig14": "Edge agreement (Fig. 14)",
    "fig15": "Edges of a single frame (Fig. 15)",
    "warping_toy": "Moving a pattern",
    "residual": "Residual over the fill (beyond the report)",
    "refinement": "Iterative refinement (Figs. 16 to 25)",
}
CLASSICAL = "Classical fills"
EXTRA = {"epe_full_px": "whole frame", "epe_edge_px": "at edges", "fb_px": "round trip"}
COLUMNS = (
    "method",
    "EPE in the hole",
    "ratio to biharmonic",
    "gain on best classical",
    *EXTRA.values(),
)
HOW_TO_READ = (
    "Lengths in px; “at edges” is the EPE of the hole's pixels next to motion edges, “round trip” "
    "the forward–backward error in the hole, which is no merit by itself: zero flow has none. "
    "Brackets are 95 % intervals over clips. Groups differ in their holes: compare px within a "
    "group (its best is bold), ratios across groups (the best row is shaded)."
)
Experiments = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Row:
    """One method: its cells, and which of them are the best of their column and group, if any."""

    cells: tuple[str, ...]
    best: tuple[bool, ...] = ()
    leads: bool = False


@dataclass(frozen=True)
class Group:
    """Rows that can be compared with each other; no title where a table has one group."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """A titled table; ``note`` says how to read it, unless the page has said so."""

    title: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    note: str

    @property
    def rows(self) -> list[Row]:
        """Of all groups."""
        return [row for group in self.groups for row in group.rows]


def setup_tables(
    results: pd.DataFrame, summary: pd.DataFrame, experiments: Experiments
) -> list[Table]:
    """One table a setup; in it one group a study, best method first.

    Args:
        results: rows of ``results.csv``.
        summary: rows of ``summary.csv``.
        experiments: blocks of ``params.yaml`` by name.
    """
    present = [setup for setup in SETUPS if (summary["setup"] == setup).any()]
    return [_setup_table(setup, results, summary, experiments) for setup in present]


def shape_table(results: pd.DataFrame, setup: str, experiments: Experiments) -> Table:
    """Mean EPE in the hole by hole shape (px), of every method of one setup."""
    rows = results[results["setup"] == setup]
    means = rows.groupby(["kind", "method", "hole"])["epe_hole_px"].mean().unstack("hole")
    shapes = list(means.columns)
    means = means.assign(mean=means.mean(axis=1)).sort_values("mean", kind="stable")
    groups = [
        Group(title, _numbers(part["method"], part[shapes].to_numpy(float)))
        for title, part in _by_study(means.reset_index(), experiments)
    ]
    columns = ("method", *map(str, shapes))
    return Table(SETUPS[setup], columns, tuple(groups), "Mean EPE in the hole, px.")


def study_title(study: str) -> str:
    """What a study is about; its own name where nothing is known of it."""
    return STUDIES.get(study, study.replace("_", " "))


def _setup_table(
    setup: str, results: pd.DataFrame, summary: pd.DataFrame, experiments: Experiments
) -> Table:
    at_setup = results[results["setup"] == setup]
    means = at_setup.groupby(["kind", "method"])[list(EXTRA)].mean().reset_index()
    rows = summary[summary["setup"] == setup].merge(means, on=["kind", "method"])
    groups = [
        Group(title, tuple(_row(row, part, rows) for _, row in part.iterrows()))
        for title, part in _by_study(rows.sort_values("epe_hole_px", kind="stable"), experiments)
    ]
    return Table(SETUPS[setup], COLUMNS, tuple(groups), "")


def _row(row: pd.Series, group: pd.DataFrame, table: pd.DataFrame) -> Row:
    cells = (
        str(row["method"]),
        interval(row["epe_hole_px"], row["epe_hole_low"], row["epe_hole_high"]),
        interval(row["ratio_biharmonic"], row["ratio_low"], row["ratio_high"]),
        interval(row["gain_px"], row["gain_low"], row["gain_high"], sign="+"),
        *(number(row[column]) for column in EXTRA),
    )
    first = len(group) > 1 and bool(row["epe_hole_px"] == group["epe_hole_px"].min())
    # No round trip is called best: zero flow makes every one of them short.
    extra = (
        len(group) > 1 and column != "fb_px" and bool(row[column] == group[column].min())
        for column in EXTRA
    )
    leads = bool(row["ratio_biharmonic"] == table["ratio_biharmonic"].min())
    return Row(cells, (False, first, first, first, *extra), leads)


def _numbers(methods: pd.Series, values: np.ndarray) -> tuple[Row, ...]:
    """Rows of plain numbers, the least of a column marked where there are several rows."""
    least = values == np.fmin.reduce(values, axis=0)
    return tuple(
        Row((str(method), *map(number, row)), (False, *(bool(m) and len(values) > 1 for m in mark)))
        for method, row, mark in zip(methods, values, least)
    )


def _by_study(table: pd.DataFrame, experiments: Experiments) -> Iterator[tuple[str, pd.DataFrame]]:
    """Classical fills, then each study in the order of ``params.yaml``, with its holes."""
    classical = table["kind"] == "classical"
    if classical.any():
        yield CLASSICAL, table[classical]
    studies = table["method"].map(lambda name: experiments.get(name, {}).get("study", "others"))
    for study in dict.fromkeys([block["study"] for block in experiments.values()] + ["others"]):
        part = table[~classical & (studies == study)]
        if not part.empty:
            yield study_title(study) + _holes(part["method"], experiments), part


def _holes(methods: pd.Series, experiments: Experiments) -> str:
    own = {tuple(experiments.get(name, {}).get("hole_shapes") or ()) for name in methods}
    shapes = sorted({shape for shapes in own for shape in shapes})
    return f", holes: {', '.join(shapes)}" if shapes and () not in own else ""
