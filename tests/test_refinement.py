"""Algorithm 1: the identity at the start, what is known, time reversed, and how neighbours come."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowmend.geometry.warp import warp
from flowmend.networks.feature_norm import LARGE, normalised
from flowmend.networks.neighbours import NEIGHBOURS, Frames, splatted, unmoved, warped
from flowmend.networks.proposals import Proposing
from flowmend.networks.refinement import Refiner, State, _present, merged
from flowmend.networks.told import differences
from flowmend.networks.update import learned_rules, readings
from flowmend.params import EXPERIMENT
from flowmend.stages.build import build_network
from refiners import CHANNELS, clip, refiner

KINDS = {
    "report": {},
    "clip": {"rule": "clip"},
    "mean": {"rule": "mean"},
    "polynomial": {"rule": "polynomial"},
    "architecture 2": {"architecture": 2},
    "gated": {"gated": True},
    "unmoved": {"neighbours": "unmoved"},
    "differences": {"differences": True},
    "splatted": {"neighbours": "splatted", "differences": True},
    "persistent": {
        **{"rule": "clip", "neighbours": "splatted", "differences": True, "persistent": True}
    },
    "proposals": {
        **{"rule": "clip", "neighbours": "splatted", "differences": True, "persistent": True},
        "proposals": True,
    },
    "proposals warped": {"neighbours": "warped", "differences": True, "proposals": True},
}
LEARNED_EAGERNESS = torch.tensor(0.3)


def _inside(hole: Tensor, maps: Tensor) -> Tensor:
    """Channels of (B, T, C, H, W) at the hole's pixels, (P, C)."""
    return maps.movedim(2, -1)[hole]


@pytest.mark.parametrize("kind", KINDS)
class TestStart:
    def test_every_step_is_the_fill(self, kind: str) -> None:
        filled, hole = clip(2, 4)
        for state in refiner(**KINDS[kind])(filled, hole, steps=3):
            torch.testing.assert_close(state.flows, filled, atol=1e-5, rtol=0)

    def test_confidence_starts_as_what_is_known(self, kind: str) -> None:
        filled, hole = clip(2, 3)
        state = refiner(**KINDS[kind], awake=0.3).start(filled, hole)
        assert torch.equal(state.confidence, (~hole).float())


@pytest.mark.parametrize("kind", KINDS)
class TestSteps:
    def test_what_is_known_stays(self, kind: str) -> None:
        filled, hole = clip(2, 4)
        states = refiner(**KINDS[kind], awake=0.3)(filled, hole, steps=3)
        changed = []
        for before, after in pairwise(states):
            assert torch.equal(*(_inside(~hole, s.features) for s in (before, after)))
            assert (after.confidence[~hole] == 1).all()
            assert (after.confidence >= before.confidence).all()
            assert after.confidence.max() <= 1
            changed.append(not torch.equal(before.features, after.features))
        assert any(changed)

    def test_clips_of_a_batch_do_not_touch(self, kind: str) -> None:
        network = refiner(**KINDS[kind], awake=0.3)
        filled, hole = clip(3, 3)
        together = network(filled, hole, steps=2)[-1]
        for k in range(3):
            alone = network(filled[k : k + 1], hole[k : k + 1], steps=2)[-1]
            torch.testing.assert_close(together.flows[k : k + 1], alone.flows, atol=1e-5, rtol=0)

    def test_every_weight_has_a_finite_gradient(self, kind: str) -> None:
        network = refiner(**KINDS[kind], awake=0.1)
        filled, hole = clip(2, 4)
        last = network(filled, hole, steps=3)[-1]
        (last.flows.square().mean() + last.confidence.mean()).backward()
        idle = [name for name, weight in network.named_parameters() if weight.grad is None]
        assert idle == ([] if "splatted" in KINDS[kind].values() else ["eagerness"])
        for weight in network.parameters():
            assert weight.grad is None or weight.grad.isfinite().all()

    def test_time_can_be_reversed(self, kind: str) -> None:
        """Slots of the previous and the next frame change places, flows their directions."""
        network = refiner(**KINDS[kind], awake=0.3).double()
        filled, hole = clip(2, 4)
        filled = filled.double()
        forwards = network(filled, hole, steps=2)[-1]
        backwards = _mirrored(network)(filled.flip(1, 2), hole.flip(1), steps=2)[-1]
        assert not torch.allclose(forwards.flows, filled, atol=0.01)
        torch.testing.assert_close(backwards.flows.flip(1, 2), forwards.flows)
        torch.testing.assert_close(backwards.confidence.flip(1), forwards.confidence)


