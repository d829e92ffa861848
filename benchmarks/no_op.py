"""How long either front end takes to find that the laptop scale is up to date.

Run ``python benchmarks/no_op.py``; the table lands in docs/benchmarks/no_op.csv. A copy of the
project gets stand-ins for every output, which both tools then hold for their own: what is timed
(start of Python included) does not depend on what the files hold. Medians of several runs.
"""

import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "workflow"))
TABLE = PROJECT / "docs" / "benchmarks" / "no_op.csv"
PARTS = ("Snakefile", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", ".dvc/config")
FOLDERS = ("workflow", "profiles", "src", "docs")
SCALE = "laptop"
EXPERIMENTS = (26, 44)  # as shipped, and with the ablations that are to come
REPEATS = 5
COMMANDS = {"dvc repro": ("dvc", "repro"), "snakemake": ("snakemake", "--cores", "2")}


def copy_project(target: Path, experiments: int) -> None:
    """The project with so many experiments and nothing built."""
    for part in PARTS:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / part, target / part)
    for folder in FOLDERS:
        shutil.copytree(PROJECT / folder, target / folder, symlinks=True)
    params = yaml.safe_load((target / "params.yaml").read_text())
    blocks = list(params["experiments"].values())
    names = [*params["experiments"], *(f"further_{n}" for n in range(experiments))][:experiments]
    more = {name: blocks[n % len(blocks)] for n, name in enumerate(names)}
    text = yaml.safe_dump(params | {"scale": SCALE, "experiments": more}, sort_keys=False)
    (target / "params.yaml").write_text(text)
    subprocess.run(["git", "init", "--quiet", target], check=True)


def put_stand_ins(project: Path) -> int:
    """Small files in place of all outputs, accepted by both tools; the number of stages."""
    from dag import Dag

    graph = Dag(SCALE, project)
    for output in graph.products:
        path = project / output
        files = [path] if path.suffix else [path / "seed-0.safetensors", path / "seed-0.curves.csv"]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(output)
    run(project, "dvc", "commit", "--force")
    run(project, "snakemake", "--touch", "--forceall", "--cores", "1")
    return sum(len(list(graph.items(stage))) for stage in graph.stages)


def run(project: Path, tool: str, *arguments: str) -> float:
    """Wall-clock seconds of one call."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(project / "src")}
    begin = time.perf_counter()
    command = [sys.executable, "-m", tool, *arguments]
    subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Time both front ends and write the table."""
    rows = []
    for experiments in EXPERIMENTS:
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder)
            copy_project(project, experiments)
            stages = put_stand_ins(project)
            for name, command in COMMANDS.items():
                seconds = [run(project, *command) for _ in range(REPEATS)]
                row = (name, experiments, stages, statistics.median(seconds), min(seconds))
                rows.append([*row[:3], *(f"{value:.2f}" for value in row[3:])])
                print(*rows[-1], flush=True)
    with open(TABLE, "w", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(["command", "experiments", "stages", "median_s", "fastest_s"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
