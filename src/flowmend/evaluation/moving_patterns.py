"""Can a network move a pattern? Errors by displacement, on patterns that are always the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from flowmend.datasets.moving_patterns import Patterns, draw_motions, render
from flowmend.evaluation.tasks import TaskRow

TASK = "move_pattern"
COUNT = 400
BINS_PX = ((0, 2), (2, 4), (4, 8))
_SEED = (0x57A7, 1)  # two numbers: no (seed, step) of a training small enough to be run

Mover = Callable[[Tensor, Tensor], Tensor]  # pattern, flow -> moved pattern


@dataclass(frozen=True)
class PatternTest:
    """The test patterns.

    Attributes:
        patterns: before and after; every second one is ``uniform``.
        uniform: (N,).
        lengths_px: of the displacements, (N,).
    """

    patterns: Patterns
    uniform: Bool[ndarray, "patterns"]
    lengths_px: Float[ndarray, "patterns"]

    def condition(self, number: int) -> str:
        """What moves, and how far: ``uniform 0-2 px`` to ``object 4-8 px``."""
        length = self.lengths_px[number]
        low, high = next((low, high) for low, high in BINS_PX if length <= high)
        return f"{'uniform' if self.uniform[number] else 'object'} {low}-{high} px"


def pattern_test(count: int = COUNT) -> PatternTest:
    """The first ``count`` test patterns."""
    uniform = np.arange(COUNT) % 2 == 0
    motions = draw_motions(np.random.default_rng(_SEED), uniform)
    drawn = render(motions)
    lengths = np.hypot(*motions.displacements.T)
    maps = (drawn.before, drawn.flow, drawn.after, drawn.told, drawn.arrived)
    return PatternTest(Patterns(*(m[:count] for m in maps)), uniform[:count], lengths[:count])


@torch.inference_mode()
def moved_by(mover: Mover, test: PatternTest) -> Float[ndarray, "patterns 1 height width"]:
    """What a network makes of the test patterns."""
    parts = zip(
        *(torch.from_numpy(m).split(50) for m in (test.patterns.before, test.patterns.flow))
    )
    return np.concatenate([mover(before, flow).numpy() for before, flow in parts])


def error_ratios(
    moved: Float[ndarray, "patterns 1 height width"], patterns: Patterns
) -> Float[ndarray, "patterns"]:
    """L1 error over that of not moving the pattern: 0 is perfect, 1 is no better than a copy.

    Judged where the motion brought something that was in view before: neither the background at
    rest, which a copy gets right, nor what comes from beyond the picture.
    """
    own, copied = (
        (np.abs(picture - patterns.after) * patterns.arrived).sum(axis=(1, 2, 3), dtype=float)
        for picture in (moved, patterns.before)
    )
    return own / copied


def rows(method: str, seed: int, mover: Mover, test: PatternTest) -> Iterator[TaskRow]:
    """One row a test pattern: ``error_ratio``.

    Args:
        method: the experiment.
        seed: of its training.
        mover: patterns (B, 1, H, W) and flow (B, 2, H, W) to moved patterns.
        test: the patterns.
    """
    ratios = error_ratios(moved_by(mover, test), test.patterns)
    for number, ratio in enumerate(ratios):
        condition = test.condition(number)
        yield TaskRow(TASK, method, seed, str(number), condition, "error_ratio", float(ratio))
