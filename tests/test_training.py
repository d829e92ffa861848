"""The direct loop and its files: it learns, it resumes to the same bytes, it trusts no file."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from flowmend.errors import InputError
from flowmend.networks import NETWORKS
from flowmend.networks.flow_predictor import FlowPredictor
from flowmend.training.batches import Batches
from flowmend.training.checkpoint import Checkpoint, read_model, save_model
from flowmend.training.direct import train
from flowmend.training.mending import Mending
from flowmend.training.session import Budget, Row, Session
from training_clips import FRAMES, SHAPES, clip_set

STEPS = 12


class Killed(Exception):
    """Stands for a kill at some step."""


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Batches:
    clips = clip_set(tmp_path_factory.mktemp("clips"))
    return Batches(clips, SHAPES, "smooth", "all_frames", size=2, seed=0)


def _predictor(width: int = 4) -> FlowPredictor:
    torch.manual_seed(0)
    return FlowPredictor(NETWORKS["unet"](5 * FRAMES, 4 * FRAMES, width), residual=False)


def _train(batches, checkpoint, steps: int = STEPS, width: int = 4, on_step=None):
    predictor = _predictor(width)
    session = Session(Budget(steps, 2e-3), checkpoint, on_step=on_step)
    fabric = Fabric(accelerator="cpu", devices=1)
    rows = train(predictor, _problem(batches, "l1"), {"l1": 1.0}, session, fabric)
    return predictor, rows


def _problem(batches: Batches, *losses: str) -> Mending:
    return Mending(batches, losses, "image", edge_threshold_px=0.5)


class TestLoop:
    def test_learns(self, batches: Batches, tmp_path: Path) -> None:
        _, rows = _train(batches, Checkpoint(tmp_path / "c.pt", "x"), steps=400, width=32)
        first, last = ([row["l1"] for row in part] for part in (rows[:10], rows[-10:]))
        assert sum(last) < 0.6 * sum(first)

    def test_one_row_a_step_with_every_term(self, batches: Batches, tmp_path: Path) -> None:
        predictor, fabric = _predictor(), Fabric(accelerator="cpu", devices=1)
        weights = {"l1": 1.0, "forward_backward": 0.5}
        session = Session(Budget(2, 1e-3), Checkpoint(tmp_path / "c.pt", "x"))
        rows = train(predictor, _problem(batches, *weights), weights, session, fabric)
        assert [row["step"] for row in rows] == [0, 1]
        for row in rows:
            assert list(row) == ["step", "loss", "l1", "forward_backward", "learning_rate"]
            assert row["loss"] == pytest.approx(row["l1"] + 0.5 * row["forward_backward"])

    def test_a_term_without_a_weight_is_only_watched(
        self, batches: Batches, tmp_path: Path
    ) -> None:
        found = []
        for losses in (("l1",), ("l1", "l2")):
            predictor, fabric = _predictor(), Fabric(accelerator="cpu", devices=1)
            session = Session(Budget(3, 1e-2), Checkpoint(tmp_path / losses[-1], "x"))
            rows = train(predictor, _problem(batches, *losses), {"l1": 1.0}, session, fabric)
            assert all(row["loss"] == row["l1"] for row in rows)
            found.append(predictor.trunk.last.weight)
        assert rows[0]["l2"] > 0
        assert torch.equal(*found)

    def test_a_killed_run_ends_in_the_same_weights(
        self, batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flowmend.training.session.SAVE_EVERY_S", -1.0)
        whole, rows = _train(batches, Checkpoint(tmp_path / "whole.pt", "x"))

        def kill(step: int, _: Row) -> None:
            if step == 7:
                raise Killed

        cut = Checkpoint(tmp_path / "cut.pt", "x")
        with pytest.raises(Killed):
            _train(batches, cut, on_step=kill)
        seen: list[int] = []
        resumed, resumed_rows = _train(batches, cut, on_step=lambda step, _: seen.append(step))
        assert seen == list(range(7, STEPS))
        assert resumed_rows == rows
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, resumed.state_dict()[name])

    def test_a_finished_run_is_not_trained_again(self, batches: Batches, tmp_path: Path) -> None:
        checkpoint = Checkpoint(tmp_path / "c.pt", "x")
        whole, _ = _train(batches, checkpoint)
        seen: list[int] = []
        again, _ = _train(batches, checkpoint, on_step=lambda step, _: seen.append(step))
        assert not seen
        assert torch.equal(whole.trunk.last.weight, again.trunk.last.weight)

    def test_the_rate_rises_and_falls_to_zero(self) -> None:
        budget = Budget(100, 1e-2)
        rates = [budget.rate(step) for step in range(100)]
        assert max(rates) == pytest.approx(1e-2)
        assert rates.index(max(rates)) == 9
        assert rates[-1] == pytest.approx(0.0, abs=1e-9)


class TestCheckpoint:
    def test_another_run_s_state_is_not_taken_up(self, tmp_path: Path) -> None:
        path = tmp_path / "c.pt"
        Checkpoint(path, "one").save({"rows": [], "x": torch.ones(2)})
        assert Checkpoint(path, "other").load() is None
        state = Checkpoint(path, "one").load()
        assert state is not None
        assert torch.equal(state["x"], torch.ones(2))

    @pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04cut off"])
    def test_a_damaged_file_is_as_none(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "c.pt"
        path.write_bytes(content)
        assert Checkpoint(path, "x").load() is None

    def test_code_in_a_file_is_never_run(self, tmp_path: Path) -> None:
        class Trap:
            def __reduce__(self):
                return (Path.touch, (tmp_path / "ran",))

        torch.save({"fingerprint": "x", "state": {"trap": Trap()}}, tmp_path / "c.pt")
        assert Checkpoint(tmp_path / "c.pt", "x").load() is None
        assert not (tmp_path / "ran").exists()


class TestModelFile:
    def test_comes_back_whole_and_with_the_same_bytes(self, tmp_path: Path) -> None:
        tensors = {"w": torch.randn(3, 4).T, "b": torch.zeros(2)}
        metadata = {"seed": 3, "experiment": {"network": "unet"}, "name": "x"}
        for path in (tmp_path / "a.safetensors", tmp_path / "b.safetensors"):
            save_model(path, tensors, metadata)
        assert (tmp_path / "a.safetensors").read_bytes() == (
            tmp_path / "b.safetensors"
        ).read_bytes()
        read, found = read_model(tmp_path / "a.safetensors")
        assert torch.equal(read["w"], tensors["w"])
        assert found == metadata

    def test_bad_files_are_one_clear_line(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="is missing"):
            read_model(tmp_path / "none.safetensors")
        (tmp_path / "bad.safetensors").write_bytes(b"\x00" * 40)
        with pytest.raises(InputError, match="is not a safetensors file"):
            read_model(tmp_path / "bad.safetensors")
