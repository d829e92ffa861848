"""Figures 2, 3b and the warping toy say what the arrays say; nothing is cut off."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from drawn_text import cut_off, overlapping
from flowmend.evaluation.moving_patterns import error_ratios, pattern_test
from flowmend.figures.backward_flow import (
    PredictedPair,
    draw_occlusion_example,
    draw_sanity_check,
)
from flowmend.figures.moving_patterns import (
    LIMITS_PX,
    MovedPattern,
    RatiosByLength,
    draw_moving_patterns,
)
from flowmend.figures.style import encode


def _pair(seed: int = 0) -> PredictedPair:
    forward, after, predicted = (
        np.random.default_rng(seed).normal(size=(3, 2, 12, 20)).astype(np.float32)
    )
    return PredictedPair("a_clip", 2, forward, after, predicted)


def _toy() -> Figure:
    test = pattern_test(30)
    of = test.patterns
    outputs = {"U-Net": of.before, "+ coordinates": of.after * 0.5, "+ warping module": of.after}
    examples = [
        MovedPattern(
            test.condition(n), of.before[n, 0], of.after[n, 0], of.flow[n], of.arrived[n, 0],
            {label: pictures[n, 0] for label, pictures in outputs.items()},
        )
        for n in range(4)
    ]  # fmt: skip
    conditions = [
        RatiosByLength(
            title,
            test.lengths_px[which],
            {label: error_ratios(p, of)[which] for label, p in outputs.items()},
        )
        for title, which in (("everything moves", test.uniform), ("an object", ~test.uniform))
    ]
    return draw_moving_patterns(examples, conditions)


def _occlusions(both: bool) -> Figure:
    covered, uncovered = np.zeros((2, 12, 20), bool)
    covered[3:6, :4] = True  # touches the frame
    uncovered[3:6, 9:12] = both
    return draw_occlusion_example(_pair(), covered, uncovered)


FIGURES = {
    "fig02": lambda: draw_sanity_check(_pair(0), _pair(1)),
    "fig03b": lambda: _occlusions(both=True),
    "fig03b_without_disocclusion": lambda: _occlusions(both=False),
    "warping_toy": _toy,
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_text_can_be_read(name: str) -> None:
    figure = FIGURES[name]()
    assert not cut_off(figure)
    assert not overlapping(figure)


def test_same_bytes() -> None:
    assert encode(_occlusions(both=True)) == encode(_occlusions(both=True))


def test_error_is_the_distance_to_the_target() -> None:
    pair = _pair()
    x, y = pair.predicted[:, 3, 4] - pair.backward_next[:, 3, 4]
    assert pair.error()[3, 4] == pytest.approx(np.sqrt(x * x + y * y))


def test_one_scale_holds_all_three_fields() -> None:
    still = np.zeros((2, 8, 8), np.float32)
    fast = still.copy()
    fast[0] = 3.3
    for fields in ((fast, still, still), (still, fast, still), (still, still, fast)):
        assert PredictedPair("c", 0, *fields).rim() == pytest.approx(3.3)


def test_estimates_are_means_between_limits() -> None:
    lengths = np.array([1.0, 1.5, 3.0, 7.0])
    found = RatiosByLength("t", lengths, {"n": np.array([0.2, 0.4, 0.5, 0.9])}).estimates("n")
    assert len(found) == len(LIMITS_PX) - 1
    assert [e.value for e in found] == pytest.approx([0.3, 0.5, np.nan, 0.9], nan_ok=True)
    assert 0.2 <= found[0].low < found[0].value < found[0].high <= 0.4
