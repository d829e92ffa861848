"""Losses of a refinement step, one by one: what readings R1 and R3 and claim C16 say of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

import refinement_reference as reference
from flowmend.datasets.moving_shapes import render
from flowmend.geometry.warp import warp
from flowmend.losses import REFINEMENT_LOSSES, Refined, decoder
from flowmend.losses.consistency import min_round_trip
from losses_reference import clip
from refined_batch import gradients, over_flow, refined_batch


class TestInpaintL1:
    def test_a_loss_with_no_confidence_weighs_all_alike(self) -> None:
        refined = refined_batch()
        ones = torch.ones_like(refined.confidence)
        loss = REFINEMENT_LOSSES["inpaint_l1"]
        assert loss(replace(refined, confidence=None)) == loss(replace(refined, confidence=ones))

    def test_giving_up_confidence_is_a_way_to_zero(self) -> None:
        """Claim C16: loss and gradient fall with the confidence, whatever the flow says."""
        refined, loss = refined_batch(), REFINEMENT_LOSSES["inpaint_l1"]
        full = loss(replace(refined, confidence=None)).item()
        for trust in (0.5, 0.01, 0.0):
            given_up = replace(refined, confidence=torch.full_like(refined.confidence, trust))
            assert loss(given_up).item() == pytest.approx(trust * full)
            of_flows, of_confidence = gradients("inpaint_l1", given_up)
            assert (of_confidence[refined.hole] > 0).all()
            assert of_flows.any() == (trust > 0)

    def test_descent_gives_up_what_is_wrong_first(self) -> None:
        refined = refined_batch()
        _, of_confidence = gradients("inpaint_l1", refined)
        errors = (refined.flows - refined.true).abs().sum((2, 3)) / 2
        torch.testing.assert_close(
            of_confidence[refined.hole], errors[refined.hole] / refined.hole.sum()
        )


class TestDecoder:
    def test_against_a_loop(self) -> None:
        p, q, hole = clip(1, 3, 2, 2, 4, 5), clip(2, 3, 2, 2, 4, 5), clip(3, 3, 4, 5) > 0
        expected = reference.weighted_l1(p, q, ~hole, np.ones(hole.shape))
        found = decoder(*(torch.from_numpy(a)[None] for a in (p, q, hole)))
        assert found.item() == pytest.approx(expected, rel=1e-12)

    def test_known_pixels_alone_are_judged(self) -> None:
        """Reading R1: the printed 1 − H, with H = 0 inside, would be the hole."""
        refined = refined_batch()
        inside = replace(refined, flows=refined.flows.where(over_flow(refined), refined.true))
        assert decoder(inside.flows, refined.true, refined.hole) == 0
        flows = refined.flows.clone().requires_grad_()
        decoder(flows, refined.true, refined.hole).backward()
        assert not flows.grad[over_flow(refined)].any()
        assert flows.grad[~over_flow(refined)].all()

    def test_nothing_known_scores_zero(self) -> None:
        refined = refined_batch()
        assert decoder(refined.flows, refined.true, torch.ones_like(refined.hole)) == 0


class TestMinRoundTrip:
    def test_the_readings_of_a_true_flow(self) -> None:
        """R3: with the print's minus a true flow scores far higher than standing still."""
        for seed in range(3):
            drawn = render(seed)
            flows = torch.from_numpy(np.stack([drawn.forward[1:], drawn.backward[:-1]], 1))
            found = min_round_trip(flows[None]).item()
            assert found == pytest.approx(_as_read(flows, 1, "before"), abs=2e-6)
            assert found < 0.05
            assert _as_read(flows, -1, "before") > 30 * found
            assert _as_read(flows, -1, "after") > 30 * found  # as printed
            assert _as_read(flows, 1, "after") > 3 * found

    def test_zero_flow_in_a_hole_of_all_frames_beats_the_truth(self) -> None:
        drawn = render(0)
        true = torch.from_numpy(np.stack([drawn.forward[1:], drawn.backward[:-1]], 1))[None]
        everywhere = torch.ones(1, 6, 64, 64, dtype=torch.bool)
        still = Refined(torch.zeros_like(true), true, everywhere)
        loss = REFINEMENT_LOSSES["min_round_trip"]
        assert loss(still).item() == pytest.approx(1e-6, rel=1e-3)  # the safe norm's least
        assert loss(replace(still, flows=true)) > 1e-3
        flows = still.flows.clone().requires_grad_()
        loss(replace(still, flows=flows)).backward()
        assert not flows.grad.any()

    def test_known_end_frames_are_followed(self) -> None:
        """In the sandwich frame 1 goes back to frame 0, whose flow is the truth."""
        refined, loss = refined_batch(setup="sandwich"), REFINEMENT_LOSSES["min_round_trip"]
        for frame, direction in ((0, 0), (5, 1)):
            assert loss(_with_true(refined, frame, direction, 5.0)) != loss(refined)
        for frame, direction in ((0, 1), (5, 0)):  # these leave the clip
            assert loss(_with_true(refined, frame, direction, 5.0)) == loss(refined)

    def test_one_good_trip_is_enough(self) -> None:
        """Frames that fit the one before and not the one after, as at an occlusion."""
        flows = torch.zeros(1, 3, 2, 2, 8, 8)
        flows[:, 1, 1, 0], flows[:, 0, 0, 0] = -2.0, 2.0
        flows[:, 1, 0, 0] = 3.0  # nothing comes back from frame 2
        assert min_round_trip(flows).item() == pytest.approx(0, abs=1e-5)
        flows[:, 0, 0, 0] = 0.0
        assert min_round_trip(flows).item() == pytest.approx(2, abs=1e-5)