def _mirrored(network: Refiner) -> Refiner:
    """The refiner that does to a reversed clip what the given one does to the clip."""
    with torch.no_grad():
        entry, leave = network.encoder.entry, network.decoder.exit
        for weight in (leave.weight, leave.bias):
            weight.copy_(weight.roll(2, 0))  # forward and backward flow
        entry.weight.copy_(entry.weight.roll(2, 1))
        first, second = network.update.first, network.update.second
        if isinstance(first, torch.nn.ModuleList):
            first[1], first[2] = first[2], first[1]
            _swap_slots(second)
        else:
            _swap_slots(first)
        if isinstance(network.update, Proposing):
            _swap_proposals(network.update)
    return network


def _swap_proposals(update: Proposing) -> None:
    """What is offered and what the gates see of the two neighbours change places."""
    channels, sources = update.first.channels, len(update.first.channels)
    order = [0, 2, 1]
    offered = update.offer.weight.split(channels, dim=1)
    update.offer.weight.copy_(torch.cat([offered[k] for k in order], dim=1))
    features = update.gate.weight.shape[1] - 2 * sources
    inner, known, origins = update.gate.weight.split([features, sources, sources], dim=1)
    update.gate.weight.copy_(torch.cat([inner, known[:, order], origins[:, order]], dim=1))


def _swap_slots(layer: torch.nn.Module) -> None:
    """The two neighbours of a convolution change places, their confidences and weights, too."""
    own, beside, _ = layer.channels
    order = [0, 2, 1]
    weight = layer.conv.weight
    parts = weight.split([own, beside, beside, weight.shape[1] - own - 2 * beside], dim=1)
    confidences = parts[3][:, order] if parts[3].shape[1] else parts[3]
    weight.copy_(torch.cat([*(parts[k] for k in order), confidences], dim=1))
    for name, log_weights in layer.named_parameters():
        if name.endswith("log_weights"):
            log_weights.copy_(log_weights[order])


@settings(max_examples=12, deadline=None)
@given(batch=st.integers(1, 3), frames=st.integers(1, 8), steps=st.integers(0, 4))
@pytest.mark.parametrize("kind", ["report", "architecture 2", "persistent"])
def test_any_number_of_frames_steps_and_clips(
    kind: str, batch: int, frames: int, steps: int
) -> None:
    filled, hole = clip(batch, frames, height=9, width=11)
    network = refiner(**KINDS[kind], awake=0.2)
    states = network(filled, hole, steps)
    assert len(states) == steps + 1
    for state in states:
        assert state.flows.shape == filled.shape
        assert state.confidence.shape == hole.shape
        assert state.flows.isfinite().all()
    for before, after in pairwise(states):
        again = network.step(before, hole)
        torch.testing.assert_close(again.flows, after.flows)


class TestMerge:
    def test_is_the_reports_formula(self) -> None:
        old, new = torch.tensor([2.0]), torch.tensor([5.0])
        for trust in (0.0, 0.25, 1.0):
            for before in (0.0, 0.5, 1.0):
                weight = torch.tensor([trust * (1 - before)])
                expected = (2 + 5 * trust * (1 - before)) / (1 + trust * (1 - before))
                assert merged(old, new - old, weight).item() == pytest.approx(expected)

    def test_a_step_merges_with_what_the_update_gives(self) -> None:
        """Algorithm 1, written out pixel by pixel around a known update."""
        network = refiner(awake=0.3)
        filled, hole = clip(1, 2)
        state = network.start(filled, hole)
        trust = torch.rand_like(state.confidence)
        state = state._replace(confidence=torch.where(hole, trust, 1.0))
        told = {}

        def update(sources, confidence, present):
            told["new"] = torch.rand(2, CHANNELS, 12, 14), torch.rand(2, 1, 12, 14)
            return told["new"]

        network.update = _Function(update)
        after = network.step(state, hole)
        correction, kappa = told["new"]
        for t, y, x in ((0, 4, 5), (1, 3, 9), (1, 6, 6)):
            before = state.confidence[0, t, y, x]
            now = max(before, kappa[t, 0, y, x])
            weight = now * (1 - before)
            own = state.features[0, t, :, y, x]
            new = own + correction[t, :, y, x]
            torch.testing.assert_close(
                after.features[0, t, :, y, x], (own + new * weight) / (1 + weight)
            )
            assert after.confidence[0, t, y, x] == now


