"""``flowmend flow convert``: between .flo files, KITTI PNG files and flow archives.

A source is one file, a flow archive (.zip), or a folder of .flo and .png files. A target is one
file, an archive, a new folder (filled with .flo files), or ``FOLDER/*.png`` (or ``*.flo``) for a
new folder of that kind. A key of an archive is a file's path in its folder, without the suffix.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from flowmend.errors import InputError
from flowmend.io.atomic import write_bytes
from flowmend.io.flo import encode_flo, read_flo
from flowmend.io.flow_archive import FlowArchive, FlowArchiveWriter
from flowmend.io.kitti import STEP_PX, encode_kitti, read_kitti
from flowmend.io.progress import tracked

ARCHIVE = ".zip"
FILES = (".flo", ".png")
_KINDS = "give a .flo, a KITTI .png or a .zip file, or a folder"


def convert_flow(source: Path, target: Path, codec: str, max_error_px: float) -> None:
    """Convert flow files; the target appears whole or not at all.

    ``.flo`` keeps every bit of what the source holds, KITTI PNG keeps 1/128 px, an archive keeps
    ``max_error_px``. Pixels without flow stay marked in .flo (1e10) and KITTI PNG (not valid).

    Args:
        source: a file, an archive or a folder, see above.
        target: the same.
        codec: of a new archive, see :mod:`flowmend.io.codecs`.
        max_error_px: of a new archive or KITTI PNG, px.

    Raises:
        InputError: an unknown suffix, nothing to convert, several fields for one file, a target
            folder that is not new, or flow that the target cannot hold.
    """
    keys = _keys(source)
    if target.suffix == ARCHIVE:
        with FlowArchiveWriter(target, codec, max_error_px) as writer:
            for key, flow in _fields(source, keys):
                writer.add(key, flow)
    elif target.name in {f"*{suffix}" for suffix in FILES}:
        _write_folder(target.parent, target.suffix, _fields(source, keys), max_error_px)
    elif target.suffix in FILES:
        if len(keys) > 1:
            what = f"holds {len(keys)} fields, {target} only one"
            raise InputError(source, what, "give a folder as the target")
        for _, flow in _fields(source, keys):
            write_bytes(target, _encode(flow, target, max_error_px))
    elif not target.suffix:
        _write_folder(target, ".flo", _fields(source, keys), max_error_px)
    else:
        raise InputError(target, f"has the unknown suffix {target.suffix!r}", _KINDS)


def _keys(source: Path) -> dict[str, Path]:
    """Each field's key and the file it lies in."""
    if not source.exists():
        raise InputError(source, "is missing", "check the path")
    if source.is_dir():
        keys = _keys_of_folder(source)
    elif source.suffix == ARCHIVE:
        with FlowArchive(source) as archive:
            keys = dict.fromkeys(archive.keys(), source)
    elif source.suffix in FILES:
        keys = {source.stem: source}
    else:
        raise InputError(source, f"has the unknown suffix {source.suffix!r}", _KINDS)
    if not keys:
        raise InputError(source, "holds no flow", _KINDS)
    return keys


def _keys_of_folder(folder: Path) -> dict[str, Path]:
    keys: dict[str, Path] = {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in FILES):
        key = path.relative_to(folder).with_suffix("").as_posix()
        if key in keys:
            what = f"has the same name as {keys[key].name}"
            raise InputError(path, what, "move one of them to another folder")
        keys[key] = path
    return keys


def _fields(source: Path, keys: dict[str, Path]) -> Iterator[tuple[str, np.ndarray]]:
    """Key and flow (2, H, W), px, NaN where there is none."""
    steps = tracked(list(keys.items()), "Converting flow")
    if source.is_file() and source.suffix == ARCHIVE:
        with FlowArchive(source) as archive:
            for key, _ in steps:
                yield key, archive.read(key)
    else:
        for key, path in steps:
            yield key, _read_file(path)


def _read_file(path: Path) -> np.ndarray:
    if path.suffix == ".flo":
        return read_flo(path, allow_unknown=True)
    flow, valid = read_kitti(path)
    return np.where(valid, flow, np.float32(np.nan))


def _encode(flow: np.ndarray, target: Path, max_error_px: float) -> bytes:
    if target.suffix == ".flo":
        return encode_flo(flow)
    if max_error_px < STEP_PX / 2:
        what = f"keeps flow to {STEP_PX / 2:g} px, not to {max_error_px:g} px"
        raise InputError(target, what, "write .flo, or allow a greater max_error_px")
    return encode_kitti(flow, target, valid=~np.isnan(flow).any(axis=0))


def _write_folder(
    folder: Path, suffix: str, fields: Iterator[tuple[str, np.ndarray]], max_error_px: float
) -> None:
    if folder.exists():
        raise InputError(folder, "exists", "name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".tmp"))
    try:
        for key, flow in fields:
            name = f"{key}{suffix}"
            write_bytes(temporary / name, _encode(flow, folder / name, max_error_px))
        temporary.chmod(0o755)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
