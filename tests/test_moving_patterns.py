"""The warping toy: its truth against a slow literal reference, its batches, its judge."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowmend.datasets import moving_patterns as toy
from flowmend.datasets.moving_patterns import Motions, Patterns, draw_motions, render
from flowmend.evaluation.moving_patterns import (
    COUNT,
    error_ratios,
    moved_by,
    pattern_test,
    rows,
)
from flowmend.networks import NETWORKS
from flowmend.networks.pattern_mover import PatternMover
from flowmend.training.moving_patterns import MovingPatterns

SIDE = toy.SIDE_PX


def _motions(seed: int, displacement: tuple[float, float], uniform: bool) -> Motions:
    drawn = draw_motions(np.random.default_rng(seed), np.array([uniform]))
    return Motions(
        drawn.textures, np.array([displacement], float), drawn.centres, drawn.radii, drawn.waves
    )


def _spline(t: float) -> float:
    """The cubic B-spline as the convolution of boxes has it, by the truncated power basis."""
    signs = (1, -4, 6, -4, 1)
    return sum(s * max(t + 2 - k, 0.0) ** 3 for k, s in enumerate(signs)) / 6


def _texture_at(knots: np.ndarray, x: float, y: float) -> float:
    """One look-up, knot by knot; knot (1, 1) lies a margin outside the picture's corner."""
    u, v = ((at + 12.0) / 3.0 + 1 for at in (x, y))
    total = 0.0
    for i in range(knots.shape[0]):
        for j in range(knots.shape[1]):
            total += knots[i, j] * _spline(v - i) * _spline(u - j)
    return total


def _inside_object(motions: Motions, x: float, y: float) -> bool:
    """Whether the object, at rest, covers a place."""
    cx, cy = motions.centres[0]
    angle, (heights, phases) = math.atan2(y - cy, x - cx), motions.waves[0]
    waves = sum(h * math.cos(k * angle + p) for k, h, p in zip((2, 3, 4), heights, phases))
    return math.hypot(x - cx, y - cy) < motions.radii[0] * (1 + waves)


@pytest.mark.parametrize("uniform", [True, False])
def test_truth_is_the_function_at_other_places(uniform: bool) -> None:
    dx, dy = 2.3, -4.6
    motions = _motions(3, (dx, dy), uniform)
    drawn = render(motions)
    moving, still = motions.textures[0]
    rng = np.random.default_rng(0)
    for y, x in rng.integers(0, SIDE, (60, 2)):
        there, landed = _inside_object(motions, x, y), _inside_object(motions, x - dx, y - dy)
        after = _texture_at(moving, x - dx, y - dy) if landed else _texture_at(still, x, y)
        before = _texture_at(moving if there else still, x, y)
        in_view = 0 <= x - dx <= SIDE - 1 and 0 <= y - dy <= SIDE - 1
        assert drawn.after[0, 0, y, x] == pytest.approx(after, abs=1e-5)
        assert drawn.before[0, 0, y, x] == pytest.approx(before, abs=1e-5)
        assert drawn.arrived[0, 0, y, x] == (landed and in_view)
        assert drawn.told[0, 0, y, x] == ((landed and in_view) or not (landed or there))
        expected = (dx, dy) if there else (0, 0)
        assert drawn.flow[0, :, y, x] == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(-8, 8), st.integers(-8, 8), st.booleans())
def test_a_whole_number_of_pixels_is_a_shift(seed: int, dx: int, dy: int, uniform: bool) -> None:
    drawn = render(_motions(seed, (dx, dy), uniform))
    before, after = drawn.before[0, 0], drawn.after[0, 0]
    arrived = drawn.arrived[0, 0]
    rows_, columns = np.nonzero(arrived)
    np.testing.assert_allclose(
        after[rows_, columns], before[rows_ - dy, columns - dx], rtol=0, atol=1e-5
    )
    # What does not move is told where it was, and there it is the same picture.
    rest = drawn.told[0, 0] & ~arrived
    assert np.array_equal(after[rest], before[rest])
    assert not (rest.any() and uniform)
    # The pattern arrives where its own flow says.
    rows_, columns = np.nonzero(arrived)
    assert np.all(drawn.flow[0, 0, rows_ - dy, columns - dx] == dx)
    assert np.all(drawn.flow[0, 1, rows_ - dy, columns - dx] == dy)


def test_at_rest_nothing_changes() -> None:
    drawn = render(_motions(1, (0.0, 0.0), uniform=False))
    assert np.array_equal(drawn.before, drawn.after)
    assert drawn.told.all()


