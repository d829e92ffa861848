"""What else was varied: pairs of experiments that no claim of the report is about."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flowmend.report.claims.evidence import Contrast, Evidence, Experiments, Measure
from flowmend.report.claims.pairs import Pair, adding, completions, differing

Choice = Callable[[Experiments], Iterator[Pair]]
AT_EDGES = Measure("error at motion edges", " px")


@dataclass(frozen=True)
class Variation:
    """Two experiments and what their difference does.

    Attributes:
        choice: what differs, in words.
        in_hole: error in the hole; its names are the experiments.
        at_edges: error at motion edges in the hole, None where no case has any.
    """

    choice: str
    in_hole: Contrast
    at_edges: Contrast | None


CHOICES: dict[str, Choice] = {
    "L1 instead of L2": lambda e: differing(e, "losses", {"l1": 1.0}, {"l2": 1.0}),
    "L1 loss added": lambda e: adding(e, "l1"),
    "lateral dependency loss added": lambda e: adding(e, "lateral_dependency"),
    "forward–backward loss added": lambda e: adding(e, "forward_backward"),
    "adversarial loss added": lambda e: adding(e, "patchgan"),
    "losses over the hole instead of the image": lambda e: differing(e, "region", "hole", "image"),
    "edges predicted, too": lambda e: differing(e, "edges", True, False),
    "residual over the fill instead of flow": lambda e: differing(
        e, "output", "residual", "direct"
    ),
    "biharmonic fill instead of smooth": lambda e: differing(e, "fill", "biharmonic", "smooth"),
    "update by architecture 2 instead of 1": lambda e: differing(e, "architecture", 2, 1),
    "neighbours not moved instead of warped": lambda e: differing(
        e, "neighbours", "unmoved", "warped"
    ),
    "neighbours splatted instead of warped": lambda e: differing(
        e, "neighbours", "splatted", "warped"
    ),
    "update told how the neighbours' flow differs": lambda e: differing(
        e, "differences", True, False
    ),
    "back-propagation per step instead of through all": lambda e: differing(
        e, "backpropagation", "per_step", "through_time"
    ),
}


def varied(evidence: Evidence) -> list[Variation]:
    """Every such pair that ``results.csv`` knows."""
    return [
        Variation(words, contrast, _at_edges(evidence, contrast))
        for words, choice in CHOICES.items()
        for contrast in completions(evidence, choice(evidence.experiments))
    ]


def _at_edges(evidence: Evidence, contrast: Contrast) -> Contrast | None:
    pair = iter([(contrast.first, contrast.second)])
    return next(iter(completions(evidence, pair, AT_EDGES, "epe_edge_px")), None)
