"""The closure is complete, the fingerprint follows the code, records hold no time or place."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flowmend.errors import InputError
from flowmend.provenance import (
    SOURCE,
    Provenance,
    code_fingerprint,
    file_sha256,
    hash_inputs,
    import_closure,
    read_record,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A package that imports in every way Python offers."""
    files = {
        "pack/__init__.py": "",
        "pack/a.py": "import os\nfrom pack import b\nimport pack.sub.c as c\n",
        "pack/b.py": "def late():\n    from .sub import d\n    return d\n",
        "pack/sub/__init__.py": "from . import e\n",
        "pack/sub/c.py": "from ..f import VALUE\n",
        "pack/sub/d.py": "",
        "pack/sub/e.py": "",
        "pack/sub/page.j2": "hello",
        "pack/f.py": "VALUE = 1\n",
        "pack/unused.py": "import pack.a\n",
        "packet/__init__.py": "import pack.unused\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def _names(files: set[Path], source: Path) -> set[str]:
    return {path.relative_to(source).as_posix() for path in files}


def test_closure_follows_every_kind_of_import(source: Path) -> None:
    assert _names(import_closure("pack.a", source), source) == {
        "pack/__init__.py",
        "pack/a.py",
        "pack/b.py",
        "pack/f.py",
        "pack/sub/__init__.py",
        "pack/sub/c.py",
        "pack/sub/d.py",
        "pack/sub/e.py",
        "pack/sub/page.j2",
    }


def test_closure_survives_a_cycle(source: Path) -> None:
    (source / "pack/f.py").write_text("import pack.a\nVALUE = 1\n")
    assert len(import_closure("pack.f", source)) == 9


def test_closure_of_a_package_is_that_of_its_init(source: Path) -> None:
    names = _names(import_closure("pack.sub", source), source)
    assert names == {
        "pack/__init__.py",
        "pack/sub/__init__.py",
        "pack/sub/e.py",
        "pack/sub/page.j2",
    }


def test_missing_module_is_an_input_error(source: Path) -> None:
    with pytest.raises(InputError, match=r"pack\.nothing"):
        import_closure("pack.nothing", source)


@pytest.mark.parametrize("changed", ["pack/a.py", "pack/sub/d.py", "pack/sub/page.j2"])
def test_fingerprint_changes_with_any_file_in_the_closure(source: Path, changed: str) -> None:
    before = code_fingerprint("pack.a", source)
    (source / changed).write_text((source / changed).read_text() + "\n# a comment is code, too\n")
    assert code_fingerprint("pack.a", source) != before


def test_fingerprint_ignores_files_outside_the_closure(source: Path) -> None:
    before = code_fingerprint("pack.a", source)
    (source / "pack/unused.py").write_text("")
    assert code_fingerprint("pack.a", source) == before


def test_fingerprint_is_the_same_wherever_the_package_lies(source: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    (moved).mkdir()
    (source / "pack").rename(moved / "pack")
    here = code_fingerprint("pack.a", moved)
    (moved / "pack").rename(source / "pack")
    assert code_fingerprint("pack.a", source) == here


@pytest.mark.parametrize("module", ["flowmend.params", "flowmend.provenance", "flowmend.cli"])
def test_closure_holds_what_python_really_imports(module: str) -> None:
    """The truth, from the interpreter: every flowmend module that the import loads."""
    code = (
        f"import sys, {module}\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'flowmend'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {Path(name) for name in done.stdout.split()}
    assert loaded <= import_closure(module)
    assert SOURCE / "flowmend" / "__init__.py" in loaded


def _record(**changes: object) -> Provenance:
    values: dict = {
        "title": "A", "number": "1", "caption": "", "function": "f", "file": "a.py", "code": "0",
        "inputs": {}, "tags": {}, "command": "c", "facts": {},
    }  # fmt: skip
    return Provenance(**(values | changes))


def test_record_comes_back(tmp_path: Path) -> None:
    record = _record(title="Fehler ≤ 1 px", facts={"good": {"clip": "a", "error_px": 0.25}})
    record.write(tmp_path / "fig01.png")
    assert read_record(tmp_path / "fig01.png") == record
    assert (tmp_path / "fig01.prov.json").read_text().endswith("}\n")


@pytest.mark.parametrize("content", ["", "[]", '{"title": "only"}'])
def test_broken_record_is_an_input_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "fig01.prov.json").write_text(content)
    with pytest.raises(InputError, match=r"fig01\.prov\.json"):
        read_record(tmp_path / "fig01.png")


def test_inputs_are_relative_and_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b", "a"):
        Path(name).write_text(name)
    hashed = hash_inputs([tmp_path / "b", Path("a")])
    assert list(hashed) == ["a", "b"]
    assert hashed["a"] == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert json.dumps(hashed).count(str(tmp_path)) == 0


def test_missing_input_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone"):
        file_sha256(tmp_path / "gone")
