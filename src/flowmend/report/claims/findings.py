"""What one comparison says, and what several say of a claim."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from flowmend.evaluation.statistics import Estimate
from flowmend.report.claims.evidence import Contrast
from flowmend.report.claims.ledger import Claim
from flowmend.report.numbers import percent, spread

State = Literal["supported", "refuted", "inconclusive", "not tested"]
STATES: tuple[State, ...] = ("supported", "refuted", "inconclusive", "not tested")
SMALLEST_EFFECT = 0.01
"""Share of the compared value. With enough clips any difference has an interval beside zero."""


@dataclass(frozen=True)
class Finding:
    """One sentence with its numbers, and what it alone says of the claim."""

    sentence: str
    state: State


@dataclass(frozen=True)
class Verdict:
    """A claim and what the data say of it.

    Attributes:
        claim: of the ledger.
        findings: those that decide.
        asides: what else is known of it: read, not counted.
        about: what all findings measure, where the lead says it for them.
    """

    claim: Claim
    findings: tuple[Finding, ...]
    asides: tuple[str, ...] = ()
    about: str = ""

    @property
    def state(self) -> State:
        """What all deciding findings say; inconclusive where they differ."""
        states = {finding.state for finding in self.findings}
        if not states:
            return "not tested"
        return states.pop() if len(states) == 1 else "inconclusive"

    @property
    def lead(self) -> str:
        """How the findings stand to the claim; what a test would take where there are none."""
        states = {finding.state for finding in self.findings}
        if not states:
            return f"Not tested at this scale: it takes {self.claim.needs}."
        divided = {"supported", "refuted"} <= states
        words = {
            "supported": "The data agree",
            "refuted": "The data contradict the report",
            "inconclusive": "The data are divided" if divided else "The data do not decide",
        }[self.state]
        return f"{words} on {self.about}: " if self.about else f"{words}: "

    def sentence(self) -> str:
        """The verdict in words, with effects and intervals."""
        found = "; ".join(finding.sentence for finding in self.findings)
        return f"{self.lead}{found}." if found else self.lead


def better(contrasts: Iterable[Contrast]) -> tuple[Finding, ...]:
    """The claim is that the first of each contrast is better than the second."""
    return tuple(Finding(sentence(each), _is_better(each)) for each in contrasts)


def no_better(contrasts: Iterable[Contrast]) -> tuple[Finding, ...]:
    """The claim is that the first of each contrast is no help.

    Supported where the whole interval lies beyond an advantage of ``SMALLEST_EFFECT``: that
    nothing was seen is not enough.
    """
    return tuple(Finding(sentence(each), _is_no_better(each)) for each in contrasts)


def below(value: Estimate, bound: float, words: str, unit: str = "") -> Finding:
    """The claim is that a number is below a bound.

    Args:
        value: the number.
        bound: stated in the sentence.
        words: what it is, as the beginning of the sentence.
        unit: of both, with its space.
    """
    return Finding(_bounded(value, f"below {bound:g}{unit}", words, unit), _side(value, bound))


def above(value: Estimate, bound: float, words: str, unit: str = "") -> Finding:
    """The claim is that a number is above a bound; see :func:`below`."""
    turned = Estimate(-value.value, -value.high, -value.low)
    return Finding(_bounded(value, f"above {bound:g}{unit}", words, unit), _side(turned, -bound))


def sentence(contrast: Contrast) -> str:
    """``the error of a is 11 % lower than that of b (0.5 against 0.6 px; 95 % interval …)``."""
    measure = contrast.measure
    numbers = f"{contrast.first_value:.3f} against {contrast.second_value:.3f}{measure.unit}"
    ratio = contrast.ratio
    subject = f"the {measure.words} of {contrast.first}"
    if np.isnan(ratio.value):
        return f"{subject} cannot be put beside that of {contrast.second} ({numbers})"
    return (
        f"{subject} is {percent(ratio.value)} than that of {contrast.second} "
        f"({numbers}; {spread(ratio.low, ratio.high)})"
    )


def listed(contrasts: Sequence[Contrast], lead: str) -> tuple[str, ...]:
    """The contrasts as one aside, if there are any."""
    if not contrasts:
        return ()
    return (f"{lead}: {'; '.join(sentence(each) for each in contrasts)}.",)


def _is_better(contrast: Contrast) -> State:
    if not abs(1 - contrast.ratio.value) >= SMALLEST_EFFECT:
        return "inconclusive"
    if contrast.gain.low > 0:
        return "supported"
    return "refuted" if contrast.gain.high < 0 else "inconclusive"


def _is_no_better(contrast: Contrast) -> State:
    if _is_better(contrast) == "supported":
        return "refuted"
    low, high = contrast.ratio.low, contrast.ratio.high
    more_is_better = contrast.measure.more_is_better
    helpless = high < 1 + SMALLEST_EFFECT if more_is_better else low > 1 - SMALLEST_EFFECT
    return "supported" if helpless else "inconclusive"


def _side(value: Estimate, bound: float) -> State:
    if value.high < bound:
        return "supported"
    return "refuted" if value.low > bound else "inconclusive"


def _bounded(value: Estimate, expected: str, words: str, unit: str) -> str:
    interval = f"95\u00a0% interval {value.low:.3f} to {value.high:.3f}"
    if np.isnan(value.low):
        interval = "no interval: one clip"
    number = f"{value.value:.3f}{unit}" if np.isfinite(value.value) else "undefined"
    return f"{words} is {number} ({interval}; expected {expected})"
