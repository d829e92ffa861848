"""The confidence rules: safe everywhere in [0, 1], and what the report's equations say."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from flowmend.networks.confidence_rules import RULES, PowerMean, cubic

THIRDS = [0.0, 1 / 3, 2 / 3, 1.0]
Taps = list[tuple[int, float]]


def _confidence(values: list[float], seed: int, shape: tuple[int, ...]) -> Tensor:
    """Values picked at random, so that whole windows of zeros and ones come up."""
    random = torch.Generator().manual_seed(seed)
    picked = torch.randint(len(values), shape, generator=random)
    return torch.tensor(values, dtype=torch.float64)[picked]


def _set(rule: nn.Module, seed: int, spread: float) -> None:
    """Parameters as after some training."""
    random = torch.Generator().manual_seed(seed)
    for parameter in rule.parameters():
        nn.init.normal_(parameter, std=spread, generator=random)


def _literal(rule: nn.Module, confidence: Tensor, present: Tensor, formula: Callable) -> Tensor:
    """``formula`` of the list of (source, confidence) that each window has, one by one."""
    samples, sources, height, width = confidence.shape
    reach = rule.size // 2
    new = torch.empty(samples, 1, height, width, dtype=torch.float64)
    for n in range(samples):
        for y in range(height):
            for x in range(width):
                taps: Taps = []
                for s in range(sources):
                    for row in range(max(0, y - reach), min(height, y + reach + 1)):
                        for column in range(max(0, x - reach), min(width, x + reach + 1)):
                            if present[n, s] == 1:
                                taps.append((s, confidence[n, s, row, column].item()))
                new[n, 0, y, x] = formula(rule, taps)
    return new


def _weighted(rule: nn.Module, taps: Taps, of: Callable[[float], float]) -> float:
    weights = [math.exp(rule.log_weights[s].item()) for s, _ in taps]
    return sum(w * of(m) for w, (_, m) in zip(weights, taps)) / sum(weights)


def _polynomial(rule: nn.Module, taps: Taps) -> float:
    a, b = rule.readings().values()
    third, second = 27 * a / 2 - 27 * b / 2 + 9 / 2, -45 * a / 2 + 18 * b - 9 / 2
    x = _weighted(rule, taps, float)
    return third * x**3 + second * x**2 + (9 * a - 9 * b / 2 + 1) * x


def _power_mean(rule: nn.Module, taps: Taps) -> float:
    p = rule.readings()["p"]
    lifted = _weighted(rule, taps, lambda m: (0.001 + 0.999 * m) ** p) ** (1 / p)
    return (lifted - 0.001) / 0.999


FORMULAS = {
    "clip": lambda rule, taps: min(sum(m for _, m in taps), 1.0),
    "mean": lambda rule, taps: sum(m for _, m in taps) / len(taps),
    "power_mean": _power_mean,
    "polynomial": _polynomial,
}
every_rule = pytest.mark.parametrize("name", RULES)
seeds = st.integers(0, 2**31 - 1)
values = st.lists(st.floats(0, 1), min_size=1, max_size=4)
sizes = st.tuples(st.integers(1, 5), st.integers(1, 5))
slots = st.lists(
    st.lists(st.sampled_from([0.0, 1.0]), min_size=3, max_size=3), min_size=2, max_size=2
)


@every_rule
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@settings(max_examples=40, deadline=None)
@given(values, seeds, sizes, slots, st.sampled_from([0.0, 0.5, 2.0]))
def test_confidence_and_gradients_are_safe(
    name: str, dtype: torch.dtype, values: list, seed: int, size: tuple, slots: list, spread: float
) -> None:
    rule = RULES[name](3).to(dtype)
    _set(rule, seed, spread)
    confidence = _confidence(values, seed, (2, 3, *size)).to(dtype).requires_grad_()
    new = rule(confidence, torch.tensor(slots, dtype=dtype))
    assert new.shape == (2, 1, *size)
    assert new.min() >= 0
    assert new.max() <= 1
    new.sum().backward()
    assert all(g.grad.isfinite().all() for g in [confidence, *rule.parameters()])


@every_rule
@pytest.mark.parametrize("theta", [-3.0, 3.0, 6.0])
@pytest.mark.parametrize("value", [0.0, 1e-30, 0.5, 1.0])
def test_even_windows_are_kept_at_any_p(name: str, theta: float, value: float) -> None:
    """All zeros, all ones and what would underflow, with p from exp(-3) to all but its largest."""
    rule = RULES[name](2)
    if name == "power_mean":
        nn.init.constant_(rule.theta, theta)
    confidence = torch.full((1, 2, 6, 6), value, requires_grad=True)
    new = rule(confidence, torch.ones(1, 2))
    kept = min(1.0, 8 * value) if name == "clip" else value
    torch.testing.assert_close(new.clamp(max=kept or 1.0), torch.full_like(new, kept))
    new.sum().backward()
    assert confidence.grad.isfinite().all()


@every_rule
@pytest.mark.parametrize("size", [3, 5])
def test_equals_the_literal_reference(name: str, size: int) -> None:
    rule = RULES[name](3, size).double()
    _set(rule, 1, 0.7)
    confidence = _confidence([0.0, 0.0, 0.004, 0.03, 0.4, 1.0], 2, (3, 3, 6, 5))
    present = torch.tensor([[1, 1, 1], [1, 0, 1], [1, 0, 0]], dtype=torch.float64)
    expected = _literal(rule, confidence, present, FORMULAS[name])
    torch.testing.assert_close(rule(confidence, present), expected, atol=1e-9, rtol=0)


@every_rule
def test_gradient(name: str) -> None:
    rule = RULES[name](2).double()
    _set(rule, 3, 0.5)
    confidence = 0.05 + 0.01 * _confidence([0.0, 0.7, 1.0, 3.0], 4, (2, 2, 3, 4))
    present = torch.tensor([[1, 1], [0, 1]], dtype=torch.float64)
    inputs = (confidence.requires_grad_(), *rule.parameters())
    assert torch.autograd.gradcheck(lambda m, *_: rule(m, present), inputs)


@every_rule
@settings(max_examples=20, deadline=None)
@given(values, seeds, st.sampled_from([(0,), (1,), (2,), (0, 2)]))
def test_absent_sources_do_not_count(name: str, values: list, seed: int, absent: tuple) -> None:
    rule = RULES[name](3).double()
    _set(rule, seed, 0.5)
    confidence = _confidence(values, seed, (1, 3, 4, 4))
    present = torch.ones(1, 3, dtype=torch.float64)
    present[0, list(absent)] = 0
    other = confidence.clone()
    other[0, list(absent)] = 0.77
    torch.testing.assert_close(rule(confidence, present), rule(other, present))


@every_rule
def test_nothing_known_stays_unknown_and_all_known_stays_known(name: str) -> None:
    rule = RULES[name](3)
    _set(rule, 5, 0.7)
    present = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    assert rule(torch.zeros(2, 3, 5, 5), present).max() < 1e-8
    torch.testing.assert_close(rule(torch.ones(2, 3, 5, 5), present), torch.ones(2, 1, 5, 5))


@every_rule
def test_nobody_present_is_no_confidence(name: str) -> None:
    assert RULES[name](2)(torch.ones(1, 2, 4, 4), torch.zeros(1, 2)).max() < 1e-8


@pytest.mark.parametrize("name", ["power_mean", "polynomial"])
@settings(max_examples=25, deadline=None)
@given(values, seeds)
def test_learned_rules_start_as_the_mean(name: str, values: list, seed: int) -> None:
    confidence = _confidence(values, seed, (2, 3, 5, 4))
    present = torch.tensor([[1, 1, 1], [0, 1, 1]], dtype=torch.float64)
    mean = RULES["mean"](3).double()(confidence, present)
    torch.testing.assert_close(RULES[name](3).double()(confidence, present), mean)


@settings(max_examples=25, deadline=None)
@given(values, seeds, st.floats(-3, 3), st.floats(0, 2))
def test_power_mean_grows_with_p_up_to_the_largest(
    values: list, seed: int, theta: float, more: float
) -> None:
    confidence = _confidence(values, seed, (1, 2, 4, 4))
    rule, present = PowerMean(2).double(), torch.ones(1, 2, dtype=torch.float64)
    nn.init.constant_(rule.theta, theta)
    lower = rule(confidence, present)
    nn.init.constant_(rule.theta, theta + more)
    higher = rule(confidence, present)
    largest = nn.functional.max_pool2d(confidence.amax(1, keepdim=True), 3, 1, 1)
    assert (higher >= lower - 1e-9).all()
    assert (higher <= largest + 1e-9).all()


def test_power_mean_of_a_large_p_is_nearly_the_largest() -> None:
    """p = 24: as M^p, 0.001 would be 0 in float32; beside ones, its weight is none."""
    rule = PowerMean(1)
    nn.init.constant_(rule.theta, 30.0)
    assert rule.readings() == {"p": 24.0}
    confidence = torch.zeros(1, 1, 9, 9)
    confidence[..., 4, 4] = 0.3
    new = rule(confidence, torch.ones(1, 1))
    expected = torch.full((3, 3), 0.3 * 9 ** (-1 / 24))
    torch.testing.assert_close(new[0, 0, 3:6, 3:6], expected, atol=1e-3, rtol=0)
    new[0, 0, 3:6, 3:6] = 0
    assert new.max() < 1e-7


def test_p_grows_as_an_exponential_and_stays_in_range() -> None:
    rule = PowerMean(1).double()
    for theta, p in [(-9.0, math.exp(-9)), (-1.0, math.exp(-1)), (0.0, 1.0), (0.5, math.exp(0.5))]:
        nn.init.constant_(rule.theta, theta)
        assert rule.readings()["p"] == pytest.approx(p, rel=0.05)
    nn.init.constant_(rule.theta, 2.0)
    assert 5 < rule.readings()["p"] < math.exp(2)


@given(st.floats(-1, 2), st.floats(-1, 2))
def test_the_cubic_meets_its_four_points(a: float, b: float) -> None:
    x = torch.tensor(THIRDS, dtype=torch.float64)
    met = torch.tensor([0, a, b, 1], dtype=torch.float64)
    torch.testing.assert_close(cubic(x, a, b), met, atol=1e-12, rtol=0)


@settings(deadline=None)
@given(st.floats(-6, 6), st.floats(-6, 6))
def test_the_polynomial_rises_from_0_to_1_for_any_parameters(start: float, end: float) -> None:
    rule = RULES["polynomial"](1).double()
    nn.init.constant_(rule.log_roots[0].detach(), start)
    nn.init.constant_(rule.log_roots[1].detach(), end)
    means = torch.linspace(0, 1, 201, dtype=torch.float64)
    curve = rule(means.view(-1, 1, 1, 1), torch.ones(201, 1, dtype=torch.float64)).flatten()
    assert curve[0] == 0
    assert abs(curve[-1].item() - 1) < 1e-12
    assert (curve.diff() >= -1e-12).all()
    a, b = rule.readings().values()
    torch.testing.assert_close(cubic(means, a, b), curve, atol=1e-9, rtol=0)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 4), st.floats(0, 4))
@pytest.mark.parametrize("report", [False, True])
def test_every_rising_cubic_can_be_reached(report: bool, at_0: float, at_1: float) -> None:
    """Its slopes at 0 and 1 say which; the report's final (a, b) = (0.77, 0.9) is one."""
    a, b = (7 + 4 * at_0 - 2 * at_1) / 27, (20 + 2 * at_0 - 4 * at_1) / 27
    if report:
        a, b = 0.77, 0.9
        at_0, at_1 = 9 * a - 4.5 * b + 1, 4.5 * a - 9 * b + 5.5
    room = 3 - (at_0 + at_1 - math.sqrt(at_0 * at_1))
    assume(min(at_0, at_1) > 0.02 and room > 0.02)
    rule = RULES["polynomial"](1).double()
    roots = torch.tensor([at_0, at_1], dtype=torch.float64) * 2 / room
    rule.log_roots.data = roots.log() / 2
    assert rule.readings() == pytest.approx({"a": a, "b": b})


def test_clip_fills_a_hole_a_pixel_a_step_and_mean_never_quite() -> None:
    """Pitfall 19: how fast confidence spreads is what the rules differ in."""
    confidence = torch.ones(1, 1, 15, 15)
    confidence[..., 4:11, 4:11] = 0
    present = torch.ones(1, 1)
    steps = {name: confidence for name in RULES}
    for _ in range(4):
        steps = {k: torch.maximum(c, RULES[k](1)(c, present)) for k, c in steps.items()}
    assert steps["clip"].min() == 1
    assert 0 < steps["mean"].min() < 0.2


@pytest.mark.parametrize(
    ("name", "readings"),
    [
        ("clip", {}),
        ("mean", {}),
        ("power_mean", {"p": 1.0}),
        ("polynomial", {"a": 1 / 3, "b": 2 / 3}),
    ],
)
def test_readings_at_the_start(name: str, readings: dict) -> None:
    assert RULES[name](3).readings() == pytest.approx(readings)
    assert all(type(value) is float for value in RULES[name](3).readings().values())
    learned = {parameter for parameter, _ in RULES[name](3).named_parameters()}
    assert bool(learned) == bool(readings)
