"""Rows of single refinement steps and of parts of the frame, against plain sums and known flows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from flowmend.evaluation.compare import Method, evaluate
from flowmend.evaluation.held_out import HoledClip, holed_clip
from flowmend.evaluation.refinement import part_rows, rows
from flowmend.types import Clip, Completion
from moving_square import SIZE, square_clip
from training_clips import smooth_flow

SHAPES = ("ellipse", "rectangle")
SEED = 3


@pytest.fixture(scope="module")
def held_out() -> HoledClip:
    flow = smooth_flow(5)
    holes = {shape: np.zeros(flow.shape[-2:], bool) for shape in SHAPES}
    holes["ellipse"][3:9, 4:8] = True
    holes["rectangle"][6:12, 5:13] = True
    return holed_clip("a", flow, holes, edge_threshold_px=0.5, edge_band_px=2)


def _still(clip: Clip, confidence: float = 0.25) -> Completion:
    """Zero flow, trusted as far as told."""
    still = torch.zeros_like(clip.forward)
    return Completion(still, still, torch.full(clip.hole.shape, confidence))


def _truth(clip: Clip) -> Completion:
    return Completion(clip.forward, clip.backward, torch.ones(clip.hole.shape))


def _found(
    held_out: HoledClip, steps: list, setup: str = "all_frames", shapes: tuple = SHAPES
) -> dict[tuple[str, str], float]:
    trace = lambda clip: [step(clip) for step in steps]  # noqa: E731
    found = list(rows("net", SEED, trace, held_out, setup, shapes))
    assert {(row.task, row.method, row.seed, row.clip) for row in found} == {
        ("refinement", "net", SEED, "a")
    }
    return {(row.condition, row.metric): row.value for row in found}


class TestRows:
    def test_conditions_are_the_steps_and_the_truth(self, held_out: HoledClip) -> None:
        found = _found(held_out, [_still, _truth])
        assert {condition for condition, _ in found} == {"step 0", "step 1", "truth"}
        assert {metric for condition, metric in found if condition == "truth"} == {
            "speed_px",
            "total_variation_px",
            "smooth_variation_px",
            "min_round_trip_px",
        }

    @pytest.mark.parametrize("setup", ["all_frames", "sandwich", "middle_two"])
    def test_last_step_agrees_with_the_results_table(self, held_out: HoledClip, setup: str) -> None:
        found = _found(held_out, [_truth, _still], setup)
        method = Method("net", "network", SEED, _still, (setup,), SHAPES)
        table = evaluate(method, [held_out])
        assert found["step 1", "epe_hole_px"] == pytest.approx(table["epe_hole_px"].mean())
        assert found["step 1", "round_trip_px"] == pytest.approx(table["fb_px"].mean())

    def test_the_truth_has_no_error_and_is_the_truth(self, held_out: HoledClip) -> None:
        found = _found(held_out, [_truth])
        assert found["step 0", "epe_hole_px"] == 0
        assert found["step 0", "confidence"] == 1
        for condition, metric in found:
            if condition == "truth":
                assert found["step 0", metric] == found["truth", metric]

    def test_means_are_over_the_pixels_of_the_hole(self, held_out: HoledClip) -> None:
        found = _found(held_out, [_still], shapes=("rectangle",))
        hole = held_out.clip.hole[held_out.shapes.index("rectangle")].numpy()
        flow = smooth_flow(5).astype(np.float64)
        speeds = np.linalg.norm(flow, axis=2)  # frame, direction
        assert found["truth", "speed_px"] == pytest.approx(
            np.mean([speeds[:, k][hole].mean() for k in (0, 1)]), rel=1e-5
        )
        assert found["step 0", "speed_px"] == 0
        assert found["step 0", "confidence"] == 0.25

    def test_total_variation_is_the_isotropic_sum(self, held_out: HoledClip) -> None:
        found = _found(held_out, [_still], shapes=("rectangle",))
        hole = held_out.clip.hole[held_out.shapes.index("rectangle"), 0].numpy()
        flow = smooth_flow(5).astype(np.float64)
        total = 0.0
        for y, x in zip(*np.nonzero(hole)):
            here = flow[..., y, x]
            total += np.hypot(flow[..., y, x + 1] - here, flow[..., y + 1, x] - here).sum()
        frames_and_directions = flow.shape[0] * flow.shape[1]
        expected = total / hole.sum() / frames_and_directions
        assert found["truth", "total_variation_px"] == pytest.approx(expected, rel=1e-4)

    def test_what_is_said_outside_the_hole_is_not_looked_at(self, held_out: HoledClip) -> None:
        def wild(clip: Clip) -> Completion:
            known = ~clip.hole.unsqueeze(-3)
            return replace(_still(clip), forward=torch.where(known, 99.0, 0.0))

        assert _found(held_out, [wild]) == _found(held_out, [_still])

    def test_a_diverged_step_is_not_left_out(self, held_out: HoledClip) -> None:
        def diverged(clip: Clip) -> Completion:
            return replace(_still(clip), forward=torch.full_like(clip.forward, torch.nan))

        assert np.isnan(_found(held_out, [diverged])["step 0", "total_variation_px"])

    def test_a_hole_inside_the_motion_edges_has_no_smooth_part(self, held_out: HoledClip) -> None:
        near = replace(held_out, near_edge=torch.ones_like(held_out.near_edge))
        assert np.isnan(_found(near, [_still])["truth", "smooth_variation_px"])
        near.near_edge[:] = ~held_out.clip.hole[1]
        only = _found(held_out, [_still], shapes=("rectangle",))["truth", "total_variation_px"]
        both = _found(near, [_still], shapes=("rectangle",))["truth", "smooth_variation_px"]
        assert both == only

    def test_without_confidence_there_is_no_row_of_it(self, held_out: HoledClip) -> None:
        found = _found(held_out, [lambda clip: replace(_still(clip), confidence=None)])
        assert ("step 0", "confidence") not in found


class TestPartRows:
    def _found(self, flow: np.ndarray, occluded: np.ndarray) -> dict[tuple[str, str], float]:
        return {(r.condition, r.metric): r.value for r in part_rows("a", flow, occluded)}

    def test_the_smaller_trip_closes_where_the_pixel_was_seen_before(self) -> None:
        """Ground ahead of the square is covered next; the frame before still shows it."""
        shift, frames = 4, 4
        flow = square_clip(shift, frames)
        occluded = np.zeros((frames - 1, SIZE, SIZE), bool)
        for t in range(frames - 1):
            right = 4 + shift * t + 8
            occluded[t, 8:16, right : right + shift] = True
        found = self._found(flow, occluded)
        assert found["occluded", "fb_px"] == pytest.approx(shift, abs=1e-4)
        assert found["occluded", "min_px"] == pytest.approx(0, abs=1e-4)
        assert found["visible", "fb_px"] == pytest.approx(0, abs=1e-4)
        assert found["border", "fb_px"] > found["border", "min_px"]

    def test_without_boundaries_there_is_no_border(self) -> None:
        flow = np.zeros((4, 2, 2, SIZE, SIZE), np.float32)
        found = self._found(flow, np.zeros((3, SIZE, SIZE), bool))
        assert {condition for condition, _ in found} == {"visible"}
