"""Losses: identities, slow references, gradients that stay finite where the flows agree."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmend.losses.consistency import forward_backward, spatio_temporal
from flowmend.losses.lateral import lateral_dependency
from flowmend.losses.reconstruction import l1, l2
from flowmend.losses.region import mean_over
from losses_reference import clip
from losses_reference import forward_backward as forward_backward_reference
from losses_reference import lateral_dependency as lateral_dependency_reference
from losses_reference import spatio_temporal as spatio_temporal_reference

ROUND_PX = 2e-6  # the safe norm's value at zero, for two neighbours


def _clip(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(clip(seed, *shape))


class TestMeanOver:
    def test_pools_the_chosen_pixels(self) -> None:
        errors, where = torch.tensor([[1.0, 2.0], [4.0, 8.0]]), torch.tensor([[True, False]])
        assert mean_over(errors, None).item() == 3.75
        assert mean_over(errors, where).item() == 2.5
        assert mean_over(errors, torch.eye(2, dtype=torch.bool)).item() == 4.5

    def test_is_zero_where_nothing_is_chosen(self) -> None:
        errors = torch.ones(2, 3, requires_grad=True)
        mean_over(errors, torch.zeros(2, 3, dtype=torch.bool)).backward()
        assert mean_over(errors, torch.zeros(2, 3, dtype=torch.bool)).item() == 0
        assert torch.equal(errors.grad, torch.zeros(2, 3))

    def test_what_is_not_chosen_may_be_nan(self) -> None:
        errors = torch.tensor([torch.nan, 3.0], requires_grad=True)
        value = mean_over(errors[None], torch.tensor([[False, True]]))
        value.backward()
        assert value.item() == 3
        assert errors.grad.tolist() == [0.0, 1.0]


class TestReconstruction:
    def test_a_three_four_offset(self) -> None:
        q = _clip(0, 2, 3, 2, 5, 6)
        p = q + torch.tensor([3.0, -4.0], dtype=q.dtype).reshape(2, 1, 1)
        assert l1(p, q) == pytest.approx(7.0)
        assert l2(p, q) == pytest.approx(5.0, abs=1e-9)

    @pytest.mark.parametrize(("loss", "order"), [(l1, 1), (l2, 2)])
    def test_against_a_loop(self, loss, order: int) -> None:
        p, q = _clip(1, 2, 4, 5), _clip(2, 2, 4, 5)
        where = _clip(3, 4, 5) > 0.3
        pixels = list(np.ndindex(4, 5))
        norms = {x: torch.linalg.vector_norm((p - q)[:, *x], order).item() for x in pixels}
        assert loss(p, q) == pytest.approx(np.mean(list(norms.values())), abs=1e-6)
        inside = [norms[x] for x in pixels if where[x]]
        assert loss(p, q, where) == pytest.approx(np.mean(inside), abs=1e-6)


class TestLateralDependency:
    def test_against_a_loop(self) -> None:
        p, q = clip(1, 2, 4, 5), clip(2, 2, 4, 5)
        expected = lateral_dependency_reference(p, q)
        p, q = torch.from_numpy(p), torch.from_numpy(q)
        assert lateral_dependency(p, q) == pytest.approx(expected.mean(), abs=ROUND_PX)
        for i, j in np.ndindex(4, 5):  # pixel by pixel: the map itself
            where = torch.zeros(4, 5, dtype=torch.bool)
            where[i, j] = True
            assert lateral_dependency(p, q, where) == pytest.approx(expected[i, j], abs=ROUND_PX)

    def test_a_flattened_jump_costs_its_height_once(self) -> None:
        q = torch.zeros(2, 6, 8, dtype=torch.float64)
        q[:, :, 3:] = torch.tensor([3.0, 4.0], dtype=q.dtype)[:, None, None]
        flat = torch.zeros_like(q)
        assert lateral_dependency(flat, q) == pytest.approx(6 * 5.0 / 48, abs=ROUND_PX)
        assert lateral_dependency(q, q) == 0

    @settings(max_examples=30, deadline=None)
    @given(
        seed=st.integers(0, 2**16),
        shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
        angle=st.floats(0, 6.3),
    )
    def test_a_shift_or_a_turn_of_the_prediction_changes_nothing(self, seed, shift, angle) -> None:
        p, q = _clip(seed, 2, 6, 5), _clip(seed + 1, 2, 6, 5)
        cos, sin = np.cos(angle), np.sin(angle)
        turned = torch.einsum("ab,bhw->ahw", torch.tensor([[cos, -sin], [sin, cos]]), p)
        moved = turned + torch.tensor(shift, dtype=p.dtype)[:, None, None]
        expected = lateral_dependency(p, q).item()
        assert lateral_dependency(moved, q).item() == pytest.approx(expected, abs=1e-9)
        assert lateral_dependency(q, p).item() == pytest.approx(expected, abs=1e-12)

    def test_a_longer_step_costs_its_extra_length(self) -> None:
        x = torch.arange(5.0, dtype=torch.float64).expand(4, 5)
        q, p = torch.stack((x, 0 * x)), torch.stack((0 * x, 3 * x))  # steps of 1 px and of 3 px
        assert lateral_dependency(p, q) == pytest.approx(2.0 * 4 / 5, abs=ROUND_PX)


def _flows(forward: torch.Tensor, backward: torch.Tensor) -> torch.Tensor:
    return torch.stack([forward, backward], dim=2)


class TestForwardBackward:
    def test_against_a_loop(self) -> None:
        flows = 1.5 * clip(5, 3, 2, 2, 4, 5)
        expected = forward_backward_reference(flows).mean()
        assert forward_backward(torch.from_numpy(flows)[None]) == pytest.approx(expected, abs=1e-6)

    def test_opposite_translations_cancel(self) -> None:
        motion = torch.tensor([1.5, -0.5]).reshape(2, 1, 1).expand(1, 4, 2, 8, 8)
        assert forward_backward(_flows(motion, -motion)) < 1e-5

    def test_pairs_a_frame_with_the_next(self) -> None:
        forward, backward = torch.zeros(1, 3, 2, 6, 6), torch.zeros(1, 3, 2, 6, 6)
        forward[:, 2], backward[:, 0] = 7.0, 7.0  # neither has a partner in the clip
        assert forward_backward(_flows(forward, backward)) < 1e-5
        forward[:, 0, 0] = 1.0
        assert forward_backward(_flows(forward, backward)) == pytest.approx(0.5, abs=1e-5)


class TestSpatioTemporal:
    def test_against_a_loop(self) -> None:
        flows = 1.5 * clip(6, 3, 2, 2, 4, 5)
        expected = spatio_temporal_reference(flows).mean()
        assert spatio_temporal(torch.from_numpy(flows)[None]) == pytest.approx(expected, abs=1e-6)

    def test_pairs_count_where_they_are_told_to(self) -> None:
        flows = 1.5 * clip(7, 3, 2, 2, 4, 5)
        where = clip(8, 2, 4, 5) > 0
        expected = spatio_temporal_reference(flows)[:, where].mean()
        found = spatio_temporal(torch.from_numpy(flows)[None], torch.from_numpy(where)[None])
        assert found == pytest.approx(expected, abs=1e-6)

    def test_constant_acceleration_costs_nothing(self) -> None:
        speed = torch.arange(5.0).reshape(1, 5, 1, 1, 1, 1)
        flows = (speed * torch.tensor([1.0, -0.5]).reshape(2, 1, 1)).expand(1, 5, 2, 2, 8, 9)
        assert spatio_temporal(flows) < 1e-5

    def test_a_zoom_that_starts_costs_its_jacobian(self) -> None:
        """Still, then ``f = a·x`` in both components: the norm of a·1 is a·√2 at each pixel."""
        y, x = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
        flows = torch.zeros(1, 2, 2, 2, 6, 7)
        flows[:, 1, 0] = 0.25 * torch.stack((x, y))
        assert spatio_temporal(flows) == pytest.approx(0.25 * 2**0.5 / 2, abs=1e-5)

    def test_time_reversal_changes_nothing(self) -> None:
        flows = _clip(9, 2, 4, 2, 2, 6, 5)
        reversed_in_time = flows.flip(1).flip(2)
        assert spatio_temporal(reversed_in_time) == pytest.approx(spatio_temporal(flows).item())
