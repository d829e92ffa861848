"""One run at a time: Snakemake takes DVC's own lock for as long as it lives.

DVC holds ``.dvc/tmp/lock`` except while a stage's command runs; then its pid stands in
``.dvc/tmp/rwlock``. Either one keeps Snakemake out, and the held lock keeps DVC out.
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
    """Take the project's lock until this process ends.

    A lock held in passing (``dvc status`` in an editor) is waited for.

    Raises:
        InputError: the lock stays taken, or DVC runs a stage's command.
    """
    folder = project / ".dvc" / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / "lock", "a+")  # noqa: SIM115 (held until the process ends)
    if not _taken(lock, patience_s):
        lock.close()
        raise InputError(".dvc/tmp/lock", "another dvc or snakemake run holds it", "let it end")
    if pids := _running_dvc(folder / "rwlock"):
        lock.close()
        raise InputError(".dvc/tmp/rwlock", f"dvc runs a stage (pid {pids[0]})", "let it end")
    lock.truncate(0)
    lock.write(f" {os.getpid()}\n")
    lock.flush()
    _held.append(lock)


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
