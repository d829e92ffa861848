"""The sanity check: its batches, its loss, its judge, and how pairs are chosen."""

import math

import numpy as np
import pytest
import torch

from flowmend.evaluation.backward_flow import (
    STEPS_PX,
    copy_forward,
    judge,
    rows,
    step_words,
    way_to_truth,
)
from flowmend.evaluation.pair_motion import (
    choose_pairs,
    most_occluded,
    occlusions,
    speed_terciles,
)
from flowmend.geometry.round_trip import round_trip
from flowmend.networks import NETWORKS
from flowmend.networks.backward_predictor import BackwardPredictor
from flowmend.training.backward_flow import BackwardFlow, PairBatch
from moving_square import SIZE, square_clip


def random_clips(clips: int = 3, frames: int = 4, sides: tuple[int, int] = (16, 16)) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(clips, frames, 2, 2, *sides)).astype(np.float32)


class TestBatches:
    def test_the_same_seed_and_step_give_the_same_batch(self) -> None:
        flows = random_clips()
        whole = list(BackwardFlow(flows, 4, seed=1).between(0, 6))[3:]
        for one, other in zip(whole, BackwardFlow(flows, 4, seed=1).between(3, 6), strict=True):
            assert torch.equal(one.forward, other.forward)
            assert torch.equal(one.backward_next, other.backward_next)

    @pytest.mark.parametrize("sides", [(16, 16), (16, 32)])
    def test_a_batch_is_a_window_of_a_pair_under_a_symmetry(self, sides: tuple[int, int]) -> None:
        # Components of one sign and one size each, and a pixel's place in the fractions.
        flows = np.empty((2, 3, 2, 2, *sides), np.float32)
        place = np.arange(sides[0] * sides[1]).reshape(sides) / 2**16
        for clip in range(2):
            for t in range(3):
                for way in range(2):
                    for part in range(2):
                        flows[clip, t, way, part] = 1 + part + 2 * way + 4 * t + 16 * clip + place
        problem = BackwardFlow(flows, 5, seed=0)
        assert problem.window == tuple({16: 16, 32: 24}[side] for side in sides)
        seen: set[tuple[int, int, bool]] = set()
        for step in range(24):
            batch = problem[step]
            for f, b in zip(batch.forward.numpy(), batch.backward_next.numpy()):
                seen.add(_identified(f, b))
        assert {case[:2] for case in seen} == {(c, t) for c in range(2) for t in range(2)}
        assert {case[2] for case in seen} == {False, True}

    def test_every_pair_once_an_epoch(self) -> None:
        flows = np.zeros((4, 3, 2, 2, 16, 16), np.float32)
        flows += np.arange(1, 13, dtype=np.float32).reshape(4, 3, 1, 1, 1, 1)
        problem = BackwardFlow(flows, 8, seed=0)  # 4 clips of 2 pairs: a batch an epoch
        for step in range(3):
            batch = problem[step]
            sums = (batch.forward.abs() + batch.backward_next.abs()).mean(dim=(1, 2, 3))
            assert sorted(sums.tolist()) == [3, 5, 9, 11, 15, 17, 21, 23]

    def test_clips_without_a_pair_are_refused(self) -> None:
        with pytest.raises(ValueError, match="two frames"):
            BackwardFlow(random_clips(frames=1), 2, seed=0)


