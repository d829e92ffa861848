"""Figs. 5, 7, 8, 11, 13 and 14's result say what the arrays say."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from drawn_text import cut_off, overlapping, texts
from flowmend.figures.colour_wheel import flow_colours
from flowmend.figures.completions import (
    MendedClip,
    draw_inpainting,
    draw_networks,
    draw_settings,
)
from flowmend.figures.joint_edges import (
    JointCase,
    WithoutEdges,
    agreement,
    draw_agreement,
    draw_joint,
    show_edges,
)
from flowmend.figures.panels import rim
from flowmend.figures.style import encode, new_figure

FRAMES, SIZE = 6, (24, 32)
FIVE = ("a", "b", "c", "d", "e")


def _clip(methods: tuple[str, ...] = FIVE) -> MendedClip:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=(FRAMES, 2, *SIZE)).astype(np.float32)
    hole = np.zeros((FRAMES, *SIZE), bool)
    hole[2:4, 6:14, 9:20] = True
    mended = {
        name: np.where(hole[:, None], truth + np.float32(k + 1), truth)
        for k, name in enumerate(methods)
    }
    return MendedClip("test_0001", "rectangle", truth, hole, mended)


def _joint() -> tuple[JointCase, WithoutEdges]:
    clip = _clip(("with", "without"))
    rng = np.random.default_rng(4)
    hole, true_edges = clip.hole[2], rng.random(SIZE) < 0.2
    edges = np.where(hole, rng.random(SIZE), true_edges).astype(np.float32)
    case = JointCase("clip", 2, hole, clip.truth[2], clip.mended["with"][2], true_edges, edges)
    return case, WithoutEdges(clip.mended["without"][2], true_edges)


def _figures() -> dict[str, Figure]:
    clip, (case, without) = _clip(), _joint()
    three = _clip(("warp", "plain", "position"))
    words = dict.fromkeys(FIVE, "λ = (1, 1, 0.1)")
    notes = dict.fromkeys(FIVE, "1.41 px here; all: 1.72 px [1.66, 1.79]")
    titles = {"warp": "U-Net + warping module", "plain": "U-Net", "position": "CoordConv U-Net"}
    return {
        "fig05": draw_inpainting(clip, "b"),
        "fig08": draw_settings(clip, 2, "λ = (L1, forward–backward, PatchGAN)", words, notes),
        "fig11": draw_networks([three, three], 2, titles),
        "fig13": draw_joint([(case, without), (case, without)]),
        "fig14_result": draw_agreement(case, 0.5),
    }


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return _figures()


def _pictures(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def test_given_is_unknown_in_the_hole_alone() -> None:
    clip = _clip()
    assert np.isnan(clip.given()[:, 0] + clip.given()[:, 1])[clip.hole].all()
    np.testing.assert_array_equal(
        clip.given()[~clip.hole[:, None].repeat(2, 1)],
        clip.truth[~clip.hole[:, None].repeat(2, 1)],
    )


def test_error_is_the_mean_distance_in_the_hole() -> None:
    clip = _clip()
    assert clip.mean_error("b") == pytest.approx(2 * np.sqrt(2), rel=1e-6)
    assert clip.mean_error("b", 3) == pytest.approx(2 * np.sqrt(2), rel=1e-6)
    np.testing.assert_array_equal(clip.error("b")[~clip.hole], 0)


def test_fig05_shows_every_frame_given_inpainted_true_on_one_scale() -> None:
    clip = _clip()
    pictures = _pictures(draw_inpainting(clip, "b"))
    largest = rim(clip.truth)
    flows = [clip.given(), clip.mended["b"], clip.truth]
    for row, flow in enumerate(flows):
        for frame in range(FRAMES):
            expected = np.moveaxis(flow_colours(flow[frame], largest), 0, -1)
            np.testing.assert_array_equal(pictures[row * FRAMES + frame], expected)


def test_fig05_names_the_hidden_frames_and_their_errors() -> None:
    found = texts(draw_inpainting(_clip(), "b"))
    assert {"frame 1", "frame 2, hidden", "frame 3, hidden", "error (px)"} <= set(found)
    assert found.count("2.83 px") == 2
    assert found.count("known") == FRAMES - 2


def test_fig08_ends_with_the_truth(figures: dict[str, Figure]) -> None:
    clip = _clip()
    pictures = _pictures(figures["fig08"])
    largest = rim(clip.truth[2])
    for picture, flow in zip(pictures, [clip.mended[m][2] for m in FIVE] + [clip.truth[2]]):
        np.testing.assert_array_equal(picture, np.moveaxis(flow_colours(flow, largest), 0, -1))


def test_fig11_has_the_truth_just_left_of_the_result(figures: dict[str, Figure]) -> None:
    figure = figures["fig11"]
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert [t.replace("\n", " ") for t in titles[:3]] == [
        "given",
        "truth",
        "U-Net + warping module",
    ]


def test_edges_are_grey_outside_the_hole_and_coloured_inside() -> None:
    case, _ = _joint()
    panel = new_figure(2, 2).subplots()
    shown = show_edges(panel, case.edges, case.hole)
    outside = np.asarray(panel.images[0].get_array())
    assert (outside[case.hole] == 1).all()
    assert (outside[~case.hole & case.true_edges] < 0.8).all()
    inside = shown.get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(inside), ~case.hole)
    np.testing.assert_allclose(inside.compressed(), case.edges[case.hole])


def test_agreement_is_the_losses_own() -> None:
    edges, norm = np.array([[0.0, 1.0, 1.0]]), np.array([[0.0, 0.0, 50.0]])
    np.testing.assert_allclose(agreement(edges, norm, 0.5), [[0.0, 1.0, 0.0]], atol=1e-6)


def test_mean_agreement_in_the_hole_is_written() -> None:
    case, _ = _joint()
    still = replace(case, flow=np.zeros_like(case.flow), edges=np.zeros_like(case.edges))
    assert "mean in the hole 0.00" in texts(draw_agreement(still, 0.5))


@pytest.mark.parametrize("name", ["fig05", "fig08", "fig11", "fig13", "fig14_result"])
def test_nothing_is_cut_off_or_covered(figures: dict[str, Figure], name: str) -> None:
    assert not cut_off(figures[name])
    assert not overlapping(figures[name])


def test_png_has_the_same_bytes() -> None:
    case, _ = _joint()
    assert encode(draw_agreement(case, 0.5)) == encode(draw_agreement(case, 0.5))
