"""C1, C7 to C10, C21: pairs of experiments that differ in one choice, on held-out clips."""

from flowmend.report.claims.evidence import Contrast, Evidence
from flowmend.report.claims.findings import Verdict, better, listed, no_better
from flowmend.report.claims.ledger import CLAIMS
from flowmend.report.claims.pairs import completions, differing, reports_own, toys

AS_RESIDUAL = "As residual over the fill, which the report did not try"


def supervision(evidence: Evidence) -> Verdict:
    """C1: L1 against L2."""
    return _choice(evidence, "C1", "losses", {"l1": 1.0}, {"l2": 1.0})


def architecture(evidence: Evidence) -> Verdict:
    """C7: ResNet against U-Net."""
    return _choice(evidence, "C7", "network", "resnet", "unet")


def initial_fill(evidence: Evidence) -> Verdict:
    """C8: smooth fill against zeros."""
    return _choice(evidence, "C8", "fill", "smooth", "zero")


def warping_module(evidence: Evidence) -> Verdict:
    """C9: the warping module is no help, to mend flow and to move a pattern."""
    return _no_help(evidence, "C9", "network", "unet_warp", "unet")


def coordinates(evidence: Evidence) -> Verdict:
    """C10: coordinates are no help, to mend flow and to move a pattern."""
    return _no_help(evidence, "C10", "coordinates", True, False)


def convolution(evidence: Evidence) -> Verdict:
    """C21: partial convolutions against gated ones."""
    return _choice(evidence, "C21", "convolution", "partial", "gated")


def _choice(evidence: Evidence, number: str, key: str, good: object, bad: object) -> Verdict:
    pairs = differing(evidence.experiments, key, good, bad)
    own, others = reports_own(evidence, completions(evidence, pairs))
    return Verdict(CLAIMS[number], better(own), listed(others, AS_RESIDUAL))


def _no_help(evidence: Evidence, number: str, key: str, tried: object, plain: object) -> Verdict:
    own, _ = reports_own(
        evidence, completions(evidence, differing(evidence.experiments, key, tried, plain))
    )
    moved = toys(evidence, differing(evidence.experiments, key, tried, plain))
    return Verdict(CLAIMS[number], no_better([*own, *moved]), _success(evidence, moved))


def _success(evidence: Evidence, moved: list[Contrast]) -> tuple[str, ...]:
    """How far the toy is from a copy: help is not yet success."""
    sentences = []
    for contrast in moved:
        values = evidence.measured("move_pattern", contrast.first, "error_ratio")
        means = values.groupby("condition").mean().sort_values(kind="stable")
        (best, least), (worst, most) = ((str(means.index[k]), means.iloc[k]) for k in (0, -1))
        sentences.append(
            f"Of the error of not moving the pattern, {contrast.first} leaves {least:.2f} at best "
            f"({best}) and {most:.2f} at worst ({worst})."
        )
    return tuple(sentences)
