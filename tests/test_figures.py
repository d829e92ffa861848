"""Figures say what the arrays say: colours, outlines, choices, minimisers; nothing is cut off."""

import math
import struct

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from flowmend.evaluation.minimisers import STEP_PX, minimise_round_trip
from flowmend.figures.colour_wheel import flow_colours, wheel, wheel_picture
from flowmend.figures.consistency import (
    Moment,
    Pair,
    PairMeasure,
    choose_pairs,
    draw_round_trips,
    draw_spatio_temporal,
    relative_motion,
)
from flowmend.figures.curves import Curve, draw_curves
from flowmend.figures.edges import EdgeSources, draw_edge_agreement, draw_edge_sources
from flowmend.figures.occlusions import draw_minimisers
from flowmend.figures.overview import MendedCase, draw_overview
from flowmend.figures.panels import colour_bar, outline, round_up, show_error, window
from flowmend.figures.results import draw_results
from flowmend.figures.storage import draw_storage
from flowmend.figures.style import encode, new_figure


def _published_wheel() -> list[tuple[int, int, int]]:
    """``makecolorwheel`` of the benchmark's colorcode.cpp, integer arithmetic and all."""
    ry, yg, gc, cb, bm, mr = 15, 6, 4, 11, 13, 6
    cols = [(255, 255 * i // ry, 0) for i in range(ry)]
    cols += [(255 - 255 * i // yg, 255, 0) for i in range(yg)]
    cols += [(0, 255, 255 * i // gc) for i in range(gc)]
    cols += [(0, 255 - 255 * i // cb, 255) for i in range(cb)]
    cols += [(255 * i // bm, 0, 255) for i in range(bm)]
    cols += [(255, 0, 255 - 255 * i // mr) for i in range(mr)]
    return cols


def _published_colour(fx: float, fy: float) -> list[int]:
    """``computeColor`` of colorcode.cpp."""
    cols = _published_wheel()
    rad, a = math.hypot(fx, fy), math.atan2(-fy, -fx) / math.pi
    fk = (a + 1) / 2 * (len(cols) - 1)
    k0 = int(fk)
    k1, f = (k0 + 1) % len(cols), fk - int(fk)
    pixel = []
    for b in range(3):
        col = (1 - f) * cols[k0][b] / 255 + f * cols[k1][b] / 255
        col = 1 - rad * (1 - col) if rad <= 1 else col * 0.75
        pixel.append(int(255 * col))
    return pixel


def test_wheel_is_the_published_one() -> None:
    np.testing.assert_array_equal(np.rint(wheel() * 255).astype(int), _published_wheel())


@given(st.floats(-2, 2, width=32), st.floats(-2, 2, width=32))
def test_colours_are_the_published_ones(x: float, y: float) -> None:
    found = flow_colours(np.array([x, y], float).reshape(2, 1, 1), 1.0).reshape(3).astype(int)
    # 1: the published code rounds down numbers that the last bit decides.
    assert np.abs(found - _published_colour(x, y)).max() <= 1


def test_rest_is_white_right_is_red_unknown_is_black() -> None:
    flow = np.array([[0.0, 3.0, np.nan], [0.0, 0.0, 1.0]]).reshape(2, 1, 3)
    colours = flow_colours(flow, 3.0)[:, 0].T
    np.testing.assert_array_equal(colours, [(255, 255, 255), (255, 0, 0), (0, 0, 0)])


def test_scale_of_the_wheel_is_its_rim() -> None:
    flow = np.random.default_rng(0).normal(size=(2, 4, 5))
    np.testing.assert_array_equal(flow_colours(flow, 2.0), flow_colours(3 * flow, 6.0))


def test_wheel_picture_is_round_and_points_as_its_colours() -> None:
    picture = wheel_picture(101)
    assert picture[3, 50, 50] == 255
    assert picture[3, 0, 0] == 0
    right = flow_colours(np.array([0.98, 0.0]).reshape(2, 1, 1), 1.0).reshape(3)
    assert np.abs(picture[:3, 50, 97].astype(int) - right).max() <= 6


class TestMinimisers:
    """Reading R7 and pitfall 5."""

    def test_an_occlusion_ends_in_the_ramp(self) -> None:
        found = minimise_round_trip("occlusion")
        assert np.abs(found.smallest - np.clip(1 - found.x, 0, 1)).max() <= STEP_PX
        np.testing.assert_array_equal(found.smallest, found.largest)

    def test_the_ramp_leaves_up_to_half_the_motion(self) -> None:
        found = minimise_round_trip("occlusion")
        hidden = np.clip(np.minimum(found.x, 1 - found.x), 0, None)
        assert np.abs(found.error - hidden).max() <= STEP_PX
        assert found.error.max() == pytest.approx(0.5, abs=STEP_PX)

    def test_a_disocclusion_has_two_perfect_answers_the_truth_and_the_copy(self) -> None:
        found = minimise_round_trip("disocclusion")
        np.testing.assert_array_equal(found.error, 0)
        np.testing.assert_array_equal(found.smallest, found.at_next)
        np.testing.assert_array_equal(found.largest, found.at_t)

    def test_the_answer_does_not_hang_on_the_step(self) -> None:
        coarse = minimise_round_trip("occlusion", 1 / 64)
        assert np.abs(coarse.smallest - np.clip(1 - coarse.x, 0, 1)).max() <= 1 / 64


def _pair(forward: tuple[float, float], backward: tuple[float, float]) -> Pair:
    fields = [
        np.full((12, 16, 2), v, np.float32).transpose(2, 0, 1).copy() for v in (forward, backward)
    ]
    return Pair("clip", 0, "exact", *fields)


class TestPairs:
    def test_opposite_translations_agree(self) -> None:
        measure = _pair((1.5, -0.5), (-1.5, 0.5)).measure()
        assert measure.error_px == pytest.approx(0, abs=2e-6)
        assert measure.motion_px == pytest.approx(math.hypot(1.5, 0.5))

    def test_error_is_the_length_of_what_does_not_cancel(self) -> None:
        np.testing.assert_allclose(_pair((3.0, 0.0), (0.0, 4.0)).error(), 5.0, rtol=1e-6)

    def test_choice_ignores_slow_pairs_and_takes_the_extremes(self) -> None:
        slow = [
            PairMeasure(f"slow{k}", 0, "exact", 0.1, error) for k, error in enumerate([0, 9] * 5)
        ]
        fast = [
            PairMeasure(f"fast{k}", 0, "exact", 5.0, error) for k, error in enumerate([2, 1, 3])
        ]
        good, bad = choose_pairs([*slow, *fast])
        assert (good.clip, bad.clip) == ("fast1", "fast2")

    def test_choice_does_not_hang_on_order(self) -> None:
        measures = [PairMeasure(f"c{k}", 0, "dis", 1.0, 1.0) for k in range(9)]
        assert choose_pairs(measures) == choose_pairs(measures[::-1])

    def test_relative_motion_is_zero_under_a_pan(self) -> None:
        flow = np.zeros((2, 8, 8), np.float32) + np.array([3.0, 1.0], np.float32)[:, None, None]
        assert relative_motion(flow) == 0
        flow[0, :2] += 4
        assert relative_motion(flow) == pytest.approx(1.0)


def test_outline_is_the_perimeter_along_pixel_sides() -> None:
    hole = np.zeros((6, 8), bool)
    hole[2:4, 3:7] = True
    axes = new_figure(2, 2).subplots()
    outline(axes, hole)
    for sides in (c for c in axes.collections if isinstance(c, LineCollection)):
        ends = np.array(sides.get_segments())
        assert len(ends) == 2 * (2 + 4)
        assert (ends[..., 0].min(), ends[..., 0].max()) == (2.5, 6.5)
        assert (ends[..., 1].min(), ends[..., 1].max()) == (1.5, 3.5)


def test_outline_closes_at_the_frame() -> None:
    axes = new_figure(2, 2).subplots()
    outline(axes, np.ones((3, 4), bool))
    assert len(np.array(axes.collections[0].get_segments())) == 2 * (3 + 4)


@pytest.mark.parametrize(("largest", "extend"), [(0.5, "max"), (1.0, "neither")])
def test_colour_bar_says_when_values_lie_beyond(largest: float, extend: str) -> None:
    axes = new_figure(2, 2).subplots()
    shown = show_error(axes, np.linspace(0, 1, 12).reshape(3, 4), largest)
    bar = colour_bar(axes, shown, "error (px)")
    assert bar.extend == extend
    assert bar.ax.get_ylabel() == "error (px)"


@pytest.mark.parametrize(
    ("value", "above"), [(0.0, 0.01), (0.0123, 0.013), (1.2, 1.2), (1.21, 1.3), (99.1, 100.0)]
)
def test_round_up_keeps_two_digits(value: float, above: float) -> None:
    assert round_up(value) == pytest.approx(above)


@settings(max_examples=60)
@given(st.data())
def test_window_holds_the_hole_inside_the_frame_in_the_frames_shape(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(8, 60)), data.draw(st.integers(8, 60))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top, height - 1)), data.draw(st.integers(left, width - 1))
    hole = np.zeros((height, width), bool)
    hole[top : bottom + 1, left : right + 1] = True
    y, x, scale = window(hole)
    assert 0 < scale <= 1
    assert -0.5 - 1e-9 <= y <= top - 0.5 + 1e-9
    assert -0.5 - 1e-9 <= x <= left - 0.5 + 1e-9
    assert bottom + 0.5 - 1e-9 <= y + scale * height <= height - 0.5 + 1e-9
    assert right + 0.5 - 1e-9 <= x + scale * width <= width - 0.5 + 1e-9


def test_smoothed_curve_is_a_mean_over_seeds_and_time() -> None:
    loss = np.stack([np.full(40, 1.0), np.full(40, 3.0)])
    np.testing.assert_allclose(Curve("unet", "zero", loss).smoothed(), 2.0)
    falling = np.concatenate([np.full(90, 5.0), np.full(10, 1.0)])[None]
    assert Curve("unet", "zero", falling).final() == 1.0


def test_gradient_on_edges_finds_the_step() -> None:
    flow = np.zeros((2, 8, 8), np.float32)
    flow[0, :, 4:] = 2.0
    edges = {"step": np.zeros((8, 8), bool), "flat": np.zeros((8, 8), bool)}
    edges["none"] = np.zeros((8, 8), bool)
    edges["step"][:, 3:5] = True
    edges["flat"][:, 0] = True
    found = _sources(flow, edges).gradient_on_edges()
    assert found["step"] == pytest.approx(1.0, rel=1e-5)
    assert found["flat"] == pytest.approx(0, abs=1e-5)
    assert math.isnan(found["none"])


def _sources(flow: np.ndarray, edges: dict[str, np.ndarray]) -> EdgeSources:
    size = flow.shape[1:]
    picture = np.zeros((3, 2 * size[0], 2 * size[1]), np.uint8)
    return EdgeSources("clip", 1, picture, np.eye(*size, dtype=np.uint8) * 9, flow, edges)


def _summary(low: float = 0.7) -> pd.DataFrame:
    rows = [
        ("biharmonic", "classical", "all_frames", 1.0, 1.0, 1.0),
        ("unet", "network", "all_frames", 0.8, low, 0.9),
        ("biharmonic", "classical", "sandwich", 1.0, 1.0, 1.0),
    ]
    columns = ["method", "kind", "setup", "ratio_biharmonic", "ratio_low", "ratio_high"]
    return pd.DataFrame(rows, columns=columns)


def _figures() -> dict[str, Figure]:
    rng = np.random.default_rng(3)
    forward, after, backward = rng.normal(size=(3, 2, 12, 20)).astype(np.float32)
    picture = rng.integers(0, 255, (3, 24, 40), np.uint8)
    hole = np.zeros((12, 20), bool)
    hole[3:7, 5:11] = True
    mended = {name: np.where(hole, 0, forward) for name in ("smooth", "a_network")}
    case = MendedCase("clip", "rectangle", 2, picture, forward, "true flow", hole, mended)
    pair = Pair("clip", 0, "dis", forward, backward)
    edges = {source: hole for source in ("segmentation", "image", "flow")}
    storage = pd.DataFrame(
        {
            "codec": ["flo", "fast", "report", "new"],
            "share_percent": [100, 6, 3, 2],
            "max_error_px": [0, 0.0078, 0.1, 0.01],
            "encode_ms": [1, 2, 3, 4],
            "decode_ms": [1, 2, 3, 4],
        }
    )
    minimisers = [minimise_round_trip(case, 1 / 32) for case in ("disocclusion", "occlusion")]
    curves = {k: Curve(k, "smooth", 1 + rng.random((2, 30))) for k in ("unet", "resnet", "other")}
    return {
        "fig01": draw_round_trips(pair, pair),
        "fig03a": draw_minimisers(*minimisers),
        "fig04": draw_spatio_temporal(Moment("clip", 0, picture, forward, after, backward)),
        "fig09": draw_curves(curves),
        "fig12": draw_edge_sources(_sources(forward, edges)),
        "fig14": draw_edge_agreement(),
        "flow_archive": draw_storage(storage, 1 / 128),
        "results": draw_results(_summary()),
        "overview": draw_overview([case, case]),
    }


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return _figures()


def _chunks(png: bytes) -> list[bytes]:
    kinds, place = [], 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kinds.append(png[place + 4 : place + 8])
        place += 12 + length
    return kinds


NAMES = (
    "fig01",
    "fig03a",
    "fig04",
    "fig09",
    "fig12",
    "fig14",
    "flow_archive",
    "results",
    "overview",
)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_cut_off(figures: dict[str, Figure], name: str) -> None:
    """Every text lies on the page: what a reader cannot read is not there."""
    figure = figures[name]
    encode(figure)
    width, height = figure.bbox.size
    # Ticks beyond an axis keep their labels, undrawn, wherever they would be.
    ticks = {label for axis in figure.findobj(Axis) for label in axis.get_ticklabels(which="both")}
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    for text in (t for t in texts if t not in ticks):
        box = text.get_window_extent()
        assert min(box.x0, box.y0) > -2, text
        assert max(box.x1 - width, box.y1 - height) < 2, text


@pytest.mark.parametrize("name", ["fig04", "results"])
def test_png_has_the_same_bytes_and_names_no_date_or_version(name: str) -> None:
    png = encode(_figures()[name])
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 33}):
        assert encode(_figures()[name]) == png
    assert set(_chunks(png)) <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}


def test_results_without_intervals_are_drawn() -> None:
    assert encode(draw_results(_summary(low=float("nan")))).startswith(b"\x89PNG")
