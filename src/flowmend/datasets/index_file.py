"""Reading an index, and what it and the stages agree on."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowmend.errors import InputError

VERSION = 1
SYNTHETIC = "moving_shapes"


@dataclass(frozen=True)
class Source:
    """One split: where its clips come from, and how many are wanted."""

    dataset: str
    root: Path
    count: int


def read_index(path: Path) -> dict[str, Any]:
    """The index that :func:`build_index` made.

    Raises:
        InputError: it is missing, damaged or of another version.
    """
    remedy = "run the index stage again"
    try:
        index = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(path, "is missing", remedy) from None
    except ValueError:
        raise InputError(path, "is not JSON", remedy) from None
    if not isinstance(index, dict) or index.get("version") != VERSION:
        raise InputError(path, f"is not an index of version {VERSION}", remedy)
    return index


def data_folder(root: Path) -> Path:
    """The folder that an index's paths are relative to; ``root`` may be a video file."""
    return root.parent if root.is_file() else root


def file_hash(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "restore it") from None
