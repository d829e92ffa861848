"""The refinement step by step: errors, confidence, what the rules learned, what schedules do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from flowmend.report.ablation_tables import Blocks, by_setup, iterative
from flowmend.report.claims.evidence import ERROR, Evidence
from flowmend.report.claims.learned_rules import LAYERS, LEARNABLE, final_readings
from flowmend.report.claims.steps import FILL, at_last, at_step, of_truth, steps
from flowmend.report.numbers import NONE, interval, number
from flowmend.report.tables import Group, Row, Table

ERRORS, CONFIDENCE, SPEED = "epe_hole_px", "confidence", "speed_px"
BRACKETS = "Brackets are 95 % intervals over clips."
ERROR_NOTE = (
    "Mean EPE in the hole, px, of the initial fill and after each refinement step; the least of a "
    "step and setup is bold."
)
CONFIDENCE_NOTE = "Mean confidence in the hole: 0 where nothing is trusted, 1 where all is."
RULES_NOTE = (
    "Readings of both partial convolutions at the last training step, the mean over seeds (the "
    "mean has p = 1, (a, b) = (0.333, 0.667)), and the mean confidence in the hole after the last "
    "refinement step. " + BRACKETS
)
SCHEDULE_NOTE = (
    "Error after a step over that of the fill it starts from, and mean speed in the hole over the "
    "true flow's: 1 is as fast as the truth. " + BRACKETS
)


def step_tables(evidence: Evidence) -> list[Table]:
    """The tables that ``tasks.csv`` and the curves have rows for."""
    tables = (
        _by_step(evidence, "Error after each refinement step (3.3)", ERRORS, ERROR_NOTE),
        _by_step(
            evidence, "Confidence after each refinement step (3.3)", CONFIDENCE, CONFIDENCE_NOTE
        ),
        _rules(evidence),
        _schedules(evidence),
    )
    return [table for table in tables if table.groups]


def _by_step(evidence: Evidence, title: str, metric: str, note: str) -> Table:
    known = {n: block for n, block in iterative(evidence).items() if steps(evidence, n)}
    columns = sorted({step for name in known for step in steps(evidence, name)})
    groups = []
    for words, own in by_setup(known):
        means = np.array([[at_step(evidence, n, metric, k).mean() for k in columns] for n in own])
        # The fill is where experiments start from: no merit of theirs.
        judged = np.array([metric == ERRORS and step != FILL for step in columns])
        rows = _numbers(list(own), means, judged)
        if np.isfinite(means).any():
            groups.append(Group(words, rows))
    heads = ("fill" if step == FILL else f"step {step}" for step in columns)
    return Table(title, ("experiment", *heads), tuple(groups), note)


def _numbers(names: Sequence[str], means: np.ndarray, judged: np.ndarray) -> tuple[Row, ...]:
    """Rows of plain numbers; the least of a judged column is marked where there are several."""
    marks = (means == np.fmin.reduce(means, axis=0)) & judged & (len(names) > 1)
    return tuple(
        Row((name, *map(number, row)), (False, *map(bool, mark)))
        for name, row, mark in zip(names, means, marks)
    )


def _rules(evidence: Evidence) -> Table:
    rows = []
    for name, block in _family(evidence, "rule").items():
        readings = [_readings(evidence, name, block, layer) for layer in LAYERS]
        last = evidence.mean(at_last(evidence, name, CONFIDENCE))
        error = evidence.mean(at_last(evidence, name, ERRORS))
        if np.isfinite(last.value) or readings != [NONE, NONE]:
            numbers = (interval(each.value, each.low, each.high) for each in (last, error))
            rows.append(Row((name, block["rule"].replace("_", " "), *readings, *numbers)))
    heads = (
        *("experiment", "rule", "first partial convolution", "second partial convolution"),
        *("confidence in the hole", "EPE in the hole (px)"),
    )
    return Table("Confidence rules (3.3.4)", heads, _group(rows), RULES_NOTE)


def _readings(evidence: Evidence, name: str, block: Mapping[str, Any], layer: str) -> str:
    if block["rule"] not in LEARNABLE:
        return NONE
    learnable = LEARNABLE[block["rule"]]
    columns = [f"{reading}_{layer}" for reading in learnable.readings]
    readings = final_readings(evidence.curves.get(name, pd.DataFrame()), columns)
    if readings.empty:
        return NONE
    values = ", ".join(number(value) for value in readings.mean())
    return f"{learnable.words} = " + (f"({values})" if len(columns) > 1 else values)


def _schedules(evidence: Evidence) -> Table:
    known = [name for name in _family(evidence, "schedule") if steps(evidence, name)]
    rows = [
        Row(
            (
                name,
                str(evidence.experiments[name]["schedule"]).replace("_", " "),
                *_over_fill(evidence, name),
                *_over_truth(evidence, name),
            )
        )
        for name in known
    ]
    heads = (
        *("experiment", "schedule", "error, step 1", "error, last step"),
        *("speed, step 1", "speed, step 2", "speed, last step"),
    )
    return Table("Schedules (3.5)", heads, _group(rows), SCHEDULE_NOTE)


def _over_fill(evidence: Evidence, name: str) -> Iterator[str]:
    fill = at_step(evidence, name, ERRORS, FILL)
    for step in (1, steps(evidence, name)[-1]):
        yield _ratio(evidence, at_step(evidence, name, ERRORS, step), fill)


def _over_truth(evidence: Evidence, name: str) -> Iterator[str]:
    true = of_truth(evidence, name, SPEED)
    for step in (1, 2, steps(evidence, name)[-1]):
        yield _ratio(evidence, at_step(evidence, name, SPEED, step), true)


def _ratio(evidence: Evidence, values: pd.Series, others: pd.Series) -> str:
    for each in evidence.contrasts(("", ""), (values, others), ERROR):
        return interval(each.ratio.value, each.ratio.low, each.ratio.high)
    return NONE


def _family(evidence: Evidence, key: str) -> Blocks:
    """The largest set of experiments that differ in one key alone."""
    families: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, block in iterative(evidence).items():
        rest = sorted((k, repr(v)) for k, v in block.items() if k not in {"study", key})
        families.setdefault(repr(rest), {})[name] = block
    return max(families.values(), key=len, default={})


def _group(rows: Sequence[Row]) -> tuple[Group, ...]:
    return (Group("", tuple(rows)),) if rows else ()
