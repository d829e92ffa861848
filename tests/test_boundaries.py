"""Motion boundaries and their F-measure, against slow literal references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmend.datasets.moving_shapes import render
from flowmend.evaluation.boundaries import (
    MOTION_JUMP_PX,
    Matches,
    f_measure,
    matches,
    motion_boundaries,
    within,
)

SEEDS = st.integers(0, 2**32 - 1)


def _maps(seed: int, share: float = 0.1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    found, true = rng.random((2, 2, 9, 11)) < share
    return found, true, rng.random((2, 9, 11)) < 0.5


def _literal(found: np.ndarray, true: np.ndarray, tolerance: int, region: np.ndarray) -> Matches:
    """Every pixel against every pixel of its map."""
    counts = [0, 0, 0, 0]
    for f, t, r in zip(found, true, region):
        drawn, wanted = np.argwhere(f & r), np.argwhere(t & r)
        counts[0] += len(drawn)
        counts[2] += len(wanted)
        counts[1] += sum(
            any(np.hypot(*(a - b)) <= tolerance for b in np.argwhere(t)) for a in drawn
        )
        counts[3] += sum(any(np.hypot(*(a - b)) <= tolerance for b in drawn) for a in wanted)
    return Matches(*counts)


def _line(column: int) -> np.ndarray:
    edges = np.zeros((12, 12), bool)
    edges[:, column] = True
    return edges


class TestMatches:
    @given(seed=SEEDS, tolerance=st.integers(0, 3), share=st.sampled_from([0.0, 0.03, 0.2]))
    def test_equals_the_literal_reference(self, seed: int, tolerance: int, share: float) -> None:
        found, true, region = _maps(seed, share)
        assert matches(found, true, tolerance, region) == _literal(found, true, tolerance, region)

    @given(seed=SEEDS)
    def test_everywhere_is_the_default_region(self, seed: int) -> None:
        found, true, region = _maps(seed)
        everywhere = np.ones_like(region)
        assert matches(found, true, 1) == matches(found, true, 1, everywhere)

    @given(seed=SEEDS)
    def test_exchanging_the_two_exchanges_precision_and_recall(self, seed: int) -> None:
        found, true, _ = _maps(seed)
        precision, recall, f = f_measure(found, true, 1)
        assert f_measure(true, found, 1) == (recall, precision, f)

    def test_equal_maps_agree(self) -> None:
        assert f_measure(_line(4), _line(4), 0) == (1, 1, 1)

    def test_a_shift_by_two_fails_at_one_px_and_passes_at_two(self) -> None:
        assert f_measure(_line(4), _line(6), 1) == (0, 0, 0)
        assert f_measure(_line(4), _line(6), 2) == (1, 1, 1)

    def test_distances_are_euclidean(self) -> None:
        found, true = np.zeros((2, 5, 5), bool)
        found[1, 1] = true[2, 2] = True
        assert f_measure(found, true, 1).f_measure == 0
        assert f_measure(found, true, 2).f_measure == 1

    @pytest.mark.parametrize(
        ("found", "true", "expected"),
        [(False, False, (1, 1, 1)), (False, True, (1, 0, 0)), (True, False, (0, 1, 0))],
    )
    def test_empty_maps_are_defined(self, found: bool, true: bool, expected: tuple) -> None:
        assert f_measure(_line(3) & found, _line(3) & true, 1) == expected

    def test_edges_outside_the_region_are_nobody_s_merit(self) -> None:
        region = np.zeros((12, 12), bool)
        region[:, 5:9] = True
        outside = matches(_line(4), _line(5), 1, region)
        assert outside == Matches(found=0, right=0, true=12, met=0)

    def test_a_true_place_just_outside_the_region_is_right(self) -> None:
        region = np.zeros((12, 12), bool)
        region[:, 5:9] = True
        assert matches(_line(5), _line(4), 1, region) == Matches(12, 12, 0, 0)

    def test_within_reaches_no_further_than_the_frame(self) -> None:
        edges = np.zeros((1, 4, 6), bool)
        edges[0, 0, 0] = True
        rows, columns = np.mgrid[:4, :6]
        assert np.array_equal(within(edges, 2)[0], rows**2 + columns**2 <= 4)


class TestMotionBoundaries:
    @given(seed=SEEDS, jump=st.floats(0.1, 2))
    def test_equals_the_literal_reference(self, seed: int, jump: float) -> None:
        flow = np.random.default_rng(seed).normal(size=(2, 6, 7))
        expected = np.zeros((6, 7), bool)
        for i, j in np.ndindex(6, 7):
            for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if 0 <= k < 6 and 0 <= m < 7:
                    expected[i, j] |= np.hypot(*(flow[:, i, j] - flow[:, k, m])) > jump
        assert np.array_equal(motion_boundaries(flow, jump), expected)

    @given(seed=SEEDS)
    def test_turns_along_with_the_flow(self, seed: int) -> None:
        flow = np.random.default_rng(seed).normal(size=(3, 2, 6, 7))
        before = motion_boundaries(flow, 1.0)
        assert np.array_equal(motion_boundaries(flow[..., ::-1], 1.0), before[..., ::-1])
        assert np.array_equal(
            motion_boundaries(flow.swapaxes(-1, -2), 1.0), before.swapaxes(-1, -2)
        )

    def test_a_smooth_surface_has_none(self) -> None:
        y, x = np.mgrid[:8, :8] * 0.3
        assert not motion_boundaries(np.stack([x, -y])).any()

    def test_lies_on_outlines_and_covers_most_of_them(self) -> None:
        """The rendered set knows its outlines: the threshold stands in the gap."""
        clips = [render(seed) for seed in range(4)]
        inside, outlines, marked = 0, 0, 0
        for clip in clips:
            boundary = motion_boundaries(clip.forward, MOTION_JUMP_PX)
            inside += (boundary & clip.pure[:-1]).sum()
            outlines += (~clip.pure[:-1]).sum()
            marked += (boundary & ~clip.pure[:-1]).sum()
        assert inside == 0
        assert marked > 0.5 * outlines