class TestNormalised:
    def test_ordinary_features_pass_unchanged(self) -> None:
        features = 1e-3 * torch.randn(1, 2, CHANNELS, 4, 4)
        torch.testing.assert_close(normalised(features), features)

    def test_large_features_are_held_below_the_bound(self) -> None:
        features = 1e6 * torch.randn(1, 2, CHANNELS, 4, 4)
        sizes = normalised(features).square().mean(2).sqrt()
        torch.testing.assert_close(sizes, torch.full_like(sizes, LARGE))

    def test_many_steps_of_any_network_grow_no_faster_than_their_number(self) -> None:
        network = refiner(awake=0.3)
        filled, hole = clip(1, 2)
        sizes = [float(state.features.detach().norm()) for state in network(filled, hole, 60)]
        assert sizes[60] - sizes[30] <= 1.5 * (sizes[30] - sizes[0]) + 1e-3
        assert min(sizes) > 0.5 * sizes[0]


class _Function(torch.nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.forward = function


class _Step(torch.nn.Module):
    """A refiner whose call is one step."""

    def __init__(self, network: Refiner) -> None:
        super().__init__()
        self.update = network.update
        self.forward = network.step


class TestFullConfidence:
    @pytest.mark.parametrize("persistent", [False, True])
    def test_the_reports_update_stops_where_it_is_reached(self, persistent: bool) -> None:
        network = refiner(rule="clip", persistent=persistent, awake=0.3)
        filled, hole = clip(1, 3)
        state = network(filled, hole, steps=4)[-1]
        assert (state.confidence == 1).all()
        after = network.step(state, hole)
        assert torch.equal(after.features, state.features) != persistent
        assert torch.equal(*(_inside(~hole, s.features) for s in (state, after)))

    @pytest.mark.parametrize("radius", [2, 3, 5])
    def test_clip_covers_a_hole_from_its_rim(self, radius: int) -> None:
        """Two layers of 3 × 3: two pixels a step where the neighbours have the same hole."""
        hole = torch.zeros(1, 1, 15, 15, dtype=torch.bool)
        hole[..., 7 - radius : 8 + radius, 7 - radius : 8 + radius] = True
        states = refiner(rule="clip")(torch.zeros(1, 1, 2, 2, 15, 15), hole, steps=4)
        needed = math.ceil((radius + 1) / 2)
        for k, state in enumerate(states):
            assert bool((state.confidence == 1).all()) == (k >= needed)
            assert state.confidence[0, 0, 7, 7] == (2 * k > radius)

    def test_nothing_known_is_nothing_trusted(self) -> None:
        hole = torch.ones(1, 3, 8, 8, dtype=torch.bool)
        filled = torch.zeros(1, 3, 2, 2, 8, 8)
        for rule in ("clip", "mean", "power_mean", "polynomial"):
            state = refiner(rule=rule, awake=0.3)(filled, hole, steps=3)[-1]
            assert state.confidence.max() <= 1e-6
            assert state.flows.isfinite().all()


def _frames(flows: Tensor, maps: int = 3, seed: int = 1) -> Frames:
    generator = torch.Generator().manual_seed(seed)
    clips, frames, _, _, height, width = flows.shape
    sent = torch.rand(clips, frames, maps, height, width, generator=generator)
    trust = torch.rand(clips, frames, 1, height, width, generator=generator)
    return Frames(sent, trust, flows)


@pytest.mark.parametrize("name", NEIGHBOURS)
class TestNeighbours:
    def test_missing_ones_are_not_trusted(self, name: str) -> None:
        flows, _ = clip(2, 4)
        previous, following = NEIGHBOURS[name](_frames(flows), LEARNED_EAGERNESS)
        assert (previous.confidence[:, 0] == 0).all()
        assert (following.confidence[:, -1] == 0).all()
        assert previous.confidence[:, 1:].max() > 0.5
        assert following.confidence[:, :-1].max() > 0.5
        for arrivals in (previous, following):
            assert arrivals.maps.shape == (2, 4, 3, 12, 14)
            assert arrivals.confidence.min() >= 0
            assert arrivals.confidence.max() <= 1

    def test_a_single_frame_has_none(self, name: str) -> None:
        flows, _ = clip(2, 1)
        for arrivals in NEIGHBOURS[name](_frames(flows), LEARNED_EAGERNESS):
            assert (arrivals.confidence == 0).all()
            assert (arrivals.maps == 0).all()

    def test_reversed_clips_swap_them(self, name: str) -> None:
        flows, _ = clip(2, 5)
        frames = _frames(flows)
        turned = Frames(*(part.flip(1) for part in frames))._replace(flows=flows.flip(1, 2))
        previous, following = NEIGHBOURS[name](frames, LEARNED_EAGERNESS)
        turned_previous, turned_following = NEIGHBOURS[name](turned, LEARNED_EAGERNESS)
        for one, other in ((previous, turned_following), (following, turned_previous)):
            for part, turned_part in zip(one, other):
                torch.testing.assert_close(part, turned_part.flip(1))

    def test_still_scenes_arrive_as_they_are(self, name: str) -> None:
        frames = _frames(torch.zeros(1, 3, 2, 2, 6, 7))
        previous, following = NEIGHBOURS[name](frames, LEARNED_EAGERNESS)
        for arrived, at, sent in ((previous, slice(1, None), slice(0, -1)),
                                  (following, slice(0, -1), slice(1, None))):  # fmt: skip
            torch.testing.assert_close(arrived.maps[:, at], frames.maps[:, sent])
            torch.testing.assert_close(arrived.confidence[:, at], frames.confidence[:, sent])


def _translation(vx: int, vy: int, frames: int = 3) -> Tensor:
    velocity = torch.tensor([vx, vy], dtype=torch.float32).view(1, 1, 1, 2, 1, 1)
    forward = velocity.expand(1, frames, 1, 2, 9, 10)
    return torch.cat([forward, -forward], dim=2)


class TestMoved:
    @pytest.mark.parametrize("name", ["warped", "splatted"])
    @pytest.mark.parametrize(("vx", "vy"), [(2, 0), (-1, 3), (0, -2)])
    def test_a_translation_lands_where_it_belongs(self, name: str, vx: int, vy: int) -> None:
        """By the true flow both are the same; what comes from outside is not trusted."""
        frames = _frames(_translation(vx, vy))
        frames = frames._replace(confidence=torch.ones_like(frames.confidence))
        previous, following = NEIGHBOURS[name](frames, LEARNED_EAGERNESS)
        for y in range(9):
            for x in range(10):
                for arrived, dy, dx, at, sent in (
                    (previous, y - vy, x - vx, 1, 0),
                    (following, y + vy, x + vx, 1, 2),
                ):
                    inside = float(0 <= dy < 9 and 0 <= dx < 10)
                    assert arrived.confidence[0, at, 0, y, x].item() == pytest.approx(
                        inside, abs=1e-5
                    )
                    if inside:
                        torch.testing.assert_close(
                            arrived.maps[0, at, :, y, x], frames.maps[0, sent, :, dy, dx],
                            atol=1e-4, rtol=0,
                        )  # fmt: skip

    def test_warped_is_a_look_up_by_the_frames_own_flow(self) -> None:
        flows, _ = clip(2, 3)
        frames = _frames(flows)
        previous, following = warped(frames, LEARNED_EAGERNESS)
        for arrived, at, sent, direction in ((previous, 1, 0, 1), (following, 1, 2, 0)):
            looked_up, inside = warp(frames.maps[:, sent], flows[:, at, direction])
            trust, _ = warp(frames.confidence[:, sent], flows[:, at, direction])
            torch.testing.assert_close(arrived.maps[:, at], looked_up)
            torch.testing.assert_close(arrived.confidence[:, at], trust * inside[:, None])

    def test_splatted_averages_what_lands_by_confidence_and_speed(self) -> None:
        """Two pixels of a row land on a third: trust 1 and 0.5, and one against the rest."""
        flows = torch.zeros(1, 2, 2, 2, 5, 7)
        flows[0, 0, 0, 0, 2, 1] = 2  # from (2, 1) to (2, 3), where (2, 3) itself stays
        maps, trust = torch.zeros(1, 2, 1, 5, 7), torch.ones(1, 2, 1, 5, 7)
        maps[0, 0, 0, 2, 1], maps[0, 0, 0, 2, 3] = 10, 4
        trust[0, 0, 0, 2, 3] = 0.5
        for eagerness in (0.0, 0.7):
            previous, _ = splatted(Frames(maps, trust, flows), torch.tensor(eagerness))
            fast, slow = math.exp(2 * eagerness), 0.5
            expected = (10 * fast + 4 * slow) / (fast + slow)
            assert previous.maps[0, 1, 0, 2, 3].item() == pytest.approx(expected, rel=1e-5)
            assert previous.confidence[0, 1, 0, 2, 3] == 1
            assert previous.confidence[0, 1, 0, 2, 1] == 0  # laid bare

    def test_splatted_positions_are_given(self) -> None:
        flows, _ = clip(1, 3)
        flows.requires_grad_()
        previous, _ = splatted(_frames(flows), LEARNED_EAGERNESS)
        assert not previous.maps.requires_grad

    def test_unmoved_is_the_neighbour_itself(self) -> None:
        flows, _ = clip(1, 3)
        frames = _frames(flows)
        previous, following = unmoved(frames, LEARNED_EAGERNESS)
        assert torch.equal(previous.maps[:, 1:], frames.maps[:, :-1])
        assert torch.equal(following.maps[:, :-1], frames.maps[:, 1:])


class TestDifferences:
    @pytest.mark.parametrize("direction", [0, 1])
    def test_constant_velocity_says_nothing_new(self, direction: int) -> None:
        flows = _translation(3, -2)[0]
        assert (differences(flows, flows, direction) == 0).all()

    def test_are_what_they_are_called(self) -> None:
        """A point that was at velocity (1, 0), is at (3, 1), and will be at (4, 4)."""
        v = [torch.tensor(pair).view(2, 1, 1) for pair in ((1.0, 0.0), (3.0, 1.0), (4.0, 4.0))]
        before = torch.stack([v[1], -v[0]])[None]  # to here, and where it came from
        here = torch.stack([v[2], -v[1]])[None]
        onward, back, acceleration = differences(before, here, direction=0)[0].flatten(1)
        assert onward.tolist() == [-1, -3]  # keeps (3, 1), we go (4, 4)
        assert back.tolist() == [0, 0]  # exact
        assert acceleration.tolist() == [2, 1]
        mirrored = differences(before.flip(1), here.flip(1), direction=1)[0].flatten(1)
        assert torch.equal(mirrored, torch.stack([onward, back, acceleration]))

    def test_of_a_translation_reach_the_update_as_zeros(self) -> None:
        network = refiner(neighbours="splatted", differences=True, rule="clip")
        seen = []
        network.update = _Function(lambda sources, *rest: (seen.append(sources), _nothing())[1])

        def _nothing():
            return torch.zeros(3, CHANNELS, 9, 10), torch.zeros(3, 1, 9, 10)

        flows = _translation(1, 2)
        network(flows, torch.zeros(1, 3, 9, 10, dtype=torch.bool), steps=1)
        _, previous, following = seen[0]
        inner = (slice(3, -3), slice(2, -2))
        for arrived, at in ((previous, 1), (previous, 2), (following, 0), (following, 1)):
            _, features, flows = (part[at, :, *inner] for part in arrived)
            assert max(features.abs().max(), flows.abs().max()) < 1e-6


class TestPresence:
    def test_the_ends_lack_a_neighbour(self) -> None:
        flows, hole = clip(2, 3)
        state = State(torch.zeros(2, 3, 1, 12, 14), (~hole).float(), flows)
        expected = [[1, 0, 1], [1, 1, 1], [1, 1, 0]]
        assert _present(state).tolist() == 2 * expected


class TestRules:
    def test_readings_name_every_place(self) -> None:
        assert readings(refiner().update) == {"p_first": 1, "p_second": 1}
        found = readings(refiner(rule="polynomial").update)
        assert found == pytest.approx(
            {"a_first": 1 / 3, "b_first": 2 / 3, "a_second": 1 / 3, "b_second": 2 / 3}
        )
        names = {"p_first_0", "p_first_1", "p_first_2", "p_second"}
        assert readings(refiner(architecture=2).update).keys() == names
        for silent in ({"rule": "clip"}, {"gated": True}):
            assert readings(refiner(**silent).update) == {}

    def test_learned_ones_are_found(self) -> None:
        network = refiner()
        found = {name for name, p in network.named_parameters() if p.dim() < 2 and "rule" in name}
        assert len(learned_rules(network)) == len(found) == 4
        assert learned_rules(refiner(rule="clip")) == []


@pytest.mark.parametrize("kind", ["report", "polynomial", "splatted"])
def test_gradients_of_a_step_are_right(kind: str) -> None:
    network = refiner(**KINDS[kind], awake=0.3).double()
    hole = torch.zeros(1, 2, 5, 5, dtype=torch.bool)
    hole[..., 1:4, 1:4] = True
    generator = torch.Generator().manual_seed(0)
    flows = torch.empty(1, 2, 2, 2, 5, 5, dtype=torch.double)
    flows.uniform_(0.2, 0.4, generator=generator)  # not across the interpolation's kinks
    part = torch.empty(1, 2, 5, 5, dtype=torch.double).uniform_(0.3, 0.7, generator=generator)
    trust = torch.where(hole, part, 1.0)
    names, weights = zip(*network.update.named_parameters(prefix="update"))

    def step(features: Tensor, flows: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        state, changed = State(features, trust, flows), dict(zip(names, weights))
        after = torch.func.functional_call(_Step(network), changed, (state, hole))
        return after.features, after.confidence, after.flows

    features = network.start(flows, hole).features.detach().requires_grad_()
    moves = kind != "splatted"  # there positions are taken as given
    given = (features, flows.requires_grad_(moves), *weights)
    assert torch.autograd.gradcheck(step, given, fast_mode=True)


def test_built_as_the_experiment_says() -> None:
    block = {
        **{"study": "x", "task": "iterative", "fill": "smooth", "setup": "all_frames"},
        **{"rule": "polynomial", "architecture": 2, "neighbours": "splatted", "schedule": "eq4"},
        **{"differences": True, "persistent": True, "losses": {"inpaint_l1": 1.0}},
        **{"backpropagation": "per_step"},
    }
    network = build_network(EXPERIMENT.validate_python(block), frames=6, width=8, seed=3)
    assert (network.neighbours, network.differences, network.persistent) == ("splatted", True, True)
    assert readings(network.update).keys() >= {"a_first_0", "b_second"}
    filled, hole = clip(1, 6)
    torch.testing.assert_close(network(filled, hole, 1)[-1].flows, filled, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_gradients_lie_as_the_features_do(name: str) -> None:
    """A pixel's channels together, forward and backward: all layers before would follow it."""
    maps = torch.randn(6, 5, 8, 9).to(memory_format=torch.channels_last).requires_grad_()
    flows, hole = clip(2, 3, 8, 9)
    trust = (~hole).float().unsqueeze(2)
    frames = Frames(maps.unflatten(0, (2, 3)), trust, flows)
    arrived = NEIGHBOURS[name](frames, LEARNED_EAGERNESS)
    for way in arrived:
        assert way.maps.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
    kept = []
    maps.register_hook(kept.append)
    sum(way.maps.square().sum() for way in arrived).backward()
    assert kept[0].stride(1) == 1
