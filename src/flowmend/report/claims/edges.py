"""C11 to C13: edges and boundaries, against the true motion boundaries."""

from collections.abc import Iterator

from flowmend.report.claims.evidence import Contrast, Evidence, Measure
from flowmend.report.claims.findings import Finding, Verdict, below, better, listed
from flowmend.report.claims.ledger import CLAIMS
from flowmend.report.claims.pairs import Pair, completions, differing

TOLERANCES = ("1 px", "2 px")
IN_HOLE = "edges_in_hole"
CANNY = " canny"
TOLERANCE = "2 px"
"""At which what is drawn into holes is judged: nobody can know the place to a pixel."""
SOURCES = {
    "flow": "edges from the flow",
    "estimated flow": "edges from estimated flow",
    "segmentation": "edges from the segmentation",
    "image": "edges from the image",
}
BESIDE = {
    "precision": Measure(f"precision at {TOLERANCE}", more_is_better=True),
    "false_edges_px": Measure("number of false edge pixels in a hole", " px"),
}
SHARPNESS = Measure("sharpness at true motion boundaries", more_is_better=True)
MOSTLY = 0.5
"""A precision below this: most of the edges are where nothing has a boundary."""


def joint_inpainting(evidence: Evidence) -> Verdict:
    """C11: sharpness of the mended flow, and the F-measure of the edges found on it."""
    pairs = [
        pair
        for pair in differing(evidence.experiments, "edges", True, False)
        if "patchgan" in evidence.experiments[pair[0]]["losses"]
    ]
    contrasts = [each for pair in pairs for each in _sharper(evidence, pair)]
    errors = completions(evidence, iter(pairs))
    return Verdict(CLAIMS["C11"], better(contrasts), listed(errors, "Beside that"))


def edge_sources(evidence: Evidence) -> Verdict:
    """C12: F-measure of edges from the flow against both other sources.

    Where the truth is exact, edges of that flow meet it by nature: edges of a flow that had to be
    estimated, as the report's, are put beside them.
    """
    own, estimated = (
        [
            contrast
            for other in ("segmentation", "image")
            for tolerance in TOLERANCES
            for contrast in _f_measures(evidence, "edge_sources", (source, other), tolerance)
        ]
        for source in ("flow", "estimated flow")
    )
    aside = listed(estimated, "Where the flow has to be estimated from the images")
    return Verdict(CLAIMS["C12"], better(own), aside)


def edge_gan(evidence: Evidence) -> Verdict:
    """C13: it finds more of the boundaries than a fill's edges do, and most of its own are wrong.

    The fill is the one whose Canny edges have the best F-measure.
    """
    drawn = evidence.methods(IN_HOLE)
    blocks = evidence.experiments.items()
    gans = [name for name, block in blocks if block.get("task") == "edges" and name in drawn]
    fill = _best_fill(evidence)
    findings = [each for gan in gans for each in _continued_and_hallucinated(evidence, gan, fill)]
    asides = [
        aside
        for gan in gans
        for metric, measure in BESIDE.items()
        for aside in listed(list(_against(evidence, (gan, fill), metric, measure)), "Beside that")
    ]
    return Verdict(CLAIMS["C13"], tuple(findings), tuple(asides))


def _continued_and_hallucinated(evidence: Evidence, gan: str, fill: str) -> Iterator[Finding]:
    recall = Measure(f"recall at {TOLERANCE}", more_is_better=True)
    yield from better(_against(evidence, (gan, fill), "recall", recall))
    precision = evidence.measured(IN_HOLE, gan, "precision", [TOLERANCE])
    if not precision.empty:
        yield below(evidence.mean(precision), MOSTLY, f"the precision of {gan} at {TOLERANCE}")


def _sharper(evidence: Evidence, pair: Pair) -> Iterator[Contrast]:
    values = tuple(evidence.measured(IN_HOLE, name, "sharpness") for name in pair)
    yield from evidence.contrasts(pair, (values[0], values[1]), SHARPNESS)
    for tolerance in TOLERANCES:
        found = (pair[0] + CANNY, pair[1] + CANNY)
        yield from _f_measures(evidence, IN_HOLE, found, tolerance)


def _f_measures(evidence: Evidence, task: str, methods: Pair, tolerance: str) -> Iterator[Contrast]:
    values = tuple(evidence.measured(task, name, "f_measure", [tolerance]) for name in methods)
    measure = Measure(f"F-measure at {tolerance}", more_is_better=True)
    names = (_called(methods[0]), _called(methods[1]))
    yield from evidence.contrasts(names, (values[0], values[1]), measure)


def _against(
    evidence: Evidence, methods: Pair, metric: str, measure: Measure
) -> Iterator[Contrast]:
    values = tuple(evidence.measured(IN_HOLE, name, metric, [TOLERANCE]) for name in methods)
    names = (_called(methods[0]), _called(methods[1]))
    yield from evidence.contrasts(names, (values[0], values[1]), measure)


def _best_fill(evidence: Evidence) -> str:
    """``smooth canny`` and so on; empty where no fill was judged."""
    known = {"truth", *evidence.experiments}
    means = {
        name: evidence.measured(IN_HOLE, name, "f_measure", [TOLERANCE]).mean()
        for name in evidence.methods(IN_HOLE)
        if name.endswith(CANNY) and name.removesuffix(CANNY) not in known
    }
    return max(means, key=lambda name: (means[name], name), default="")


def _called(method: str) -> str:
    if method.endswith(CANNY):
        return f"Canny on {method.removesuffix(CANNY)}"
    return SOURCES.get(method, method)
