"""Which code each stage depends on: ``workflow/code/<stage>`` links to its import closure.

One folder is one dependency, where a list of 30 modules in each of 40 trainings would make
``dvc.lock`` three times as long and DVC as slow. After changing an import, run
``python workflow/code_links.py``; a test compares.
"""

import os
from pathlib import Path

from flowmend.provenance import import_closure

PROJECT = Path(__file__).resolve().parents[1]
SOURCE = PROJECT / "src"
CODE = PROJECT / "workflow" / "code"
STAGES = ("index", "sequences", "flow", "holes", "edges", "train", "evaluate", "figures", "report")


def links(stage: str) -> dict[str, str]:
    """Name of each link -> its target: a module by its dotted name, a template by its file name."""
    files = import_closure(f"flowmend.stages.{stage}", SOURCE)
    return {_name(path): os.path.relpath(path, CODE / stage) for path in files}


def links_on_disk(stage: str) -> dict[str, str]:
    """The same, as the folder has it."""
    return {path.name: os.readlink(path) for path in (CODE / stage).glob("*")}


def refresh(stage: str) -> None:
    """Make the folder hold just the links of the stage; those that are right stay untouched."""
    (CODE / stage).mkdir(parents=True, exist_ok=True)
    wanted, found = links(stage), links_on_disk(stage)
    for name in found.keys() - dict(wanted.items() & found.items()):
        (CODE / stage / name).unlink()
    for name, target in wanted.items() - found.items():
        (CODE / stage / name).symlink_to(target)


def _name(path: Path) -> str:
    inside = path.relative_to(SOURCE)
    if path.name == "__init__.py":
        inside = inside.parent
    return ".".join(inside.with_suffix("" if path.suffix == ".py" else path.suffix).parts)


if __name__ == "__main__":
    for each in STAGES:
        refresh(each)
