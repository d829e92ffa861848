"""Figs. 12 and 15: what is chosen by rule, and what the colours say."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from flowmend.evaluation.boundaries import motion_boundaries
from flowmend.evaluation.statistics import Estimate
from flowmend.figures.edge_completion import (
    NEAR_PX,
    DrawnEdges,
    choose_examples,
    draw_edge_completion,
)
from flowmend.figures.edges import EdgeSources, draw_edge_sources
from flowmend.figures.style import BLUE, GREEN, GREY, VERMILION, encode

SIDE = 16


def _example(clip: str, drawn_at: int, length: int = 8, clutter: int = 0) -> DrawnEdges:
    """A hole crossed by a line at column 6; drawn at another column, with clutter far away."""
    hole, boundaries, drawn = np.zeros((3, SIDE, SIDE), bool)
    hole[4:12, 2:14] = True
    boundaries[4 : 4 + length, 6] = True
    drawn[4:12, drawn_at] = True
    drawn[4 : 4 + clutter, 12] = True
    true = boundaries.copy()
    true[1, 1:5] = True
    return DrawnEdges(clip, hole, true, boundaries, {"net": drawn, "fill": ~drawn})


class TestChoice:
    def test_median_is_of_the_long_quarter_and_worst_of_all_the_others(self) -> None:
        exact, apart = [_example(f"long_{k}", column) for k, column in enumerate((6, 9))]
        between = _example("long_between", 6, clutter=2)
        short = [_example(f"short_{k}", 6, length=2) for k in range(8)]
        cluttered = _example("short_cluttered", 6, length=2, clutter=7)
        tries = [cluttered, exact, *short, between, apart]
        median, worst = choose_examples(tries).values()
        assert exact.f_measure() > between.f_measure() > apart.f_measure()
        assert median is between
        assert worst is max(tries, key=DrawnEdges.false_px)

    def test_order_does_not_matter(self) -> None:
        tries = [_example(f"clip_{k}", 3 + k % 5, clutter=k % 3) for k in range(9)]
        assert choose_examples(tries) == choose_examples(tries[::-1])

    def test_a_single_clip_is_shown_as_both(self) -> None:
        only = _example("only", 6)
        assert list(choose_examples([only]).values()) == [only, only]

    def test_numbers_are_those_of_the_hole(self) -> None:
        example = _example("clip", 6, clutter=3)
        assert example.length_px() == 8
        assert example.false_px() == 3
        assert example.f_measure() == pytest.approx(2 * (8 / 11) / (1 + 8 / 11))
        outside = example.hole.size - example.hole.sum()
        assert example.false_px("fill") < example.hole.size - outside


def _pictures(example: DrawnEdges) -> list[np.ndarray]:
    figure = draw_edge_completion({"why": example})
    return [np.asarray(axes.images[0].get_array()) for axes in figure.subfigs[0].axes]


class TestFigure15:
    def test_colours_say_known_true_right_and_false(self) -> None:
        example = _example("clip", 6 + NEAR_PX, clutter=3)
        truth, net, fill = _pictures(example)
        for picture in (truth, net, fill):
            assert tuple(picture[1, 2]) == to_rgb(GREY)
        assert tuple(truth[5, 6]) == to_rgb(GREEN)
        assert tuple(net[5, 6 + NEAR_PX]) == to_rgb(BLUE)
        assert tuple(net[5, 12]) == to_rgb(VERMILION)
        assert tuple(fill[1, 10]) == (1, 1, 1)

    def test_same_examples_same_bytes(self) -> None:
        first, second = (
            encode(draw_edge_completion({"a": _example("a", 6), "b": _example("b", 9)}))
            for _ in range(2)
        )
        assert first == second

    def test_says_how_good_each_is(self) -> None:
        figure = draw_edge_completion({"why": _example("clip", 6, clutter=3)})
        labels = [axes.get_xlabel() for axes in figure.subfigs[0].axes]
        assert labels[0] == "8 px in the hole"
        assert labels[1].endswith("3 px false")


class TestFigure12:
    def _sources(self) -> EdgeSources:
        flow = np.zeros((2, SIDE, SIDE), np.float32)
        flow[0, :, 8:] = 3
        edges = dict.fromkeys(("segmentation", "image", "flow"), motion_boundaries(flow))
        picture = np.zeros((3, 2 * SIDE, 2 * SIDE), np.uint8)
        return EdgeSources("clip", 1, picture, np.eye(SIDE, dtype=np.uint8), flow, edges)

    def test_bars_are_the_measured_values_best_on_top(self) -> None:
        values = {"image": 0.5, "flow": 0.9, "segmentation": 0.7}
        agreements = {
            tolerance: {s: Estimate(v + more, v, v + 2 * more) for s, v in values.items()}
            for tolerance, more in (("1 px", 0.0), ("2 px", 0.05))
        }
        figure = draw_edge_sources(self._sources(), agreements)
        (axes,) = figure.subfigs[1].axes
        strict, loose = ([bar.get_width() for bar in bars.patches] for bars in axes.containers)
        assert strict == [0.5, 0.7, 0.9]
        assert loose == pytest.approx([0.55, 0.75, 0.95])
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names[0] == "Canny on the image"

    def test_without_a_truth_there_are_no_bars(self) -> None:
        figure = draw_edge_sources(self._sources())
        assert not figure.subfigs
        assert len(figure.axes) >= 8
