"""What the tables say of the report's claims: sentences computed from numbers, never written in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from flowmend.evaluation.statistics import ClipBootstrap, Estimate
from flowmend.report.tables import interval

State = Literal["supported", "refuted", "inconclusive", "not tested"]
Experiments = Mapping[str, Mapping[str, Any]]
CASE = ["clip", "hole", "direction"]
REPORTS_OWN_OUTPUT = "direct"
SMALLEST_EFFECT = 0.01
"""Share of the error. With enough clips any difference has an interval beside zero."""


@dataclass(frozen=True)
class Claim:
    """A claim that one choice beats another, everything else being equal.

    Attributes:
        number: in the claims ledger.
        section: of the report.
        words: the claim.
        key: of an experiment's block; ``better`` and ``worse`` are its two values.
    """

    number: str
    section: str
    words: str
    key: str
    better: object
    worse: object


CLAIMS = (
    Claim("C1", "2.2.1", "L1 is a better supervision than L2.", "losses", {"l1": 1.0}, {"l2": 1.0}),
    Claim("C7", "2.4", "ResNet reaches a lower error than U-Net.", "network", "resnet", "unet"),
    Claim("C8", "2.1.2", "The smooth initial fill beats zeros.", "fill", "smooth", "zero"),
)


@dataclass(frozen=True)
class Comparison:
    """Two experiments that differ in one choice, on the same cases.

    Attributes:
        better, worse: experiments, as the claim ranks them.
        output: of both; claims are judged on the report's own form, ``direct``.
        gain_px: mean EPE in the hole of ``worse`` minus that of ``better``.
        ratio: mean EPE of ``better`` over that of ``worse``.
    """

    better: str
    worse: str
    output: str
    gain_px: Estimate
    ratio: Estimate

    @property
    def state(self) -> State:
        """What this pair alone says; an effect below ``SMALLEST_EFFECT`` decides nothing."""
        if abs(1 - self.ratio.value) < SMALLEST_EFFECT:
            return "inconclusive"
        if self.gain_px.low > 0:
            return "supported"
        return "refuted" if self.gain_px.high < 0 else "inconclusive"

    def sentence(self) -> str:
        """``a has 5 % less error than b (95 % interval 3 % to 7 % less)``."""
        low, high = self.ratio.low, self.ratio.high
        bounds = f"95\u00a0% interval {_share(high)} to {_share(low)}"
        value = f"{self.better} has {_share(self.ratio.value)} error than {self.worse}"
        return f"{value} ({bounds})" if low == low else f"{value} (no interval: one clip)"


@dataclass(frozen=True)
class Verdict:
    """A claim, what the data say of it, and the comparisons behind that."""

    claim: Claim
    state: State
    comparisons: tuple[Comparison, ...]

    def sentence(self) -> str:
        """The verdict in words, with effects and intervals."""
        own = [c for c in self.comparisons if c.output == REPORTS_OWN_OUTPUT]
        if not own:
            return "No two experiments of this scale differ in this choice alone."
        lead = {
            "supported": "The data agree",
            "refuted": "The data contradict the report",
            "inconclusive": "The data do not decide",
        }[self.state]
        return f"{lead}: {'; '.join(c.sentence() for c in own)}."


def judge(
    results: pd.DataFrame, experiments: Experiments, samples: int, seed: int
) -> list[Verdict]:
    """Judge every claim.

    A claim is supported (refuted) when the interval of every pair of the report's own form lies on
    the claimed (other) side of zero, by at least ``SMALLEST_EFFECT``, and undecided otherwise.

    Args:
        results: rows of ``results.csv``.
        experiments: blocks of ``params.yaml`` by name.
        samples, seed: of the bootstrap over clips.
    """
    verdicts = []
    for claim in CLAIMS:
        compared = tuple(
            _compare(results, experiments, pair, samples, seed)
            for pair in _pairs(claim, experiments)
        )
        verdicts.append(Verdict(claim, _state(compared), compared))
    return verdicts


def against_classical(summary: pd.DataFrame) -> list[str]:
    """One sentence a setup: the best network against the best classical fill there."""
    sentences = []
    for setup, rows in summary.groupby("setup", sort=False):
        networks = rows[rows["kind"] == "network"].dropna(subset=["epe_hole_px"])
        if networks.empty:
            continue
        best = networks.sort_values(["epe_hole_px", "method"]).iloc[0]
        if not (best["gain_low"] > 0 or best["gain_high"] < 0):
            verb = "cannot be told from"
        elif abs(best["gain_px"]) < SMALLEST_EFFECT * best["epe_hole_px"]:
            verb = f"is within {SMALLEST_EFFECT:.0%} of".replace("%", "\u00a0%")
        else:
            verb = "beats" if best["gain_px"] > 0 else "loses to"
        sentences.append(
            f"{setup}: the best network, {best['method']} ({best['epe_hole_px']:.3f} px), {verb} "
            f"the best classical fill, {best['best_classical']}: gain "
            f"{interval(best['gain_px'], best['gain_low'], best['gain_high'], '+')} px."
        )
    return sentences


def _pairs(claim: Claim, experiments: Experiments) -> Iterator[tuple[str, str]]:
    """Experiments whose blocks are equal but for the claim's key."""
    for better, block in experiments.items():
        if block[claim.key] != claim.better:
            continue
        for worse, other in experiments.items():
            if other[claim.key] == claim.worse and _rest(block, claim) == _rest(other, claim):
                yield better, worse


def _rest(block: Mapping[str, Any], claim: Claim) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key not in {"study", claim.key}}


def _compare(
    results: pd.DataFrame, experiments: Experiments, pair: tuple[str, str], samples: int, seed: int
) -> Comparison:
    rows = results[(results["kind"] == "network") & results["method"].isin(pair)]
    errors = rows.groupby([*CASE, "method"])["epe_hole_px"].mean().unstack("method").dropna()
    better, worse = (errors[name] for name in pair)
    bootstrap = ClipBootstrap(errors.index.get_level_values("clip"), samples, seed)
    gain, ratio = bootstrap.gain(better, worse), bootstrap.ratio(better, worse)
    return Comparison(*pair, str(experiments[pair[0]]["output"]), gain, ratio)


def _state(comparisons: tuple[Comparison, ...]) -> State:
    own = {c.state for c in comparisons if c.output == REPORTS_OWN_OUTPUT}
    if not own:
        return "not tested"
    return own.pop() if len(own) == 1 else "inconclusive"


def _share(ratio: float) -> str:
    return f"{abs(1 - ratio):.1%} {'less' if ratio <= 1 else 'more'}".replace("%", "\u00a0%")
