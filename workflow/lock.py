"""One run at a time: ``make reproduce``, Snakemake and DVC keep out of each other's way.

DVC holds ``.dvc/tmp/lock`` except while a stage's command runs; then its pid stands in
``.dvc/tmp/rwlock``. Snakemake takes that lock for as long as it lives, which keeps DVC out.
``make reproduce`` must let its own DVC processes have it, so both take ``reproduce.lock`` as well.
"""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import IO

import psutil

from flowmend.errors import InputError

PATIENCE_S = 3.0
_held: list[IO[str]] = []


def hold_project(project: Path = Path("."), patience_s: float = PATIENCE_S) -> None:
    """Take the project's locks until this process ends.

    Raises:
        InputError: a lock stays taken, or DVC runs a stage's command.
    """
    _held.append(take_turn(project, patience_s))
    lock = take_dvc(project, patience_s)
    lock.truncate(0)
    lock.write(f" {os.getpid()}\n")
    lock.flush()
    _held.append(lock)


def take_turn(project: Path = Path("."), patience_s: float = PATIENCE_S) -> IO[str]:
    """The lock that ``make reproduce`` and Snakemake hold; closing the file gives it back.

    Raises:
        InputError: it stays taken.
    """
    return _take(
        project, "reproduce.lock", "another `make reproduce` or snakemake holds it", patience_s
    )


def take_dvc(project: Path = Path("."), patience_s: float = PATIENCE_S) -> IO[str]:
    """DVC's own lock; closing the file gives it back.

    A lock held in passing (``dvc status`` in an editor) is waited for.

    Raises:
        InputError: the lock stays taken, or DVC runs a stage's command.
    """
    lock = _take(project, "lock", "another dvc or snakemake run holds it", patience_s)
    if pids := _running_dvc(project / ".dvc" / "tmp" / "rwlock"):
        lock.close()
        raise InputError(".dvc/tmp/rwlock", f"dvc runs a stage (pid {pids[0]})", "let it end")
    return lock


def _take(project: Path, name: str, reason: str, patience_s: float) -> IO[str]:
    folder = project / ".dvc" / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / name, "a+")  # noqa: SIM115 (held until the caller closes it)
    if not _taken(lock, patience_s):
        lock.close()
        raise InputError(f".dvc/tmp/{name}", reason, "let it end")
    return lock


def _taken(lock: IO[str], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)


def _running_dvc(rwlock: Path) -> list[int]:
    """Pids that read or write the project's files on DVC's behalf and are alive."""
    try:
        users = json.loads(rwlock.read_text())
    except (FileNotFoundError, ValueError):
        return []
    readers = [entry for entries in users.get("read", {}).values() for entry in entries]
    writers = list(users.get("write", {}).values())
    return sorted({user["pid"] for user in readers + writers if psutil.pid_exists(user["pid"])})
