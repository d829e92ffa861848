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
from flowmend.training.batches import SYMMETRIES, Batches, transformed, turned
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


@pytest.mark.parametrize("symmetry", range(SYMMETRIES))
class TestSymmetries:
    def test_the_round_trip_error_turns_along(self, symmetry: int) -> None:
        flow = smooth_flow(3)
        turned_flow = transformed(flow, symmetry)
        errors = _round_trips(flow)
        expected = turned(errors, symmetry & ~4)
        if symmetry & 4:  # time reversed: the trip that starts backward is now the forward one
            expected = turned(_round_trips(flow[::-1, ::-1]), symmetry & ~4)
        np.testing.assert_allclose(_round_trips(turned_flow), expected, atol=1e-4)

    @pytest.mark.parametrize("fill", ["smooth", "biharmonic"])
    def test_commutes_with_the_fills(self, symmetry: int, fill: str) -> None:
        flow, hole = smooth_flow(4), holes(4)[0]
        before = FILLS[fill](transformed(flow, symmetry), turned(hole[None], symmetry)[0])
        np.testing.assert_allclose(
            before, transformed(FILLS[fill](flow, hole), symmetry), atol=1e-4
        )


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
