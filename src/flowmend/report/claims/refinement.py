"""C15, C16 and C19: what the loss on single refinement steps does to the steps."""

from collections.abc import Callable, Iterator

from flowmend.evaluation.statistics import Estimate
from flowmend.report.claims.evidence import ERROR, Contrast, Evidence, Measure
from flowmend.report.claims.findings import Finding, Verdict, above, below, better, listed
from flowmend.report.claims.ledger import CLAIMS
from flowmend.report.claims.pairs import Pair, completions, differing
from flowmend.report.claims.steps import FILL, at_last, at_step, compared, of_truth, steps

FIRST_STEPS = (1, 2)
LARGE = 1.25
"""Speed over the true speed from which on a flow in the hole counts as hallucinated."""
DRIVEN_TO_ZERO = 0.1
"""Of the confidence: a tenth of what known pixels have."""
AS_GOOD_AS_THE_FILL = 1.0
Side = Callable[[Estimate, float, str], Finding]
READ, PRINTED, REPORTS_CHOICE = "eq3_read", "eq3_printed", "eq4"


def last_step_only(evidence: Evidence) -> Verdict:
    """C15: speed in the hole after the first steps, over the truth's and over eq. 4's."""
    pairs = list(differing(evidence.experiments, "schedule", "last_step_only", REPORTS_CHOICE))
    findings = [
        finding
        for pair in pairs
        for step in FIRST_STEPS
        for finding in (*_too_fast(evidence, pair[0], step), *_faster(evidence, pair, step))
    ]
    beside = [each for pair in pairs for each in _at_the_end(evidence, pair)]
    return Verdict(CLAIMS["C15"], tuple(findings), listed(beside, "At the last step"))


def weighted_by_confidence(evidence: Evidence) -> Verdict:
    """C16: confidence in the hole after the last step."""
    pairs = list(differing(evidence.experiments, "confidence_weighted", True, False))
    findings: list[Finding] = []
    for weighted, plain in pairs:
        last = at_last(evidence, weighted, "confidence")
        other = at_last(evidence, plain, "confidence")
        measure = Measure("confidence in the hole after the last step")
        contrasts = compared(evidence, (weighted, plain), (last, other), measure)
        if contrasts:
            words = f"the confidence in the hole after the last step of {weighted}"
            findings += [below(evidence.mean(last), DRIVEN_TO_ZERO, words), *better(contrasts)]
    errors = completions(evidence, iter(pairs))
    return Verdict(CLAIMS["C16"], tuple(findings), listed(errors, "Beside that"))


def forgotten_steps(evidence: Evidence) -> Verdict:
    """C19: the error after one step over that of the fill it starts from, eq. 3 against eq. 4.

    Reading R5 decides. As printed, the window of eq. 3 is flat, a plain mean over the steps: those
    numbers stand beside.
    """
    read = _forgotten(evidence, READ)
    printed = "; ".join(finding.sentence for finding in _forgotten(evidence, PRINTED))
    aside = (f"As printed, eq.\u00a03 weighs all steps alike: {printed}.",) if printed else ()
    return Verdict(CLAIMS["C19"], read, (*_relative_to_last(evidence), *aside))


def _too_fast(evidence: Evidence, method: str, step: int) -> Iterator[Finding]:
    for each in _over_truth(evidence, method, step):
        words = (
            f"after step {step} the speed in the hole of {method}, {each.first_value:.3f}\u00a0px, "
            "over the true speed"
        )
        yield above(each.ratio, LARGE, words)


def _over_truth(evidence: Evidence, method: str, step: int) -> list[Contrast]:
    values = (at_step(evidence, method, "speed_px", step), of_truth(evidence, method, "speed_px"))
    return compared(evidence, (method, "the truth"), values, Measure("speed in the hole", " px"))


def _faster(evidence: Evidence, pair: Pair, step: int) -> tuple[Finding, ...]:
    """The claim is that the first of the pair is faster, which is no merit."""
    measure = Measure(f"speed in the hole after step {step}", " px", more_is_better=True)
    values = (
        at_step(evidence, pair[0], "speed_px", step),
        at_step(evidence, pair[1], "speed_px", step),
    )
    return better(compared(evidence, pair, values, measure))


def _at_the_end(evidence: Evidence, pair: Pair) -> Iterator[Contrast]:
    for metric, measure in (
        ("speed_px", Measure("speed in the hole", " px")),
        ("epe_hole_px", ERROR),
    ):
        values = (at_last(evidence, pair[0], metric), at_last(evidence, pair[1], metric))
        yield from compared(evidence, pair, values, measure)


def _forgotten(evidence: Evidence, schedule: str) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    for pair in differing(evidence.experiments, "schedule", schedule, REPORTS_CHOICE):
        measure = Measure("error in the hole after step 1", " px", more_is_better=True)
        first = tuple(at_step(evidence, name, "epe_hole_px", 1) for name in pair)
        contrasts = compared(evidence, pair, (first[0], first[1]), measure)
        if contrasts:
            findings += _over_fill(evidence, pair[0], above)
            findings += _over_fill(evidence, pair[1], below)
            findings += better(contrasts)
    return tuple(findings)


def _over_fill(evidence: Evidence, method: str, side: Side) -> Iterator[Finding]:
    """The claim is that step 1 is on one side of the fill that it starts from."""
    values = (
        at_step(evidence, method, "epe_hole_px", 1),
        at_step(evidence, method, "epe_hole_px", FILL),
    )
    words = f"after step 1 the error of {method} over that of its fill"
    for each in compared(evidence, (method, "its fill"), values, ERROR):
        yield side(each.ratio, AS_GOOD_AS_THE_FILL, words)


def _relative_to_last(evidence: Evidence) -> Iterator[str]:
    """How much of the way is left after step 1."""
    pairs = [
        pair
        for schedule in (READ, PRINTED)
        for pair in differing(evidence.experiments, "schedule", schedule, REPORTS_CHOICE)
    ]
    for method in dict.fromkeys(name for pair in pairs for name in pair):
        last = at_last(evidence, method, "epe_hole_px")
        values = (at_step(evidence, method, "epe_hole_px", 1), last)
        for each in compared(evidence, (method, "last"), values, ERROR):
            yield (
                f"After step 1 {method} has {each.ratio.value:.3f} times the error of its step "
                f"{steps(evidence, method)[-1]}."
            )