class TestProblem:
    def test_the_same_seed_and_step_give_the_same_batch(self) -> None:
        whole, resumed = MovingPatterns(4, seed=5), MovingPatterns(4, seed=5)
        for one, other in zip(list(whole.between(0, 4))[2:], resumed.between(2, 4), strict=True):
            assert torch.equal(one.before, other.before)
            assert torch.equal(one.flow, other.flow)
            assert torch.equal(one.after, other.after)

    def test_seeds_and_steps_differ(self) -> None:
        first = MovingPatterns(4, seed=5)[0].before
        assert not torch.equal(first, MovingPatterns(4, seed=5)[1].before)
        assert not torch.equal(first, MovingPatterns(4, seed=6)[0].before)

    def test_half_moves_as_a_whole_and_half_in_part(self) -> None:
        batch = MovingPatterns(8, seed=0)[3]
        spread = batch.flow.flatten(2).std(dim=2).amax(dim=1)
        assert torch.equal(spread > 0, torch.arange(8) % 2 == 1)

    def test_what_nobody_can_know_costs_nothing(self) -> None:
        problem = MovingPatterns(4, seed=0)
        batch = problem[0]
        untold = torch.where(batch.told, batch.after, 100.0)
        assert problem.terms(untold, batch)["l1"] == 0
        assert problem.terms(batch.after + 0.5, batch)["l1"] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("trunk", ["unet", "unet_warp", "resnet"])
@pytest.mark.parametrize("coordinates", [True, False])
def test_every_network_learns(trunk: str, coordinates: bool) -> None:
    torch.manual_seed(0)
    inputs = 5 if coordinates else 3
    model = PatternMover(NETWORKS[trunk](inputs, 1, 8), coordinates)
    problem = MovingPatterns(8, seed=0)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for batch in problem.between(0, 40):
        loss = problem.terms(problem.predict(model, batch), batch)["l1"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


class TestJudge:
    def test_truth_scores_zero_and_a_copy_one(self) -> None:
        of = pattern_test(40).patterns
        assert np.all(error_ratios(of.after, of) == 0)
        assert error_ratios(of.before, of) == pytest.approx(1)

    def test_counts_only_what_arrived(self) -> None:
        of = pattern_test(6).patterns
        wrong_elsewhere = np.where(of.arrived, of.after, 7.0)
        assert np.all(error_ratios(wrong_elsewhere, of) == 0)
        flat = error_ratios(np.zeros_like(of.after), of)
        for n in range(6):
            own, copied = 0.0, 0.0
            for y, x in zip(*np.nonzero(of.arrived[n, 0])):
                own += abs(float(of.after[n, 0, y, x]))
                copied += abs(float(of.before[n, 0, y, x]) - float(of.after[n, 0, y, x]))
            assert flat[n] == pytest.approx(own / copied, rel=1e-5)

    def test_every_pattern_has_something_to_judge_and_every_condition_patterns(self) -> None:
        test = pattern_test()
        assert np.all(test.patterns.arrived.sum(axis=(1, 2, 3)) > 50)
        names = [test.condition(n) for n in range(COUNT)]
        for kind in ("uniform", "object"):
            for bounds in ("0-2", "2-4", "4-8"):
                assert names.count(f"{kind} {bounds} px") >= 20

    def test_the_test_never_changes(self) -> None:
        one, two = pattern_test(5), pattern_test()
        assert np.array_equal(one.patterns.before, two.patterns.before[:5])
        assert np.array_equal(one.lengths_px, two.lengths_px[:5])

    def test_rows(self) -> None:
        test = pattern_test(7)

        def lazy(pattern: Tensor, flow: Tensor) -> Tensor:
            return pattern

        found = list(rows("lazy", 3, lazy, test))
        assert [row.clip for row in found] == [str(n) for n in range(7)]
        assert {(r.task, r.method, r.seed, r.metric) for r in found} == {
            ("move_pattern", "lazy", 3, "error_ratio")
        }
        assert [row.value for row in found] == pytest.approx([1.0] * 7)
        lengths = np.linalg.norm(np.abs(test.patterns.flow).max((2, 3)), axis=1)
        for row, length in zip(found, lengths):
            low, high = map(float, row.condition.split()[1].split("-"))
            assert low < length <= high

    def test_networks_are_called_in_parts(self) -> None:
        test = pattern_test(60)
        sizes: list[int] = []

        def echo(pattern: Tensor, flow: Tensor) -> Tensor:
            sizes.append(len(pattern))
            return pattern + flow[:, :1]

        moved = moved_by(echo, test)
        assert sum(sizes) == 60
        of: Patterns = test.patterns
        assert np.array_equal(moved, of.before + of.flow[:, :1])
