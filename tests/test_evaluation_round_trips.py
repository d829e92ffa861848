"""Rows on the truth itself: round trips, the spatio-temporal error, and the 1-D minimisers."""

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from flowmend.evaluation.minimisers import STEP_PX, rows
from flowmend.evaluation.round_trips import correlation_rows, occlusion_rows
from flowmend.geometry.derivatives import jacobian_norm, spatio_temporal
from training_clips import FRAMES, SIZE, smooth_flow


def _constant(speed_px: float) -> np.ndarray:
    """A clip (T, 2, 2, H, W) in which everything moves alike to the right."""
    flow = np.zeros((FRAMES, 2, 2, SIZE, SIZE), np.float32)
    flow[:, 0, 0], flow[:, 1, 0] = speed_px, -speed_px
    return flow


class TestOcclusionRows:
    def test_flow_that_agrees_closes_everywhere(self) -> None:
        occluded = np.zeros((FRAMES - 1, SIZE, SIZE), bool)
        occluded[:, :, -2:] = True
        found = list(occlusion_rows("a", _constant(2.0), occluded))
        assert [row.condition for row in found] == ["visible", "occluded"]
        assert all(row.value == pytest.approx(0, abs=1e-5) for row in found)

    def test_each_pixel_counts_where_it_belongs(self) -> None:
        flow = _constant(0.0)
        flow[:, 0, 0, :, :4] = 3.0  # comes back from 3 px to the right, where flow is at rest
        occluded = np.zeros((FRAMES - 1, SIZE, SIZE), bool)
        occluded[:, :, :4] = True
        flow[0, 0, 0, :, 10] = 1.0  # one visible column of one frame that does not close
        visible, hidden = (row.value for row in occlusion_rows("a", flow, occluded))
        assert hidden == pytest.approx(3.0, abs=1e-5)
        assert visible == pytest.approx(1 / ((FRAMES - 1) * (SIZE - 4)), rel=1e-4)

    def test_a_class_without_pixels_has_no_row(self) -> None:
        none = np.zeros((FRAMES - 1, SIZE, SIZE), bool)
        assert [r.condition for r in occlusion_rows("a", _constant(1.0), none)] == ["visible"]


class TestCorrelationRows:
    def test_is_spearman_s(self) -> None:
        flow = smooth_flow(5)[:2]
        measured = {row.condition: row.value for row in correlation_rows("a", flow)}
        f, f_next = torch.from_numpy(flow[0, 0]), torch.from_numpy(flow[1, 0])
        ranks = [
            rankdata(m.numpy().ravel()) for m in (spatio_temporal(f, f_next), jacobian_norm(f))
        ]
        assert measured["flow_gradient"] == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-9)
        assert set(measured) == {"round_trip_gradient", "flow_gradient"}

    def test_nothing_to_rank_is_no_number(self) -> None:
        assert all(np.isnan(row.value) for row in correlation_rows("a", _constant(0.0)))


class TestMinimiserRows:
    def test_the_search_meets_the_report_s_answers(self) -> None:
        by_condition = {row.condition: row.value for row in rows()}
        # Beyond the middle of the ramp the minimum is an infimum: one step is tolerated.
        assert by_condition["occlusion"] <= STEP_PX * 1.01
        assert by_condition["disocclusion"] <= STEP_PX * 1.01
