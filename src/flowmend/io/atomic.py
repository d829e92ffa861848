"""Whole files or none: a reader never sees a half-written artifact."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flowmend.errors import InputError


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the same directory; move it onto ``path`` on success.

    The data are synced before the move, so that a kill or a power cut leaves either the old file
    or the new one. The temporary file is removed on any failure.

    Raises:
        InputError: the disk is full or the folder cannot be written.
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        if error.filename is not None and Path(error.filename) not in {temporary, target.parent}:
            raise
        raise InputError(
            target,
            f"cannot be written ({error.strerror})",
            "free some space or choose another disk",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` to ``path`` atomically, as UTF-8."""
    write_bytes(path, text.encode())


def write_with(path: Path | str, writer: Callable[[Path], object]) -> None:
    """Call ``writer(temporary_path)`` and move the result onto ``path``."""
    with replacing(path) as temporary:
        writer(temporary)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
