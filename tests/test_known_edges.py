"""Edges in training: exact under time reversal, and known ones as an inpainter finds them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from flowmend.datasets.clip_set import ClipSet
from flowmend.fills import FILLS
from flowmend.holes import setup_frames
from flowmend.inpainters.direct import DirectInpainter
from flowmend.networks.flow_predictor import Prediction
from flowmend.training.batches import Batch, Batches
from flowmend.training.known_edges import EdgesOfClips
from flowmend.training.mending import Mending
from flowmend.training.symmetries import OF_A_SQUARE, REVERSE_TIME
from flowmend.types import Clip
from training_clips import FIND, FRAMES, SHAPES, SIZE, edges, holes, in_memory, rough_flow

CLIPS = 3
UPRIGHT = (0, REVERSE_TIME)  # mirrored, cv2.Canny finds 1 or 2 pixels in 1000 otherwise
SETUPS, USED_FILLS = ("all_frames", "middle_two"), ("zero", "smooth")


@pytest.fixture(scope="module")
def clips() -> ClipSet:
    """Holes so large that a window is a whole frame."""
    maps = np.zeros((CLIPS, 2, SIZE, SIZE), bool)
    for n in range(CLIPS):
        maps[n, 0, 3 + n : 11 + n, 4:11] = True
        maps[n, 1, 5:9, 2 + n : 9 + n] = True
    return in_memory(np.stack([rough_flow(n) for n in range(CLIPS)]), maps)


def _batches(
    clips: ClipSet, symmetry: int, setup: str = "all_frames", fill: str = "smooth"
) -> Batches:
    size = 2 * CLIPS
    batches = Batches(clips, SHAPES, fill, setup, size, 1, find_edges=FIND, positions=True)
    batches._symmetry = lambda step: symmetry
    return batches


class Told(nn.Module):
    """A network that answers what it is told."""

    def forward(
        self, filled: Tensor, hole: Tensor, known: Tensor, position: Tensor | None = None
    ) -> Prediction:
        return Prediction(filled, known)


def _told(batches: Batches, batch: Batch) -> Prediction:
    return Mending(batches, (), "image", 0.3).predict(Told(), batch)


class TestTrue:
    @pytest.mark.parametrize("symmetry", range(OF_A_SQUARE))
    def test_are_canny_s_on_the_turned_clip(self, clips: ClipSet, symmetry: int) -> None:
        batch = _batches(clips, symmetry)[0]
        assert batch.truth.shape[-2:] == (SIZE, SIZE)
        assert 0.1 < batch.edges.mean() < 0.5
        found = np.stack([edges(clip) for clip in batch.truth.numpy()])
        agree = (batch.edges.numpy() == found).mean()
        assert agree == 1 if symmetry in UPRIGHT else agree > 0.99


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("fill", USED_FILLS)
class TestKnown:
    @pytest.mark.parametrize("symmetry", UPRIGHT)
    def test_are_those_that_the_inpainter_finds(
        self, clips: ClipSet, setup: str, fill: str, symmetry: int
    ) -> None:
        batches = _batches(clips, symmetry, setup, fill)
        batch = batches[0]
        clip = Clip(batch.truth[:, :, 0], batch.truth[:, :, 1], batch.hole)
        mended = DirectInpainter(Told(), FILLS[fill], FIND)(clip)
        known = _told(batches, batch).edges
        assert torch.equal(known, mended.edges)
        assert not torch.equal(known, batch.edges * ~batch.hole)

    @pytest.mark.parametrize("symmetry", [*UPRIGHT, OF_A_SQUARE - 1])
    def test_what_stands_in_the_hole_does_not_change_them(
        self, clips: ClipSet, setup: str, fill: str, symmetry: int
    ) -> None:
        hides = setup_frames(setup, FRAMES)
        whole = replace(clips, shapes=SHAPES[:1], holes=clips.holes[:, :1])
        inside = whole.holes[:, :, None, None] & hides[:, None, None, None, None]
        noise = np.random.default_rng(2).normal(scale=9, size=clips.flow.shape)
        flow = np.where(inside, noise, clips.flow).astype(np.float32)
        spoilt = replace(whole, flow=flow, edges=np.stack([edges(clip) for clip in flow]))
        pair = [self._given(each, symmetry, setup, fill) for each in (whole, spoilt)]
        (own, batch), (other, spoilt_batch) = pair
        assert torch.equal(own.edges, other.edges)
        assert torch.equal(own.flows, other.flows)
        assert ((batch.edges != spoilt_batch.edges) & ~batch.hole).any()

    def _given(
        self, clips: ClipSet, symmetry: int, setup: str, fill: str
    ) -> tuple[Prediction, Batch]:
        batches = Batches(clips, clips.shapes, fill, setup, CLIPS, 1, find_edges=FIND)
        batches._symmetry = lambda step: symmetry
        return _told(batches, batches[0]), batches[0]


@pytest.mark.parametrize("symmetry", range(OF_A_SQUARE))
class TestFrames:
    def test_one_without_a_hole_keeps_its_true_edges(self, clips: ClipSet, symmetry: int) -> None:
        batch = _batches(clips, symmetry, "middle_two")[0]
        visible = ~batch.hole.any(dim=(2, 3))
        assert visible.sum() == (FRAMES - 2) * 2 * CLIPS
        assert batch.edges[visible].any()
        assert torch.equal(batch.known_edges[visible], batch.edges[visible])
        hidden = (batch.known_edges != batch.edges)[~visible]
        assert (hidden & ~batch.hole[~visible]).any()


class TestWindows:
    @pytest.mark.parametrize("back", [False, True])
    def test_hold_what_was_found_on_the_whole_frame(self, back: bool) -> None:
        flow = np.stack([rough_flow(n) for n in range(CLIPS)])
        clips = in_memory(flow, np.stack([holes(n) for n in range(CLIPS)]))
        batches = _batches(clips, REVERSE_TIME if back else 0)
        batch, maps = batches[0], EdgesOfClips(clips, "smooth", np.ones(FRAMES, bool), FIND)
        assert max(batches.window) < SIZE
        expected = [maps.known(n, s, back) for n in range(CLIPS) for s in range(2)]
        expected = [of[::-1] if back else of for of in expected]
        x, y = ((batch.position + 1) * (SIZE - 1) / 2).round().long().numpy().swapaxes(0, 1)
        for k, own in enumerate(batch.known_edges.numpy()):
            cuts = [of[:, y[k], x[k]] for of in expected]
            assert sum(np.array_equal(own, cut) for cut in cuts) == 1


class TestOnce:
    def test_each_field_is_looked_at_once(self, clips: ClipSet) -> None:
        looked: Counter[bytes] = Counter()

        def find(flow: np.ndarray) -> np.ndarray:
            looked[flow.tobytes()] += 1
            return FIND(flow)

        maps = EdgesOfClips(clips, "smooth", setup_frames("all_frames", FRAMES), find)
        assert not looked
        for _ in range(2):
            for clip, back in np.ndindex(CLIPS, 2):
                maps.true(clip, bool(back))
                for shape in range(len(SHAPES)):
                    maps.known(clip, shape, bool(back))
        filled, reversed_truth = 2 * CLIPS * len(SHAPES) * FRAMES, CLIPS * FRAMES
        assert set(looked.values()) == {1}
        assert len(looked) == filled + reversed_truth
