"""The house style, enforced: what DESIGN and CONTRIBUTING promise about every public name."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "flowmend"
FILES = sorted(SOURCE.rglob("*.py"))
FUNCTION_LINES = 50
FILE_LINES = 250


def _functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
class TestEveryFile:
    def test_says_what_it_is(self, path: Path) -> None:
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no module docstring"

    def test_is_short(self, path: Path) -> None:
        assert len(path.read_text().splitlines()) <= FILE_LINES
        long = [f.name for f in _functions(path) if f.end_lineno - f.lineno >= FUNCTION_LINES]
        assert not long, f"functions of {FUNCTION_LINES} lines or more: {long}"

    def test_public_functions_have_docstrings(self, path: Path) -> None:
        tree = ast.parse(path.read_text())
        public = [
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
        ]
        assert not public, f"public names without docstring: {public}"

    def test_promises_nothing_for_later(self, path: Path) -> None:
        for word in ("TODO", "FIXME", "NotImplementedError", "XXX"):
            assert word not in path.read_text()

    def test_never_says_a_bare_mask(self, path: Path) -> None:
        names = {
            node.arg if isinstance(node, ast.arg) else node.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.arg | ast.Name)
        }
        assert not names & {"mask", "masks"}, "say hole, known, confidence or segmentation"


def test_no_rooms_without_a_subject() -> None:
    assert not [p for p in FILES if p.stem in {"utils", "helpers", "common", "misc"}]


def test_nothing_unpickles_foreign_files() -> None:
    forbidden = re.compile(
        r"allow_pickle=True|weights_only=False|pickle\.load|yaml\.load\(|(?<![.\w])eval\("
    )
    guilty = [str(p) for p in FILES if forbidden.search(p.read_text())]
    assert not guilty, f"foreign files are data, never code: {guilty}"


def test_mlflow_has_one_importer() -> None:
    importers = [
        p.name for p in FILES if re.search(r"^\s*(import|from) mlflow", p.read_text(), re.M)
    ]
    assert set(importers) <= {"tracking.py"}
