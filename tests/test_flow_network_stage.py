"""The stage ``flow`` with a network: what the archive says, and a run that was killed."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flowmend.errors import InputError
from flowmend.estimators import flownet2
from flowmend.io.flow_archive import FlowArchive
from flowmend.io.weights import read_record, weights_path
from flowmend.params import Params
from flowmend.stages import flow, index, sequences
from flowmend.stages.layout import Layout
from published_weights import TinyFlow, keep
from raw_trees import params_with

NAME = "flownet2_s"
LAYOUT = Layout("smoke")
KILLED = """
import os, signal, sys
import pytest
from flowmend.estimators.network import NetworkEstimator
from pathlib import Path
from test_flow_network_stage import few, flow, flownet2, NAME, TinyFlow

estimated, passes = NetworkEstimator._estimated, []

def dies_in_the_second_clip(*arguments):
    passes.append(arguments)
    if len(passes) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return estimated(*arguments)

NetworkEstimator._estimated = dies_in_the_second_clip
flownet2.NETWORKS[NAME] = TinyFlow
flow.run(few(Path(sys.argv[1])), "smoke", "train", 1)
"""


def few(project: Path) -> Params:
    """Two clips a shard, flow by a network."""
    data = {"clips": {"train": 8, "test": 4}}
    return params_with(project, data, {"estimator": NAME, "batch": 3})


@pytest.fixture
def params(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Of a project with frames, entered; a tiny network stands for FlowNet2-S."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(flownet2.NETWORKS, NAME, TinyFlow)
    found = few(project)
    index.run(found, "smoke")
    for shard in (0, 1):
        sequences.run(found, "smoke", "train", shard)
    keep(TinyFlow, weights_path(NAME))
    return found


def _archive(shard: int) -> Path:
    return LAYOUT.flow("train", shard)


def test_the_archive_names_its_weights(params: Params) -> None:
    flow.run(params, "smoke", "train", 0)
    with FlowArchive(_archive(0)) as archive:
        assert archive.manifest["attributes"] == {
            "estimator": NAME,
            "precision": "32-true",
            "weights_sha256": read_record(weights_path(NAME))["safetensors_sha256"],
        }
        clips = {key.split("/")[0] for key in archive.keys()}  # noqa: SIM118
        assert len(archive.keys()) == len(clips) * 2 * 6
        assert np.abs(archive.read(archive.keys()[0])).max() > 0


def test_without_weights_nothing_is_begun(params: Params) -> None:
    weights_path(NAME).unlink()
    with pytest.raises(InputError, match=f"run `flowmend weights add {NAME} FILE`"):
        flow.run(params, "smoke", "train", 0)
    assert not _archive(0).parent.exists()


def test_a_killed_stage_redoes_just_its_shard(project: Path, params: Params) -> None:
    for shard in (0, 1):
        flow.run(params, "smoke", "train", shard)
    undisturbed = [_archive(shard).read_bytes() for shard in (0, 1)]
    _archive(1).unlink()
    done = _archive(0).stat()

    arguments = [sys.executable, "-c", KILLED, str(project)]
    paths = {"PYTHONPATH": f"{project / 'src'}:{project / 'tests'}", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(arguments, env=paths, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not _archive(1).exists()

    flow.run(params, "smoke", "train", 1)
    assert [_archive(shard).read_bytes() for shard in (0, 1)] == undisturbed
    assert _archive(0).stat() == done
