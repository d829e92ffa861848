"""Weights of the refinement steps over training: sums, peaks, limits (report, 3.5)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmend.schedules import SCHEDULES, eq3_printed, eq3_read, eq4, last_step_only

S0_STEPS = 1000.0
every_schedule = pytest.mark.parametrize("name", SCHEDULES)
done = st.integers(0, 10**12)
counts = st.integers(1, 12)


def _literal_eq3(step: int, refinement_steps: int, sigma: float) -> list[float]:
    """Eq. 3 in plain numbers, before the print's quotient underflows."""
    s = step / S0_STEPS
    window = [
        math.exp(-((t + 1 - s) ** 2) / (2 * sigma**2)) for t in range(1, refinement_steps + 1)
    ]
    return [(1 - math.exp(-s)) * w / sum(window) for w in window]


@every_schedule
@settings(deadline=None)
@given(step=done, count=counts, s0=st.floats(1e-3, 1e6))
def test_weights_sum_to_what_the_decoder_leaves(
    name: str, step: int, count: int, s0: float
) -> None:
    weights = SCHEDULES[name](step, count, s0)
    assert weights.shape == (count,)
    assert weights.dtype == torch.float32
    assert weights.isfinite().all()
    assert (weights >= 0).all()
    assert weights.sum().item() == pytest.approx(1 - math.exp(-step / s0), rel=1e-6, abs=1e-9)


@every_schedule
def test_training_starts_with_the_decoder_alone(name: str) -> None:
    assert SCHEDULES[name](0, 5, S0_STEPS).tolist() == [0.0] * 5


@every_schedule
@settings(deadline=None)
@given(step=done)
def test_a_single_refinement_step_has_all_the_weight(name: str, step: int) -> None:
    expected = last_step_only(step, 1, S0_STEPS)
    assert SCHEDULES[name](step, 1, S0_STEPS).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(("schedule", "sigma"), [(eq3_printed, 500.0), (eq3_read, 0.5)])
@settings(deadline=None)
@given(step=st.integers(0, 12000), count=counts)
def test_eq3_is_the_report_s(schedule, sigma: float, step: int, count: int) -> None:
    expected = _literal_eq3(step, count, sigma)
    assert schedule(step, count, S0_STEPS).tolist() == pytest.approx(expected, rel=1e-5, abs=1e-9)


class TestEq3:
    @settings(deadline=None)
    @given(count=counts, shift=st.floats(-0.4, 0.4))
    def test_as_read_the_peak_moves_with_training(self, count: int, shift: float) -> None:
        """At s = (t + 1)·s₀, and near it, refinement step t counts most."""
        for t in range(1, count + 1):
            weights = eq3_read(round((t + 1 + shift) * S0_STEPS), count, S0_STEPS)
            assert weights.argmax().item() == t - 1

    @settings(deadline=None)
    @given(count=counts, extra=done)
    def test_as_read_the_peak_stays_on_the_last_step(self, count: int, extra: int) -> None:
        weights = eq3_read(round((count + 1) * S0_STEPS) + extra, count, S0_STEPS)
        assert weights.isfinite().all()
        assert weights.argmax().item() == count - 1
        assert weights[-1] > 0.8

    def test_as_read_early_steps_are_forgotten(self) -> None:
        """Claim C19, which eq. 4 is the answer to."""
        late = round(8 * S0_STEPS)
        assert eq3_read(late, 5, S0_STEPS)[0] < 1e-12
        assert eq4(late, 5, S0_STEPS)[0] > 0.04

    def test_the_quotient_as_printed_would_be_nan(self) -> None:
        """In float32, past the last step: what the softmax is for."""
        exponents = -((torch.arange(2.0, 7.0) - 20) ** 2) / (2 * 0.5**2)
        assert (exponents.exp() / exponents.exp().sum()).isnan().all()
        assert eq3_read(20000, 5, S0_STEPS).isfinite().all()

    @settings(deadline=None)
    @given(step=st.integers(0, 10000))
    def test_as_printed_is_a_plain_mean(self, step: int) -> None:
        weights = eq3_printed(step, 5, S0_STEPS)
        assert (weights - weights.mean()).abs().max() < 3e-5


@settings(deadline=None)
@given(step=st.integers(1, 10**12), count=counts)
def test_eq4_grows_with_the_square_of_the_next_step(step: int, count: int) -> None:
    weights = eq4(step, count, S0_STEPS)
    for t in range(1, count + 1):
        assert (weights[t - 1] / weights[0]).item() == pytest.approx((t + 1) ** 2 / 4, rel=1e-6)


def test_last_step_only_leaves_the_others_alone() -> None:
    assert last_step_only(10**9, 5, S0_STEPS).tolist() == [0.0, 0.0, 0.0, 0.0, 1.0]


@every_schedule
@pytest.mark.parametrize(("step", "count", "s0"), [(-1, 5, 1.0), (0, 0, 1.0), (0, 5, 0.0)])
def test_what_is_no_training_is_refused(name: str, step: int, count: int, s0: float) -> None:
    with pytest.raises(ValueError, match="schedule"):
        SCHEDULES[name](step, count, s0)
