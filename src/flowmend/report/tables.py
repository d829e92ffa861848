"""The results tables of the report page: rows of text, the best marked."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

SETUPS = {
    "middle_two": "hole in the two middle frames",
    "all_frames": "hole in all frames",
    "sandwich": "hole in all frames but the first and the last",
}
EXTRA = {"epe_full_px": "whole frame", "epe_edge_px": "at edges", "fb_px": "round trip"}
COLUMNS = (
    "method",
    "kind",
    "EPE in the hole",
    "ratio to biharmonic",
    "gain on best classical",
    *EXTRA.values(),
)


@dataclass(frozen=True)
class Row:
    """One method: its cells, and which of them are the best of their column."""

    cells: tuple[str, ...]
    best: tuple[bool, ...]
    kind: str


@dataclass(frozen=True)
class Table:
    """A titled table; ``note`` says how to read it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str


def setup_tables(results: pd.DataFrame, summary: pd.DataFrame) -> list[Table]:
    """One table a setup, best method first.

    Args:
        results: rows of ``results.csv``.
        summary: rows of ``summary.csv``.
    """
    present = [setup for setup in SETUPS if (summary["setup"] == setup).any()]
    return [_setup_table(setup, results, summary) for setup in present]


def shape_table(results: pd.DataFrame, setup: str) -> Table:
    """Mean EPE in the hole by hole shape (px), of every method of one setup."""
    rows = results[results["setup"] == setup]
    means = rows.groupby(["kind", "method", "hole"])["epe_hole_px"].mean().unstack("hole")
    means = means.loc[means.mean(axis=1).sort_values(kind="stable").index]
    values = means.to_numpy(float)
    best = values == np.nanmin(values, axis=0)
    kinds, methods = (means.index.get_level_values(level) for level in ("kind", "method"))
    table_rows = tuple(
        Row((str(method), *_numbers(numbers)), (False, *map(bool, marks)), str(kind))
        for kind, method, numbers, marks in zip(kinds, methods, values, best)
    )
    columns = ("method", *map(str, means.columns))
    return Table(SETUPS[setup], columns, table_rows, "Mean EPE in the hole, px.")


def _setup_table(setup: str, results: pd.DataFrame, summary: pd.DataFrame) -> Table:
    rows = summary[summary["setup"] == setup].sort_values("epe_hole_px", ignore_index=True)
    at_setup = results[results["setup"] == setup]
    means = at_setup.groupby(["kind", "method"])[list(EXTRA)].mean()
    extra = means.loc[list(zip(rows["kind"], rows["method"]))].to_numpy(float)
    # No round trip is called best: zero flow makes every one of them short.
    best = (extra == np.nanmin(extra, axis=0)) & [column != "fb_px" for column in EXTRA]
    table_rows = []
    for (_, row), numbers, marks in zip(rows.iterrows(), extra, best):
        leads = bool(row["epe_hole_px"] == rows["epe_hole_px"].min())
        cells = (
            str(row["method"]),
            str(row["kind"]),
            interval(row["epe_hole_px"], row["epe_hole_low"], row["epe_hole_high"]),
            interval(row["ratio_biharmonic"], row["ratio_low"], row["ratio_high"]),
            interval(row["gain_px"], row["gain_low"], row["gain_high"], sign="+"),
            *_numbers(numbers),
        )
        emphasis = (leads, False, leads, leads, leads, *map(bool, marks))
        table_rows.append(Row(cells, emphasis, str(row["kind"])))
    note = (
        f"{int(rows['cases'].max())} cases (clip, hole and direction). Lengths in px; “at edges” "
        "is the EPE of the hole's pixels next to motion edges, “round trip” the forward–backward "
        "error in the hole, which is no merit by itself: zero flow has none. Brackets are 95 % "
        "intervals over clips; the best of a column is bold."
    )
    return Table(SETUPS[setup], COLUMNS, tuple(table_rows), note)


def _numbers(values: np.ndarray) -> tuple[str, ...]:
    return tuple(f"{value:.3f}" if np.isfinite(value) else "–" for value in values)


def interval(value: float, low: float, high: float, sign: str = "") -> str:
    """``0.51 [0.47, 0.55]`` with a true minus; without brackets where there is no interval.

    Args:
        value, low, high: numbers.
        sign: ``+`` to write the sign of positive numbers, too.
    """
    if not np.isfinite(value):
        return "–"
    text = f"{value:{sign}.3f}"
    if np.isfinite(low):
        text += f" [{low:{sign}.3f}, {high:{sign}.3f}]"
    return text.replace("-", "−")
