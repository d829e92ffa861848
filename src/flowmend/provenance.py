"""Where a file comes from: the code in a module's import closure, and the record beside a figure.

Standard library only and no import of a stage, so that the front ends can ask it quickly.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from flowmend.errors import InputError
from flowmend.io.atomic import write_text

SOURCE = Path(__file__).resolve().parents[1]


def import_closure(module: str, source: Path = SOURCE) -> set[Path]:
    """Every file of ``module``'s own top-level package that importing it can run.

    Imports are read from the syntax tree, also those inside functions. The ``__init__`` of every
    package on the way counts, and so do the templates (``*.j2``) beside it.

    Args:
        module: dotted name, e.g. ``flowmend.stages.train``.
        source: folder that holds the top-level package.

    Returns:
        Absolute paths.

    Raises:
        InputError: there is no such module.
    """
    if _file(module, source) is None:
        raise InputError(module, "is not a module", f"choose one below {source}")
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        for known in _with_packages(name):
            if known not in seen and _file(known, source) is not None:
                seen.add(known)
                waiting.extend(_imports(known, source))
    files = {path for name in seen if (path := _file(name, source)) is not None}
    return files | {other for path in files for other in _beside(path)}


def code_fingerprint(module: str, source: Path = SOURCE) -> str:
    """sha256 (hex) over the names and bytes of the module's import closure."""
    return _digest(import_closure(module, source), source)


def file_sha256(path: Path | str) -> str:
    """sha256 (hex) of a file.

    Raises:
        InputError: the file is missing.
    """
    try:
        with open(path, "rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(path, "is missing", "run `dvc repro` first") from None


@dataclass(frozen=True)
class Provenance:
    """What stands in ``<figure>.prov.json``: enough to redo the figure, nothing of when or where.

    Attributes:
        title: what the figure shows.
        number: the figure's number in the report, e.g. ``3a``, or empty when it has none there.
        caption: what to see in it, in flowmend's own words.
        function: dotted name of the function that draws it.
        file: that function's file, relative to the project.
        code: :func:`code_fingerprint` of its module.
        inputs: path relative to the project -> sha256.
        tags: what finds the runs in MLflow: tag -> its values (scale, experiment).
        command: how to redo it.
        facts: what was measured or chosen on the way (clips, errors), for the caption.
    """

    title: str
    number: str
    caption: str
    function: str
    file: str
    code: str
    inputs: dict[str, str]
    tags: dict[str, list[str]]
    command: str
    facts: dict[str, object]

    def write(self, figure: Path) -> None:
        """Write the record beside ``figure``, atomically and with sorted keys."""
        text = json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False)
        write_text(record_path(figure), text + "\n")


def record_path(figure: Path | str) -> Path:
    """Where the record of a figure lies: ``fig01.png`` -> ``fig01.prov.json``."""
    return Path(figure).with_suffix(".prov.json")


def read_record(figure: Path | str) -> Provenance:
    """The record beside a figure.

    Raises:
        InputError: it is missing, or is not a record.
    """
    path = record_path(figure)
    try:
        return Provenance(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise InputError(path, "is missing", "run `dvc repro` first") from None
    except (ValueError, TypeError) as error:
        raise InputError(
            path, f"is not a provenance record ({error})", "run `dvc repro -f figures`"
        ) from None


def hash_inputs(paths: Iterable[Path], project: Path | None = None) -> dict[str, str]:
    """sha256 of each file; the keys are posix paths relative to ``project`` (default: here)."""
    root = (project or Path.cwd()).resolve()
    named: Mapping[str, Path] = {
        path.resolve().relative_to(root).as_posix(): path for path in paths
    }
    return {name: file_sha256(named[name]) for name in sorted(named)}


def _digest(files: set[Path], source: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(files):
        name = path.relative_to(source).as_posix().encode()
        content = path.read_bytes()
        total.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return total.hexdigest()


def _file(module: str, source: Path) -> Path | None:
    base = source.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _beside(path: Path) -> list[Path]:
    if path.name != "__init__.py":
        return []
    return list(path.parent.glob("*.j2"))


def _with_packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _imports(module: str, source: Path) -> list[str]:
    """Names that may be modules: of ``from a import b`` both ``a`` and ``a.b``."""
    path = _file(module, source)
    assert path is not None
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    own = module.split(".")[0]
    found: list[str] = []
    for level, base, names in _import_statements(path.read_bytes()):
        parts = package[: len(package) - level + 1] if level else []
        stem = ".".join([*parts, *([base] if base else [])])
        found += [stem, *(f"{stem}.{name}" for name in names)]
    return [name for name in found if name.split(".")[0] == own]


@cache
def _import_statements(code: bytes) -> list[tuple[int, str, tuple[str, ...]]]:
    """(level, module, imported names) of every import statement, wherever it stands."""
    found: list[tuple[int, str, tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            found.append((node.level, node.module or "", names))
    return found
