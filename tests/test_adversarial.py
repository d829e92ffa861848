"""The adversarial loop: two sides in turn, each moving its own weights, in the same bytes twice."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from flowmend.losses.adversarial import ADVERSARIES, gradient_penalty
from flowmend.training.adversarial import Opponent, train
from flowmend.training.checkpoint import Checkpoint
from flowmend.training.session import Budget, Row, Session
from toy_contest import ROW, STEPS, TARGET, Gaussian, Shift, opponent, run, weights_of


class Killed(Exception):
    """Stands for a kill at some step."""


CASES = [("patchgan", 1), ("patchgan", 2), ("wgan_gp", 1), ("wgan_gp", 3)]


@pytest.mark.parametrize(("name", "rounds"), CASES)
class TestContest:
    def test_the_generator_finds_the_mean(self, name: str, rounds: int, tmp_path: Path) -> None:
        done = run(name, tmp_path, steps=500, rounds=rounds, rate=0.06)
        assert torch.linalg.vector_norm(done.generator.mean - TARGET) < 0.2 * TARGET.norm()
        first, last = (
            np.mean([row["discriminator_accuracy"] for row in part])
            for part in (done.rows[30:80], done.rows[-50:])
        )
        assert first > 0.65
        assert last == pytest.approx(0.5, abs=0.12)

    def test_a_row_has_the_documented_columns(self, name: str, rounds: int, tmp_path: Path) -> None:
        weights = {"distance": 0.25, name: 2.0}
        rows = run(name, tmp_path, rounds=rounds, weights=weights).rows
        assert [row["step"] for row in rows] == list(range(STEPS))
        for row in rows:
            assert list(row) == ROW[name]
            assert row["loss"] == pytest.approx(0.25 * row["distance"] + 2 * row[name], rel=1e-5)
            assert 0 <= row["discriminator_accuracy"] <= 1

    def test_the_last_of_its_batches_is_the_generator_s_too(
        self, name: str, rounds: int, tmp_path: Path
    ) -> None:
        problem = run(name, tmp_path, rounds=rounds).problem
        assert problem.asked == list(range(STEPS * rounds))
        noises = [draw.noise[0, 0].item() for draw in Gaussian().between(0, STEPS * rounds)]
        learns = [step % rounds == rounds - 1 for step in range(STEPS * rounds)]
        assert problem.predicted_from == list(zip(noises, learns))
        assert problem.judged_on == noises[rounds - 1 :: rounds]

    def test_a_killed_run_ends_in_the_same_bytes(
        self, name: str, rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flowmend.training.session.SAVE_EVERY_S", -1.0)
        for folder in ("whole", "cut"):
            (tmp_path / folder).mkdir()
        whole = run(name, tmp_path / "whole", rounds=rounds)

        def kill(step: int, _: Row) -> None:
            if step == 5:
                raise Killed

        with pytest.raises(Killed):
            run(name, tmp_path / "cut", rounds=rounds, on_step=kill)
        resumed = run(name, tmp_path / "cut", rounds=rounds)
        assert resumed.problem.asked == list(range(5 * rounds, STEPS * rounds))
        assert resumed.rows == whole.rows
        pairs = (
            (resumed.generator, whole.generator),
            (
                resumed.opponent.network,
                whole.opponent.network,
            ),
        )
        for own, other in pairs:
            assert weights_of(own) == weights_of(other)


@pytest.mark.parametrize(("name", "rounds"), CASES)
class TestSides:
    """Each optimiser's step moves its own side's weights, by its own side's loss."""

    def _watched(self, name: str, rounds: int, folder: Path, monkeypatch) -> list[tuple[str, ...]]:
        """Which sides changed at each step of an optimiser."""
        changed: list[tuple[str, ...]] = []
        original = torch.optim.Adam.step
        sides: dict[str, nn.Module] = {}

        def step(optimizer, *args, **kwargs):
            before = {side: weights_of(network) for side, network in sides.items()}
            result = original(optimizer, *args, **kwargs)
            after = {side: weights_of(network) for side, network in sides.items()}
            changed.append(tuple(side for side in sides if before[side] != after[side]))
            return result

        monkeypatch.setattr(torch.optim.Adam, "step", step)
        sides["generator"] = generator = Shift()
        other_side = opponent(name, rounds)
        sides["discriminator"] = other_side.network
        session = Session(Budget(4, 0.02), Checkpoint(folder / "c.pt", "x"))
        fabric = Fabric(accelerator="cpu", devices=1)
        train(generator, Gaussian(), {name: 1.0}, other_side, session, fabric)
        return changed

    def test_move_in_turn(self, name: str, rounds: int, tmp_path: Path, monkeypatch) -> None:
        changed = self._watched(name, rounds, tmp_path, monkeypatch)
        turns = [*rounds * [("discriminator",)], ("generator",)]
        assert changed[: -len(turns)] == 3 * turns
        assert changed[-len(turns) :] == len(turns) * [()]  # the rate ends at 0

    def test_the_generator_s_loss_leaves_the_discriminator_alone(
        self, name: str, rounds: int, tmp_path: Path, monkeypatch
    ) -> None:
        """Whatever else the generator is told, the discriminator's first steps are the same."""
        after = []
        for weight in (1.0, 1000.0):
            (tmp_path / str(weight)).mkdir()
            done = run(name, tmp_path / str(weight), steps=1, rounds=rounds, weights={name: weight})
            after.append(weights_of(done.opponent.network))
        assert after[0] == after[1]

    def test_each_gradient_is_of_its_own_side_s_loss(
        self, name: str, rounds: int, tmp_path: Path
    ) -> None:
        done = run(name, tmp_path, steps=1, rounds=rounds, rate=1e-20)  # the weights stay
        batch = list(Gaussian().between(0, rounds))[-1]
        generator, fresh = Shift(), opponent(name, rounds)
        false, judge, adversary = generator(batch.noise), fresh.network, fresh.adversary
        loss = adversary.discriminator(judge(batch.true), judge(false.detach()))
        if adversary.penalty_weight:
            mixture = fresh.mixture(rounds, batch.true)
            penalty = gradient_penalty(judge, batch.true, false, mixture)
            loss = loss + adversary.penalty_weight * penalty
        parts = list(judge.parameters())
        wanted = torch.autograd.grad(loss, parts, allow_unused=True)
        for own, gradient in zip(done.opponent.network.parameters(), wanted):
            assert own.grad is gradient is None or torch.allclose(own.grad, gradient, atol=1e-6)
        adversary.generator(judge(false)).backward()
        assert torch.allclose(done.generator.by.grad, generator.by.grad, atol=1e-6)
        assert done.generator.by.grad.abs().min() > 0


