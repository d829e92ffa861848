"""Rows of the edge measures: what is pooled, what is left out, and what is nobody's merit."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from flowmend.edges import flow_edges
from flowmend.estimators.clip_frames import ClipFrames
from flowmend.evaluation.boundaries import f_measure, motion_boundaries, within
from flowmend.evaluation.compare import Method
from flowmend.evaluation.edge_measures import (
    drawn_rows,
    holed_boundaries,
    mended_rows,
    source_rows,
    true_flow,
)
from flowmend.evaluation.estimated_edges import estimated_flow_edges
from flowmend.evaluation.held_out import HoledClip, holed_clip
from flowmend.evaluation.tasks import TaskRow
from flowmend.fills import FILLS
from flowmend.inpainters.classical import CLASSICAL
from flowmend.inpainters.edges import EdgeInpainter
from flowmend.networks.edge_gan import EdgeGenerator
from flowmend.types import Clip, Completion

SIDE, FRAMES, CANNY_PX = 24, 4, 0.5
BOX = ("rectangle",)


@pytest.fixture
def clip() -> HoledClip:
    """A disc moves right before a still background; one hole on its rim, one far away."""
    y, x = np.mgrid[:SIDE, :SIDE]
    flow = np.zeros((FRAMES, 2, 2, SIDE, SIDE), np.float32)
    for t in range(FRAMES):
        flow[t, 0, 0][(x - 9 - t) ** 2 + (y - 12) ** 2 < 36] = 3
    holes = np.zeros((2, SIDE, SIDE), bool)
    holes[0, 7:17, 10:20] = True
    holes[1, 1:4, 1:4] = True
    return holed_clip("disc", flow, {"rectangle": holes[0], "ellipse": holes[1]}, CANNY_PX, 2)


def _values(rows: list[TaskRow], method: str) -> dict[tuple[str, str], float]:
    return {(row.condition, row.metric): row.value for row in rows if row.method == method}


def _method(mend: Callable[[Clip], Completion], shapes: tuple[str, ...] = BOX) -> Method:
    return Method("net", "network", 3, mend, ("all_frames",), shapes)


class TestSources:
    def test_values_are_those_of_the_f_measure(self, clip: HoledClip) -> None:
        flow = clip.clip.forward[0].numpy()
        found = np.random.default_rng(0).random(flow[:, 0].shape) < 0.2
        values = _values(list(source_rows("disc", flow, {"image": found})), "image")
        for tolerance in (1, 2):
            expected = f_measure(found, motion_boundaries(flow), tolerance)
            for metric, value in expected._asdict().items():
                assert values[f"{tolerance} px", metric] == value

    def test_true_boundaries_as_a_source_are_perfect(self, clip: HoledClip) -> None:
        flow = clip.clip.forward[0].numpy()
        rows = list(source_rows("disc", flow, {"flow": motion_boundaries(flow)}))
        assert len(rows) == 6
        assert {row.value for row in rows} == {1.0}
        assert {(row.task, row.seed, row.clip) for row in rows} == {("edge_sources", None, "disc")}

    def test_no_edges_have_no_precision(self, clip: HoledClip) -> None:
        flow = clip.clip.forward[0].numpy()
        rows = source_rows("disc", flow, {"none": np.zeros((FRAMES, SIDE, SIDE), bool)})
        assert {row.metric: row.value for row in rows} == {"recall": 0, "f_measure": 0}


class TestMended:
    def test_true_flow_is_the_ceiling(self, clip: HoledClip) -> None:
        rows = list(mended_rows(true_flow(BOX), clip, CANNY_PX))
        values = _values(rows, "truth canny")
        assert values["1 px", "precision"] == 1
        assert values["1 px", "false_edges_px"] == 0
        assert values["2 px", "f_measure"] > 0.95
        assert _values(rows, "truth") == {("", "sharpness"): 1}

    def test_a_blur_loses_edges_and_sharpness(self, clip: HoledClip) -> None:
        smooth = Method("smooth", "classical", None, CLASSICAL["smooth"], ("all_frames",), BOX)
        rows = list(mended_rows(smooth, clip, CANNY_PX))
        truth = _values(list(mended_rows(true_flow(BOX), clip, CANNY_PX)), "truth canny")
        assert 0 < _values(rows, "smooth")["", "sharpness"] < 0.8
        assert _values(rows, "smooth canny")["1 px", "f_measure"] < truth["1 px", "f_measure"]

    def test_what_is_said_outside_the_hole_does_not_matter(self, clip: HoledClip) -> None:
        def shouting(seen: Clip) -> Completion:
            hole = seen.hole.unsqueeze(-3)
            noise = torch.randn(seen.forward.shape, generator=torch.Generator().manual_seed(0))
            return Completion(torch.where(hole, seen.forward, 9 * noise), seen.backward)

        honest = mended_rows(true_flow(BOX), clip, CANNY_PX)
        shouted = mended_rows(_method(shouting), clip, CANNY_PX)
        assert [row.value for row in shouted] == [row.value for row in honest]

    def test_predicted_edges_have_rows_of_their_own(self, clip: HoledClip) -> None:
        def drawing(seen: Clip) -> Completion:
            edges = torch.from_numpy(motion_boundaries(seen.forward.numpy())) * 0.7
            return Completion(seen.forward, seen.backward, edges=edges)

        rows = list(mended_rows(_method(drawing), clip, CANNY_PX))
        assert {row.method for row in rows} == {"net", "net canny"}
        assert {row.seed for row in rows} == {3}
        values = _values(rows, "net")
        assert {values["1 px", m] for m in ("precision", "recall", "f_measure")} == {1}

    def test_methods_are_compared_on_the_shape_that_all_know(self, clip: HoledClip) -> None:
        one, both = (
            list(mended_rows(true_flow(shapes), clip, CANNY_PX))
            for shapes in (BOX, ("ellipse", "rectangle"))
        )
        assert one == both
        other = list(mended_rows(true_flow(("ellipse",)), clip, CANNY_PX))
        assert other != one

    def test_false_edges_are_counted_by_frame(self, clip: HoledClip) -> None:
        def everywhere(seen: Clip) -> Completion:
            return Completion(seen.forward, seen.backward, edges=torch.ones(seen.hole.shape))

        values = _values(list(mended_rows(_method(everywhere), clip, CANNY_PX)), "net")
        case = holed_boundaries(clip, BOX, "all_frames")
        false = case.hole & ~within(case.boundaries, 1)
        assert values["1 px", "recall"] == 1
        assert values["1 px", "false_edges_px"] == false.sum() / FRAMES

    def test_a_hole_without_a_boundary_only_counts_what_is_false(self, clip: HoledClip) -> None:
        rows = list(mended_rows(true_flow(("ellipse",)), clip, CANNY_PX))
        assert {row.metric: row.value for row in rows} == {"false_edges_px": 0}

    def test_a_setup_judges_the_frames_that_it_hides(self, clip: HoledClip) -> None:
        case = holed_boundaries(clip, BOX, "middle_two")
        assert case.hole[0].any(axis=(1, 2)).tolist() == [False, True, True, False]
        middle = replace(true_flow(BOX), setups=("middle_two",))
        seen = []
        method = replace(middle, inpainter=lambda c: seen.append(c) or middle.inpainter(c))
        assert list(mended_rows(method, clip, CANNY_PX))
        assert torch.equal(seen[0].hole, case.clip.hole)


class TestDrawn:
    def test_rows_are_those_of_what_is_drawn(self, clip: HoledClip) -> None:
        def drawing(seen: Clip) -> Tensor:
            return torch.from_numpy(motion_boundaries(seen.forward.numpy())).float()

        rows = list(drawn_rows("edge_gan", 0, drawing, clip, BOX))
        values = _values(rows, "edge_gan")
        assert len(values) == len(rows) == 8
        assert values["1 px", "f_measure"] == 1
        assert values["2 px", "false_edges_px"] == 0


class TestEdgeInpainter:
    def _made(self, generator: nn.Module) -> EdgeInpainter:
        find = lambda flow: flow_edges(flow, CANNY_PX)  # noqa: E731
        return EdgeInpainter(generator, FILLS["smooth"], find, seed=5)

    def test_never_looks_into_the_hole(self, clip: HoledClip) -> None:
        torch.manual_seed(0)
        inpainter = self._made(EdgeGenerator(8))
        whole = clip.clip
        spoilt = replace(whole, forward=torch.where(whole.hole.unsqueeze(-3), 50.0, whole.forward))
        assert torch.equal(inpainter(whole), inpainter(spoilt))

    def test_keeps_known_edges_and_draws_probabilities(self, clip: HoledClip) -> None:
        torch.manual_seed(0)
        edges = self._made(EdgeGenerator(8))(clip.clip)
        hole = clip.clip.hole
        assert edges.shape == hole.shape
        assert edges.min() >= 0
        assert edges.max() <= 1
        assert set(edges[~hole].unique().tolist()) == {0.0, 1.0}

    def test_the_same_clip_gives_the_same_edges_with_or_without_a_batch(
        self, clip: HoledClip
    ) -> None:
        torch.manual_seed(0)
        inpainter, whole = self._made(EdgeGenerator(8)), clip.clip
        alone = replace(
            whole, forward=whole.forward[1], backward=whole.backward[1], hole=whole.hole[1]
        )
        torch.testing.assert_close(inpainter(alone), inpainter(whole)[1])


class _Pictures(ClipFrames):
    """Two textured halves that drift apart along the middle row."""

    def __init__(self) -> None:
        grain = np.random.default_rng(0).uniform(0, 255, (96, 160))
        grain = (cv2.GaussianBlur(grain, (0, 0), 2) - 127) * 6 + 127
        self._texture = np.clip(grain, 0, 255).astype(np.uint8)

    def image(self, position: int) -> np.ndarray:
        shift = 3 * position
        halves = [self._texture[:48, 30 + shift :], self._texture[48:, 30 - shift :]]
        return np.stack([np.concatenate([half[:, :96] for half in halves])] * 3)


def test_edges_of_estimated_flow_come_from_pictures_alone() -> None:
    found = estimated_flow_edges(_Pictures(), 2, (96, 96), 0.5)
    assert found.shape == (2, 96, 96)
    rows = np.nonzero(found[:, :, 24:72])[1]
    assert len(rows) > 48
    assert np.abs(rows - 47.5).max() < 12
