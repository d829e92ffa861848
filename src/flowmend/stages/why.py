"""``flowmend why FILE``: from a figure, table or model back to the raw data."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from flowmend.errors import InputError
from flowmend.params import Params
from flowmend.provenance import Provenance, code_fingerprint, file_sha256, read_record, record_path
from flowmend.stages.layout import Layout

PIPELINE = Path("dvc.yaml")
HASH_DIGITS = 16
_CODE = ("src/", "workflow/code/")


@dataclass(frozen=True)
class Job:
    """One point of a stage's matrix, resolved."""

    stage: str
    command: str
    params: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def why(file: Path, params: Params) -> Iterator[str]:
    """Lines that lead from ``file`` back to the raw data.

    Args:
        file: an output of the pipeline, or a file below one.
        params: of the project; ``dvc.yaml`` is read from the current folder.

    Raises:
        InputError: the file is missing, or no stage makes it.
    """
    name = _name(file)
    scale = _scale(name, params)
    jobs = list(_jobs(scale, params))
    makers = _makers(name, jobs)
    if not makers:
        raise InputError(file, "is made by no stage of dvc.yaml", "ask for an artifact or report")
    yield f"{name}  {_digest(file)}"
    if record_path(file).exists() and file.suffix in (".png", ".gif"):
        record = read_record(file)
        yield from _indented(_drawn(record))
        inputs: Iterable[str] = record.inputs
    else:
        inputs = dict.fromkeys(path for job in makers for path in job.inputs)
    yield from _indented(_made(makers))
    yield from _indented(_origins(inputs, jobs, scale, set()))


def _drawn(record: Provenance) -> Iterator[str]:
    number = f"Figure {record.number}. " if record.number else ""
    yield f"{number}{record.title}"
    yield f"drawn by {record.function} in {record.file}"
    same = record.code == code_fingerprint("flowmend.stages.figures")
    yield f"code then: {record.code[:HASH_DIGITS]}{'' if same else ' (changed since)'}"
    for path, digest in record.inputs.items():
        if not Path(path).exists():
            yield f"input {path}: missing now"
        elif file_sha256(path) != digest:
            yield f"input {path}: changed since it was drawn"


def _made(makers: list[Job]) -> Iterator[str]:
    first = makers[0]
    many = f" ({len(makers)} jobs, the first is)" if len(makers) > 1 else ""
    code = code_fingerprint(f"flowmend.stages.{first.stage}")
    yield f"made by stage {first.stage}{many}: {first.command}"
    keys = sorted({key for job in makers for key in job.params})
    yield f"params: {', '.join(keys)}" if keys else "params: none"
    yield f"code now: {code[:HASH_DIGITS]} (import closure of flowmend.stages.{first.stage})"


def _origins(
    paths: Iterable[str], jobs: list[Job], scale: str, told: set[tuple[str, ...]]
) -> Iterator[str]:
    """A block for each stage that made some of ``paths``; each is told once."""
    groups: dict[str, dict[str, list[Job]]] = {}
    for path in paths:
        makers = _makers(path, jobs)
        if makers:
            groups.setdefault(makers[0].stage, {})[path] = makers
        elif not path.startswith(_CODE):
            yield f"← {path}  {_digest(Path(path))}  (kept in the repository)"
    for stage, of_path in groups.items():
        makers = list(dict.fromkeys(job for found in of_path.values() for job in found))
        made = _together(sorted(of_path))
        key = tuple(job.command for job in makers)
        if key in told:
            yield f"← {made}  (made as above)"
            continue
        told.add(key)
        yield f"← {made}  {_digest(Path(made))}".rstrip()
        yield from _indented(_made(makers))
        if stage == "index":
            yield from _indented(_raw(scale))
        inputs = dict.fromkeys(path for job in makers for path in job.inputs)
        yield from _indented(_origins(inputs, jobs, scale, told))