@pytest.mark.parametrize("name", ["patchgan", "wgan_gp"])
def test_a_weightless_contest_is_the_direct_loop(name: str, tmp_path: Path) -> None:
    """The generator then goes by the other losses alone, as by hand with the same Adam."""
    done = run(name, tmp_path, steps=40, weights={"distance": 1.0, name: 1e-9})
    by_hand, problem, budget = Shift(), Gaussian(), Budget(40, 0.02)
    betas = (0.0, 0.9) if name == "wgan_gp" else (0.5, 0.999)
    optimizer = torch.optim.Adam(by_hand.parameters(), betas=betas, fused=True)
    for step, batch in enumerate(problem.between(0, 40)):
        optimizer.param_groups[0]["lr"] = budget.rate(step)
        optimizer.zero_grad()
        problem.terms(problem.predict(by_hand, batch), batch)["distance"].backward()
        optimizer.step()
    assert by_hand.by.abs().min() > 0.2
    assert torch.allclose(done.generator.by, by_hand.by, atol=1e-4)


SAMPLES = torch.zeros(6, 2, 1, 1)


class TestMixture:
    def test_is_known_by_seed_and_step(self) -> None:
        other_side = opponent("wgan_gp", 3)
        assert torch.equal(
            other_side.mixture(4, SAMPLES), opponent("wgan_gp", 1).mixture(4, SAMPLES)
        )
        assert not torch.equal(other_side.mixture(4, SAMPLES), other_side.mixture(5, SAMPLES))

    def test_is_uniform_and_one_number_a_sample(self) -> None:
        drawn = opponent("wgan_gp", 1).mixture(0, torch.zeros(4000, 2, 1, 1))
        assert drawn.shape == (4000, 1, 1, 1)
        assert drawn.dtype == torch.float32
        deciles = torch.histc(drawn, 10, 0, 1) / 4000
        assert torch.allclose(deciles, torch.full((10,), 0.1), atol=0.02)

    def test_every_step_of_the_critic_has_its_own(self, tmp_path: Path, monkeypatch) -> None:
        asked: list[int] = []
        original = Opponent.mixture

        def spy(own: Opponent, step: int, true: Tensor) -> Tensor:
            asked.append(step)
            return original(own, step, true)

        monkeypatch.setattr(Opponent, "mixture", spy)
        run("wgan_gp", tmp_path, rounds=3)
        assert len(asked) == len(set(asked)) == 3 * STEPS


class TestBalance:
    """What the curves of claim C6 say, against plain numbers."""

    class Fixed(nn.Module):
        """A discriminator that only scales what it sees."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(0.5))
            self._flat = name == "wgan_gp"

        def forward(self, seen: Tensor) -> Tensor:
            scores = self.scale * seen
            return scores.sum(dim=(1, 2, 3)) if self._flat else scores

    @pytest.mark.parametrize("name", ["patchgan", "wgan_gp"])
    def test_first_row(self, name: str, tmp_path: Path) -> None:
        other_side = Opponent(name, self.Fixed(name), ADVERSARIES[name], 1, seed=3)
        session = Session(Budget(1, 1e-6), Checkpoint(tmp_path / "c.pt", "x"))
        fabric = Fabric(accelerator="cpu", devices=1)
        (row,) = train(Shift(), Gaussian(), {name: 1.0}, other_side, session, fabric)
        (draw,) = Gaussian().between(0, 1)
        true, false = (0.5 * part.double().numpy()[..., 0, 0] for part in (draw.true, draw.noise))
        sure = lambda score: 1 / (1 + np.exp(-score))  # noqa: E731
        if name == "patchgan":
            assert row["discriminator_accuracy"] == np.mean([true > 0, false <= 0])
            assert row["true_score"] == pytest.approx(sure(true).mean(), rel=1e-4)
            assert row["false_score"] == pytest.approx(sure(false).mean(), rel=1e-5)
            both = -(np.log(sure(true)).mean() + np.log(sure(-false)).mean()) / 2
            assert row["discriminator_loss"] == pytest.approx(both, rel=1e-5)
            assert row[name] == pytest.approx(-np.log(sure(false)).mean(), rel=1e-4)
        else:
            true, false = true.sum(axis=1), false.sum(axis=1)
            penalty = (0.5 * 2**0.5 - 1) ** 2  # two channels, each with slope ½
            assert row["discriminator_accuracy"] == np.mean(true > false)
            assert row["true_score"] == pytest.approx(true.mean(), rel=1e-4)
            assert row["false_score"] == pytest.approx(false.mean(), rel=1e-4)
            assert row["gradient_penalty"] == pytest.approx(penalty)
            loss = false.mean() - true.mean() + 10 * penalty
            assert row["discriminator_loss"] == pytest.approx(loss, rel=1e-5)
            assert row[name] == pytest.approx(-false.mean(), rel=1e-4)
