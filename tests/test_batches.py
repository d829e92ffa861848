"""Clip sets and batches: what stands in a hole, symmetries that carry flow along, exact resume."""

from pathlib import Path

import numpy as np
import pytest
import torch

from flowmend.datasets.clip_set import ClipSet, load_clip_set
from flowmend.errors import InputError
from flowmend.fills import FILLS
from flowmend.geometry.round_trip import round_trip
from flowmend.io.flow_archive import FlowArchiveWriter
from flowmend.io.hole_values import write_hole_values
from flowmend.io.packed_maps import PackedMaps, write_packed_maps
from flowmend.training.batches import Batches
from flowmend.training.symmetries import (
    OF_A_SQUARE,
    REVERSE_TIME,
    flow_action,
    turned,
    turned_back,
)
from flowmend.training.windows import STEP_PX, corner, window_px
from training_clips import FRAMES, SHAPES, SIZE, clip_set, holes, smooth_flow


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipSet:
    return clip_set(tmp_path_factory.mktemp("clips"))


class TestClipSet:
    @pytest.mark.parametrize("fill", ["zero", "smooth", "biharmonic"])
    def test_filled_is_the_fill_of_the_flow(self, clips: ClipSet, fill: str) -> None:
        for shape in range(len(SHAPES)):
            expected = FILLS[fill](clips.flow[1], clips.holes[1, shape])
            np.testing.assert_allclose(clips.filled(1, shape, fill), expected, atol=0.05)

    def test_filled_keeps_known_pixels(self, clips: ClipSet) -> None:
        known = ~clips.holes[2, 0]
        filled = clips.filled(2, 0, "smooth")
        assert np.array_equal(filled[..., known], clips.flow[2][..., known])

    def test_flow_is_the_archive_s_within_its_bound(self, clips: ClipSet) -> None:
        truth = smooth_flow(sum(map(ord, "clip_0")))
        assert np.abs(clips.flow[0] - truth).max() <= 1 / 128

    def test_no_clips_is_one_clear_line(self, tmp_path: Path) -> None:
        paths = [tmp_path / "flow.zip", tmp_path / "holes.npz", tmp_path / "fills.npz"]
        with FlowArchiveWriter(paths[0], "fast", 1 / 128):
            pass
        empty = np.zeros((0, 2, SIZE, SIZE), bool)
        write_packed_maps(paths[1], PackedMaps.pack([], SHAPES, empty, 1))
        write_hole_values(paths[2], [], SHAPES, {"smooth": []}, FRAMES)
        with pytest.raises(InputError, match="holds no clips"):
            load_clip_set([paths[0]], [paths[1]], [paths[2]], FRAMES)


def _transformed(flow: np.ndarray, symmetry: int) -> np.ndarray:
    """A clip (T, 2 directions, 2, H, W) under a symmetry."""
    pixels = np.moveaxis(flow.reshape(-1, *flow.shape[-2:]), 0, -1)[None]
    acted = turned(pixels, symmetry)[0] @ flow_action(symmetry, len(flow))
    return np.ascontiguousarray(np.moveaxis(acted, -1, 0).reshape(flow.shape))


@pytest.mark.parametrize("symmetry", range(OF_A_SQUARE))
class TestSymmetries:
    def test_the_round_trip_error_turns_along(self, symmetry: int) -> None:
        flow = smooth_flow(3)
        before = flow[::-1, ::-1] if symmetry & REVERSE_TIME else flow
        expected = np.moveaxis(
            turned(np.moveaxis(_round_trips(before), 0, -1)[None], symmetry)[0], -1, 0
        )
        np.testing.assert_allclose(_round_trips(_transformed(flow, symmetry)), expected, atol=1e-4)

    @pytest.mark.parametrize("fill", ["smooth", "biharmonic"])
    def test_commutes_with_the_fills(self, symmetry: int, fill: str) -> None:
        flow, hole = smooth_flow(4), holes(4)[0]
        turned_hole = turned(hole[None], symmetry)[0]
        after = FILLS[fill](_transformed(flow, symmetry), turned_hole)
        np.testing.assert_allclose(
            after, _transformed(FILLS[fill](flow, hole), symmetry), atol=1e-4
        )

    def test_written_back_it_appears_turned(self, symmetry: int) -> None:
        maps = np.random.default_rng(symmetry).normal(size=(2, 5, 5, 3))
        target = np.empty_like(maps)
        turned_back(target, symmetry)[:] = maps
        assert np.array_equal(target, turned(maps, symmetry))


