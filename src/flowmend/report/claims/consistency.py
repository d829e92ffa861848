"""C2 to C5 and C17: round trips of the true flow, and what minimising them does."""

from collections.abc import Iterator

import numpy as np

from flowmend.evaluation.refinement import BORDER_PX
from flowmend.evaluation.statistics import Estimate
from flowmend.report.claims.evidence import Evidence, Measure
from flowmend.report.claims.findings import Finding, State, Verdict, above, below, listed
from flowmend.report.claims.ledger import CLAIMS

ABOUT_ZERO_PX = 0.1
"""Of the round trip: a fifth of the jump that counts as a motion boundary."""
SHARE_OF_OCCLUDED = 0.1
HALF = 0.5
SAME_EDGES = 0.5
"""Rank correlation of two maps that show the same edges."""
JUMP_SHARE_PX = 0.01
"""A hundredth of the jump: in half of an occlusion the minimum is an infimum, never reached."""
PARTS = "round_trip_parts"
BORDERS = (
    f"A border pixel lies within {BORDER_PX}\u00a0px of a motion boundary; occluded are all others "
    "that the next frame hides."
)
STEPS = ("step 0.5-2 px", "step 2-4 px", "step over 4 px")
SHAPES = {"occlusion": "ramp", "disocclusion": "copy"}


def round_trip(evidence: Evidence) -> Verdict:
    """C2: about zero where visible, and far less there than where occluded."""
    visible, occluded = (
        evidence.measured("round_trip", "truth", "fb_px", [where]).droplevel("condition")
        for where in ("visible", "occluded")
    )
    if visible.empty or occluded.empty:
        return Verdict(CLAIMS["C2"], ())
    names = ("visible pixels", "occluded pixels")
    contrasts = evidence.contrasts(names, (visible, occluded), Measure("round trip", " px"))
    shares = [
        below(
            each.ratio,
            SHARE_OF_OCCLUDED,
            f"its share of the round trip of occluded pixels, {each.second_value:.3f}\u00a0px,",
        )
        for each in contrasts
    ]
    zero = below(
        evidence.mean(visible), ABOUT_ZERO_PX, "the mean round trip of visible pixels", "\u00a0px"
    )
    middle = f"Half of the clips have less than {visible.median():.3f}\u00a0px at visible pixels."
    return Verdict(CLAIMS["C2"], (zero, *shares), (middle,))


def smaller_round_trip(evidence: Evidence) -> Verdict:
    """C17: both round trips by what a pixel is, over what the first is in occlusions."""
    values = {
        (where, metric): evidence.measured(PARTS, "truth", metric, [where]).droplevel("condition")
        for where in ("border", "occluded", "visible")
        for metric in ("fb_px", "min_px")
    }
    high = values["occluded", "fb_px"]
    if any(series.empty for series in values.values()):
        return Verdict(CLAIMS["C17"], ())
    words = "the mean forward–backward error of occluded pixels beside the borders"
    findings = [above(evidence.mean(high), ABOUT_ZERO_PX, words, "\u00a0px")]
    for where, side in (("occluded", below), ("visible", below), ("border", above)):
        names = (f"{where} pixels", "occluded pixels")
        both = (values[where, "min_px"], high)
        for each in evidence.contrasts(names, both, Measure("round trip", " px")):
            share = (
                f"the smaller round trip of {where} pixels, {each.first_value:.3f}\u00a0px, "
                "over that error"
            )
            findings.append(side(each.ratio, SHARE_OF_OCCLUDED, share))
    return Verdict(CLAIMS["C17"], tuple(findings), (BORDERS,))


def sanity_check(evidence: Evidence) -> Verdict:
    """C3: in fast clips most of what moves is copied, and more of it than in slow ones."""
    methods = [name for name in evidence.methods("backward_flow") if name != "copy"]
    findings = [each for method in methods for each in _warped(evidence, method)]
    asides = [each for method in methods for each in _by_step(evidence, method)]
    return Verdict(CLAIMS["C3"], tuple(findings), tuple(asides))


def minimiser(evidence: Evidence) -> Verdict:
    """C4: the ramp at an occlusion, the copy at a disocclusion. Computed once: no interval."""
    findings = []
    for case, shape in SHAPES.items():
        metric = f"distance_to_{shape}_px"
        distance = evidence.measured("occlusion", "minimiser", metric, [case])
        if not distance.empty:
            state: State = "supported" if distance.max() < JUMP_SHARE_PX else "refuted"
            words = (
                f"at the {case} of an edge that moves by 1\u00a0px the minimiser is at most "
                f"{distance.max():.3f}\u00a0px from the {SHAPES[case]} (expected below "
                f"{JUMP_SHARE_PX:g}\u00a0px; searched on a grid, without chance)"
            )
            findings.append(Finding(words, state))
    return Verdict(CLAIMS["C4"], tuple(findings))


def same_edges(evidence: Evidence) -> Verdict:
    """C5: rank correlation with the round trip's gradient; with the flow's, as a measure of it."""
    trip, flow = (
        evidence.measured("spatio_temporal", "truth", "rank_correlation", [other])
        for other in ("round_trip_gradient", "flow_gradient")
    )
    if trip.empty:
        return Verdict(CLAIMS["C5"], ())
    words = "the rank correlation of the two maps over a clip's pixels"
    measure = Measure("rank correlation with the spatio-temporal error", more_is_better=True)
    names = ("the round trip's gradient", "the flow's own gradient")
    contrasts = list(
        evidence.contrasts(
            names, (trip.droplevel("condition"), flow.droplevel("condition")), measure
        )
    )
    finding = above(evidence.mean(trip), SAME_EDGES, words)
    return Verdict(CLAIMS["C5"], (finding,), listed(contrasts, "Beside that"))


def _warped(evidence: Evidence, method: str) -> Iterator[Finding]:
    slow, fast = (
        evidence.mean(evidence.measured("backward_flow", method, "warped_share", [tercile]))
        for tercile in ("slow", "fast")
    )
    if np.isnan([slow.value, fast.value]).any():
        return
    words = f"the share of moving pixels that {method} puts nearer to the truth than to the copy"
    yield below(fast, HALF, f"{words}, in the fast third of the clips,")
    yield Finding(
        f"in the slow third it is {slow.value:.3f} (95\u00a0% interval {slow.low:.3f} to "
        f"{slow.high:.3f}; expected above the fast third’s)",
        _apart(slow, fast),
    )


def _apart(more: Estimate, less: Estimate) -> State:
    """Two groups of clips share none, so that their intervals are compared as they stand."""
    if more.low > less.high:
        return "supported"
    return "refuted" if more.high < less.low else "inconclusive"


def _by_step(evidence: Evidence, method: str) -> Iterator[str]:
    values = evidence.measured("backward_flow", method, "warped_share")
    means = values.groupby("condition").mean()
    steps = [
        f"{means[step]:.2f} at {step.removeprefix('step ')}" for step in STEPS if step in means
    ]
    if steps:
        yield f"By the length of the step: {', '.join(steps)}."
