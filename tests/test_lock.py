"""Bare ``dvc`` and bare ``snakemake`` never run together in one project."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_project import copy_project, environment, run

DEADLINE_S = 60.0
WAITER = """
import sys, time
from pathlib import Path
while not Path("go").exists():
    time.sleep(0.05)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project, but its first stage waits for a file ``go`` before it fails."""
    copied = copy_project(tmp_path)
    (copied / "wait.py").write_text(WAITER)
    pipeline = copied / "dvc.yaml"
    command = f"touch started && {sys.executable} wait.py && false"
    pipeline.write_text(
        pipeline.read_text().replace("flowmend stage index --scale ${item.scale}", command)
    )
    return copied


@pytest.fixture
def running(project: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The project while one front end runs its first stage."""
    tool, *arguments = request.param
    first = subprocess.Popen(
        [sys.executable, "-m", tool, *arguments],
        cwd=project,
        env=environment(project),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + DEADLINE_S
    while not (project / "started").exists():
        assert first.poll() is None, f"{tool} ended before its first stage"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield project
    (project / "go").touch()
    first.wait(DEADLINE_S)


@pytest.mark.parametrize("running", [("snakemake", "--cores", "1")], indirect=True)
def test_dvc_waits_for_snakemake(running: Path) -> None:
    ended = run(running, "dvc", "repro")
    assert ended.returncode != 0
    assert "Unable to acquire lock" in ended.stderr
    assert not (running / "dvc.lock").exists()


@pytest.mark.parametrize(
    "running", [("dvc", "repro"), ("snakemake", "--cores", "1")], indirect=True, ids=lambda t: t[0]
)
def test_snakemake_waits_for_both(running: Path) -> None:
    ended = run(running, "snakemake", "--cores", "1")
    assert ended.returncode == 2
    lines = [line for line in ended.stderr.splitlines() if line.startswith("flowmend: ")]
    assert len(lines) == 1
    assert "Traceback" not in ended.stderr
    looking = run(running, "snakemake", "--dryrun")
    assert looking.returncode == 0, "a dry run changes nothing and needs no lock"


def test_the_lock_goes_with_its_process(project: Path) -> None:
    """Neither a lock file left behind nor a pid that is gone keeps anyone out."""
    folder = project / ".dvc" / "tmp"
    folder.mkdir(parents=True)
    (folder / "lock").write_text(" 1\n")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    entry = {"pid": gone.pid, "cmd": "dvc repro"}
    (folder / "rwlock").write_text(json.dumps({"write": {"out": entry}, "read": {"in": [entry]}}))
    assert run(project, "snakemake", "--summary").returncode == 0
    entry["pid"] = os.getpid()
    (folder / "rwlock").write_text(json.dumps({"read": {"in": [entry]}}))
    refused = run(project, "snakemake", "--summary")
    assert refused.returncode == 2
    assert f"pid {os.getpid()}" in refused.stderr
