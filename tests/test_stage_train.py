"""The stage train: weights and curves of every seed, the same bytes twice and after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from flowmend import params as schema
from flowmend.errors import InputError
from flowmend.stages import train
from flowmend.stages.build import load_model
from flowmend.stages.layout import SHARDS, Layout
from training_clips import SIZE, write_shard

SCALE, EXPERIMENT = "smoke", "unet_smooth_residual"


@pytest.fixture
def folder(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with four small training shards."""
    monkeypatch.chdir(tmp_path)
    loaded = yaml.safe_load((project / "params.yaml").read_text())
    block = loaded["scales"][SCALE]
    block["data"] |= {"height_px": SIZE, "width_px": SIZE}
    block["holes"] |= {"min_side_px": 5, "max_side_px": 8}
    block["train"] |= {"steps": 6, "batch": 2, "width": 4, "seeds": [0, 1]}
    Path("params.yaml").write_text(yaml.safe_dump(loaded))
    layout = Layout(SCALE)
    for k in SHARDS:
        files = (layout.flow("train", k), layout.holes("train", k), layout.fills("train", k))
        write_shard(*files, [f"clip_{k}"])
    return tmp_path


def _train(scale: str = SCALE) -> dict[str, bytes]:
    train.run(schema.load(), scale, EXPERIMENT)
    return {
        path.name: path.read_bytes() for path in sorted(Layout(scale).model(EXPERIMENT).iterdir())
    }


class TestStage:
    def test_writes_weights_and_curves_of_every_seed(self, folder: Path) -> None:
        files = _train()
        assert list(files) == [
            f"seed-{seed}.{kind}" for seed in (0, 1) for kind in ("curves.csv", "safetensors")
        ]
        curves = pd.read_csv(Layout(SCALE).curves(EXPERIMENT, 1))
        assert list(curves.columns) == ["step", "loss", "l1", "learning_rate"]
        assert curves["step"].tolist() == list(range(6))
        assert files["seed-0.safetensors"] != files["seed-1.safetensors"]

    def test_the_same_bytes_twice(self, folder: Path) -> None:
        first = _train()
        for kept in Path("artifacts/.scratch").rglob("*.pt"):
            kept.unlink()
        assert _train() == first

    def test_the_weights_say_what_they_are(self, folder: Path) -> None:
        _train()
        model = load_model(Layout(SCALE).weights(EXPERIMENT, 1))
        assert (model.name, model.seed, model.frames) == (EXPERIMENT, 1, 6)
        assert model.experiment == schema.load().experiment(EXPERIMENT)
        assert model.size_px == (SIZE, SIZE)

    def test_an_edit_of_the_budget_does_not_take_up_the_old_run(self, folder: Path) -> None:
        before = _train()
        edited = (
            Path("params.yaml").read_text().replace("learning_rate: 0.002", "learning_rate: 0.01")
        )
        Path("params.yaml").write_text(edited)
        assert _train()["seed-0.safetensors"] != before["seed-0.safetensors"]

    def test_a_missing_shard_is_named(self, folder: Path) -> None:
        Layout(SCALE).holes("train", 2).unlink()
        with pytest.raises(InputError, match=r"holes/2\.npz: .*missing"):
            _train()
        assert not Layout(SCALE).model(EXPERIMENT).exists()


KILLABLE = """
import sys
import flowmend.training.direct as direct
direct.SAVE_EVERY_S = -1.0
from flowmend import params
from flowmend.stages import train
train.run(params.load(), sys.argv[1], sys.argv[2])
"""


def test_killed_and_run_again_gives_the_same_bytes(folder: Path) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("steps: 6", "steps: 120"))
    command = [sys.executable, "-c", KILLABLE, SCALE, EXPERIMENT]
    scratch = Path("artifacts/.scratch/train")
    process = subprocess.Popen(command)
    while not list(scratch.glob("*.pt")) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it was killed"
    assert not Layout(SCALE).model(EXPERIMENT).exists(), "an unfinished run left outputs"
    resumed = _train()
    for kept in scratch.glob("*.pt"):
        kept.unlink()
    assert _train() == resumed
