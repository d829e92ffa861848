"""The registry of losses on a scene: regions, frames, symmetries and gradients."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

import losses_reference
from flowmend.losses import ADVERSARIES, LOSSES, Scene
from flowmend.losses.scene import with_true_neighbours
from flowmend.params.experiments import FlowLoss
from losses_reference import clip

FRAMES, HEIGHT, WIDTH = 6, 7, 9
SETUPS = {"middle_two": slice(2, 4), "all_frames": slice(0, 6), "sandwich": slice(1, 5)}
REFERENCES = {  # of predicted and true flow (T, 2, 2, H, W) and edges (T, H, W): (…, H, W)
    "l1": lambda p, q, e: np.abs(p - q).sum(-3),
    "l2": lambda p, q, e: np.sqrt(((p - q) ** 2).sum(-3)),
    "forward_backward": lambda p, q, e: losses_reference.forward_backward(p),
    "lateral_dependency": losses_reference.lateral_dependency_of_clip,
    "spatio_temporal": lambda p, q, e: losses_reference.spatio_temporal(p),
    "edge_agreement": lambda p, q, e: losses_reference.edge_agreement(e, p, 0.5),
}


def _scene(seed: int = 0, setup: str = "sandwich", **changes: object) -> Scene:
    hole = torch.zeros(2, FRAMES, HEIGHT, WIDTH, dtype=torch.bool)
    hole[:, SETUPS[setup], 2:5, 3:7] = True
    hole[1, SETUPS[setup], 5, 6] = True
    shape = (2, FRAMES, 2, 2, HEIGHT, WIDTH)
    scene = Scene(
        predicted=1.2 * torch.from_numpy(clip(seed, *shape)),
        true=1.2 * torch.from_numpy(clip(seed + 1, *shape)),
        hole=hole,
        hidden=SETUPS[setup],
        predicted_edges=torch.from_numpy(clip(seed + 2, *hole.shape)).sigmoid(),
    )
    return replace(scene, **changes)


def _gradients(name: str, scene: Scene) -> tuple[torch.Tensor, torch.Tensor]:
    """Of a loss with respect to predicted flow and predicted edges."""
    assert scene.predicted_edges is not None
    flow = scene.predicted.clone().requires_grad_()
    edges = scene.predicted_edges.clone().requires_grad_()
    loss = LOSSES[name](replace(scene, predicted=flow, predicted_edges=edges))
    of_flow, of_edges = torch.autograd.grad(
        loss, (flow, edges), allow_unused=True, materialize_grads=True
    )
    return of_flow, of_edges


def _over_flow(hole: torch.Tensor, scene: Scene) -> torch.Tensor:
    return hole[:, :, None, None].expand_as(scene.predicted)


def test_the_registries_hold_what_params_may_name() -> None:
    assert {*LOSSES, "patchgan"} == set(get_args(FlowLoss))
    assert set(ADVERSARIES) == {"patchgan", "wgan_gp"}


class TestShapes:
    @pytest.mark.parametrize(
        ("field", "words"),
        [
            ("true", "true flow"),
            ("hole", "hole"),
            ("predicted_edges", "predicted edges"),
            ("true_edges", "true edges"),
        ],
    )
    def test_what_does_not_belong_together_is_refused(self, field: str, words: str) -> None:
        scene = _scene()
        other = torch.zeros(2, FRAMES, HEIGHT, WIDTH + 1)
        with pytest.raises(ValueError, match=f"{words}.*cannot stand beside predicted flow"):
            replace(scene, **{field: other})

    def test_edge_agreement_needs_edges(self) -> None:
        with pytest.raises(ValueError, match="predicted edges"):
            LOSSES["edge_agreement"](_scene(predicted_edges=None))


class TestTrueNeighbours:
    def test_the_middle_two_stand_between_true_frames(self) -> None:
        true = torch.arange(6.0).reshape(1, 6, 1, 1, 1, 1).expand(1, 6, 2, 2, 4, 4)
        between = with_true_neighbours(-true, true, slice(2, 4))
        assert between[0, :, 0, 0, 0, 0].tolist() == [1.0, -2.0, -3.0, 4.0]

    def test_all_frames_have_no_true_neighbour(self) -> None:
        true = torch.ones(1, 6, 2, 2, 4, 4)
        assert torch.equal(with_true_neighbours(-true, true, slice(0, 6)), -true)

    def test_a_pair_of_frames_has_the_holes_of_both(self) -> None:
        flows, where = _scene(setup="middle_two", region="hole").pairs()
        assert flows.shape[1] == 4
        assert where is not None
        hole = _scene(setup="middle_two").hole[:, 2]
        assert all(torch.equal(where[:, t], hole) for t in range(3))


@pytest.mark.parametrize("name", LOSSES)
class TestEveryLoss:
    @pytest.mark.parametrize("region", ["image", "hole"])
    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_gradient_is_finite_at_agreement(self, name: str, region: str, value: float) -> None:
        scene = _scene(region=region)
        flat = torch.full_like(scene.predicted, value)
        for one in (replace(scene, predicted=flat, true=flat), replace(scene, true=flat)):
            same = replace(one, predicted=one.true)
            assert all(gradient.isfinite().all() for gradient in _gradients(name, same))

    @pytest.mark.parametrize("region", ["image", "hole"])
    def test_gradcheck(self, name: str, region: str) -> None:
        scene = Scene(
            predicted=0.3 * torch.from_numpy(clip(3, 1, 3, 2, 2, 4, 4)) + 0.11,
            true=torch.from_numpy(clip(4, 1, 3, 2, 2, 4, 4)),
            hole=torch.from_numpy(clip(5, 1, 3, 4, 4)) > -0.5,
            hidden=slice(1, 3),
            predicted_edges=torch.from_numpy(clip(6, 1, 3, 4, 4)).sigmoid(),
            region=region,
        )
        inputs = (scene.predicted.requires_grad_(), scene.predicted_edges.requires_grad_())
        assert gradcheck(
            lambda p, e: LOSSES[name](replace(scene, predicted=p, predicted_edges=e)), inputs
        )

    @pytest.mark.parametrize("region", ["image", "hole"])
    def test_the_truth_scores_zero(self, name: str, region: str) -> None:
        """One translation, which no loss minds: predicted = true, opposite backward, no edges."""
        speed = torch.tensor([[1.5, -0.5], [-1.5, 0.5]]).reshape(2, 2, 1, 1)
        flow = speed.expand(2, FRAMES, 2, 2, HEIGHT, WIDTH).double()
        hole = _scene().hole
        scene = Scene(
            flow, flow, hole, slice(1, 5), predicted_edges=hole.double() * 0, region=region
        )
        assert LOSSES[name](scene).item() == pytest.approx(0, abs=3e-6)

    @pytest.mark.parametrize("setup", SETUPS)
    def test_only_hidden_frames_have_a_gradient(self, name: str, setup: str) -> None:
        shown = torch.ones(FRAMES, dtype=torch.bool)
        shown[SETUPS[setup]] = False
        for gradient in _gradients(name, _scene(setup=setup)):
            assert not gradient[:, shown].any()
        assert _gradients(name, _scene(setup=setup))[0].any()

    @pytest.mark.parametrize("turn", ["mirror", "transpose"])
    def test_a_symmetry_of_the_grid_changes_nothing(self, name: str, turn: str) -> None:
        scene = _scene()
        turned = _mirrored(scene) if turn == "mirror" else _transposed(scene)
        assert LOSSES[name](turned) == pytest.approx(LOSSES[name](scene).item(), rel=1e-9)


def _mirrored(scene: Scene) -> Scene:
    left = torch.tensor([-1.0, 1.0], dtype=torch.float64).reshape(2, 1, 1)
    return replace(
        scene,
        predicted=scene.predicted.flip(-1) * left,
        true=scene.true.flip(-1) * left,
        predicted_edges=scene.predicted_edges.flip(-1),
        hole=scene.hole.flip(-1),
    )


def _transposed(scene: Scene) -> Scene:
    return replace(
        scene,
        predicted=scene.predicted.mT.flip(-3),
        true=scene.true.mT.flip(-3),
        predicted_edges=scene.predicted_edges.mT,
        hole=scene.hole.mT,
    )


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("setup", SETUPS)
class TestTheHoleAlone:
    def test_nothing_outside_the_hole_counts(self, name: str, setup: str) -> None:
        scene = _scene(setup=setup, region="hole")
        other = _scene(seed=7, setup=setup)
        hole = _over_flow(scene.hole, scene)
        elsewhere = replace(
            scene,
            predicted=scene.predicted.where(hole, other.predicted),
            predicted_edges=scene.predicted_edges.where(scene.hole, other.predicted_edges),
        )
        assert LOSSES[name](elsewhere).item() == LOSSES[name](scene).item()

    def test_the_gradient_is_exactly_zero_outside(self, name: str, setup: str) -> None:
        scene = _scene(setup=setup, region="hole")
        of_flow, of_edges = _gradients(name, scene)
        assert not of_flow[~_over_flow(scene.hole, scene)].any()
        assert not of_edges[~scene.hole].any()
        assert of_flow[_over_flow(scene.hole, scene)].any()

    def test_a_hole_of_everything_is_the_image(self, name: str, setup: str) -> None:
        hole = torch.zeros_like(_scene().hole)
        hole[:, SETUPS[setup]] = True
        scene = _scene(setup=setup, hole=hole)
        expected = LOSSES[name](scene).item()
        found = LOSSES[name](replace(scene, region="hole")).item()
        assert found == pytest.approx(expected, rel=1e-12)

    def test_no_hole_scores_zero(self, name: str, setup: str) -> None:
        scene = _scene(setup=setup, hole=torch.zeros_like(_scene().hole), region="hole")
        assert LOSSES[name](scene).item() == 0
        assert not any(gradient.any() for gradient in _gradients(name, scene))


def test_no_flow_in_the_hole_beats_the_truth_in_the_round_trip() -> None:
    """Hence a regulariser only: an exact minimum that knows nothing of what surrounds the hole."""
    scene = _scene(setup="all_frames", region="hole")
    still = replace(scene, predicted=torch.zeros_like(scene.true))
    assert LOSSES["forward_backward"](still).item() == pytest.approx(0, abs=2e-6)
    assert LOSSES["forward_backward"](replace(scene, predicted=scene.true)) > 0.5


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), share=st.floats(0.05, 0.95))
def test_the_hole_is_the_mean_of_its_pixels(name: str, seed: int, share: float) -> None:
    """Any hole, the same in all frames, against the slow reference of the composited flow."""
    chosen = np.random.default_rng(seed).random((4, 5)) < share
    chosen[2, 2] = True
    p, q = clip(seed + 1, 3, 2, 2, 4, 5), clip(seed + 2, 3, 2, 2, 4, 5)
    edges = np.random.default_rng(seed + 3).random((3, 4, 5))
    expected = REFERENCES[name](np.where(chosen, p, q), q, edges)[..., chosen].mean()
    hole = torch.from_numpy(chosen).expand(1, 3, 4, 5)
    flows = (torch.from_numpy(a)[None] for a in (p, q))
    scene = Scene(*flows, hole, slice(0, 3), torch.from_numpy(edges)[None], region="hole")
    assert LOSSES[name](scene).item() == pytest.approx(expected, abs=3e-6)