def _as_read(flows: Tensor, sign: int, second: str) -> float:
    """Mean of the smaller trip of true flow (T, 2, 2, H, W) with another sign or frame."""
    f, b = flows[1:-1].unbind(1)
    other = flows[:-2, 0] if second == "before" else flows[2:, 0]
    ahead = (f + sign * warp(flows[2:, 1], f)[0]).norm(dim=1)
    return torch.minimum(ahead, (b + sign * warp(other, b)[0]).norm(dim=1)).mean().item()


def _with_true(refined: Refined, frame: int, direction: int, value: float) -> Refined:
    true = refined.true.clone()
    true[:, frame, direction] = value
    return replace(refined, true=true)


class TestTotalVariation:
    @pytest.mark.parametrize("name", ["total_variation", "prediction_total_variation"])
    def test_a_seam_costs_the_same_on_each_side(self, name: str) -> None:
        """A column of hole, raised by 2 px: up on its left and down on its right."""
        true, hole = torch.zeros(1, 1, 2, 2, 8, 8), torch.zeros(1, 1, 8, 8, dtype=torch.bool)
        for column in (0, 3, 7):
            hole.zero_()[..., column] = True
            sides = 2 if column == 3 else 1
            found = REFINEMENT_LOSSES[name](Refined(true + 2, true, hole))
            assert found.item() == pytest.approx(sides * 2 * 2, abs=1e-4)  # two components

    def test_of_the_difference_prefers_the_truth_and_of_the_prediction_a_constant(self) -> None:
        """A step of 3 px in the truth, and a prediction that is flat within the hole."""
        true = torch.zeros(1, 3, 2, 2, 8, 8)
        true[..., 4:] = 3.0
        refined = Refined(torch.zeros_like(true), true, torch.ones(1, 3, 8, 8, dtype=torch.bool))
        exact = replace(refined, flows=true)
        step = 3 * 2 / 8  # px, both components, one column of eight
        scores = {
            name: [REFINEMENT_LOSSES[name](r).item() for r in (refined, exact)]
            for name in ("total_variation", "prediction_total_variation")
        }
        assert scores["total_variation"] == pytest.approx([step, 0], abs=1e-5)
        assert scores["prediction_total_variation"] == pytest.approx([0, step], abs=1e-5)