def _identified(f: np.ndarray, b: np.ndarray) -> tuple[int, int, bool]:
    """Clip, frame and whether time runs backwards; fails if the two fields are not of one pair."""
    parts = []
    for field in (f, b):
        codes = np.unique(np.floor(np.abs(field)))
        assert len(codes) == 2
        first = int(codes[0]) - 1
        for axis, channel in zip((1, 0), field):
            # Along x the places grow or fall as the sign of the x component says, and so for y:
            # by one along the old rows, by a frame's width along the old columns.
            step = np.diff(np.abs(channel) % 1, axis=axis) * np.sign(channel[0, 0]) * 2**16
            assert len(np.unique(step)) == 1
            assert (step[0, 0] == 1) == (np.floor(np.abs(channel[0, 0])) - 1 == first)
            assert step[0, 0] > 0
        parts.append(first)
    assert np.array_equal(np.abs(f) % 1, np.abs(b) % 1)
    assert np.array_equal(np.sign(f), np.sign(b))
    clip, code = divmod(parts[0], 16)
    backwards = bool(code // 2 % 2)
    partner = code - 6 if backwards else code + 6
    assert parts[1] == 16 * clip + partner
    return clip, min(code, partner) // 4, backwards


class TestLoss:
    def _batch(self, clip: np.ndarray) -> PairBatch:
        return PairBatch(torch.from_numpy(clip[:1, 0]), torch.from_numpy(clip[1:2, 1]))

    def test_exact_flow_without_occlusion_scores_zero(self) -> None:
        clip = np.zeros((2, 2, 2, SIZE, SIZE), np.float32)
        clip[:, 0, 0], clip[:, 1, 0] = 2.0, -2.0
        problem, batch = BackwardFlow(clip[None], 1, seed=0), self._batch(clip)
        terms = problem.terms(batch.backward_next, batch)
        assert terms["forward_backward"] < 2e-6  # the safe norm's floor
        assert terms["l1"] == 0

    def test_the_loss_is_the_mean_over_points_that_stay_in_the_window(self) -> None:
        clip = random_clips(1, 2)[0]
        problem, batch = BackwardFlow(clip[None], 1, seed=0), self._batch(clip)
        predicted = torch.randn(1, 2, 16, 16, generator=torch.Generator().manual_seed(1))
        total, count = 0.0, 0
        for y in range(16):
            for x in range(16):
                u, v = (float(clip[0, 0, k, y, x]) for k in (0, 1))
                if 0 <= x + u <= 15 and 0 <= y + v <= 15:
                    back = [_bilinear(predicted[0, k].numpy(), x + u, y + v) for k in (0, 1)]
                    total += math.hypot(u + back[0], v + back[1])
                    count += 1
        found = problem.terms(predicted, batch)
        assert found["forward_backward"].item() == pytest.approx(total / count, rel=1e-4)
        difference = (predicted - batch.backward_next).abs().sum(1).mean()
        assert found["l1"].item() == pytest.approx(difference.item(), rel=1e-6)

    def test_gradients_are_finite_where_the_trip_closes(self) -> None:
        clip = square_clip(0, 2)
        problem, batch = BackwardFlow(clip[None], 1, seed=0), self._batch(clip)
        predicted = batch.backward_next.clone().requires_grad_()
        problem.terms(predicted, batch)["forward_backward"].backward()
        assert predicted.grad is not None
        assert torch.isfinite(predicted.grad).all()

    def test_it_cannot_tell_the_truth_from_a_copy_at_disocclusions(self) -> None:
        """Nothing arrives where the square was: any prediction there costs the same (claim C3)."""
        clip = square_clip(8, 2)
        problem, batch = BackwardFlow(clip[None], 1, seed=0), self._batch(clip)
        other = batch.backward_next.clone()
        other[0, :, 8:16, 4:12] = 5.0
        costs = [problem.terms(p, batch)["forward_backward"] for p in (batch.backward_next, other)]
        assert costs[0] == costs[1]

    def test_a_network_learns_it(self) -> None:
        torch.manual_seed(0)
        model = BackwardPredictor(NETWORKS["unet"](2, 2, 8))
        flows = np.stack([square_clip(shift) for shift in (1, 2, 3)])
        problem = BackwardFlow(flows, 8, seed=0)
        optimiser = torch.optim.Adam(model.parameters(), 3e-3)
        losses = []
        for batch in problem.between(0, 120):
            loss = problem.terms(problem.predict(model, batch), batch)["forward_backward"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])


def _bilinear(a: np.ndarray, x: float, y: float) -> float:
    left, top = min(int(x), a.shape[1] - 2), min(int(y), a.shape[0] - 2)
    right, down = x - left, y - top
    upper = a[top, left] * (1 - right) + a[top, left + 1] * right
    lower = a[top + 1, left] * (1 - right) + a[top + 1, left + 1] * right
    return float(upper * (1 - down) + lower * down)


CLIPS = {name: square_clip(shift) for name, shift in (("a", 1), ("b", 2), ("c", 3))}


