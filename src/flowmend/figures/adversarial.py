"""Fig. 6 and the balance of the adversarial trainings: losses step by step (report, 2.2.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from flowmend.figures.style import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    PURPLE,
    VERMILION,
    new_figure,
    styled,
)

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
_WINDOW_SHARE = 20
_GUESSING = "a discriminator that guesses: 50 %, ln 2"

Steps = Float[ndarray, "seeds steps"]


def running_mean(values: Steps) -> Float[ndarray, "steps"]:
    """Mean over seeds, then over a centred window of a twentieth of the training."""
    mean = pd.Series(values.mean(axis=0))
    window = max(3, len(mean) // _WINDOW_SHARE)
    return mean.rolling(window, center=True, min_periods=1).mean().to_numpy()


@styled
def draw_loss_terms(terms: Mapping[str, Steps], of_truth: Mapping[str, float]) -> Figure:
    """Fig. 6: one panel a term of the loss, in px against the step.

    Args:
        terms: by name, one row a seed.
        of_truth: what the true flow itself scores, px, for terms where that is not zero.
    """
    figure = new_figure(3.4 * len(terms) + 0.4, 2.9)
    panels = figure.subplots(1, len(terms), squeeze=False)[0]
    for panel, (name, values), colour in zip(panels, terms.items(), _COLOURS * len(terms)):
        _plot(panel, values, colour, "")
        panel.set(title=name, ylabel="loss (px)")
        top = float(np.percentile(values, 99)) * 1.08
        panel.set_ylim(0, max(top, 1.15 * of_truth.get(name, 0.0)))
        if name in of_truth:
            panel.axhline(of_truth[name], color=MUTED, lw=1.1, ls="--")
            panel.text(
                0.985, 0.94 * of_truth[name], f"the true flow: {of_truth[name]:.2g} px",
                ha="right", va="top", fontsize=7.5, color=MUTED,
                transform=panel.get_yaxis_transform(),
            )  # fmt: skip
    return figure


@dataclass(frozen=True)
class Contest:
    """How a discriminator and what it judges kept each other in check, one row a seed.

    Attributes:
        words: what is trained.
        is_critic: True for a Wasserstein critic, whose scores have no unit and no bound.
        accuracy: share of what it sees that the discriminator tells right, in [0, 1].
        true_score, false_score: its mean score of truth and of predictions; probabilities of
            being true unless it is a critic.
        generator_term: the generator's adversarial loss, unweighted.
    """

    words: str
    is_critic: bool
    accuracy: Steps
    true_score: Steps
    false_score: Steps
    generator_term: Steps

    def last(self, values: Steps) -> float:
        """Mean over the last tenth of the training."""
        return float(values[:, -max(1, values.shape[1] // 10) :].mean())


@styled
def draw_balance(contests: Sequence[Contest]) -> Figure:
    """One column a training: the discriminator's accuracy, its scores, the generator's term."""
    figure = new_figure(0.5 + 2.2 * len(contests), 5.6)
    axes = figure.subplots(3, len(contests), sharex="col", squeeze=False)
    top = max([1.0, *(_top(c.generator_term) for c in contests if not c.is_critic)])
    for column, contest in zip(axes.T, contests):
        _draw_accuracy(column[0], contest)
        _draw_scores(column[1], contest)
        _plot(column[2], contest.generator_term, ORANGE, "")
        if not contest.is_critic:
            column[2].set_ylim(0, top)
            _level(column[2], np.log(2))
        column[2].set_xlabel("training step")
        for panel in column[:2]:
            panel.set_xlabel("")
    for panel, word in zip(axes[:, 0], ("told right (%)", "mean score", "adversarial loss")):
        panel.set_ylabel(word)
    guessing, scores = (
        axes[0, 0].get_legend_handles_labels(),
        axes[1, 0].get_legend_handles_labels(),
    )
    both = [one + other for one, other in zip(scores, guessing)]
    figure.legend(*both, loc="outside upper center", ncols=3)
    return figure


def _top(values: Steps) -> float:
    return 1.1 * float(running_mean(values).max())


def _draw_accuracy(panel: Axes, contest: Contest) -> None:
    _plot(panel, 100 * contest.accuracy, BLUE, "")
    panel.set(title=contest.words, ylim=(0, 104), yticks=[0, 25, 50, 75, 100])
    _level(panel, 50)


def _draw_scores(panel: Axes, contest: Contest) -> None:
    _plot(panel, contest.true_score, GREEN, "score of the truth")
    _plot(panel, contest.false_score, VERMILION, "score of what was mended")
    if contest.is_critic:
        panel.set_ylabel("critic's score (no unit)")
    else:
        panel.set(ylim=(0, 1.02))


def _level(panel: Axes, value: float) -> None:
    panel.axhline(value, color=MUTED, lw=1.0, ls="--", label=_GUESSING)


def _plot(panel: Axes, values: Steps, colour: str, label: str) -> None:
    """Each seed faint, the running mean of all bold."""
    steps = np.arange(1, values.shape[1] + 1)
    for seed in values:
        panel.plot(steps, seed, color=colour, alpha=0.2, lw=0.6)
    panel.plot(steps, running_mean(values), color=colour, lw=1.8, label=label or None)
    panel.set_xlabel("training step")
    panel.grid(axis="y")
    panel.margins(x=0.01)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
