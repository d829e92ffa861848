"""Losses of a refinement step: slow references, gradients, setups and symmetries of all of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

import refinement_reference as reference
from flowmend.losses import REFINEMENT_LOSSES, Refined
from flowmend.losses.consistency import min_round_trip
from losses_reference import clip
from refined_batch import FRAMES, HEIGHT, SETUPS, WIDTH, gradients, over_flow, refined_batch

REFERENCES = {  # of predicted and true flow (T, 2, 2, H, W), hole and confidence (T, H, W)
    "inpaint_l1": lambda p, q, h, c: reference.weighted_l1(p, q, h, c),
    "min_round_trip": lambda p, q, h, c: reference.min_round_trip(reference.composited(p, q, h), h),
    "total_variation": lambda p, q, h, c: reference.total_variation(
        reference.composited(p, q, h) - q, h
    ),
    "prediction_total_variation": lambda p, q, h, c: reference.total_variation(
        reference.composited(p, q, h), h
    ),
}
every_loss = pytest.mark.parametrize("name", REFINEMENT_LOSSES)
every_setup = pytest.mark.parametrize("setup", SETUPS)


class TestShapes:
    @pytest.mark.parametrize("field", ["true", "hole", "confidence"])
    def test_what_does_not_belong_together_is_refused(self, field: str) -> None:
        with pytest.raises(ValueError, match=f"{field}.*cannot stand beside flows"):
            refined_batch(**{field: torch.zeros(2, FRAMES, HEIGHT, WIDTH + 1)})

    def test_a_round_trip_needs_three_frames(self) -> None:
        with pytest.raises(ValueError, match="no frame of 2 has a neighbour on both sides"):
            min_round_trip(torch.zeros(1, 2, 2, 2, 4, 4))


@every_loss
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16), share=st.floats(0.0, 1.0))
def test_against_a_loop(name: str, seed: int, share: float) -> None:
    """Any hole, its own in each frame and none at all included."""
    p, q = clip(seed, 4, 2, 2, 4, 5), clip(seed + 1, 4, 2, 2, 4, 5)
    random = np.random.default_rng(seed)
    hole, confidence = random.random((4, 4, 5)) < share, random.random((4, 4, 5))
    refined = Refined(*(torch.from_numpy(a)[None] for a in (p, q, hole, confidence)))
    expected = REFERENCES[name](p, q, hole, confidence)
    assert REFINEMENT_LOSSES[name](refined).item() == pytest.approx(expected, abs=1e-5)


@every_loss
class TestEveryLoss:
    def test_gradcheck(self, name: str) -> None:
        flows = 0.3 * torch.from_numpy(clip(3, 1, 3, 2, 2, 4, 4)) + 0.11
        confidence = torch.from_numpy(clip(6, 1, 3, 4, 4)).sigmoid()
        true = torch.from_numpy(clip(4, 1, 3, 2, 2, 4, 4))
        hole = torch.from_numpy(clip(5, 1, 3, 4, 4)) > -0.5
        assert gradcheck(
            lambda f, c: REFINEMENT_LOSSES[name](Refined(f, true, hole, c)),
            (flows.requires_grad_(), confidence.requires_grad_()),
        )

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("trust", [0.0, 1.0])
    def test_gradients_are_finite_where_all_is_equal(self, name, dtype, trust) -> None:
        refined = refined_batch()
        still, noise = torch.zeros_like(refined.true), refined.true
        confidence = torch.full_like(refined.confidence, trust).to(dtype)
        for p, q in ((still, still), (noise, noise), (still, noise), (noise, still)):
            one = replace(refined, flows=p.to(dtype), true=q.to(dtype), confidence=confidence)
            assert REFINEMENT_LOSSES[name](one).isfinite()
            assert all(gradient.isfinite().all() for gradient in gradients(name, one))

    def test_the_truth_scores_zero(self, name: str) -> None:
        """One translation, which no loss minds: predicted = true, opposite backward."""
        speed = torch.tensor([[1.5, -0.5], [-1.5, 0.5]]).reshape(2, 2, 1, 1)
        flow = speed.expand(2, FRAMES, 2, 2, HEIGHT, WIDTH)
        refined = Refined(flow, flow, refined_batch().hole)
        assert REFINEMENT_LOSSES[name](refined).item() == pytest.approx(0, abs=1e-5)

    @every_setup
    def test_float32_is_float64_rounded(self, name: str, setup: str) -> None:
        refined = refined_batch(setup=setup)
        changes = {n: getattr(refined, n).float() for n in ("flows", "true", "confidence")}
        found = REFINEMENT_LOSSES[name](replace(refined, **changes))
        assert found.dtype == torch.float32
        assert found.item() == pytest.approx(REFINEMENT_LOSSES[name](refined).item(), rel=1e-4)

    @every_setup
    def test_what_flows_say_outside_the_hole_counts_nowhere(self, name: str, setup: str) -> None:
        refined, other = refined_batch(setup=setup), refined_batch(seed=7, setup=setup)
        elsewhere = replace(
            refined,
            flows=refined.flows.where(over_flow(refined), other.flows),
            confidence=refined.confidence.where(refined.hole, other.confidence),
        )
        loss = REFINEMENT_LOSSES[name]
        assert loss(elsewhere).item() == loss(refined).item()
        of_flows, of_confidence = gradients(name, refined)
        assert not of_flows[~over_flow(refined)].any()
        assert not of_confidence[~refined.hole].any()
        assert of_flows[over_flow(refined)].any()

    def test_no_hole_scores_zero(self, name: str) -> None:
        refined = replace(refined_batch(), hole=torch.zeros_like(refined_batch().hole))
        assert REFINEMENT_LOSSES[name](refined).item() == 0
        assert not any(gradient.any() for gradient in gradients(name, refined))

    def test_time_reversal_changes_nothing(self, name: str) -> None:
        refined, loss = refined_batch(), REFINEMENT_LOSSES[name]
        turned = Refined(
            flows=refined.flows.flip(1).flip(2),
            true=refined.true.flip(1).flip(2),
            hole=refined.hole.flip(1),
            confidence=refined.confidence.flip(1),
        )
        assert loss(turned).item() == pytest.approx(loss(refined).item(), rel=1e-9)

    def test_transposition_changes_nothing(self, name: str) -> None:
        refined = refined_batch()
        turned = Refined(
            flows=refined.flows.mT.flip(-3),
            true=refined.true.mT.flip(-3),
            hole=refined.hole.mT,
            confidence=refined.confidence.mT,
        )
        loss = REFINEMENT_LOSSES[name]
        assert loss(turned).item() == pytest.approx(loss(refined).item(), rel=1e-9)
