"""C14: where the learnable confidence rules end, from the curves of their trainings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from flowmend.report.claims.evidence import Evidence
from flowmend.report.claims.findings import Finding, State, Verdict, listed
from flowmend.report.claims.ledger import CLAIMS
from flowmend.report.claims.pairs import Pair, completions, differing

LAYERS = ("first", "second")
NOTE = (
    "What a rule has learned is one number a training, so that no interval is over clips; the "
    "range given is over training seeds, and one seed has none."
)


@dataclass(frozen=True)
class Learnable:
    """A rule with readings, and how far they are from the mean.

    Attributes:
        readings: their names in the curves, before ``_first`` and ``_second``.
        words: of the readings in a sentence.
        distance: from the mean, of the readings in their order.
        bound: of that distance, from which on the rule is no longer the mean.
        expected: the bound in words.
    """

    readings: tuple[str, ...]
    words: str
    distance: Callable[..., float]
    bound: float
    expected: str


LEARNABLE = {
    "power_mean": Learnable(
        ("p",), "p", lambda p: abs(p - 1), 0.1, "more than 0.1 from the mean’s 1"
    ),
    "polynomial": Learnable(
        ("a", "b"),
        "(a, b)",
        lambda a, b: max(abs(a - 1 / 3), abs(b - 2 / 3)),
        0.05,
        "a or b more than 0.05 from the mean’s 1/3 and 2/3",
    ),
}


def departure(evidence: Evidence) -> Verdict:
    """C14: how far each layer's readings end from those of the mean."""
    findings = [
        finding
        for rule, learnable in LEARNABLE.items()
        for name in _trainings(evidence, rule)
        for layer in LAYERS
        for finding in _finding(evidence, name, learnable, layer)
    ]
    if not findings:
        return Verdict(CLAIMS["C14"], ())
    helped = completions(evidence, iter(_against_the_mean(evidence)))
    return Verdict(CLAIMS["C14"], tuple(findings), (NOTE, *listed(helped, "What learning it does")))


def final_readings(curves: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The last step's columns of these names, one row a seed; none where one is missing."""
    if curves.empty or not set(names) <= set(curves):
        return pd.DataFrame(columns=list(names), dtype=float)
    return curves.sort_values("step").groupby("seed")[list(names)].last().dropna()


def _trainings(evidence: Evidence, rule: str) -> list[str]:
    """Those with the rule that have a mate with another: the study of rules, not every training."""
    others = {str(block["rule"]) for block in evidence.experiments.values() if block.get("rule")}
    pairs = [
        pair
        for other in sorted(others - {rule})
        for pair in differing(evidence.experiments, "rule", rule, other)
    ]
    return list(dict.fromkeys(first for first, _ in pairs))


def _against_the_mean(evidence: Evidence) -> list[Pair]:
    return [
        pair for rule in LEARNABLE for pair in differing(evidence.experiments, "rule", rule, "mean")
    ]


def _finding(evidence: Evidence, name: str, learnable: Learnable, layer: str) -> Iterator[Finding]:
    columns = [f"{reading}_{layer}" for reading in learnable.readings]
    readings = final_readings(evidence.curves.get(name, pd.DataFrame()), columns)
    if readings.empty:
        return
    distances = [learnable.distance(*row) for row in readings.to_numpy(float)]
    numbers = ", ".join(f"{value:.3f}" for value in readings.mean())
    values = f"({numbers})" if len(columns) > 1 else numbers
    words = (
        f"in {name}, {learnable.words} of the {layer} partial convolution ends at {values}, "
        f"{_mean(distances):.3f} away ({_range(distances)}; expected {learnable.expected})"
    )
    yield Finding(words, _state(distances, learnable.bound))


def _state(distances: Sequence[float], bound: float) -> State:
    if min(distances) > bound:
        return "supported"
    return "refuted" if max(distances) < bound else "inconclusive"


def _range(distances: Sequence[float]) -> str:
    if len(distances) == 1:
        return "no interval: one seed"
    return f"{min(distances):.3f} to {max(distances):.3f} over {len(distances)} seeds"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