def _raw(scale: str) -> Iterator[str]:
    """What the index says of the raw data."""
    path = Layout(scale).index
    try:
        index = json.loads(path.read_text())
    except FileNotFoundError:
        yield "raw data: not indexed yet"
        return
    clips = [clip for shards in index["splits"].values() for shard in shards for clip in shard]
    files = {
        file[kind]
        for clip in clips
        for file in clip.get("frames", [])
        for kind in ("image", "segmentation")
        if file.get(kind)
    }
    if files:
        yield f"raw data: {index['dataset']}, {len(clips)} clips of {len(files)} files"
        yield f"e.g. {min(files)}; every file's sha256 stands in {path.as_posix()}"
    else:
        yield f"raw data: none; {len(clips)} clips of {index['dataset']} are rendered from seeds"


def _jobs(scale: str, params: Params) -> Iterator[Job]:
    axes = {"${scale}": [scale], "${experiments}": list(params.experiments)}
    try:
        stages = yaml.safe_load(PIPELINE.read_text())["stages"]
    except FileNotFoundError:
        raise InputError(PIPELINE, "is missing", "run flowmend in the project's folder") from None
    for stage, block in stages.items():
        names = list(block["matrix"])
        points = [_points(block["matrix"][name], axes) for name in names]
        for point in product(*points):
            item = dict(zip(names, point))
            yield Job(
                stage,
                _fill(block["cmd"], item),
                tuple(_fill(key, item) for key in block.get("params", [])),
                tuple(_fill(path, item) for path in block.get("deps", [])),
                tuple(_fill(_path(out), item) for out in block["outs"]),
            )


def _points(axis: str | list[Any], axes: Mapping[str, list[str]]) -> list[str]:
    if isinstance(axis, str):
        return axes[axis]
    return [value for point in axis for value in axes.get(str(point), [str(point)])]


def _fill(text: str, item: Mapping[str, str]) -> str:
    return re.sub(r"\$\{item\.(\w+)\}", lambda found: item[found[1]], text)


def _path(out: str | Mapping[str, Any]) -> str:
    return out if isinstance(out, str) else next(iter(out))


def _makers(path: str, jobs: list[Job]) -> list[Job]:
    """Jobs that make ``path``, a file or folder around it, or files in it."""
    return [job for job in jobs if any(_overlap(path, out) for out in job.outputs)]


def _overlap(a: str, b: str) -> bool:
    return a == b or a.startswith(b + "/") or b.startswith(a + "/")


def _together(paths: Sequence[str]) -> str:
    """``flow/0.zip`` and ``flow/1.zip`` as ``flow/{0,1}.zip``: one line for a stage's shards."""
    folders = sorted({path.rpartition("/")[0] for path in paths})
    if len(folders) in (1, len(paths)):
        return _braced(paths)
    return ", ".join(_braced([p for p in paths if p.rpartition("/")[0] == f]) for f in folders)


def _braced(paths: Sequence[str]) -> str:
    """Paths that differ in one part, with braces there; others with commas."""
    columns = list(zip(*(path.split("/") for path in paths)))
    varying = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    parts = [column[0] for column in columns]
    if len(varying) == 1:
        names = [part.partition(".") for part in columns[varying[0]]]
        if len({name[1:] for name in names}) == 1:
            stems = ",".join(stem for stem, _, _ in names)
            parts[varying[0]] = "{" + stems + "}" + "".join(names[0][1:])
            return "/".join(parts)
    return ", ".join(paths)


def _name(file: Path) -> str:
    if not file.exists():
        raise InputError(file, "is missing", "run `dvc repro` first")
    try:
        return file.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        raise InputError(file, "lies outside the project", "give a file of this project") from None


def _scale(name: str, params: Params) -> str:
    parts = name.split("/")
    return parts[1] if len(parts) > 1 and parts[1] in params.scales else params.scale


def _digest(path: Path) -> str:
    return f"sha256 {file_sha256(path)[:HASH_DIGITS]}" if path.is_file() else ""


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"   {line}" for line in lines)
