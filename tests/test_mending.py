"""The problem of mending: what a network is given, what is judged, what a discriminator sees."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from flowmend.losses import LOSSES
from flowmend.losses.scene import Scene
from flowmend.networks.flow_predictor import FLOW_UNIT_PX, Prediction
from flowmend.training.batches import Batch, Batches
from flowmend.training.mending import Mending, seen_channels
from training_clips import FIND, FRAMES, SHAPES, clip_set

SIZE = 3


class Batched:
    """Batches of one set of clips, with edges and positions."""

    def __init__(self, folder: Path) -> None:
        self._clips = clip_set(folder)

    def __call__(self, setup: str = "all_frames", edges: bool = True) -> Batches:
        find = FIND if edges else None
        return Batches(self._clips, SHAPES, "smooth", setup, SIZE, seed=1, find_edges=find)


@pytest.fixture(scope="module")
def batched(tmp_path_factory: pytest.TempPathFactory) -> Batched:
    return Batched(tmp_path_factory.mktemp("clips"))


class Recorder(nn.Module):
    """Keeps what it is given."""

    def forward(self, *given: Tensor | None) -> tuple[Tensor | None, ...]:
        return given


def _problem(batches: Batches, region: str = "image", losses: tuple[str, ...] = ()) -> Mending:
    return Mending(batches, losses, region, edge_threshold_px=0.3)


def _invented(batch: Batch) -> Prediction:
    """A prediction that is nowhere the truth."""
    edges = None if batch.edges is None else 0.25 + batch.edges / 2
    return Prediction(batch.truth + 1, edges)


def _parts(seen: Tensor, edges: bool) -> dict[str, Tensor]:
    """What the channels of a discriminator's input are."""
    widths = {"flows": 4, "edges": 1, "hole": 1, "known": 1}
    if not edges:
        del widths["edges"], widths["known"]
    parts = seen.split([FRAMES * width for width in widths.values()], dim=1)
    named = dict(zip(widths, parts))
    named["flows"] = named["flows"].unflatten(1, (FRAMES, 2, 2))
    return named


class TestGiven:
    @pytest.mark.parametrize("setup", ["middle_two", "all_frames"])
    def test_known_edges_never_hold_the_hole(self, batched: Batched, setup: str) -> None:
        problem = _problem(batched(setup))
        inside = 0
        for batch in problem.between(0, 6):
            filled, hole, known, position = problem.predict(Recorder(), batch)
            assert filled is batch.filled
            assert hole is batch.hole
            assert position is None
            assert (known[batch.hole] == 0).all()
            visible = ~batch.hole.any(dim=(2, 3))
            assert torch.equal(known[visible], batch.edges[visible])
            assert known[~visible].any()
            inside += batch.edges[batch.hole].sum()
        assert inside > 0

    def test_what_stands_in_the_hole_does_not_reach_the_network(self, batched: Batched) -> None:
        problem = _problem(batched())
        batch = next(problem.between(0, 1))
        other = replace(
            batch,
            truth=torch.where(batch.hole[:, :, None, None], 99.0, batch.truth),
            edges=1 - batch.edges,
        )
        for one, two in zip(*(problem.predict(Recorder(), each) for each in (batch, other))):
            assert one is two is None or torch.equal(one, two)

    def test_a_network_without_edges_is_given_none(self, batched: Batched) -> None:
        problem = _problem(batched(edges=False))
        batch = next(problem.between(0, 1))
        assert problem.predict(Recorder(), batch)[2:] == (None, None)


class TestSeen:
    @pytest.mark.parametrize("edges", [False, True])
    @pytest.mark.parametrize("region", ["image", "hole"])
    @pytest.mark.parametrize("setup", ["middle_two", "all_frames"])
    def test_truth_and_prediction_differ_where_the_network_is_judged_alone(
        self, batched: Batched, setup: str, region: str, edges: bool
    ) -> None:
        batches = batched(setup, edges)
        problem = _problem(batches, region)
        batch = next(problem.between(2, 3))
        pair = problem.seen(_invented(batch), batch)
        assert all(s.shape[1] == seen_channels(FRAMES, edges) for s in pair)
        true, false = (_parts(s, edges) for s in pair)
        judged = torch.zeros_like(batch.hole)
        judged[:, batches.hidden] = True
        if region == "hole":
            judged &= batch.hole
        assert torch.equal((true["flows"] != false["flows"]).any(dim=(2, 3)), judged)
        assert torch.equal(true["flows"] * FLOW_UNIT_PX, batch.truth)
        assert torch.equal(true["hole"], false["hole"])
        assert torch.equal(true["hole"].bool(), batch.hole)
        if edges:
            assert torch.equal(true["edges"] != false["edges"], judged)
            assert torch.equal(true["edges"], batch.edges)
            assert torch.equal(true["known"], false["known"])
            assert torch.equal(true["known"], batch.known_edges)

    def test_the_generator_learns_from_what_is_seen_of_it(self, batched: Batched) -> None:
        problem = _problem(batched())
        batch = next(problem.between(0, 1))
        flows, maps = (p.requires_grad_() for p in _invented(batch))
        true, false = problem.seen(Prediction(flows, maps), batch)
        assert not true.requires_grad
        false.sum().backward()
        assert torch.equal(flows.grad, torch.full_like(flows, 1 / FLOW_UNIT_PX))
        assert torch.equal(maps.grad, torch.ones_like(maps))


class TestTerms:
    NAMES = ("l1", "l2", "forward_backward", "edge_agreement")

    def test_are_the_losses_of_the_scene(self, batched: Batched) -> None:
        batches = batched("middle_two")
        problem = _problem(batches, losses=self.NAMES)
        batch = next(problem.between(0, 1))
        terms = problem.terms(_invented(batch), batch)
        assert tuple(terms) == self.NAMES
        flows, edges = _invented(batch)
        scene = Scene(flows, batch.truth, batch.hole, slice(2, 4), edges, batch.edges, 0.3)
        for name, value in terms.items():
            assert value == LOSSES[name](scene)

    def test_region_hole_composites_with_the_truth(self, batched: Batched) -> None:
        """What the network says outside the hole is of no matter, to the gradient either."""
        problem = _problem(batched(), "hole", ("l1", "forward_backward"))
        batch = next(problem.between(0, 1))
        hole = batch.hole[:, :, None, None]
        flows, edges = _invented(batch)
        mended = torch.where(hole, flows, batch.truth)
        own = problem.terms(Prediction(flows.requires_grad_(), edges), batch)
        for name, value in problem.terms(Prediction(mended, edges), batch).items():
            assert own[name] == value
        sum(own.values()).backward()
        gradient = flows.grad
        assert (gradient[~hole.expand_as(gradient)] == 0).all()
        assert (gradient[hole.expand_as(gradient)] != 0).any()

    def test_region_image_looks_at_known_pixels_too(self, batched: Batched) -> None:
        problem = _problem(batched(), "image", ("l1",))
        batch = next(problem.between(0, 1))
        outside = torch.where(batch.hole[:, :, None, None], batch.truth, batch.truth + 1)
        assert problem.terms(Prediction(outside, None), batch)["l1"] > 0
