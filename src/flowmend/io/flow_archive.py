"""Flow archive: one zip with an image per flow field and a manifest (report, 3.1).

Members are ``<key>.png`` (or ``.jxl``) and ``manifest.json``, which holds

- ``format`` "flowmend-flow", ``version`` 1, ``codec`` and the images' ``suffix``;
- ``max_error_px``: no value of any field is off by more (promised beforehand by "fast" and
  "small", found afterwards by "report"); ``step_px`` of the fixed-step codecs;
- ``attributes``: whatever the writer wanted to say;
- ``fields``: for each key ``shape`` (2, H, W), the ``sha256`` of its image, ``range_px`` (least
  and greatest value as decoded) and what the codec needs, see :mod:`flowmend.io.codecs`.

Same fields, same bytes. Any field can be read without the others, and without flowmend; this
reads one of a "fast" archive::

    archive = zipfile.ZipFile(path)
    manifest = json.loads(archive.read("manifest.json"))
    entry = manifest["fields"][key]
    image = cv2.imdecode(np.frombuffer(archive.read(key + ".png"), np.uint8), -1)
    planes = image.reshape(entry["planes"], *entry["shape"]).astype(np.int64)
    folded = sum(plane << (8 * p) for p, plane in enumerate(planes))
    integer = np.int16 if entry["planes"] <= 2 else np.int32
    residual = ((folded >> 1) ^ -(folded & 1)).astype(integer)
    levels = residual.cumsum(axis=1, dtype=integer).cumsum(axis=2, dtype=integer)
    flow = levels * manifest["step_px"]

In a "small" archive x is the grey and y the alpha channel of a 16-bit JPEG XL; entries whose
``planes`` is 1 (a span below 65536 steps) read as::

    image = imagecodecs.imread(io.BytesIO(archive.read(key + ".jxl")))
    flow = (image.transpose(2, 0, 1) + np.reshape(entry["least"], (2, 1, 1))) * step_px

In a "report" archive flow is ``black_px + image * (white_px - black_px) / 255``, x above y.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import numpy as np

from flowmend.errors import InputError
from flowmend.io.atomic import replacing
from flowmend.io.codecs import CODECS, step_px
from flowmend.io.flow_manifest import FORMAT, MANIFEST, VERSION, read_manifest
from flowmend.io.layout_zip import add_member, open_zip, read_member


class FlowArchiveWriter:
    """Writes a flow archive, which appears when the ``with`` block ends without an error.

    Args:
        path: the archive, ``.zip``.
        codec: "fast", "small" or "report" (whose error depends on each field's range).
        max_error_px: no value of a stored field is off by more ("report" ignores it).
        attributes: free facts for the manifest: JSON values that don't vary between runs.

    Raises:
        InputError: an unknown codec, or a bound outside 1e-6 … 1 px.
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
        if not 1e-6 <= max_error_px <= 1:
            what = f"a greatest error of {max_error_px} px cannot be kept"
            raise InputError(path, what, "give max_error_px between 1e-6 and 1")
        self._path = Path(path)
        self._codec = CODECS[codec](step_px(max_error_px))
        self._max_error_px = max_error_px if self._codec.guaranteed else 0.0
        self._fields: dict[str, dict[str, Any]] = {}
        self._manifest = {
            "format": FORMAT,
            "version": VERSION,
            "codec": codec,
            "suffix": self._codec.suffix,
            "step_px": step_px(max_error_px) if self._codec.guaranteed else None,
            "attributes": json.loads(json.dumps(attributes or {}, sort_keys=True)),
        }

    def __enter__(self) -> Self:
        self._opened = self._open()
        self._zip = self._opened.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    @contextmanager
    def _open(self) -> Iterator[zipfile.ZipFile]:
        with replacing(self._path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            yield archive
            self._manifest["max_error_px"] = self._max_error_px
            self._manifest["fields"] = dict(sorted(self._fields.items()))
            text = json.dumps(self._manifest, separators=(",", ":"), allow_nan=False)
            add_member(archive, MANIFEST, text.encode(), deflate=True)

    def add(self, key: str, flow: np.ndarray) -> None:
        """Store one field, decode it again and compare.

        Args:
            key: its name, a relative path such as ``clip/forward/0``.
            flow: (2, H, W) float, px.

        Raises:
            InputError: the flow is not finite, or cannot be kept to the error allowed.
        """
        where = f"{self._path}: {key}"
        self._check_key(key, where)
        flow = _checked_flow(flow, where)
        try:
            data, facts = self._codec.encode(flow)
        except ValueError as error:
            raise InputError(where, str(error), "allow a greater max_error_px") from None
        decoded = self._codec.decode(data, facts)
        self._check_error(float(np.abs(decoded - flow).max()), where)
        add_member(self._zip, key + self._codec.suffix, data, deflate=False)
        self._fields[key] = {
            "shape": list(flow.shape),
            "sha256": hashlib.sha256(data).hexdigest(),
            "range_px": [float(decoded.min()), float(decoded.max())],
            **facts,
        }

    def _check_key(self, key: str, where: str) -> None:
        path = PurePosixPath(key)
        plain = str(path) == key and key.isprintable() and path.name
        if not plain or path.is_absolute() or ".." in path.parts:
            raise InputError(where, "is no name for a field", "use a relative path such as clip/0")
        if key in self._fields:
            raise InputError(where, "was added before", "give every field its own key")

    def _check_error(self, error_px: float, where: str) -> None:
        if not self._codec.guaranteed:
            self._max_error_px = max(self._max_error_px, error_px)
        elif not error_px <= self._max_error_px:
            what = f"would be off by {error_px:g} px"
            raise InputError(where, what, "allow a greater max_error_px")


class FlowArchive:
    """Reads a flow archive, any field at a time.

    Attributes:
        manifest: the archive's ``manifest.json``, see the module's docstring.

    Raises:
        InputError: missing, not a flow archive, damaged, or written by a newer flowmend.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._zip = open_zip(self._path)
        self.manifest = read_manifest(self._zip, self._path)
        self._codec = CODECS[self.manifest["codec"]](self.manifest["step_px"])

    def keys(self) -> list[str]:
        """Names of the fields, sorted."""
        return list(self.manifest["fields"])

    def read(self, key: str) -> np.ndarray:
        """One field, (2, H, W) float32, px.

        Raises:
            InputError: there is no such key, or its image is damaged.
        """
        where = f"{self._path}: {key}"
        entry = self.manifest["fields"].get(key)
        if entry is None:
            raise InputError(where, "is not in this archive", "look at keys(), or make it again")
        data = read_member(self._zip, self._path, key + self._codec.suffix)
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise InputError(where, "is damaged (checksum)", "make or fetch the archive again")
        try:
            flow = self._codec.decode(data, entry)
            fits = list(flow.shape) == entry["shape"]
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise InputError(where, "does not fit its entry in the manifest", "make it again")
        return flow

    def read_many(self, keys: Sequence[str]) -> np.ndarray:
        """Fields of one size, (N, 2, H, W) float32, px.

        Raises:
            InputError: a key is missing, its image damaged, or of another size than the first.
        """
        fields = [self.read(key) for key in keys]
        for key, field in zip(keys, fields, strict=True):
            if field.shape != fields[0].shape:
                what = f"has shape {field.shape}, {keys[0]} has {fields[0].shape}"
                raise InputError(f"{self._path}: {key}", what, "read it on its own")
        return np.stack(fields)

    def verify(self) -> None:
        """Read every field.

        Raises:
            InputError: the first damaged or missing field.
        """
        for key in self.keys():
            self.read(key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()


def _checked_flow(flow: np.ndarray, where: str) -> np.ndarray:
    flow = np.ascontiguousarray(flow, np.float32)
    if flow.ndim != 3 or flow.shape[0] != 2 or flow.size == 0:
        raise InputError(where, f"has shape {flow.shape}", "give flow of shape (2, H, W)")
    bad = ~np.isfinite(flow).all(axis=0)
    if bad.any():
        what = f"holds NaN or infinite flow at {int(bad.sum())} pixels"
        raise InputError(where, what, "mend those pixels first")
    return flow
