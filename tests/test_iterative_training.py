"""The iterative loop: it learns, back-propagates as told, and resumes to the same bytes."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from flowmend.schedules import SCHEDULES
from flowmend.training import iterative
from flowmend.training.batches import Batch, Batches
from flowmend.training.checkpoint import Checkpoint
from flowmend.training.iterative import Plan, train
from flowmend.training.refining import Refining
from flowmend.training.session import Budget, Row, Session
from refiners import refiner
from training_clips import SHAPES, clip_set

STEPS, REFINEMENT_STEPS = 6, 3
L1 = {"inpaint_l1": 1.0}


class Killed(Exception):
    """Stands for a kill at some step."""


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Batches:
    clips = clip_set(tmp_path_factory.mktemp("clips"))
    return Batches(clips, SHAPES, "smooth", "all_frames", size=2, seed=0)


def _plan(schedule: str = "eq4", steps: int = REFINEMENT_STEPS, per_step: bool = False) -> Plan:
    return Plan(SCHEDULES[schedule], steps, s0_steps=1.0, per_step=per_step)


def _train(
    batches: Batches,
    checkpoint: Checkpoint,
    steps: int = STEPS,
    weights: dict = L1,
    plan: Plan | None = None,
    weighted: bool = False,
    on_step=None,
    **kind,
):
    network = refiner(**kind)
    session = Session(Budget(steps, 5e-3), checkpoint, on_step=on_step)
    problem = Refining(batches, weights, confidence_weighted=weighted)
    fabric = Fabric(accelerator="cpu", devices=1)
    rows = train(network, problem, weights, plan or _plan(), session, fabric)
    return network, rows


class TestLoop:
    def test_learns(self, batches: Batches, tmp_path: Path) -> None:
        _, rows = _train(batches, Checkpoint(tmp_path / "c", "x"), steps=60, rule="mean")
        last = f"inpaint_l1_{REFINEMENT_STEPS}"
        before, after = (sum(row[last] for row in part) for part in (rows[:6], rows[-6:]))
        assert after < 0.8 * before

    @pytest.mark.parametrize("per_step", [False, True])
    def test_one_row_a_step_with_every_term(
        self, batches: Batches, tmp_path: Path, per_step: bool
    ) -> None:
        weights = {"inpaint_l1": 1.0, "min_round_trip": 0.5}
        plan = _plan(per_step=per_step)
        _, rows = _train(batches, Checkpoint(tmp_path / "c", "x"), weights=weights, plan=plan)
        assert [row["step"] for row in rows] == list(range(STEPS))
        of_step = [
            f"{name}_{t}"
            for t in range(1, REFINEMENT_STEPS + 1)
            for name in (*weights, "mu", "confidence")
        ]
        rule = ["p_first", "p_second"]
        assert list(rows[0]) == ["step", "loss", "decoder", *of_step, *rule, "learning_rate"]
        for row in rows:
            shares = [row[f"mu_{t}"] for t in range(1, REFINEMENT_STEPS + 1)]
            assert shares == pytest.approx(plan.weights(int(row["step"])).tolist())
            expected = row["decoder"] + sum(
                share * sum(weight * row[f"{name}_{t}"] for name, weight in weights.items())
                for t, share in enumerate(shares, 1)
            )
            assert row["loss"] == pytest.approx(expected, rel=1e-5)
            trusted = [row[f"confidence_{t}"] for t in range(1, REFINEMENT_STEPS + 1)]
            assert 0 < trusted[0] <= trusted[1] <= trusted[2] <= 1

    def test_the_first_step_judges_the_fill(self, batches: Batches, tmp_path: Path) -> None:
        """Nothing is learned yet: every refinement step has the fill's error."""
        _, rows = _train(batches, Checkpoint(tmp_path / "c", "x"), steps=1)
        batch = batches[0]
        wrong = (batch.filled - batch.truth).abs().sum(3).mean(2)[batch.hole].mean().item()
        found = [rows[0][f"inpaint_l1_{t}"] for t in (1, 2, 3)]
        assert found == pytest.approx(3 * [found[0]], rel=1e-4)
        assert found[0] == pytest.approx(wrong, rel=1e-4)
        assert rows[0]["decoder"] == pytest.approx(0, abs=1e-5)

    def test_last_step_only_weighs_the_last(self, batches: Batches, tmp_path: Path) -> None:
        _, rows = _train(batches, Checkpoint(tmp_path / "c", "x"), plan=_plan("last_step_only"))
        for row in rows:
            assert row["mu_1"] == row["mu_2"] == 0
            expected = row["decoder"] + row["mu_3"] * row["inpaint_l1_3"]
            assert row["loss"] == pytest.approx(expected, rel=1e-5)
        assert rows[-1]["mu_3"] > 0.9

    def test_the_weighted_loss_is_the_share_that_is_trusted(
        self, batches: Batches, tmp_path: Path
    ) -> None:
        whole, part = (
            _train(batches, Checkpoint(tmp_path / str(weighted), "x"), 1, weighted=weighted)[1][0]
            for weighted in (False, True)
        )
        for t in (1, 2, 3):
            assert 0 < part[f"inpaint_l1_{t}"] < whole[f"inpaint_l1_{t}"]

    @pytest.mark.parametrize("per_step", [False, True])
    @pytest.mark.parametrize("cut", [1, 4])
    def test_a_killed_run_ends_in_the_same_weights(
        self,
        batches: Batches,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        per_step: bool,
        cut: int,
    ) -> None:
        monkeypatch.setattr("flowmend.training.session.SAVE_EVERY_S", -1.0)
        plan = _plan(per_step=per_step)
        whole, rows = _train(batches, Checkpoint(tmp_path / "whole", "x"), plan=plan)

        def kill(step: int, _: Row) -> None:
            if step == cut:
                raise Killed

        kept = Checkpoint(tmp_path / "cut", "x")
        with pytest.raises(Killed):
            _train(batches, kept, plan=plan, on_step=kill)
        seen: list[int] = []
        resumed, resumed_rows = _train(
            batches, kept, plan=plan, on_step=lambda step, _: seen.append(step)
        )
        assert seen == list(range(cut, STEPS))
        assert resumed_rows == rows
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, resumed.state_dict()[name])


