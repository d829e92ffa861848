"""Metrics: identities of the issue, and a literal float64 reference."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmend.evaluation.metrics import (
    METRICS,
    composite,
    end_point_error,
    measure,
    motion_edge_band,
)
from flowmend.types import Clip, Completion

FRAMES, HEIGHT, WIDTH = 4, 9, 11
DIRECTIONS = ("forward", "backward")


def _clip(seed: int, frames=(1, 2), batch: tuple[int, ...] = ()) -> Clip:
    random = torch.Generator().manual_seed(seed)
    shape = (*batch, FRAMES, 2, HEIGHT, WIDTH)
    hole = torch.zeros(*batch, FRAMES, HEIGHT, WIDTH, dtype=torch.bool)
    hole[..., list(frames), 2:6, 3:8] = True
    return Clip(
        2 * torch.randn(shape, generator=random), 2 * torch.randn(shape, generator=random), hole
    )


def _completion(clip: Clip, seed: int) -> Completion:
    other = _clip(seed, batch=clip.hole.shape[:-3])
    return composite(clip, Completion(other.forward, other.backward))


def _nowhere(clip: Clip) -> torch.Tensor:
    return torch.zeros_like(clip.hole)


def _sample(field: np.ndarray, x: float, y: float) -> np.ndarray:
    """Bilinear look-up with the border clamped, one point at a time."""
    x, y = min(max(x, 0), WIDTH - 1), min(max(y, 0), HEIGHT - 1)
    left, top = min(int(x), WIDTH - 2), min(int(y), HEIGHT - 2)
    u, v = x - left, y - top
    return (
        (1 - u) * (1 - v) * field[:, top, left]
        + u * (1 - v) * field[:, top, left + 1]
        + (1 - u) * v * field[:, top + 1, left]
        + u * v * field[:, top + 1, left + 1]
    )


def _literal(clip: Clip, mended: Completion, near_edge: torch.Tensor, direction: str) -> dict:
    own = getattr(mended, direction).double().numpy()
    true = getattr(clip, direction).double().numpy()
    other = getattr(mended, "backward" if direction == "forward" else "forward").double().numpy()
    step = 1 if direction == "forward" else -1
    hole = clip.hole.numpy()
    errors, edge_errors, trips, full = [], [], [], []
    hidden = [t for t in range(FRAMES) if hole[t].any()]
    for t in hidden:
        for y in range(HEIGHT):
            for x in range(WIDTH):
                error = np.hypot(*(own[t, :, y, x] - true[t, :, y, x]))
                full.append(error)
                if not hole[t, y, x]:
                    continue
                errors.append(error)
                if near_edge[t, y, x]:
                    edge_errors.append(error)
                if 0 <= t + step < FRAMES:
                    there = own[t, :, y, x]
                    back = _sample(other[t + step], x + there[0], y + there[1])
                    trips.append(np.hypot(*(there + back)))
    return {
        "hole_pixels": len(errors) / len(hidden),
        "epe_hole_px": np.mean(errors),
        "epe_full_px": np.mean(full),
        "epe_edge_px": np.mean(edge_errors),
        "fb_px": np.mean(trips),
    }


class TestMeasure:
    @pytest.mark.parametrize("direction", DIRECTIONS)
    @pytest.mark.parametrize("frames", [(1, 2), (0, 1, 2, 3)])
    def test_agrees_with_the_literal_reference(self, direction: str, frames) -> None:
        clip = _clip(1, frames)
        mended = _completion(clip, 2)
        near_edge = torch.rand(clip.hole.shape, generator=torch.Generator().manual_seed(3)) < 0.3
        got = measure(clip, mended, near_edge)[direction]
        expected = _literal(clip, mended, near_edge, direction)
        assert {name: getattr(got, name).item() for name in METRICS} == pytest.approx(
            expected, rel=1e-5
        )

    @given(st.integers(0, 500))
    @settings(max_examples=10, deadline=None)
    def test_the_truth_scores_zero(self, seed: int) -> None:
        clip = _clip(seed)
        got = measure(clip, Completion(clip.forward, clip.backward), clip.hole)
        for direction in DIRECTIONS:
            assert got[direction].epe_hole_px == 0
            assert got[direction].epe_full_px == 0
            assert got[direction].epe_edge_px == 0

    @given(st.floats(-50, 50), st.floats(-50, 50))
    @settings(max_examples=25, deadline=None)
    def test_a_constant_offset_scores_its_length(self, x: float, y: float) -> None:
        clip = _clip(0)
        offset = torch.tensor([x, y]).view(2, 1, 1)
        got = measure(clip, Completion(clip.forward + offset, clip.backward - offset), clip.hole)
        for direction in DIRECTIONS:
            length = pytest.approx(np.hypot(x, y), abs=1e-5, rel=1e-5)
            assert got[direction].epe_hole_px.item() == length
            assert got[direction].epe_edge_px.item() == length

    def test_full_frame_is_the_hole_times_its_share_whatever_is_said_outside(self) -> None:
        clip, other = _clip(4), _clip(5)
        got = measure(clip, Completion(other.forward, other.backward), _nowhere(clip))
        share = (4 * 5) / (HEIGHT * WIDTH)
        for direction in DIRECTIONS:
            assert got[direction].hole_pixels == 4 * 5
            assert got[direction].epe_full_px.item() == pytest.approx(
                got[direction].epe_hole_px.item() * share
            )

    def test_what_is_said_outside_the_hole_is_not_looked_at(self) -> None:
        """Round trips that leave the hole land on true flow."""
        clip, said = _clip(4), _clip(5)
        raw = Completion(said.forward, said.backward)
        loud, quiet = (measure(clip, c, clip.hole) for c in (raw, composite(clip, raw)))
        for direction in DIRECTIONS:
            for name in METRICS:
                assert getattr(loud[direction], name) == getattr(quiet[direction], name)

    def test_no_edge_in_the_hole_is_not_a_number(self) -> None:
        clip = _clip(4)
        got = measure(clip, _completion(clip, 6), _nowhere(clip))
        assert torch.isnan(got["forward"].epe_edge_px)
        assert not torch.isnan(got["forward"].epe_hole_px)

    def test_opposite_translations_return(self) -> None:
        clip = _clip(7, frames=range(FRAMES))
        there = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1).expand_as(clip.forward)
        moving = Clip(there, -there, clip.hole)
        got = measure(moving, Completion(there, -there), _nowhere(clip))
        for direction in DIRECTIONS:
            assert got[direction].fb_px.item() == pytest.approx(0, abs=1e-5)

    @pytest.mark.parametrize(("direction", "end"), [("forward", FRAMES - 1), ("backward", 0)])
    def test_the_round_trip_leaves_out_the_end_without_a_neighbour(
        self, direction: str, end: int
    ) -> None:
        only_end = _clip(8, frames=(end,))
        assert torch.isnan(
            measure(only_end, _completion(only_end, 9), only_end.hole)[direction].fb_px
        )
        clip = _clip(8, frames=range(FRAMES))
        mended = _completion(clip, 9)
        before = measure(clip, mended, clip.hole)[direction].fb_px
        getattr(mended, direction)[end] += 5
        assert measure(clip, mended, clip.hole)[direction].fb_px == before

    def test_a_batch_is_measured_clip_by_clip(self) -> None:
        clip = _clip(10, batch=(2, 3))
        mended = _completion(clip, 11)
        got = measure(clip, mended, clip.hole)
        one = Clip(clip.forward[1, 2], clip.backward[1, 2], clip.hole[1, 2])
        alone = measure(one, Completion(mended.forward[1, 2], mended.backward[1, 2]), one.hole)
        for direction in DIRECTIONS:
            for name in METRICS:
                together = getattr(got[direction], name)
                assert together.shape == (2, 3)
                assert together[1, 2].item() == pytest.approx(
                    getattr(alone[direction], name).item()
                )


class TestMotionEdgeBand:
    @given(st.integers(0, 1000), st.sampled_from([0, 1, 2, 3.5]))
    @settings(max_examples=25, deadline=None)
    def test_agrees_with_all_pairs_of_pixels(self, seed: int, band_px: float) -> None:
        edges = np.random.default_rng(seed).random((2, 7, 6)) < 0.05
        expected = np.zeros_like(edges)
        for frame, row, column in np.ndindex(*edges.shape):
            expected[frame, row, column] = any(
                np.hypot(row - r, column - c) <= band_px for r, c in np.argwhere(edges[frame])
            )
        assert (motion_edge_band(edges, band_px) == expected).all()

    def test_keeps_the_shape(self) -> None:
        assert motion_edge_band(np.ones((2, 3, 5, 4), dtype=bool), 1).shape == (2, 3, 5, 4)


def test_end_point_error_of_a_three_four_five_triangle() -> None:
    p = torch.tensor([3.0, 4.0]).view(2, 1, 1).expand(2, 2, 2)
    assert end_point_error(p, torch.zeros(2, 2, 2)).tolist() == [[5.0, 5.0], [5.0, 5.0]]
