"""``make reproduce``: what ``dvc repro`` does, with a stage on each core.

``python workflow/reproduce.py SCALE JOBS``. What is stale, what comes from the cache and what is
recorded stays DVC's business (``workflow/pool.py``); ``dvc.lock`` ends as a serial run leaves it.
"""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dag import Dag, chosen_scale
from lock import take_dvc, take_turn
from pool import DVC, Task, run

from flowmend.errors import InputError
from flowmend.io.atomic import write_text

PARAMS, LOCK = Path("params.yaml"), Path("dvc.lock")


def reproduce(scale: str, jobs: int) -> None:
    """Bring one scale up to date on ``jobs`` cores; ``params.yaml`` names it meanwhile.

    Raises:
        InputError: a stage fails, another run is under way, or scale or parameters are wrong.
    """
    with take_turn() as turn:
        take_dvc().close()
        chosen_scale({"scale": scale})
        with _named_in_params(scale):
            _update(Dag(scale), jobs, turn)
        turn.truncate(0)


def plan(graph: Dag, stale: Collection[str], jobs: int) -> list[Task]:
    """The stale items and all downstream of them, in the order of ``dvc.yaml``."""
    tasks, writers = [], dict[str, str]()
    for name, stage, item in _items(graph):
        upstream = {writers[path] for path in graph.inputs(stage, item) if path in writers}
        if upstream or name in stale:
            one_at_a_time = "gpu" in graph.resources(stage)
            cores = jobs if one_at_a_time else min(graph.threads(stage), jobs)
            tasks.append(Task(name, cores, frozenset(upstream)))
            writers |= dict.fromkeys(graph.outputs(stage, item), name)
    return tasks


def order_lock(before: Collection[str], order: Sequence[str]) -> None:
    """Put the new entries of ``dvc.lock`` where a serial run would have appended them."""
    with take_dvc():
        head, *blocks = re.split(r"(?m)^(?=  \S)", LOCK.read_text())
        entries = {block.split(":")[0].strip(): block for block in blocks}
        new = [name for name in order if name in entries and name not in before]
        names = [name for name in entries if name not in new] + new
        write_text(LOCK, "".join([head, *(entries[name] for name in names)]))


def _update(graph: Dag, jobs: int, turn: IO[str]) -> None:
    if stale := _stale():
        before, tasks = _entries_before(turn), plan(graph, stale, jobs)
        logs = Path("artifacts", ".logs", graph.scale, "dvc")
        print(f"{len(tasks)} stages on {jobs} cores; they print to {logs}", flush=True)
        run(tasks, jobs, logs)
        order_lock(before, [name for name, *_ in _items(graph)])
        if left := _stale():
            raise InputError(", ".join(left), "still stale after its run", "run `dvc repro`")
    print("Data and pipelines are up to date.", flush=True)


def _items(graph: Dag) -> Iterator[tuple[str, str, dict[str, str]]]:
    """DVC's name, stage and point of the matrix of every item."""
    for stage in graph.stages:
        for item in graph.items(stage):
            yield f"{stage}@{'-'.join(item.values())}", stage, item


def _stale() -> Collection[str]:
    ended = subprocess.run([*DVC, "status", "--json"], capture_output=True, text=True)
    if ended.returncode:
        words = ended.stderr.strip().splitlines() or ["no message"]
        raise InputError("dvc status", words[-1].removeprefix("ERROR: "), "try it by itself")
    return json.loads(ended.stdout)


def _entries_before(turn: IO[str]) -> Collection[str]:
    """What ``dvc.lock`` held before this run or, if that was cut off, before the one it resumes."""
    turn.seek(0)
    if not (text := turn.read()):
        lock = LOCK.read_text() if LOCK.exists() else ""
        text = json.dumps(re.findall(r"(?m)^  (\S+):", lock))
        turn.write(text)
        turn.flush()
    return json.loads(text)


@contextmanager
def _named_in_params(scale: str) -> Iterator[None]:
    """``params.yaml`` names ``scale``; afterwards that line is as it was, and edits stay."""
    usual = _name_in_params(scale)
    try:
        yield
    finally:
        _name_in_params(usual)


def _name_in_params(scale: str) -> str:
    """Set the scale; the one that stood there."""
    text = PARAMS.read_text()
    [(before, usual, after)] = re.findall(r"(?ms)\A(.*?^scale: *['\"]?)(\w+)(.*)", text)
    if usual != scale:
        write_text(PARAMS, before + scale + after)
    return usual


def _cores(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"JOBS={text}", "is no number of cores", "give 1 or more")
    return int(text)


def main() -> None:
    """Entry point of the Makefile: a failure is one line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        reproduce(sys.argv[1], _cores(sys.argv[2]))
    except InputError as error:
        print(f"flowmend: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("flowmend: interrupted; the next run goes on from here", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
