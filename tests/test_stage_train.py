"""The stage train: weights and curves of every seed, the same bytes twice and after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flowmend import params as schema
from flowmend.errors import InputError
from flowmend.stages.build import load_model
from flowmend.stages.layout import Layout
from training_clips import SIZE
from training_folder import SCALE, edit_params, forget_runs, make_training_folder, trained

EXPERIMENT = "unet_smooth_residual"


@pytest.fixture
def folder(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with four small training shards."""
    monkeypatch.chdir(tmp_path)
    make_training_folder(project)
    return tmp_path


def _train(experiment: str = EXPERIMENT) -> dict[str, bytes]:
    return trained(experiment)


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
        forget_runs()
        assert _train() == first

    def test_the_weights_say_what_they_are(self, folder: Path) -> None:
        _train()
        model = load_model(Layout(SCALE).weights(EXPERIMENT, 1))
        assert (model.name, model.seed, model.frames) == (EXPERIMENT, 1, 6)
        assert model.experiment == schema.load().experiment(EXPERIMENT)
        assert model.size_px == (SIZE, SIZE)

    def test_an_edit_of_the_budget_does_not_take_up_the_old_run(self, folder: Path) -> None:
        before = _train()
        edit_params("learning_rate: 0.002", "learning_rate: 0.01")
        assert _train()["seed-0.safetensors"] != before["seed-0.safetensors"]

    @pytest.mark.parametrize("kind", ["flow", "holes", "fills", "edges"])
    def test_a_missing_shard_is_named(self, folder: Path, kind: str) -> None:
        path: Path = getattr(Layout(SCALE), kind)("train", 2)
        path.unlink()
        with pytest.raises(InputError, match=f"{kind}/2.*(missing|No such file)"):
            _train()
        assert not Layout(SCALE).model(EXPERIMENT).exists()

    @pytest.mark.parametrize(
        "experiment", [EXPERIMENT, "joint_edges", "edge_gan", "refine", "refine_best_splat"]
    )
    def test_half_precision_starts_as_single_precision(self, folder: Path, experiment: str) -> None:
        _train(experiment)
        single = pd.read_csv(Layout(SCALE).curves(experiment, 0))
        edit_params("precision: 32-true", "precision: bf16-mixed")
        _train(experiment)
        half = pd.read_csv(Layout(SCALE).curves(experiment, 0))
        second = single.loss[1]  # a refinement's first step weighs nothing
        assert half.loss[1] == pytest.approx(second, rel=0.15)
        assert half.loss[1] != second
        assert np.isfinite(half.to_numpy()).all()


KILLABLE = """
import sys
import flowmend.training.session as session
session.SAVE_EVERY_S = -1.0
from flowmend import params
from flowmend.stages import train
train.run(params.load(), sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("experiment", [EXPERIMENT, "edge_gan", "refine_per_step"])
def test_killed_and_run_again_gives_the_same_bytes(folder: Path, experiment: str) -> None:
    edit_params("steps: 6", "steps: 25")
    command = [sys.executable, "-c", KILLABLE, SCALE, experiment]
    scratch = Path("artifacts/.scratch/train")
    process = subprocess.Popen(command)
    while not list(scratch.glob("*.pt")) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it was killed"
    assert not Layout(SCALE).model(experiment).exists(), "an unfinished run left outputs"
    resumed = _train(experiment)
    forget_runs()
    assert _train(experiment) == resumed
