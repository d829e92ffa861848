"""Figures of losses: 6, and how generator and discriminator kept balance (2.2.7)."""

from collections.abc import Sequence

import numpy as np
import torch

from flowmend.errors import InputError
from flowmend.figures.adversarial import Contest, draw_balance, draw_loss_terms
from flowmend.holes import setup_frames
from flowmend.losses.adversarial import ADVERSARIES
from flowmend.losses.consistency import forward_backward
from flowmend.stages.drawings.drawing import Drawing, Study, rounded
from flowmend.stages.drawings.experiment_words import (
    LOSS_WORDS,
    contest_words,
    lambda_words,
)
from flowmend.stages.drawings.mended_cases import flow_experiment
from flowmend.stages.drawings.training_curves import column, curve_files
from flowmend.training.windows import corner, window_px

OF_FIG05 = "lambda_1_1_0"


def loss_terms(study: Study) -> Drawing:
    """Fig. 6: each term of the losses of Fig. 5's experiment, step by step.

    Raises:
        InputError: a curve is missing or lacks a term.
    """
    block = flow_experiment(study, OF_FIG05)
    paths = curve_files(study, OF_FIG05)
    terms = {name: column(paths, name) for name in block.losses}
    of_truth = {}
    if "forward_backward" in terms:
        shapes = tuple(block.hole_shapes or study.params.at(study.scale).holes.shapes)
        of_truth["forward_backward"] = rounded(_round_trip_of_truth(study, shapes, block.setup))
    last = {name: rounded(_last(values)) for name, values in terms.items()}
    caption = (
        f"Losses of the experiment of Fig. 5 ({lambda_words(block)}) during training, "
        "before they are weighted. Faint lines are single steps of each seed, bold ones a running "
        "mean over a twentieth of the training and over seeds. Losses cover the whole of what a "
        "step looks at, not only the hole, and every step looks at other clips. Even "
        "the true flow does not score zero in the round trip (dashed: its mean over windows of "
        "the same kind around the test holes): what becomes hidden has no way back. Means over "
        "the last tenth: "
        + ", ".join(f"{LOSS_WORDS[name]} {value:.2g} px" for name, value in last.items())
        + "."
    )
    return Drawing(
        draw_loss_terms(
            {LOSS_WORDS[name]: values for name, values in terms.items()},
            {LOSS_WORDS[name]: value for name, value in of_truth.items()},
        ),
        draw_loss_terms,
        "Loss curves of the experiment of Fig. 5",
        "6",
        caption,
        [*paths, *study.clips.files("flow", "holes")],
        [OF_FIG05],
        {"over_last_tenth_px": last, "of_the_truth_px": of_truth},
    )


def balance(study: Study) -> Drawing:
    """Claim C6: accuracy and scores of every discriminator, and what the generator pays.

    Raises:
        InputError: no experiment is adversarial, or a curve is missing or lacks a column.
    """
    blocks = study.params.experiments
    names = [name for name, block in blocks.items() if set(ADVERSARIES) & set(block.losses)]
    if not names:
        raise InputError("params.yaml: experiments", "none is adversarial", "restore one")
    contests = {name: _contest(study, name) for name in names}
    facts = {
        name: {
            "accuracy": rounded(contest.last(contest.accuracy)),
            "true_score": rounded(contest.last(contest.true_score)),
            "false_score": rounded(contest.last(contest.false_score)),
            "generator_term": rounded(contest.last(contest.generator_term)),
        }
        for name, contest in contests.items()
    }
    accuracies = ", ".join(
        f"{contests[name].words.replace(chr(10), ', ')} {fact['accuracy']:.0%}"
        for name, fact in facts.items()
    )
    caption = (
        "How well each discriminator does against the network that it judges. Top: the share of "
        "patches (of samples, for the critic) that it tells right, half of them true; 50 % is "
        "guessing. Middle: its mean score of truth and of what was mended, a probability for a "
        "PatchGAN, without unit for a Wasserstein critic. Bottom: the adversarial loss of the "
        "mending network, unweighted; ln 2 when it fools a PatchGAN half the time. Faint lines are "
        "single steps, bold ones a running mean. Told right over the last tenth of the training: "
        f"{accuracies}."
    )
    return Drawing(
        draw_balance(list(contests.values())),
        draw_balance,
        "Discriminator and generator: who has the upper hand",
        "",
        caption,
        [path for name in names for path in curve_files(study, name)],
        names,
        {"over_last_tenth": facts},
    )


def _contest(study: Study, name: str) -> Contest:
    block, paths = study.params.experiments[name], curve_files(study, name)
    adversary = next(loss for loss in block.losses if loss in ADVERSARIES)
    wanted = ("discriminator_accuracy", "true_score", "false_score", adversary)
    values = [column(paths, name) for name in wanted]
    return Contest(contest_words(block), ADVERSARIES[adversary].is_critic, *values)


def _last(values: np.ndarray) -> float:
    return float(values[:, -max(1, values.shape[1] // 10) :].mean())


def _round_trip_of_truth(study: Study, shapes: Sequence[str], setup: str) -> float:
    """The forward–backward loss of the true flow, in windows as training cuts them, px."""
    names, hidden = study.clips.names, np.flatnonzero(setup_frames(setup, study.frames))
    frames = slice(max(int(hidden[0]) - 1, 0), int(hidden[-1]) + 2)
    holes = np.stack([[study.clips.hole(name, shape) for shape in shapes] for name in names])
    height, width = window_px(holes)
    losses = []
    for name, of_clip in zip(names, holes):
        flow = torch.from_numpy(study.clips.flow(name, study.frames)[frames])
        for hole in of_clip:
            top, left = corner(hole, (height, width))
            window = flow[None, ..., top : top + height, left : left + width]
            losses.append(float(forward_backward(window)))
    return float(np.mean(losses))
