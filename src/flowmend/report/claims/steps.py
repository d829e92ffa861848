"""Rows of the task ``refinement`` by clip, as the rules on single refinement steps need them."""

import re

import pandas as pd

from flowmend.report.claims.evidence import Contrast, Evidence, Measure

TASK, FILL, TRUTH = "refinement", 0, "truth"


def steps(evidence: Evidence, method: str) -> list[int]:
    """Refinement steps that ``tasks.csv`` has of an experiment, in order; 0 is the initial fill."""
    own = (evidence.tasks["task"] == TASK) & (evidence.tasks["method"] == method)
    found = (re.fullmatch(r"step (\d+)", each) for each in set(evidence.tasks[own]["condition"]))
    return sorted(int(each[1]) for each in found if each)


def at_step(evidence: Evidence, method: str, metric: str, step: int) -> pd.Series:
    """A metric by clip at one step."""
    return _values(evidence, method, metric, f"step {step}")


def at_last(evidence: Evidence, method: str, metric: str) -> pd.Series:
    """A metric by clip at the last step; empty without rows."""
    return at_step(evidence, method, metric, max(steps(evidence, method), default=FILL))


def of_truth(evidence: Evidence, method: str, metric: str) -> pd.Series:
    """What the true flow has of a metric in an experiment's holes, by clip."""
    return _values(evidence, method, metric, TRUTH)


def compared(
    evidence: Evidence,
    names: tuple[str, str],
    values: tuple[pd.Series, pd.Series],
    measure: Measure,
) -> list[Contrast]:
    """The contrast, if both have clips in common."""
    return list(evidence.contrasts(names, values, measure))


def _values(evidence: Evidence, method: str, metric: str, condition: str) -> pd.Series:
    return evidence.measured(TASK, method, metric, [condition]).droplevel("condition")
