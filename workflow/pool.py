"""Several of DVC's stages side by side, each in a ``dvc repro --single-item`` of its own.

DVC lets go of its lock while a stage's command runs, so they only queue to look and to record.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from flowmend.errors import InputError

DVC = (sys.executable, "-m", "dvc", "--wait-for-lock")
POLL_S = 0.05
GRACE_S = 10.0


class Task(NamedTuple):
    """One item of a stage's matrix: its name in DVC, its cores, the tasks it comes after."""

    name: str
    cores: int
    upstream: frozenset[str]


Running = dict[Task, tuple[subprocess.Popen[bytes], float]]


def run(tasks: Sequence[Task], jobs: int, logs: Path) -> None:
    """Run the tasks on ``jobs`` cores, none before its upstream; what they print goes to ``logs``.

    Raises:
        InputError: a task fails; those that run beside it are stopped.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting, running = list(tasks), Running()
    try:
        while waiting or running:
            while task := _next(waiting, running, jobs):
                waiting.remove(task)
                running[task] = _start(task, logs), time.monotonic()
            time.sleep(POLL_S)
            for task, seconds in _ended(running, logs):
                done = len(tasks) - len(waiting) - len(running)
                print(f"[{done:3}/{len(tasks)}] {seconds:5.0f} s  {task.name}", flush=True)
    finally:
        _stop([process for process, _ in running.values()])


def _next(waiting: Collection[Task], running: Collection[Task], jobs: int) -> Task | None:
    free = jobs - sum(task.cores for task in running)
    undone = {task.name for task in (*waiting, *running)}
    return next((t for t in waiting if t.cores <= free and not t.upstream & undone), None)


def _start(task: Task, logs: Path) -> subprocess.Popen[bytes]:
    """A session of its own: Ctrl-C reaches this process alone, which then stops the others."""
    with open(logs / f"{task.name}.log", "wb") as log:
        return subprocess.Popen(
            [*DVC, "repro", "--single-item", task.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _ended(running: Running, logs: Path) -> list[tuple[Task, float]]:
    """Take out the tasks that are done, with their seconds."""
    done = [task for task, (process, _) in running.items() if process.poll() is not None]
    ended = [(task, *running.pop(task)) for task in done]
    for task, process, _ in ended:
        if process.returncode:
            log = logs / f"{task.name}.log"
            sys.stderr.write(log.read_text(errors="replace"))
            raise InputError(task.name, f"failed (see {log})", "mend what it says and run again")
    return [(task, time.monotonic() - since) for task, _, since in ended]


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the stages' commands; DVC then ends by itself. Killed, it might leave half a dvc.lock."""
    if processes:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    deadline = time.monotonic() + GRACE_S
    while alive := [process.pid for process in processes if process.poll() is None]:
        for pid in alive:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(pid).children(recursive=True):
                    child.kill() if time.monotonic() > deadline else child.terminate()
        time.sleep(POLL_S)
