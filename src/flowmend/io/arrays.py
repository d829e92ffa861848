"""npz files that are whole, deterministic and checked: shared by the packed formats."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from flowmend.errors import InputError
from flowmend.io.atomic import replacing


def write_arrays(path: Path | str, arrays: dict[str, np.ndarray], *, compressed: bool) -> None:
    """Write an npz atomically. numpy dates its members 1980: same arrays, same bytes."""
    save = np.savez_compressed if compressed else np.savez
    with replacing(path) as temporary, open(temporary, "wb") as sink:
        save(sink, allow_pickle=False, **arrays)


def read_arrays(path: Path | str, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read an npz that must hold at least ``names``.

    Raises:
        InputError: the file is missing, is no npz, is damaged, or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive.files]
            if missing:
                raise InputError(path, f"has no array {missing[0]!r}", "make it anew")
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(path, "is missing", "run the stage that makes it") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(path, f"cannot be read as npz ({error})", "make it anew") from None


def position(known: Sequence[str], wanted: str, kind: str, where: object) -> int:
    """Index of ``wanted``.

    Raises:
        InputError: it is not there.
    """
    try:
        return known.index(wanted)
    except ValueError:
        some = ", ".join(known[:5]) + (", …" if len(known) > 5 else "")
        raise InputError(where, f"has no {kind} {wanted!r}", f"choose one of {some}") from None
