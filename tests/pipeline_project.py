"""Copies of the project on the smoke scale, and both front ends run in them."""

import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import yaml

PROJECT = Path(__file__).resolve().parents[1]
SCALE = "smoke"
PARTS = (
    *("Snakefile", "dvc.yaml", "params.yaml", "profiles", "workflow", "src"),
    *(".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore", "docs/benchmarks"),
    *("weights/flow/README.md", "weights/edges/README.md"),
)


def copy_project(target: Path) -> Path:
    """The project's own files in an empty folder, with the smoke scale chosen."""
    for part in PARTS:
        source, copy = PROJECT / part, target / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, copy, symlinks=True, ignore=ignored)
        else:
            shutil.copy2(source, copy, follow_symlinks=False)
    params = (target / "params.yaml").read_text()
    (target / "params.yaml").write_text(re.sub(r"(?m)^scale: \w+", f"scale: {SCALE}", params))
    subprocess.run(["git", "init", "--quiet", target], check=True)
    return target


def workflow_module(name: str) -> ModuleType:
    """A module of ``workflow/``, imported as the Snakefile imports it."""
    if (folder := str(PROJECT / "workflow")) not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


def run(project: Path, tool: str, *arguments: str, **kwargs) -> subprocess.CompletedProcess[str]:
    """Run ``dvc``, ``snakemake`` or ``flowmend.cli`` on the copy's own code."""
    return subprocess.run(
        [sys.executable, "-m", tool, *arguments],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        **kwargs,
    )


def environment(project: Path) -> dict[str, str]:
    """Commands of this Python, code of the copy, nothing told to anyone."""
    scripts = Path(sys.executable).parent
    own = {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(project / "src"),
        "DVC_NO_ANALYTICS": "1",
        "OMP_NUM_THREADS": "1",
    }
    return {key: os.environ[key] for key in os.environ if not key.startswith("MLFLOW")} | own


def must_run(project: Path, tool: str, *arguments: str) -> str:
    """The same, and it succeeds; what it printed."""
    ended = run(project, tool, *arguments)
    assert ended.returncode == 0, f"{tool} {arguments}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def products(project: Path) -> dict[str, str]:
    """sha256 of every declared output; hidden files are scratch, logs and time stamps."""
    files = [p for top in ("artifacts", "reports") for p in (project / top).rglob("*")]
    paths = {p.relative_to(project): p for p in files if p.is_file()}
    return {
        inside.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for inside, path in paths.items()
        if not any(part.startswith(".") for part in inside.parts)
    }


def stale_in_dvc(project: Path) -> set[str]:
    """Items that DVC holds for changed themselves, by their names in DVC."""
    return set(json.loads(must_run(project, "dvc", "status", "--json")))


def pending_in_snakemake(project: Path) -> set[str]:
    """Outputs that Snakemake would make."""
    rows = must_run(project, "snakemake", "--summary").splitlines()[1:]
    return {row.split("\t")[0] for row in rows if not row.endswith("\tno update")}


def edit_params(project: Path, *keys: str, value: object) -> None:
    """Set a key of ``params.yaml``, or remove it if the value is None."""
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text())
    block = params
    for key in keys[:-1]:
        block = block[key]
    if value is None:
        del block[keys[-1]]
    else:
        block[keys[-1]] = value
    path.write_text(yaml.safe_dump(params, sort_keys=False))
