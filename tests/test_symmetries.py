"""Symmetries of square and time: what turns with the flow, and how."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from flowmend.datasets.clip_set import ClipSet
from flowmend.fills import FILLS
from flowmend.geometry.round_trip import round_trip
from flowmend.networks.coordinates import position_map
from flowmend.training.batches import Batch, Batches
from flowmend.training.symmetries import (
    OF_A_SQUARE,
    REVERSE_TIME,
    TRANSPOSE,
    flow_action,
    turned,
    turned_back,
    vector_action,
)
from training_clips import FRAMES, SHAPES, SIZE, clip_set, holes, smooth_flow


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipSet:
    return clip_set(tmp_path_factory.mktemp("clips"))


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

    def test_a_position_turns_into_the_turned_frame_s(self, symmetry: int) -> None:
        height, width = 5, 8
        maps = np.moveaxis(position_map(height, width).numpy(), 0, -1)[None]
        acted = np.moveaxis(turned(maps, symmetry)[0] @ vector_action(symmetry), -1, 0)
        size = (width, height) if symmetry & TRANSPOSE else (height, width)
        np.testing.assert_allclose(acted, position_map(*size).numpy(), atol=1e-6)

    def test_a_vector_turns_as_the_flow_does(self, symmetry: int) -> None:
        vectors = np.random.default_rng(symmetry).normal(size=(7, 2)).astype(np.float32)
        clip = np.tile(vectors, (1, 2 * FRAMES)) @ flow_action(symmetry, FRAMES)
        for own in np.split(clip, 2 * FRAMES, axis=1):
            assert np.array_equal(own, vectors @ vector_action(symmetry))


def _round_trips(flow: np.ndarray) -> np.ndarray:
    f, b = (torch.from_numpy(np.ascontiguousarray(flow[:, k])) for k in (0, 1))
    return round_trip(f[:-1], b[1:]).numpy()


def _lively(flow: np.ndarray) -> np.ndarray:
    """Where a field (…, 2, H, W) moves much: a map that turns exactly as its pixels do."""
    return np.linalg.norm(flow, axis=-3) > 1.5


@pytest.fixture(scope="module")
def marked(clips: ClipSet) -> ClipSet:
    """The clips, with a map that can be told from the flow at a pixel in place of the edges."""
    return replace(clips, edges=_lively(clips.flow[:, :, 0]))


@pytest.mark.parametrize("symmetry", range(OF_A_SQUARE))
class TestEdgesAndPositions:
    def _batch(self, clips: ClipSet, symmetry: int, setup: str = "all_frames") -> Batch:
        given = (SHAPES, "smooth", setup, 6, 1)
        batches = Batches(clips, *given, find_edges=_lively, positions=True)
        batches._symmetry = lambda step: symmetry
        return batches[3]

    @pytest.mark.parametrize("setup", ["all_frames", "middle_two"])
    def test_edges_turn_with_the_flow_they_belong_to(
        self, marked: ClipSet, symmetry: int, setup: str
    ) -> None:
        batch = self._batch(marked, symmetry, setup)
        assert 0.1 < batch.edges.mean() < 0.9
        true, filled = (_lively(flow.numpy()[:, :, 0]) for flow in (batch.truth, batch.filled))
        assert np.array_equal(batch.edges.numpy(), true)
        assert np.array_equal(batch.known_edges.numpy(), filled & ~batch.hole.numpy())
        assert batch.edges.dtype == batch.known_edges.dtype == torch.float32

    def test_a_position_is_the_cut_of_the_turned_frame_s(
        self, clips: ClipSet, symmetry: int
    ) -> None:
        """Looked up where it says it is, the turned clip has the window's flow."""
        batch = self._batch(clips, symmetry)
        frames = torch.from_numpy(np.stack([_transformed(f, symmetry) for f in clips.flow]))
        places = (batch.position + 1) * (SIZE - 1) / 2
        assert torch.allclose(places, places.round(), atol=1e-4)
        x, y = places.round().long().unbind(dim=1)
        for k, truth in enumerate(batch.truth):
            found = frames[..., y[k], x[k]]
            assert any(torch.equal(truth, clip) for clip in found)

    def test_flow_and_holes_are_the_same_without_them(self, clips: ClipSet, symmetry: int) -> None:
        plain = Batches(clips, SHAPES, "smooth", "middle_two", 6, 1)
        plain._symmetry = lambda step: symmetry
        own, without = self._batch(clips, symmetry, "middle_two"), plain[3]
        assert without.edges is without.known_edges is without.position is None
        for name in ("truth", "filled", "hole"):
            assert torch.equal(getattr(own, name), getattr(without, name))


class TestOblongFrames:
    def test_positions_of_a_square_window_span_the_frame_s_own_sides(self, tmp_path: Path) -> None:
        """A turned window of a 16×24 px frame is one of a 24×16 px frame."""
        whole = clip_set(tmp_path)
        wide = replace(
            whole,
            flow=np.pad(whole.flow, [(0, 0)] * 5 + [(0, 8)], mode="edge"),
            holes=np.pad(whole.holes, [(0, 0)] * 3 + [(0, 8)]),
            edges=np.pad(whole.edges, [(0, 0)] * 3 + [(0, 8)]),
        )
        batches = Batches(wide, SHAPES, "smooth", "all_frames", 4, 1, positions=True)
        height, width = batches.window
        assert height == width
        steps = set()
        for batch in batches.between(0, 40):
            across = batch.position[:, 0, 0, 1] - batch.position[:, 0, 0, 0]
            down = batch.position[:, 1, 1, 0] - batch.position[:, 1, 0, 0]
            steps.add((round(2 / across[0].item()), round(2 / down[0].item())))
        assert steps == {(SIZE + 7, SIZE - 1), (SIZE - 1, SIZE + 7)}