def _round_trips(flow: np.ndarray) -> np.ndarray:
    f, b = (torch.from_numpy(np.ascontiguousarray(flow[:, k])) for k in (0, 1))
    return round_trip(f[:-1], b[1:]).numpy()


class TestBatches:
    def _batches(self, clips: ClipSet, setup: str = "all_frames", **kwargs) -> Batches:
        given = {"shapes": SHAPES, "fill": "smooth", "setup": setup, "size": 4, "seed": 1}
        return Batches(clips, **{**given, **kwargs})

    def test_a_step_is_the_same_wherever_a_run_begins(self, clips: ClipSet) -> None:
        run, resumed = self._batches(clips), self._batches(clips)
        for step in range(5):
            last = run[step]
        assert torch.equal(last.filled, resumed[4].filled)
        assert torch.equal(last.hole, resumed[4].hole)

    def test_another_seed_is_another_order(self, clips: ClipSet) -> None:
        first, other = self._batches(clips)[0], self._batches(clips, seed=2)[0]
        assert not torch.equal(first.truth, other.truth)

    def test_an_epoch_meets_every_case_once(self, clips: ClipSet) -> None:
        batches = self._batches(clips, size=2)
        sizes = [hole.sum().item() for step in range(3) for hole in batches[step].hole]
        expected = [FRAMES * hole.sum() for of in clips.holes for hole in of]
        assert sorted(sizes) == sorted(expected)

    def test_shapes_are_those_asked_for(self, clips: ClipSet) -> None:
        batches = self._batches(clips, shapes=["ellipse"])
        sizes = {hole[0].sum().item() for step in range(4) for hole in batches[step].hole}
        assert sizes <= {int(of[1].sum()) for of in clips.holes}

    @pytest.mark.parametrize(
        ("setup", "hidden"), [("middle_two", [2, 3]), ("sandwich", [1, 2, 3, 4])]
    )
    def test_the_setup_hides_its_frames_alone(
        self, clips: ClipSet, setup: str, hidden: list[int]
    ) -> None:
        batch = self._batches(clips, setup)[0]
        frames = batch.hole.any(dim=(-1, -2))
        assert all(row.nonzero().flatten().tolist() == hidden for row in frames)
        differs = (batch.filled != batch.truth).any(dim=(2, 3))
        assert not (differs & ~batch.hole).any()
        assert (differs & batch.hole).any()

    def test_made_ahead_or_not_the_batches_are_the_same(self, clips: ClipSet) -> None:
        ahead = list(self._batches(clips).between(2, 6))
        plain = self._batches(clips)
        assert len(ahead) == 4
        for step, batch in zip(range(2, 6), ahead):
            assert torch.equal(batch.filled, plain[step].filled)
            assert torch.equal(batch.truth, plain[step].truth)


class TestWindows:
    def test_holds_every_hole_with_context(self) -> None:
        maps = np.stack([holes(seed, 64) for seed in range(20)])
        height, width = window_px(maps)
        assert height == width
        assert height % STEP_PX == 0
        for hole in maps.reshape(-1, 64, 64):
            top, left = corner(hole, (height, width))
            inside = hole[top : top + height, left : left + width]
            assert inside.sum() == hole.sum()

    def test_never_leaves_the_frame(self) -> None:
        maps = np.zeros((1, 1, 24, 40), bool)
        maps[..., 20:24, 30:40] = True
        window = window_px(maps)
        top, left = corner(maps[0, 0], window)
        assert 0 <= top <= 24 - window[0]
        assert 0 <= left <= 40 - window[1]

    def test_a_hole_as_large_as_the_frame_takes_it_all(self) -> None:
        maps = np.ones((1, 1, 16, 24), bool)
        assert window_px(maps) == (16, 24)
