"""The pipeline of ``dvc.yaml``, as Snakemake's rules need it. Nothing is defined twice."""

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from snakemake.io import directory

import flowmend.params as schema
from flowmend.errors import InputError

Item = Mapping[str, str]


def chosen_scale(config: Mapping[str, Any]) -> str | None:
    """The scale that ``--config scale=…`` asks for, if any; ``params.yaml`` is validated.

    Raises:
        InputError: another key is overridden (the commands would not see it), or the scale or
            ``params.yaml`` is wrong.
    """
    for key in sorted(set(config) - {"scale"}):
        raise InputError(f"--config {key}", "cannot be overridden here", "edit params.yaml")
    known = schema.load()
    known.at(config.get("scale", known.scale))
    return config.get("scale")


class Dag:
    """Stages of one scale, resolved as DVC resolves them.

    A *stage* is an entry of ``dvc.yaml``; an *item* is one point of its matrix.
    """

    def __init__(self, scale: str | None = None, project: Path = Path(".")) -> None:
        self.project = project
        self.params = yaml.safe_load((project / "params.yaml").read_text())
        self.scale = scale or self.params["scale"]
        self.stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
        self.ignored = (project / ".dvcignore").read_text().split()
        self.products = [
            path
            for stage in self.stages
            for item in self.items(stage)
            for path in self.outputs(stage, item)
        ]

    def items(self, stage: str) -> Iterator[dict[str, str]]:
        """Every point of the stage's matrix."""
        axes = {axis: self._points(of) for axis, of in self.stages[stage]["matrix"].items()}
        return (dict(zip(axes, point)) for point in product(*axes.values()))

    def command(self, stage: str, item: Item) -> str:
        """The shell command of one item."""
        return self._fill(self.stages[stage]["cmd"], item)

    def values(self, stage: str, item: Item) -> str:
        """The params that the item depends on, with their values, as canonical JSON."""
        keys = [self._fill(key, item) for key in self.stages[stage].get("params", [])]
        return json.dumps({key: self._value(key) for key in keys}, sort_keys=True)

    def inputs(self, stage: str, item: Item) -> list[str]:
        """Files and outputs that the item depends on; folders are expanded."""
        deps = [self._fill(dep, item) for dep in self.stages[stage].get("deps", [])]
        return [path for dep in deps for path in self._expand(dep)]

    def outputs(self, stage: str, item: Item) -> list[str]:
        """What one item writes. A path without a suffix is a folder."""
        outs = self.stages[stage]["outs"]
        return [self._fill(out if isinstance(out, str) else next(iter(out)), item) for out in outs]

    def patterns(self, stage: str) -> list[str]:
        """The outputs with Snakemake's wildcards in place of the matrix axes."""
        paths = self.outputs(stage, {axis: f"{{{axis}}}" for axis in self.stages[stage]["matrix"]})
        return [path if Path(path).suffix else directory(path) for path in paths]

    def log(self, stage: str) -> str:
        """Where Snakemake keeps what an item printed; undeclared."""
        axes = [f"{{{axis}}}" for axis in self.stages[stage]["matrix"] if axis != "scale"]
        return f"artifacts/.logs/{{scale}}/snakemake/{'-'.join([stage, *axes])}.log"

    def threads(self, stage: str) -> int:
        """Cores of one item."""
        return self._meta(stage, "threads")

    def resources(self, stage: str) -> dict[str, int]:
        """Memory (MB), time (minutes) and, where the scale runs the stage on GPUs, how many."""
        block = self.params["scales"][self.scale].get(self._metas(stage).get("device"), {})
        gpu = {"gpu": self._meta(stage, "gpus")} if block.get("device") == "cuda" else {}
        return {key: self._meta(stage, key) for key in ("mem_mb", "runtime")} | gpu

    def constraints(self) -> dict[str, str]:
        """A regular expression for each axis that matches its points only."""
        points: dict[str, set[str]] = {}
        for stage in self.stages:
            for item in self.items(stage):
                for axis, value in item.items():
                    points.setdefault(axis, set()).add(value)
        return {axis: "|".join(map(re.escape, sorted(of))) for axis, of in points.items()}

    def _metas(self, stage: str) -> dict[str, int | str]:
        return self.stages[stage]["meta"]

    def _meta(self, stage: str, key: str) -> int:
        given = self._metas(stage)[key]
        if isinstance(given, int):
            return given
        return self._value(self._fill(given, {"scale": self.scale}))

    def _points(self, axis: str | list[Any]) -> list[str]:
        if isinstance(axis, str):
            return list(self._value(axis.removeprefix("${").removesuffix("}")))
        return [self._fill(str(point), {}) for point in axis]

    def _fill(self, template: str, item: Item) -> str:
        names = {"scale": self.scale} | {f"item.{axis}": point for axis, point in item.items()}
        return re.sub(r"\$\{([\w.]+)\}", lambda found: names[found[1]], template)

    def _value(self, key: str) -> Any:
        return reduce(lambda block, name: block[name], key.split("."), self.params)

    def _expand(self, dep: str) -> list[str]:
        if below := [out for out in self.products if out == dep or out.startswith(f"{dep}/")]:
            return below
        found = sorted(path for path in (self.project / dep).rglob("*") if path.is_file())
        files = [path.relative_to(self.project) for path in found]
        return [path.as_posix() for path in files if not self._is_ignored(path)] or [dep]

    def _is_ignored(self, path: Path) -> bool:
        return any(fnmatch(part, ignored) for part in path.parts for ignored in self.ignored)
