"""A small pipeline of shell commands, and ``make reproduce`` in it."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil

from pipeline_project import SCALE, copy_project, environment

PIPELINE = """
stages:
  parts:
    matrix: {scale: ["${scale}"], part: [0, 1, 2, 3]}
    cmd: PYTHON part.py ${item.part} artifacts/${item.scale}/parts/${item.part}.txt
    deps: [part.py]
    outs: ["artifacts/${item.scale}/parts/${item.part}.txt"]
    meta: {threads: 1, mem_mb: 1, runtime: 1}
  whole:
    matrix: {scale: ["${scale}"]}
    cmd: cat artifacts/${item.scale}/parts/*.txt > artifacts/${item.scale}/whole.txt
    deps: ["artifacts/${item.scale}/parts"]
    params: ["scales.${item.scale}.train"]
    outs: ["artifacts/${item.scale}/whole.txt"]
    meta: {threads: 4, mem_mb: 1, runtime: 1, gpus: 1, device: train}
"""
PART = """
import sys, time
from pathlib import Path

def wait_for(name):
    deadline = time.monotonic() + 40
    while not Path(name).exists():
        if time.monotonic() > deadline:
            sys.exit(f"{name} never came")
        time.sleep(0.02)

part, target = sys.argv[1:]
Path("started-" + part).touch()
exec(Path("behaviour.py").read_text())
Path(target).parent.mkdir(parents=True, exist_ok=True)
Path(target).write_text(part)
"""


def small_project(target: Path, behaviour: str) -> Path:
    """Four parts and what is made of them; ``params.yaml`` names another scale."""
    copied = copy_project(target)
    (copied / "dvc.yaml").write_text(PIPELINE.replace("PYTHON", sys.executable))
    (copied / "part.py").write_text(PART)
    (copied / "behaviour.py").write_text(behaviour)
    params = (copied / "params.yaml").read_text()
    (copied / "params.yaml").write_text(params.replace(f"scale: {SCALE}", "scale: laptop"))
    return copied


def reproduction(project: Path, jobs: str = "2", scale: str = SCALE) -> dict:
    """Arguments of ``subprocess`` for what the Makefile calls."""
    script = project / "workflow" / "reproduce.py"
    arguments = [sys.executable, str(script), scale, jobs]
    # A background job of a shell script ignores SIGINT, and so would what it starts: tests ended by
    # their deadlines there.
    heeding = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    return {"args": arguments, "cwd": project, "env": environment(project), "text": True} | heeding


def reproduce_in(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same, until it ends."""
    return subprocess.run(**reproduction(project, *arguments), capture_output=True)


def processes_in(project: Path) -> list[str]:
    """Command lines of the processes whose folder this is."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        if process.info["cwd"] and Path(process.info["cwd"]) == project:
            found.append(" ".join(process.info["cmdline"]))
    return found
