"""Figures of iterative trainings: 17 and 18, and the schedules (report, 3.3.4, 3.5)."""

import numpy as np

from flowmend.errors import InputError
from flowmend.figures.refinement_parameters import draw_polynomials, draw_powers
from flowmend.figures.schedules import draw_schedules
from flowmend.params import IterativeExperiment
from flowmend.stages.drawings.drawing import Drawing, Study, rounded
from flowmend.stages.drawings.refinement_groups import BASE, SCHEDULE_WORDS, iterative
from flowmend.stages.drawings.training_curves import column, curve_files

WITH_POLYNOMIAL = "refine_polynomial"
_PLACES = ("first", "second")


def powers(study: Study) -> Drawing:
    """Fig. 17: p of both partial convolutions over training.

    Raises:
        InputError: there is no such experiment, or a curve is missing.
    """
    _with_rule(study, BASE, "power_mean")
    paths = curve_files(study, BASE)
    values = [column(paths, f"p_{place}") for place in _PLACES]
    final = [rounded(float(each[:, -1].mean())) for each in values]
    caption = (
        "The exponent of the power mean by which the confidence is updated, over the training of "
        f"the experiment {BASE}. It starts at 1 (dashed), the mean; the greater it is, the nearer "
        "the rule is to the maximum, and the faster confidence spreads. It ends at "
        f"{final[0]:.2f} in the first partial convolution of the update, which sees the frame and "
        f"its two neighbours, and at {final[1]:.2f} in the second.{_seeds(values[0])}"
    )
    return Drawing(
        draw_powers(values),
        draw_powers,
        "The exponent p of the power mean during training",
        "17",
        caption,
        paths,
        [BASE],
        {"final_p": dict(zip(_PLACES, final))},
    )


def polynomials(study: Study) -> Drawing:
    """Fig. 18: a and b over training, and the final P_{a,b}.

    Raises:
        InputError: there is no such experiment, or a curve is missing.
    """
    _with_rule(study, WITH_POLYNOMIAL, "polynomial")
    paths = curve_files(study, WITH_POLYNOMIAL)
    a, b = ([column(paths, f"{name}_{place}") for place in _PLACES] for name in "ab")
    final = [[rounded(float(v[:, -1].mean())) for v in pair] for pair in zip(a, b)]
    caption = (
        "The polynomial of the mean by which the confidence is updated, over the training of the "
        f"experiment {WITH_POLYNOMIAL}: a and b are the new confidence where the mean is 1/3 and "
        "2/3. They start there (dashed: confidence is the mean) and end at "
        f"({final[0][0]:.2f}, {final[0][1]:.2f}) in the first partial convolution and at "
        f"({final[1][0]:.2f}, {final[1][1]:.2f}) in the second; (c) shows the polynomials that "
        "these make, beside the one that the report ended with (thin). Above the dashed line the "
        f"confidence spreads faster than the mean, below it slower.{_seeds(a[0])}"
    )
    return Drawing(
        draw_polynomials(a, b),
        draw_polynomials,
        "The polynomial's a and b during training, and what they come to",
        "18",
        caption,
        paths,
        [WITH_POLYNOMIAL],
        {"final_a_b": dict(zip(_PLACES, final))},
    )


def schedules(study: Study) -> Drawing:
    """The weight of each refinement step's losses, as each schedule set it in training.

    Raises:
        InputError: no experiment is iterative, or a curve is missing.
    """
    blocks = iterative(study.params.experiments)
    if not blocks:
        raise InputError("params.yaml: experiments", "none is of task iterative", "restore one")
    found = {s: [n for n, b in blocks.items() if b.schedule == s] for s in SCHEDULE_WORDS}
    names = {schedule: named[0] for schedule, named in found.items() if named}
    budget = study.params.at(study.scale).train.refinement
    weights = {
        SCHEDULE_WORDS[schedule]: np.concatenate(
            [
                column(curve_files(study, name)[:1], f"mu_{step}")
                for step in range(1, budget.refinement_steps + 1)
            ]
        )
        for schedule, name in names.items()
    }
    caption = (
        "How much the losses of each refinement step count (μ), step by step of the training; the "
        "decoder's loss always has weight 1. Bands lie on each other, so that the upper edge is "
        f"their sum, 1 − exp(−s/s₀) with s₀ = {budget.s0_steps:g} training steps here: encoder and "
        "decoder come first. Eq. 3 as printed counts its σ in refinement steps, which makes a flat "
        "mean of it; as read (in training steps), it goes from one refinement step to the next and "
        "forgets the earlier. Eq. 4 weighs a step by its square. The last is what the report's "
        "Fig. 19 warns of. Read off the trainings of " + ", ".join(names.values()) + "."
    )
    return Drawing(
        draw_schedules(weights),
        draw_schedules,
        "Schedules: which refinement steps a training looks at",
        "",
        caption,
        [path for name in names.values() for path in curve_files(study, name)[:1]],
        list(names.values()),
        {"final_weights": {title: list(map(rounded, mu[:, -1])) for title, mu in weights.items()}},
    )


def _with_rule(study: Study, name: str, rule: str) -> None:
    """Refuse an experiment that does not learn what the figure shows."""
    block = study.params.experiment(name)
    if not (isinstance(block, IterativeExperiment) and block.rule == rule):
        raise InputError(f"params.yaml: experiments.{name}", f"has no {rule} rule", "restore it")


def _seeds(values: np.ndarray) -> str:
    return f" Mean of {len(values)} seeds, which are the faint lines." if len(values) > 1 else ""
