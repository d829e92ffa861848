"""C18 and C20: what two loss terms of the refinement do to the mended flow."""

from collections.abc import Iterator

import pandas as pd

from flowmend.report.claims.evidence import Contrast, Evidence, Measure
from flowmend.report.claims.findings import Verdict, better, listed
from flowmend.report.claims.ledger import CLAIMS
from flowmend.report.claims.pairs import Pair, adding, completions
from flowmend.report.claims.steps import at_last, compared, of_truth

CONSISTENT = Measure("smaller round trip in the hole after the last step", " px")
SHARP = Measure("sharpness at true motion boundaries", more_is_better=True)
ROUGH = {
    "total_variation_px": "total variation in the hole",
    "smooth_variation_px": "total variation in the hole away from motion edges",
}


def smaller_round_trip(evidence: Evidence) -> Verdict:
    """C18: sharpness at true boundaries, and the smaller round trip after the last step."""
    pairs = list(adding(evidence.experiments, "min_round_trip"))
    contrasts = [
        each
        for pair in pairs
        for each in (*_sharper(evidence, pair), *_at_last(evidence, pair, CONSISTENT))
    ]
    errors = completions(evidence, iter(pairs))
    asides = (*_truths_round_trip(evidence, pairs), *listed(errors, "Beside that"))
    return Verdict(CLAIMS["C18"], better(contrasts), asides if contrasts else ())


def total_variation(evidence: Evidence) -> Verdict:
    """C20: the distance of the total variation from the truth's, over the hole and off its edges.

    Smoother alone is not the claim: a fill is smoother than any flow with motion borders.
    """
    pairs = list(adding(evidence.experiments, "total_variation"))
    contrasts = [
        each for pair in pairs for metric in ROUGH for each in _nearer(evidence, pair, metric)
    ]
    if not contrasts:
        return Verdict(CLAIMS["C20"], ())
    asides = [share for pair in pairs for share in _shares(evidence, pair)]
    sharp = [each for pair in pairs for each in _sharper(evidence, pair)]
    errors = completions(evidence, iter(pairs))
    return Verdict(
        CLAIMS["C20"],
        better(contrasts),
        (*asides, *listed([*sharp, *errors], "Beside that")),
    )


def _sharper(evidence: Evidence, pair: Pair) -> list[Contrast]:
    values = [evidence.measured("edges_in_hole", name, "sharpness") for name in pair]
    return compared(evidence, pair, (values[0], values[1]), SHARP)


def _at_last(evidence: Evidence, pair: Pair, measure: Measure) -> list[Contrast]:
    values = [at_last(evidence, name, "min_round_trip_px") for name in pair]
    return compared(evidence, pair, (values[0], values[1]), measure)


def _truths_round_trip(evidence: Evidence, pairs: list[Pair]) -> Iterator[str]:
    """Less than the truth's is not more consistent, but slower."""
    truths = [of_truth(evidence, pair[0], "min_round_trip_px") for pair in pairs]
    for values in truths[:1]:
        if not values.empty:
            yield f"The truth’s smaller round trip in these holes is {values.mean():.3f}\u00a0px."


def _nearer(evidence: Evidence, pair: Pair, metric: str) -> list[Contrast]:
    values = [_distance(evidence, name, metric) for name in pair]
    measure = Measure(f"distance from the truth’s {ROUGH[metric]}", " px")
    return compared(evidence, pair, (values[0], values[1]), measure)


def _distance(evidence: Evidence, method: str, metric: str) -> pd.Series:
    own, true = at_last(evidence, method, metric), of_truth(evidence, method, metric)
    return (own - true).abs().dropna()


def _shares(evidence: Evidence, pair: Pair) -> Iterator[str]:
    for metric, words in ROUGH.items():
        shares = [_share(evidence, name, metric) for name in pair]
        yield (
            f"The {words} of {pair[0]} is {shares[0]:.2f} times the truth’s, "
            f"that of {pair[1]} {shares[1]:.2f} times."
        )


def _share(evidence: Evidence, method: str, metric: str) -> float:
    true = of_truth(evidence, method, metric)
    return float(at_last(evidence, method, metric).reindex(true.index).mean() / true.mean())
