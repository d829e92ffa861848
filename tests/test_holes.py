"""Holes: sides, margins, the bias of 2.1.3, independence of the other clips, setups."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmend.errors import InputError
from flowmend.geometry.derivatives import jacobian_norm as torch_jacobian_norm
from flowmend.holes import HOLES_VERSION, SHAPE_NUMBERS, draw_hole, holes_digest, setup_frames
from flowmend.holes.bias import biased_position, jacobian_norm, place
from flowmend.holes.patterns import ellipse, object_shaped, rectangle, stroke
from flowmend.io.packed_maps import PackedMaps

SIDES = (14, 24)
GOLDEN = "474c857e97eba650acb5c83d9d0d8a1f2e8edab6031e30fb99d7dea90ab1c44f"


def _flow(phase: float = 0.0, height: int = 64, width: int = 64) -> np.ndarray:
    """A smooth flow with one sharp bump: no random numbers, no other module."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    bump = 3 / (1 + ((x - 30 - phase) ** 2 + (y - 22) ** 2) / 40)
    return np.stack([bump + 0.01 * y, 0.02 * x - bump]).astype(np.float32)


def _crescent(size: int = 40, turned: bool = False) -> np.ndarray:
    """Object 1 is a crescent, on a field of 0."""
    y, x = np.mgrid[:size, :size]
    outer, inner = (np.hypot(y - size / 2, x - size / 2 - shift) < size / 3 for shift in (0, 6))
    ids = (outer & ~inner).astype(np.uint8)
    return ids.T if turned else ids


def _donors(clips: int = 3) -> dict[str, np.ndarray]:
    return {f"clip {n}": _crescent(40 + n, turned=n % 2 == 1) for n in range(clips)}


def _box_of(hole: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    return rows[0], rows[-1], columns[0], columns[-1]


class TestPatterns:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 10**6), st.integers(4, 40), st.integers(0, 60))
    @pytest.mark.parametrize("draw", [rectangle, ellipse, stroke])
    def test_fills_its_box_and_no_more(self, draw, seed: int, shortest: int, more: int):
        pattern = draw(np.random.default_rng(seed), (shortest, shortest + more))
        assert _box_of(pattern) == (0, pattern.shape[0] - 1, 0, pattern.shape[1] - 1)
        assert shortest <= min(pattern.shape)
        assert max(pattern.shape) <= shortest + more

    def test_every_side_is_drawn(self):
        rng = np.random.default_rng(0)
        heights = {rectangle(rng, SIDES).shape[0] for _ in range(400)}
        assert heights == set(range(SIDES[0], SIDES[1] + 1))

    def test_rectangle_is_full_and_ellipse_is_round(self):
        rng = np.random.default_rng(0)
        assert rectangle(rng, SIDES).all()
        disc = ellipse(rng, (41, 41))
        assert abs(disc.mean() - np.pi / 4) < 0.02
        assert np.array_equal(disc, disc[::-1, ::-1])

    def test_stroke_is_one_piece_and_thin(self):
        for seed in range(30):
            pattern = stroke(np.random.default_rng(seed), (24, 40))
            assert cv2.connectedComponents(pattern.astype(np.uint8))[0] == 2
            assert not pattern.all()
            depth = cv2.distanceTransform(np.pad(pattern, 1).astype(np.uint8), cv2.DIST_L2, 5)
            assert depth.max() < min(pattern.shape) / 2

    def test_object_keeps_its_shape(self):
        ids = np.zeros((200, 200), np.uint8)
        ids[30:180, 40:80] = ids[140:180, 40:160] = 3  # an L of 150×120 px
        pattern = object_shaped(np.random.default_rng(3), (20, 60), [ids])
        size = pattern.shape[::-1]
        again = cv2.resize(ids[30:180, 40:160], size, interpolation=cv2.INTER_NEAREST) > 0
        assert abs(pattern.shape[0] / pattern.shape[1] - 150 / 120) < 0.1
        assert (again & pattern).sum() / (again | pattern).sum() > 0.9

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 10**6), st.integers(4, 30), st.integers(0, 30))
    def test_object_fills_its_box(self, seed: int, shortest: int, more: int):
        rng = np.random.default_rng(seed)
        pattern = object_shaped(rng, (shortest, shortest + more), list(_donors().values()))
        assert _box_of(pattern) == (0, pattern.shape[0] - 1, 0, pattern.shape[1] - 1)
        assert shortest <= min(pattern.shape)
        assert max(pattern.shape) <= shortest + more

    def test_useless_donors_pass_the_turn_to_the_next(self):
        nothing = np.zeros((40, 40), np.uint8)
        everything = np.ones((40, 40), np.uint8)  # would be a rectangle in disguise
        speck = nothing.copy()
        speck[3, 4:7] = 1
        for seed in range(8):
            donors = [nothing, everything, _crescent(), speck]
            pattern = object_shaped(np.random.default_rng(seed), SIDES, donors)
            assert 0.1 < pattern.mean() < 0.9
        assert object_shaped(np.random.default_rng(0), SIDES, [nothing, everything, speck]) is None
        assert object_shaped(np.random.default_rng(0), SIDES, []) is None

    def test_void_is_no_object(self):
        ids = _crescent()
        ids[30:] = 255
        ids[35, 5] = 0
        for seed in range(8):
            pattern = object_shaped(np.random.default_rng(seed), SIDES, [ids])
            assert pattern.mean() < 0.8


