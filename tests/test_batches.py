"""Clip sets, batches and windows: what stands in a hole, who meets whom, exact resume."""

from pathlib import Path

import numpy as np
import pytest
import torch

from flowmend.datasets.clip_set import ClipSet, load_clip_set
from flowmend.errors import InputError
from flowmend.fills import FILLS
from flowmend.io.flow_archive import FlowArchiveWriter
from flowmend.io.hole_values import write_hole_values
from flowmend.io.packed_maps import PackedMaps, read_packed_maps, write_packed_maps
from flowmend.stages.layout import EDGE_SOURCES
from flowmend.training.batches import Batches
from flowmend.training.windows import STEP_PX, corner, window_px
from training_clips import FIND, FRAMES, SHAPES, SIZE, clip_set, edges, holes, smooth_flow


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

    def test_edges_are_those_of_the_forward_flow(self, clips: ClipSet) -> None:
        assert clips.edges.any()
        for k, name in enumerate(clips.names):
            assert np.array_equal(clips.edges[k], edges(smooth_flow(sum(map(ord, name)))))

    def test_a_clip_without_edges_is_one_clear_line(self, tmp_path: Path) -> None:
        clip_set(tmp_path)
        paths = [tmp_path / name for name in ("flow.zip", "holes.npz", "fills.npz", "edges.npz")]
        found = read_packed_maps(paths[3])
        less = PackedMaps.pack(found.names[:-1], found.labels, found.unpack()[:-1], 1)
        write_packed_maps(paths[3], less)
        with pytest.raises(InputError, match=r"edges\.npz.*clip_2"):
            load_clip_set(*([path] for path in paths), FRAMES)

    def test_no_clips_is_one_clear_line(self, tmp_path: Path) -> None:
        names = ("flow.zip", "holes.npz", "fills.npz", "edges.npz")
        paths = [tmp_path / name for name in names]
        with FlowArchiveWriter(paths[0], "fast", 1 / 128):
            pass
        empty = np.zeros((0, 2, SIZE, SIZE), bool)
        write_packed_maps(paths[1], PackedMaps.pack([], SHAPES, empty, 1))
        write_hole_values(paths[2], [], SHAPES, {"smooth": []}, FRAMES)
        none = np.zeros((0, len(EDGE_SOURCES), FRAMES, SIZE, SIZE), bool)
        write_packed_maps(paths[3], PackedMaps.pack([], EDGE_SOURCES, none, 1))
        with pytest.raises(InputError, match="holds no clips"):
            load_clip_set(*([path] for path in paths), FRAMES)


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

    @pytest.mark.parametrize("setup", ["middle_two", "all_frames"])
    def test_every_part_is_channels_last_in_memory(self, clips: ClipSet, setup: str) -> None:
        """Else a network's input is put together pixel by pixel, at a tenth of the speed."""
        for batch in self._batches(clips, setup, find_edges=FIND, positions=True).between(0, 8):
            flows = (batch.truth.flatten(1, 3), batch.filled.flatten(1, 3))
            extra = (batch.edges, batch.known_edges, batch.position)
            for part in (*flows, batch.hole, *extra):
                assert part.is_contiguous(memory_format=torch.channels_last)

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
