"""One definition, two front ends: Snakemake's rules see what DVC sees in ``dvc.yaml``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flowmend.errors import InputError
from flowmend.stages.layout import SHARDS, SPLITS, Layout
from pipeline_project import (
    PROJECT,
    SCALE,
    copy_project,
    environment,
    must_run,
    run,
    workflow_module,
)

code_links = workflow_module("code_links")
dag = workflow_module("dag")

STAGES = list(yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"])

RESOLVED_BY_DVC = """
import json
from dvc.repo import Repo

repo = Repo(".")
stages = list(repo.index.stages)
outs = [out.def_path for stage in stages for out in stage.outs]


def expand(path):
    below = [out for out in outs if out == path or out.startswith(path + "/")]
    files = repo.dvcignore.find(repo.fs, repo.fs.join(repo.root_dir, path))
    return below or [repo.fs.relpath(file, repo.root_dir) for file in files] or [path]


def describe(stage):
    files = [dep for dep in stage.deps if not hasattr(dep, "params")]
    params = [dep for dep in stage.deps if hasattr(dep, "params")]
    return {
        "command": stage.cmd,
        "outs": sorted(out.def_path for out in stage.outs),
        "inputs": sorted(path for dep in files for path in expand(dep.def_path)),
        "params": {k: v for dep in params for k, v in dep.read_params().items()},
    }


print(json.dumps({stage.name: describe(stage) for stage in stages}))
"""


def _resolved_by_dag(graph) -> dict[str, dict]:
    return {
        "@".join((stage, "-".join(item.values()))): {
            "command": graph.command(stage, item),
            "outs": sorted(graph.outputs(stage, item)),
            "inputs": sorted(graph.inputs(stage, item)),
            "params": json.loads(graph.values(stage, item)),
        }
        for stage in graph.stages
        for item in graph.items(stage)
    }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("dag"))


def test_dvc_and_snakemake_resolve_the_same_graph(copy: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", RESOLVED_BY_DVC],
        cwd=copy,
        env=environment(copy),
        check=True,
        capture_output=True,
        text=True,
    )
    by_dvc = json.loads(ended.stdout)
    by_dag = _resolved_by_dag(dag.Dag(project=copy))
    assert by_dag.keys() == by_dvc.keys()
    for name in by_dvc:
        assert by_dag[name] == by_dvc[name], name


def test_outs_are_the_layout() -> None:
    graph, layout = dag.Dag("laptop", PROJECT), Layout("laptop")
    shards = [(split, shard) for split in SPLITS for shard in SHARDS]
    kinds = (layout.sequences, layout.flow, layout.holes, layout.fills, layout.edges)
    expected = {layout.index, layout.results, layout.summary, layout.tasks, layout.report}
    expected |= {kind(*shard) for kind in kinds for shard in shards}
    expected |= {layout.model(name) for name in graph.params["experiments"]}
    expected |= {layout.figure("any").parent}
    assert set(graph.products) == {path.as_posix() for path in expected}


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_the_import_closure(stage: str) -> None:
    """No module is missing and none is needless; both of the remedies are one command."""
    found, wanted = code_links.links_on_disk(stage), code_links.links(stage)
    assert found == wanted, "run `python workflow/code_links.py` and commit workflow/code"


def test_every_stage_depends_on_its_code() -> None:
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    assert tuple(stages) == code_links.STAGES
    for name, stage in stages.items():
        assert f"workflow/code/{name}" in stage["deps"]


def test_a_figure_never_retrains() -> None:
    """The floors keep drawings, page, tracker and front ends out of the trainings."""
    modules = set(code_links.links("train"))
    upper = ("figures", "report", "evaluation", "tracking", "cli")
    assert not [m for m in modules if m.split(".")[1:2] and m.split(".")[1] in upper]


@pytest.mark.parametrize(
    ("device", "resources"),
    [
        ("cpu", {"mem_mb": 8000, "runtime": 1440}),
        ("cuda", {"mem_mb": 8000, "runtime": 1440, "gpu": 1}),
    ],
)
def test_resources_follow_the_scale(copy: Path, device: str, resources: dict) -> None:
    graph = dag.Dag(SCALE, copy)
    graph.params["scales"][SCALE]["train"] |= {"device": device, "threads": 3}
    assert graph.resources("train") == resources
    assert "gpu" not in graph.resources("flow")
    graph.params["scales"][SCALE]["flow"] |= {"device": device}
    assert ("gpu" in graph.resources("flow")) == (device == "cuda")
    assert graph.threads("train") == 3
    assert "gpu" not in graph.resources("evaluate")


def test_only_scale_can_be_overridden(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copy)
    assert dag.chosen_scale({}) is None
    assert dag.chosen_scale({"scale": "davis"}) == "davis"
    with pytest.raises(InputError, match=r"--config steps.*params\.yaml"):
        dag.chosen_scale({"scale": "davis", "steps": 3})
    with pytest.raises(InputError, match="nope"):
        dag.chosen_scale({"scale": "nope"})


@pytest.mark.parametrize("override", ["steps=3", "scale=nope"])
def test_a_wrong_override_is_one_line(copy: Path, override: str) -> None:
    ended = run(copy, "snakemake", "--dryrun", "--config", override)
    assert ended.returncode == 2
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("Using workflow")]
    assert len(lines) == 1
    assert lines[0].startswith("flowmend: ")


def test_another_scale_is_built_on_request(copy: Path) -> None:
    planned = must_run(copy, "snakemake", "--summary", "--config", "scale=davis")
    assert "artifacts/davis/index.json" in planned
    assert SCALE not in planned


def test_snakemake_finds_nothing_to_criticise(copy: Path) -> None:
    ended = run(copy, "snakemake", "--lint")
    assert ended.returncode == 0, ended.stderr


def test_snakefiles_are_formatted() -> None:
    subprocess.run(
        [Path(sys.executable).parent / "snakefmt", "--check", "Snakefile", "workflow"],
        cwd=PROJECT,
        check=True,
    )


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_profiles_compare_by_content_and_name_no_machine(profile: str) -> None:
    path = PROJECT / "workflow" / "profiles" / profile / "config.yaml"
    settings = yaml.safe_load(path.read_text())
    assert settings["max-checksum-file-size"] >= 10**12
    assert settings["rerun-incomplete"] is True
    named = {"slurm_partition", "slurm_account"} & set(settings.get("default-resources", {}))
    assert not named


def test_the_default_profile_is_read_by_itself() -> None:
    found = PROJECT / "profiles" / "default" / "config.yaml"
    assert found.samefile(PROJECT / "workflow" / "profiles" / "default" / "config.yaml")