class TestBias:
    def test_is_the_jacobian_norm_of_geometry(self):
        flow = np.random.default_rng(0).normal(size=(2, 9, 13)).astype(np.float32)
        expected = torch_jacobian_norm(torch.from_numpy(flow)).numpy()
        assert np.abs(jacobian_norm(flow) - expected).max() < 1e-5

    def test_ranks_follow_the_exponential_law(self):
        count, draws = 500, 20_000
        rng = np.random.default_rng(0)
        strength = rng.permutation(count).astype(float)
        ranks = np.array(
            [count - 1 - strength[biased_position(strength, rng)] for _ in range(draws)]
        )
        cut = np.arange(1, count + 1)
        law = (1 - np.exp(-10 * cut / count)) / (1 - np.exp(-10))
        seen = np.searchsorted(np.sort(ranks), cut - 0.5) / draws
        assert np.abs(seen - law).max() < 0.015

    def test_ties_are_drawn_evenly(self):
        rng = np.random.default_rng(1)
        rows = [biased_position(np.zeros((20, 20)), rng) // 20 for _ in range(4000)]
        assert abs(np.mean(rows) - 9.5) < 0.5

    def test_holes_gather_where_the_flow_changes(self):
        rng = np.random.default_rng(2)
        total = sum(place(np.ones((9, 9), bool), _flow(), rng).astype(int) for _ in range(300))
        row, column = np.unravel_index(total.argmax(), total.shape)
        assert np.hypot(row - 22, column - 30) < 8
        assert total[:9].mean() < total[18:27, 26:35].mean() / 10

    def test_the_strongest_position_is_the_patterns_centre(self):
        flow = np.zeros((2, 40, 50), np.float32)
        flow[0, 17, 24] = 0.1
        flow[0, 16:19, 23] = flow[0, 17, 25] = 3.0

        class Strongest:
            def permutation(self, n: int) -> np.ndarray:
                return np.arange(n)

            def exponential(self, mean: float) -> float:
                return 0.0

        hole = place(np.ones((5, 7), bool), flow, Strongest())
        strongest = np.unravel_index(jacobian_norm(flow).argmax(), (40, 50))
        top, bottom, left, right = _box_of(hole)
        assert ((top + bottom) // 2, (left + right) // 2) == strongest

    def test_a_hole_that_leaves_no_margin(self):
        assert (
            place(np.ones((14, 14), bool), _flow(0, 16, 16), np.random.default_rng(0)).sum() == 196
        )
        with pytest.raises(InputError, match="no known pixel around it in 16×16 px"):
            place(np.ones((15, 14), bool), _flow(0, 16, 16), np.random.default_rng(0))


class TestDrawHole:
    @settings(max_examples=60, deadline=None)
    @given(
        st.sampled_from(sorted(SHAPE_NUMBERS)), st.text(max_size=9), st.integers(0, 2**31),
        st.integers(26, 70), st.integers(26, 90),
    )  # fmt: skip
    def test_stays_inside_the_frame(
        self, shape: str, clip: str, seed: int, height: int, width: int
    ):
        hole = draw_hole(shape, clip, _flow(0, height, width), seed, SIDES, _donors())
        assert hole.any()
        assert not np.concatenate([hole[0], hole[-1], hole[:, 0], hole[:, -1]]).any()
        top, bottom, left, right = _box_of(hole)
        assert SIDES[0] <= min(bottom - top, right - left) + 1
        assert max(bottom - top, right - left) + 1 <= SIDES[1]

    @pytest.mark.parametrize("shape", sorted(SHAPE_NUMBERS))
    def test_depends_on_seed_and_clip(self, shape: str):
        first = draw_hole(shape, "a", _flow(), 1, SIDES, _donors())
        assert np.array_equal(first, draw_hole(shape, "a", _flow(), 1, SIDES, _donors()))
        assert not np.array_equal(first, draw_hole(shape, "b", _flow(), 1, SIDES, _donors()))
        assert not np.array_equal(first, draw_hole(shape, "a", _flow(), 2, SIDES, _donors()))

    def test_takes_another_clips_object(self):
        donors = {"own": _crescent(turned=True), "other": _crescent()}
        without = draw_hole("object", "own", _flow(), 1, SIDES, {"other": _crescent()})
        assert np.array_equal(draw_hole("object", "own", _flow(), 1, SIDES, donors), without)

    def test_a_lone_clip_gives_its_own_object(self):
        own, other = ({name: _crescent()} for name in ("own", "other"))
        expected = draw_hole("object", "own", _flow(), 1, SIDES, other)
        assert np.array_equal(draw_hole("object", "own", _flow(), 1, SIDES, own), expected)

    def test_no_segmentation_at_all(self):
        with pytest.raises(InputError, match=r"clip own: no clip .*; remove object from holes"):
            draw_hole("object", "own", _flow(), 1, SIDES, {})


def _holes(clips: range) -> PackedMaps:
    names = [f"clip {n}" for n in clips]
    shapes = list(SHAPE_NUMBERS)
    maps = [
        [draw_hole(s, name, _flow(n), 11, SIDES, _donors()) for s in shapes]
        for n, name in zip(clips, names)
    ]
    return PackedMaps.pack(names, shapes, np.array(maps), HOLES_VERSION)


class TestDigest:
    def test_golden(self):
        """Raise HOLES_VERSION when this has to change: test sets are no longer comparable."""
        assert holes_digest([_holes(range(4))]) == GOLDEN

    def test_does_not_depend_on_the_shards(self):
        assert holes_digest([_holes(range(2, 4)), _holes(range(2))]) == GOLDEN

    def test_one_pixel_changes_it(self):
        packed = _holes(range(4))
        packed.bits[1, 2, 0, 0] ^= 1
        assert holes_digest([packed]) != GOLDEN


class TestSetups:
    def test_of_the_report(self):
        assert np.flatnonzero(setup_frames("middle_two", 6)).tolist() == [2, 3]
        assert np.flatnonzero(setup_frames("all_frames", 6)).tolist() == [0, 1, 2, 3, 4, 5]
        assert np.flatnonzero(setup_frames("sandwich", 6)).tolist() == [1, 2, 3, 4]

    @pytest.mark.parametrize("frames", range(3, 12))
    def test_of_any_length(self, frames: int):
        counts = {s: setup_frames(s, frames) for s in ("middle_two", "all_frames", "sandwich")}
        assert {s: h.shape for s, h in counts.items()} == dict.fromkeys(counts, (frames,))
        assert counts["middle_two"].sum() == 2
        assert counts["all_frames"].sum() == frames
        assert counts["sandwich"].sum() == frames - 2
        middle = np.flatnonzero(counts["middle_two"]).mean()
        assert abs(middle - (frames - 1) / 2) <= 0.5

    @pytest.mark.parametrize(
        ("setup", "frames"), [("middle_two", 1), ("sandwich", 2), ("all_frames", 0), ("every", 6)]
    )
    def test_impossible(self, setup: str, frames: int):
        with pytest.raises(ValueError, match=setup):
            setup_frames(setup, frames)
