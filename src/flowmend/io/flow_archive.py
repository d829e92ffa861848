"""Flow archive: one zip with an image per flow field and a manifest.

``manifest.json`` holds the format's name and version, the codec, the greatest error of any field
(px), free attributes, and for each key the shape, the sha256 of its image and what the codec needs
to get flow back. Same fields, same bytes; any field can be read without the others.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import numpy as np

from flowmend.errors import InputError
from flowmend.io.atomic import replacing
from flowmend.io.codecs import CODECS
from flowmend.io.layout_zip import FIRST_ZIP_DATE, open_zip, read_member

FORMAT = "flowmend-flow"
VERSION = 1
MANIFEST = "manifest.json"


class FlowArchiveWriter:
    """Writes a flow archive, which appears when the ``with`` block ends without an error.

    Args:
        path: the archive, ``.zip``.
        codec: "fast", "small" or "report" (whose error depends on each field's range).
        max_error_px: no value of a stored field is off by more ("report" ignores it).
        attributes: free facts for the manifest; JSON values, nothing that varies between runs.

    Raises:
        InputError: an unknown codec.
    """

    def __init__(
        self,
        path: Path | str,
        codec: str,
        max_error_px: float,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        if codec not in CODECS:
            raise InputError(path, f"unknown codec {codec!r}", f"choose one of {', '.join(CODECS)}")
        if not 0 < max_error_px < float("inf"):
            raise InputError(path, f"max_error_px is {max_error_px}", "give a positive number")
        self._path = Path(path)
        self._codec_name, self._codec = codec, CODECS[codec]
        self._max_error_px = max_error_px
        self._attributes = attributes or {}
        self._fields: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self._replacing = replacing(self._path)
        self._zip = zipfile.ZipFile(self._replacing.__enter__(), "w")
        return self

    def add(self, key: str, flow: np.ndarray) -> None:
        """Store one field.

        Args:
            key: its name, a relative path such as ``clip/forward/0``.
            flow: (2, H, W) float, px.

        Raises:
            InputError: the flow is not finite, or cannot be stored to the error allowed.
        """
        where = f"{self._path}: {key}"
        _check_key(key, where, self._fields)
        flow = _checked_flow(flow, where)
        try:
            data, facts = self._codec.encode(flow, self._max_error_px)
        except ValueError as error:
            raise InputError(where, str(error), "allow a greater max_error_px") from None
        error_px = float(np.abs(self._codec.decode(data, facts) - flow).max())
        if self._codec.guaranteed and error_px > self._max_error_px:
            what = f"would be off by {error_px:g} px"
            raise InputError(where, what, "allow a greater max_error_px")
        self._write(key + self._codec.suffix, data)
        self._fields[key] = {
            "shape": list(flow.shape),
            "error_px": error_px,
            "sha256": hashlib.sha256(data).hexdigest(),
            **facts,
        }

    def _write(self, name: str, data: bytes) -> None:
        member = zipfile.ZipInfo(name, FIRST_ZIP_DATE)
        member.create_system = 3
        member.external_attr = 0o644 << 16
        deflate = name == MANIFEST
        member.compress_type = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
        self._zip.writestr(member, data)

    def _manifest(self) -> bytes:
        reached = max((entry["error_px"] for entry in self._fields.values()), default=0.0)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "codec": self._codec_name,
            "max_error_px": self._max_error_px if self._codec.guaranteed else reached,
            "suffix": self._codec.suffix,
            "attributes": self._attributes,
            "fields": dict(sorted(self._fields.items())),
        }
        return json.dumps(manifest, separators=(",", ":"), allow_nan=False).encode()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._write(MANIFEST, self._manifest())
            self._zip.close()
        finally:
            self._replacing.__exit__(kind, error, trace)


class FlowArchive:
    """Reads a flow archive, any field at a time.

    Raises:
        InputError: missing, not a flow archive, damaged, or written by a newer flowmend.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._zip = open_zip(self._path)
        self.manifest = _read_manifest(self._zip, self._path)
        self._fields = self.manifest["fields"]
        self._codec = CODECS[self.manifest["codec"]]

    def keys(self) -> list[str]:
        """Names of the fields, sorted."""
        return list(self._fields)

    def read(self, key: str) -> np.ndarray:
        """One field, (2, H, W) float32, px.

        Raises:
            InputError: there is no such key, or its image is damaged.
        """
        where = f"{self._path}: {key}"
        if key not in self._fields:
            raise InputError(where, "is not in this archive", "list its keys, or make it again")
        entry = self._fields[key]
        data = read_member(self._zip, self._path, key + self._codec.suffix)
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise InputError(where, "is damaged (checksum)", "make or fetch the archive again")
        return self._codec.decode(data, entry)

    def read_many(self, keys: Iterable[str]) -> np.ndarray:
        """Fields of one size, (N, 2, H, W) float32, px."""
        return np.stack([self.read(key) for key in keys])

    def verify(self) -> None:
        """Read every field.

        Raises:
            InputError: the first damaged field.
        """
        for key in self._fields:
            self.read(key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()


def _check_key(key: str, where: str, known: dict[str, Any]) -> None:
    path = PurePosixPath(key)
    if not key or str(path) != key or path.is_absolute() or ".." in path.parts or key == "manifest":
        raise InputError(where, "is no name for a field", "use a relative path such as clip/0")
    if key in known:
        raise InputError(where, "was added before", "give every field its own key")


def _checked_flow(flow: np.ndarray, where: str) -> np.ndarray:
    flow = np.ascontiguousarray(flow, np.float32)
    if flow.ndim != 3 or flow.shape[0] != 2 or 0 in flow.shape:
        raise InputError(where, f"has shape {flow.shape}", "give flow of shape (2, H, W)")
    bad = ~np.isfinite(flow).all(axis=0)
    if bad.any():
        what = f"holds NaN or infinite flow at {int(bad.sum())} pixels"
        raise InputError(where, what, "mend or mark those pixels before storing")
    return flow


def _read_manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    if MANIFEST not in archive.namelist():
        raise InputError(path, "is not a flow archive (no manifest)", "check the path")
    try:
        manifest = json.loads(read_member(archive, path, MANIFEST))
        name, version, codec = manifest["format"], manifest["version"], manifest["codec"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: {MANIFEST}", "is damaged", "make the archive again") from None
    if name != FORMAT:
        raise InputError(path, f"is not a flow archive but {name!r}", "check the path")
    if version > VERSION or codec not in CODECS:
        what = f"was written by a newer flowmend (version {version}, codec {codec!r})"
        raise InputError(path, what, "upgrade flowmend")
    return manifest