class TestJudge:
    def _values(self, predict, metric: str, clips=CLIPS) -> dict[tuple[str, str], float]:
        found = rows("m", None, predict, clips)
        return {(r.clip, r.condition): r.value for r in found if r.metric == metric}

    def test_a_copy_is_a_copy(self) -> None:
        assert set(self._values(copy_forward, "copy_moving_px").values()) == {0.0}
        assert set(self._values(copy_forward, "warped_share").values()) == {0.0}
        # Wrong by the shift where the square was and where it has come to.
        epe = self._values(copy_forward, "epe_moving_px")
        assert epe["b", "middle"] == 2
        assert epe["c", "fast"] == 3
        everywhere = self._values(copy_forward, "epe_px")
        assert everywhere["b", "middle"] == pytest.approx(2 * (2 * 8 * 2) / SIZE**2)

    def test_the_truth_is_the_truth(self) -> None:
        clip = CLIPS["c"]
        truth = torch.from_numpy(clip[1:, 1].copy())
        judged = judge(lambda forward: truth, clip)
        assert dict(judged.moving(0.5, np.inf)) == {
            "epe_moving_px": 0.0, "copy_moving_px": 3.0, "warped_share": 1.0
        }  # fmt: skip
        expected = round_trip(torch.from_numpy(clip[:-1, 0].copy()), truth)
        assert torch.equal(judged.trip, expected)

    def test_way_to_truth(self) -> None:
        clip = square_clip(3, 2)
        forward, truth = torch.from_numpy(clip[0, 0]), torch.from_numpy(clip[1, 1])
        everywhere = torch.ones(SIZE, SIZE, dtype=torch.bool)
        part = truth - 0.75 * (truth + forward)
        part[1] += 9.0  # beside the line
        for predicted, expected in ((-forward, 0), (truth, 1), (part, 0.25)):
            found = way_to_truth(predicted, forward, truth, everywhere)
            assert found == pytest.approx(expected, abs=1e-6)
        nowhere = way_to_truth(truth, forward, truth, ~everywhere)
        assert math.isnan(nowhere)

    def test_pixels_are_sorted_by_their_step(self) -> None:
        found = self._values(copy_forward, "epe_moving_px")
        steps = {
            clip: {c for k, c in found if k == clip and c.startswith("step")} for clip in "abc"
        }
        assert steps == {"a": {"step 0.5-2 px"}, "b": {"step 0.5-2 px"}, "c": {"step 2-4 px"}}
        assert [step_words(s) for s in STEPS_PX][-1] == "step over 4 px"

    def test_a_clip_where_nothing_steps_has_no_such_row(self) -> None:
        found = list(rows("m", 0, copy_forward, {"still": square_clip(0)}))
        assert {row.metric for row in found} == {"epe_px", "fb_px"}


class TestChoice:
    def test_terciles_by_mean_speed(self) -> None:
        clips = {str(shift): square_clip(shift) for shift in (3, 0, 2, 5, 1, 4)}
        words = speed_terciles(clips)
        assert [words[str(k)] for k in range(6)] == ["slow"] * 2 + ["middle"] * 2 + ["fast"] * 2

    def test_the_slowest_and_the_fastest_motion_are_chosen(self) -> None:
        clips = {str(shift): square_clip(shift) for shift in (3, 1, 2, 5, 6, 4)}
        good, bad = choose_pairs(clips, least_share=0.01)
        assert (good.clip, good.step_px) == ("1", 1)
        assert (bad.clip, bad.step_px) == ("6", 6)
        assert bad.moving_share == pytest.approx(2 * 8 * 6 / SIZE**2)

    def test_too_small_a_motion_is_left_out(self) -> None:
        clips = {str(shift): square_clip(shift) for shift in (3, 1, 2, 5, 6, 4)}
        good, _ = choose_pairs(clips, least_share=2 * 8 * 2 / SIZE**2)
        assert good.clip == "2"

    def test_one_clip_is_good_and_bad(self) -> None:
        good, bad = choose_pairs({"only": square_clip(2)}, least_share=0.9)
        assert {good.clip, bad.clip} == {"only"}

    def test_occlusions_of_a_square(self) -> None:
        clip = square_clip(4)
        found = occlusions(torch.from_numpy(clip[0, 0]), torch.from_numpy(clip[1, 1]))
        covered, uncovered = np.zeros((2, SIZE, SIZE), bool)
        covered[8:16, 12:16] = True  # before it, where the square comes
        uncovered[8:16, 4:8] = True  # behind it
        assert np.array_equal(found.covered, covered)
        assert np.array_equal(found.uncovered, uncovered)
        assert found.pixels == 64

    def test_most_occluded(self) -> None:
        clips = {"slow": square_clip(1), "fast": square_clip(4), "still": square_clip(0)}
        name, frame = most_occluded(clips)
        assert name == "fast"
        assert frame in (0, 1)
