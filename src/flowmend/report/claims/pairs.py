"""Pairs of experiments that differ in one choice alone."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flowmend.report.claims.evidence import ERROR, Contrast, Evidence, Experiments, Measure

Block = Mapping[str, Any]
Pair = tuple[str, str]
Split = tuple[list[Contrast], list[Contrast]]
TOY = Measure("error ratio", "")
REPORTS_OWN_OUTPUT = "direct"


def differing(experiments: Experiments, key: str, first: object, second: object) -> Iterator[Pair]:
    """Pairs whose blocks are equal but for ``key``, which is ``first`` in one, ``second`` in two.

    The study is only a name; experiments of different tasks have other keys and never match.
    """
    yield from _pairs(
        experiments, key, lambda one, two: one.get(key) == first and two.get(key) == second
    )


def adding(experiments: Experiments, loss: str) -> Iterator[Pair]:
    """Pairs whose blocks are equal but for one loss term more in the first."""
    yield from _pairs(
        experiments,
        "losses",
        lambda one, two: (
            loss in one["losses"]
            and {name: w for name, w in one["losses"].items() if name != loss} == two["losses"]
        ),
    )


def completions(
    evidence: Evidence, pairs: Iterator[Pair], measure: Measure = ERROR, metric: str = "epe_hole_px"
) -> list[Contrast]:
    """The pairs that ``results.csv`` knows, on the same cases."""
    return [
        contrast
        for one, two in pairs
        for contrast in evidence.contrasts(
            (one, two), (evidence.errors(one, metric), evidence.errors(two, metric)), measure
        )
    ]


def toys(evidence: Evidence, pairs: Iterator[Pair]) -> list[Contrast]:
    """The pairs that move patterns, over all conditions of ``tasks.csv``."""
    return [
        contrast
        for one, two in pairs
        for contrast in evidence.contrasts(
            (one, two),
            (
                evidence.measured("move_pattern", one, "error_ratio"),
                evidence.measured("move_pattern", two, "error_ratio"),
            ),
            TOY,
        )
    ]


def reports_own(evidence: Evidence, contrasts: list[Contrast]) -> Split:
    """Contrasts of the report's own form (flow predicted directly), and the others."""
    own: list[Contrast] = []
    others: list[Contrast] = []
    for contrast in contrasts:
        output = evidence.experiments[contrast.first].get("output", REPORTS_OWN_OUTPUT)
        (own if output == REPORTS_OWN_OUTPUT else others).append(contrast)
    return own, others


def _pairs(
    experiments: Experiments, key: str, fit: Callable[[Block, Block], bool]
) -> Iterator[Pair]:
    for one, block in experiments.items():
        for two, other in experiments.items():
            if _rest(block, key) == _rest(other, key) and fit(block, other):
                yield one, two


def _rest(block: Block, key: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in {"study", key}}
