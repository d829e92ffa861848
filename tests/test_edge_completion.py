"""Edge completion as a contest: what is cut, what is seen; a batch is known by its step."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from flowmend.datasets.clip_set import ClipSet
from flowmend.fills import FILLS
from flowmend.inpainters.edges import EdgeInpainter
from flowmend.losses.adversarial import gradient_penalty
from flowmend.networks.edge_gan import EdgeCritic, EdgeGenerator
from flowmend.training.edge_completion import EdgeBatch, EdgeCompletion
from flowmend.training.windows import corner
from flowmend.types import Clip
from training_clips import FIND, in_memory, rough_flow
from training_clips import edges as true_edges

CLIPS, FRAMES, SIDE = 3, 2, 24


@pytest.fixture(scope="module")
def clips() -> ClipSet:
    flow = np.stack([rough_flow(n, SIDE)[:FRAMES] for n in range(CLIPS)])
    holes = np.zeros((CLIPS, 2, SIDE, SIDE), bool)
    for n in range(CLIPS):
        holes[n, 0, 4 + n : 13 + n, 6:14] = True
        holes[n, 1, 8:13, 3 + 2 * n : 9 + 2 * n] = True
    return in_memory(flow, holes)


def _problem(clips: ClipSet, shapes: list[str], size: int, seed: int) -> EdgeCompletion:
    return EdgeCompletion(clips, shapes, "smooth", FIND, size, seed)


class _Told(nn.Module):
    """A generator that draws what it is told."""

    def forward(self, known: Tensor, hole: Tensor, noise: Tensor) -> Tensor:
        return known


def _known_when_mending(clips: ClipSet, clip: int, shape: int) -> np.ndarray:
    """Edges around a hole that the inpainter tells a trained generator, bool (T, H, W)."""
    flow = torch.from_numpy(clips.flow[clip])
    hole = torch.from_numpy(clips.holes[clip, shape]).expand(FRAMES, SIDE, -1)
    inpainter = EdgeInpainter(_Told(), FILLS["smooth"], FIND, seed=0)
    return inpainter(Clip(flow[:, 0], flow[:, 1], hole)).numpy().astype(bool)


def _turns(edges: np.ndarray) -> list[np.ndarray]:
    """The eight symmetries of a square map."""
    return [np.rot90(side, k) for side in (edges, edges.T) for k in range(4)]


class TestBatches:
    def test_an_epoch_holds_every_case_once_under_one_symmetry_a_batch(
        self, clips: ClipSet
    ) -> None:
        problem = _problem(clips, ["rectangle", "ellipse"], 4, seed=1)
        (height, width), left = problem.window, []
        for n, t, s in np.ndindex(CLIPS, FRAMES, 2):
            top, column = corner(clips.holes[n, s], problem.window)
            window = (slice(top, top + height), slice(column, column + width))
            hole, known = clips.holes[n, s], _known_when_mending(clips, n, s)[t]
            edges = np.where(hole, clips.edges[n, t], known)
            left.append([part[window] for part in (edges, known, hole)])
        for batch in problem.between(0, CLIPS):
            turns = [set(range(8)) for _ in batch.edges]
            for k, parts in enumerate(zip(batch.edges[:, 0], batch.known[:, 0], batch.hole[:, 0])):
                found = [
                    (case, turn)
                    for case, cut in enumerate(left)
                    for turn, turned in enumerate(zip(*map(_turns, cut)))
                    if all(map(np.array_equal, turned, parts))
                ]
                turns[k] = {turn for _, turn in found}
                del left[found[0][0]]
            assert set.intersection(*turns)
        assert not left

    def test_all_eight_symmetries_occur(self, clips: ClipSet) -> None:
        problem = _problem(clips, ["rectangle"], 1, seed=2)
        holes = {batch.hole.numpy().tobytes() for batch in problem.between(0, 60)}
        edges = {batch.edges.numpy().tobytes() for batch in problem.between(0, 400)}
        assert len(holes) > 1
        assert len(edges) == CLIPS * FRAMES * 8

    def test_a_batch_is_known_by_seed_and_step(self, clips: ClipSet) -> None:
        one, other = (_problem(clips, ["rectangle"], 4, seed=3) for _ in range(2))
        from_start, later = list(one.between(0, 9))[6:], list(other.between(6, 9))
        for a, b in zip(from_start, later, strict=True):
            for name in ("edges", "known", "hole", "noise"):
                assert torch.equal(getattr(a, name), getattr(b, name))

    def test_noise_is_new_at_every_step(self, clips: ClipSet) -> None:
        problem = _problem(clips, ["rectangle"], 4, seed=3)
        noise = torch.stack([batch.noise for batch in problem.between(0, 50)])
        assert abs(noise.mean()) < 0.02
        assert noise.std() == pytest.approx(1, abs=0.02)
        assert len(torch.unique(noise[:, 0, 0, 0, 0])) == 50

    def test_a_frame_too_narrow_for_a_square_is_only_mirrored(self, clips: ClipSet) -> None:
        narrow = in_memory(clips.flow[..., :15], clips.holes[..., :15])
        problem = _problem(narrow, ["rectangle"], 2, seed=0)
        assert problem.window[0] > problem.window[1] == 15
        assert all(batch.edges.shape[2:] == problem.window for batch in problem.between(0, 9))


class TestContest:
    @pytest.fixture
    def batch(self, clips: ClipSet) -> EdgeBatch:
        return _problem(clips, ["rectangle"], 4, seed=0)[0]

    def test_truth_and_prediction_differ_only_in_the_hole(
        self, clips: ClipSet, batch: EdgeBatch
    ) -> None:
        problem = _problem(clips, ["rectangle"], 4, seed=0)
        torch.manual_seed(0)
        prediction = problem.predict(EdgeGenerator(8), batch)
        true, false = problem.seen(prediction, batch)
        assert true.shape == false.shape == (4, 3, *problem.window)
        assert torch.equal(true[:, 1:], false[:, 1:])
        outside = batch.hole == 0
        assert torch.equal(true[:, :1][outside], false[:, :1][outside])
        assert (true[:, :1] != false[:, :1])[batch.hole == 1].all()

    def test_no_condition_tells_what_is_in_the_hole(self, clips: ClipSet, batch: EdgeBatch) -> None:
        """With another truth in the hole, only the true edges inside it are others."""
        inside = clips.holes[:, 0, None, None, None]
        noise = np.random.default_rng(1).normal(scale=9, size=clips.flow.shape)
        flow = np.where(inside, noise, clips.flow).astype(np.float32)
        spoilt = replace(clips, flow=flow, edges=np.stack([true_edges(clip) for clip in flow]))
        rim = (spoilt.edges != clips.edges) & ~clips.holes[:, :1]
        assert rim.any()
        other = _problem(spoilt, ["rectangle"], 4, seed=0)[0]
        for name in ("known", "hole", "noise"):
            assert torch.equal(getattr(batch, name), getattr(other, name))
        changed = batch.edges != other.edges
        assert changed.any()
        assert not (changed & (batch.hole == 0)).any()

    def test_nothing_but_the_critic_judges(self, clips: ClipSet, batch: EdgeBatch) -> None:
        problem = _problem(clips, ["rectangle"], 4, seed=0)
        assert problem.terms(batch.edges, batch) == {}

    def test_the_critic_s_penalty_has_a_gradient(self, clips: ClipSet, batch: EdgeBatch) -> None:
        problem = _problem(clips, ["rectangle"], 4, seed=0)
        torch.manual_seed(0)
        generator, critic = EdgeGenerator(8), EdgeCritic(8)
        true, false = problem.seen(problem.predict(generator, batch).detach(), batch)
        gradient_penalty(critic, true, false, torch.full((4, 1, 1, 1), 0.3)).backward()
        moved = [p.grad for p in critic.parameters() if p.grad is not None]
        assert all(torch.isfinite(gradient).all() for gradient in moved)
        assert any(gradient.abs().max() > 0 for gradient in moved)