class TestRates:
    def test_every_parameter_has_one_optimiser_and_one_rate(
        self, batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network, optimizers = refiner(), []

        def kept(of):
            optimizers.extend(original(of))
            return optimizers

        original = iterative._optimizers
        monkeypatch.setattr(iterative, "_optimizers", kept)
        session = Session(Budget(2, 5e-3), Checkpoint(tmp_path / "c", "x"))
        fabric = Fabric(accelerator="cpu", devices=1)
        rows = train(network, Refining(batches, L1, False), L1, _plan(), session, fabric)
        (kernels,), (others, rules) = (each.param_groups for each in optimizers)
        rates = {group["lr"] for group in (kernels, others, rules)}
        assert rates == {rows[-1]["learning_rate"]}
        named = {id(p): name for name, p in network.named_parameters()}
        assert {named[id(p)] for p in rules["params"]} == {
            f"update.{place}.rule.{what}"
            for place in ("first", "second")
            for what in ("log_weights", "theta")
        }
        assert {p.dim() for p in kernels["params"]} == {4}
        assert {p.dim() for p in others["params"]} == {0, 1}
        learned = [p for group in (kernels, others, rules) for p in group["params"]]
        assert sorted(map(id, learned)) == sorted(named)

    def test_without_rules_adam_has_one_group(self) -> None:
        _, adam = iterative._optimizers(refiner(rule="clip"))
        assert len(adam.param_groups) == 1

    def test_rules_learn_at_all(self, batches: Batches, tmp_path: Path) -> None:
        network, rows = _train(batches, Checkpoint(tmp_path / "c", "x"))
        assert abs(rows[-1]["p_first"] - 1) > 1e-3
        assert rows[-1]["p_first"] == network.update.first.rule.readings()["p"]


class TestBackPropagation:
    """Gradients of one batch by the two ways, from a refiner that is awake."""

    @staticmethod
    def _gradients(batch: Batch, steps: int, per_step: bool) -> tuple[dict[str, Tensor], Tensor]:
        network, fabric = refiner(awake=0.1), Fabric(accelerator="cpu", devices=1)
        model = fabric.setup(network)
        for method in ("start", "step"):
            model.mark_forward_method(method)
        shares = torch.tensor([0.2, 0.3, 0.5])[:steps]
        problem = Refining(iter(()), L1, confidence_weighted=False)
        loss, _ = iterative._refine(model, problem, L1, shares, per_step, batch, fabric)
        return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}, loss

    def test_of_one_step_they_are_the_same(self, batches: Batches) -> None:
        (one, _), (other, _) = (self._gradients(batches[0], 1, way) for way in (False, True))
        assert one.keys() == other.keys()
        for name, gradient in one.items():
            torch.testing.assert_close(gradient, other[name])

    def test_of_three_steps_they_differ_and_the_losses_do_not(self, batches: Batches) -> None:
        through, through_loss = self._gradients(batches[0], 3, per_step=False)
        alone, alone_loss = self._gradients(batches[0], 3, per_step=True)
        torch.testing.assert_close(through_loss, alone_loss)
        for name in ("update.first.conv.weight", "encoder.entry.weight"):
            assert (through[name] - alone[name]).norm() > 0.01 * through[name].norm()

    def test_per_step_is_the_sum_of_steps_that_forget(self, batches: Batches) -> None:
        """Algorithm 1 written out: each step's loss reaches what that step itself did."""
        batch = batches[0]
        found, _ = self._gradients(batch, 3, per_step=True)
        network = refiner(awake=0.1)
        problem = Refining(iter(()), L1, confidence_weighted=False)
        state = network.start(batch.filled, batch.hole)
        total = problem.decoded(state, batch)
        for t, share in enumerate((0.2, 0.3, 0.5)):
            given = state if t == 0 else state.detached()
            state = network.step(given, batch.hole)
            total = total + share * problem.terms(state, batch)["inpaint_l1"]
        total.backward()
        for name, weight in network.named_parameters():
            if weight.grad is not None:
                torch.testing.assert_close(found[name], weight.grad, rtol=1e-3, atol=1e-5)

    def test_no_later_loss_reaches_the_encoder(self, batches: Batches) -> None:
        """Encoder and first step know the losses of the first step alone."""
        batch, found = batches[0], []
        for later in (0.0, 5.0):
            network, fabric = refiner(awake=0.1), Fabric(accelerator="cpu", devices=1)
            model = fabric.setup(network)
            for method in ("start", "step"):
                model.mark_forward_method(method)
            shares = torch.tensor([0.3, later])
            problem = Refining(iter(()), L1, confidence_weighted=False)
            iterative._refine(model, problem, L1, shares, True, batch, fabric)
            found.append(network.encoder.entry.weight.grad)
        assert torch.equal(*found)
        assert found[0].any()
