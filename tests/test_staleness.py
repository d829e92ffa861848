"""DVC and Snakemake build the same bytes and agree on what is stale, on the smoke scale.

Each tool builds the scale once; edits are then judged by what either would run.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from flowmend.stages.layout import Layout
from pipeline_project import (
    SCALE,
    copy_project,
    edit_params,
    environment,
    must_run,
    pending_in_snakemake,
    products,
    run,
    stale_in_dvc,
    workflow_module,
)
from small_pipeline import reproduce_in

pytestmark = pytest.mark.pipeline
dag = workflow_module("dag")

EXPERIMENTS = (
    *("unet_zero", "unet_smooth", "unet_smooth_l2", "resnet_biharmonic_residual"),
    *("edge_gan", "fb_sanity", "refine"),
)
ADOPT = ("flowmend.cli", "adopt")


def _smoke_project(target: Path) -> Path:
    """The smoke scale with a few of the experiments: most kinds once."""
    project = copy_project(target)
    graph = dag.Dag(SCALE, project)
    for name in set(graph.params["experiments"]) - set(EXPERIMENTS):
        edit_params(project, "experiments", name, value=None)
    return project


def _once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """A folder that is made once; parallel test workers share it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    tree, done = shared / name, shared / f"{name}.done"
    with open(shared / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(tree)
            done.touch()
    return tree


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _once(tmp_path_factory, "source", _smoke_project)


@pytest.fixture(scope="session")
def built_by_snakemake(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def build(tree: Path) -> None:
        must_run(_copy(source, tree), "snakemake", "--cores", "2")

    return _once(tmp_path_factory, "built_by_snakemake", build)


@pytest.fixture(scope="session")
def built_by_dvc(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def build(tree: Path) -> None:
        must_run(_copy(source, tree), "dvc", "repro")

    return _once(tmp_path_factory, "built_by_dvc", build)


@pytest.fixture(scope="session")
def built_on_two_cores(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def build(tree: Path) -> None:
        ended = reproduce_in(_copy(source, tree))
        assert ended.returncode == 0, ended.stderr

    return _once(tmp_path_factory, "built_on_two_cores", build)


def _copy(tree: Path, target: Path) -> Path:
    shutil.copytree(tree, target, symlinks=True, dirs_exist_ok=True)
    return target


@pytest.fixture(scope="session")
def agreed(built_by_dvc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What DVC built, adopted by Snakemake: both hold everything for up to date."""
    project = _copy(built_by_dvc, tmp_path_factory.mktemp("agreed"))
    said = must_run(project, *ADOPT)
    assert "Snakemake has adopted what DVC built" in said
    return project


@pytest.fixture
def project(agreed: Path, tmp_path: Path) -> Path:
    return _copy(agreed, tmp_path / "project")


class TestSameBytes:
    def test_both_build_the_same_bytes(self, built_by_dvc: Path, built_by_snakemake: Path) -> None:
        by_dvc = products(built_by_dvc)
        assert products(built_by_snakemake) == by_dvc
        assert {"reports/smoke/report.html", "reports/smoke/summary.csv"} <= by_dvc.keys()

    def test_two_cores_give_the_same_bytes_and_lock(
        self, built_by_dvc: Path, built_on_two_cores: Path
    ) -> None:
        assert products(built_on_two_cores) == products(built_by_dvc)
        by_dvc = (built_by_dvc / "dvc.lock").read_bytes()
        assert (built_on_two_cores / "dvc.lock").read_bytes() == by_dvc
        assert "up to date" in must_run(built_on_two_cores, "dvc", "repro")
        assert (built_on_two_cores / "dvc.lock").read_bytes() == by_dvc

    def test_snakemake_ran_dvcs_commands(self, built_by_snakemake: Path) -> None:
        """What Snakemake recorded of each job is what ``dvc.yaml`` says."""
        graph = dag.Dag(SCALE, built_by_snakemake)
        header, *rows = must_run(built_by_snakemake, "snakemake", "--detailed-summary").splitlines()
        records = [dict(zip(header.split("\t"), row.split("\t"))) for row in rows]
        by_output = {record["output_file"]: record for record in records}
        assert by_output.keys() == set(graph.products)
        for stage in graph.stages:
            for item in graph.items(stage):
                for output in graph.outputs(stage, item):
                    record = by_output[output]
                    assert record["shellcmd"].split(" > ")[0] == graph.command(stage, item)
                    recorded = record["input-file(s)"].split(",")
                    assert sorted(recorded) == sorted(graph.inputs(stage, item))

    def test_no_output_tells_when_or_where(self, built_by_dvc: Path) -> None:
        """Neither path nor host name nor date in any text that the pipeline writes."""
        texts = [
            built_by_dvc / path
            for path in products(built_by_dvc)
            if Path(path).suffix in {".json", ".csv", ".html"}
        ]
        assert len(texts) > 10
        host = os.uname().nodename
        for path in texts:
            text = path.read_text()
            assert str(built_by_dvc) not in text, path
            assert len(host) < 5 or host not in text, path

    def test_snakemakes_own_report_builds(self, built_by_snakemake: Path, tmp_path: Path) -> None:
        page = tmp_path / "report.html"
        must_run(built_by_snakemake, "snakemake", "--report", str(page))
        assert page.stat().st_size > 100_000


Edit = Callable[[Path], object]
EVERY = ("index", "sequences", "flow", "holes", "edges", "train", "evaluate", "figures", "report")


def _touch(project: Path) -> None:
    layout = Layout(SCALE)
    code = list((project / "src").rglob("*.py"))
    for path in (layout.flow("train", 0), layout.curves("unet_zero", 0), layout.summary):
        (project / path).touch()
    for path in (*code, project / "params.yaml", project / "dvc.yaml"):
        path.touch()


def _append(path: str, text: str = "\n# changed\n") -> Edit:
    return lambda project: (project / path).write_text((project / path).read_text() + text)


def _change_command(project: Path) -> None:
    pipeline = project / "dvc.yaml"
    text = pipeline.read_text()
    old = "cmd: flowmend stage edges"
    assert old in text
    pipeline.write_text(text.replace(old, "cmd: nice flowmend stage edges"))


def _remove_output(project: Path) -> None:
    (project / Layout(SCALE).edges("train", 1)).unlink()


ADDED = {
    **{"study": "residual", "network": "unet", "fill": "zero", "output": "residual"},
    **{"setup": "all_frames", "losses": {"l1": 1.0}},
}
AFTER_TRAINING = ("evaluate", "figures", "report")
EDITS: dict[str, tuple[Edit, tuple[str, ...]]] = {
    "nothing": (lambda project: None, ()),
    "touched files": (_touch, ()),
    "a comment in params.yaml": (_append("params.yaml"), ()),
    "an experiment's block": (
        lambda p: edit_params(p, "experiments", "unet_zero", "losses", value={"l2": 1.0}),
        ("train@smoke-unet_zero", *AFTER_TRAINING),
    ),
    "an added experiment": (
        lambda p: edit_params(p, "experiments", "added", value=ADDED),
        ("train@smoke-added", *AFTER_TRAINING),
    ),
    "a removed experiment": (
        lambda p: edit_params(p, "experiments", "unet_zero", value=None),
        AFTER_TRAINING,
    ),
    "a training knob of this scale": (
        lambda p: edit_params(p, "scales", "smoke", "train", "steps", value=21),
        ("train", *AFTER_TRAINING),
    ),
    "the holes of this scale": (
        lambda p: edit_params(p, "scales", "smoke", "holes", "seed", value=12),
        ("holes", "train", *AFTER_TRAINING),
    ),
    "a knob of another scale": (
        lambda p: edit_params(p, "scales", "laptop", "train", "steps", value=401),
        (),
    ),
    "a stage's command": (_change_command, ("edges", "train", *AFTER_TRAINING)),
    "code of a figure": (_append("src/flowmend/figures/panels.py"), ("figures", "report")),
    "code of the trainings": (
        _append("src/flowmend/training/direct.py"),
        ("train", *AFTER_TRAINING),
    ),
    "code of everything": (_append("src/flowmend/errors.py"), EVERY),
    "a missing output": (_remove_output, ("edges@smoke-train-1", "train", *AFTER_TRAINING)),
}


def _items(graph) -> dict[str, tuple[str, dict[str, str]]]:
    """DVC's name of every item -> its stage and its point of the matrix."""
    return {
        f"{stage}@{'-'.join(item.values())}": (stage, item)
        for stage in graph.stages
        for item in graph.items(stage)
    }


def _downstream(graph, stale: set[str]) -> set[str]:
    """The items that read, directly or not, what the stale ones write."""
    reached: set[str] = set()
    written: set[str] = set()
    for name, at in _items(graph).items():  # dvc.yaml lists its stages in their order
        if name in stale or written & set(graph.inputs(*at)):
            reached.add(name)
            written |= set(graph.outputs(*at))
    return reached


@pytest.mark.parametrize("edit", EDITS)
def test_both_agree_on_what_is_stale(project: Path, edit: str) -> None:
    change, expected = EDITS[edit]
    change(project)
    graph = dag.Dag(SCALE, project)
    items = _items(graph)
    pending = pending_in_snakemake(project)
    in_snakemake = {name for name, at in items.items() if pending & set(graph.outputs(*at))}
    assert in_snakemake == {n for n in items if n in expected or n.split("@")[0] in expected}
    assert _downstream(graph, stale_in_dvc(project)) == in_snakemake


class TestAdopt:
    def test_dvc_adopts_with_the_same_lock(
        self, built_by_snakemake: Path, built_by_dvc: Path, tmp_path: Path
    ) -> None:
        project = _copy(built_by_snakemake, tmp_path / "project")
        assert "DVC has adopted what Snakemake built" in must_run(project, *ADOPT)
        assert (project / "dvc.lock").read_bytes() == (built_by_dvc / "dvc.lock").read_bytes()
        assert products(project) == products(built_by_dvc)
        assert stale_in_dvc(project) == set() == pending_in_snakemake(project)

    def test_nothing_to_adopt(self, project: Path) -> None:
        before = (project / "dvc.lock").stat().st_mtime_ns
        assert "nothing to adopt" in must_run(project, *ADOPT)
        assert (project / "dvc.lock").stat().st_mtime_ns == before

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda p: edit_params(p, "scales", "smoke", "train", "steps", value=21),
            lambda p: (p / Layout(SCALE).report).write_text("edited by hand"),
            lambda p: (p / Layout(SCALE).curves("unet_zero", 0)).write_text("edited by hand"),
            lambda p: (p / Layout(SCALE).curves("unet_zero", 0)).unlink(),
            _remove_output,
        ],
        ids=["params", "edited file", "edited in folder", "missing in folder", "missing file"],
    )
    def test_what_nobody_vouches_for_is_refused(
        self, project: Path, spoil: Callable[[Path], object]
    ) -> None:
        lock = (project / "dvc.lock").read_bytes()
        spoil(project)
        before = products(project)
        ended = run(project, *ADOPT)
        assert ended.returncode == 2
        assert ended.stderr.startswith("flowmend: flowmend adopt: DVC is not clean")
        assert len(ended.stderr.splitlines()) == 1
        assert (project / "dvc.lock").read_bytes() == lock
        assert products(project) == before


RUNS = """
import json
from flowmend.tracking import Tracker

tracker = Tracker()
runs = tracker.client.search_runs([tracker.experiment])
print(json.dumps([run.to_dictionary() for run in runs]))
"""


TAGS = ("kind", "study", "task", "scale", "experiment", "seed")
TAGS_OF_TASK = {
    "flow": {"network", "fill", "setup", "output", "region"},
    "backward_flow": {"network"},
    "edges": set(),
    "iterative": {
        *("fill", "setup", "rule", "architecture", "convolution", "neighbours", "differences"),
        *("persistent", "proposals", "schedule", "confidence_weighted", "backpropagation"),
    },
}


def _told(project: Path) -> list[dict]:
    command = [sys.executable, "-c", RUNS]
    printed = subprocess.check_output(command, cwd=project, env=environment(project))
    return json.loads(printed)


def _matches_files(run: dict, project: Path, name: str) -> None:
    layout, metrics = Layout(SCALE), run["data"]["metrics"]
    curves = pd.read_csv(project / layout.curves(name, 0))
    results = pd.read_csv(project / layout.results)
    own = results[(results["method"] == name) & (results["kind"] == "network")]
    assert metrics["loss"] == pytest.approx(curves["loss"].iloc[-1])
    assert ("epe_hole_px" in metrics) == (not own.empty)
    if not own.empty:
        assert metrics["epe_hole_px"] == pytest.approx(own["epe_hole_px"].mean())
    tasks = pd.read_csv(project / layout.tasks)
    told = {metric.split("/")[0] for metric in metrics if "/" in metric}
    assert told == set(tasks.loc[(tasks["method"] == name) & (tasks["seed"] == 0), "task"])
    lock = (project / "dvc.lock").read_bytes()
    assert run["data"]["tags"]["dvc.lock"] == hashlib.sha256(lock).hexdigest()
    times = json.loads((project / layout.logs / f"train-{name}-0.json").read_text())
    assert run["info"]["start_time"] == round(times["started"] * 1000)
    assert run["info"]["end_time"] == round(times["ended"] * 1000)


def test_mlflow_is_told_what_the_files_say_and_only_once(project: Path) -> None:
    """Neither telling twice nor outputs that come back from DVC's cache make new runs."""
    must_run(project, "flowmend.cli", "track")
    first = _told(project)
    by_kind = {kind: [] for kind in ("network", "classical", "report")}
    for run_told in first:
        by_kind[run_told["data"]["tags"]["kind"]].append(run_told)
    tags = [{tag: told["data"]["tags"][tag] for tag in TAGS} for told in by_kind["network"]]
    assert sorted(tag["experiment"] for tag in tags) == sorted(EXPERIMENTS)
    for told in by_kind["network"]:
        own = set.union(*TAGS_OF_TASK.values()) & told["data"]["tags"].keys()
        assert own == TAGS_OF_TASK[told["data"]["tags"]["task"]]
    for told in by_kind["network"]:
        _matches_files(told, project, told["data"]["tags"]["experiment"])
    assert len(by_kind["report"]) == 1
    assert by_kind["classical"]
    must_run(project, "flowmend.cli", "track")
    shutil.rmtree(project / "artifacts" / SCALE)
    must_run(project, "dvc", "checkout")
    must_run(project, "flowmend.cli", "track")
    assert _told(project) == first


AUDITED = """
import json, sys
from pathlib import Path

import pydantic

from flowmend import params as schema

here, stage, items = Path.cwd(), sys.argv[1], json.loads(sys.argv[2])
read, opened = set(), set()


class Watched:
    '''A block of params that notes which of its values are read.'''

    def __init__(self, block, key):
        self.__dict__.update(_block=block, _key=key)

    def __getattr__(self, name):
        value = getattr(self._block, name)
        key = f"{self._key}.{name}"
        if name == "processes":
            value = 1  # other processes could not be watched
        if name in type(self._block).model_fields:
            if isinstance(value, pydantic.BaseModel):
                return Watched(value, key)
            read.add(key)
        return value

    def model_dump(self, include=(), **options):
        read.update([f"{self._key}.{field}" for field in include] or [self._key])
        return self._block.model_dump(include=include or None, **options)


class WatchedParams:
    def __init__(self, params):
        self._params = params

    def at(self, scale):
        return Watched(self._params.at(scale), f"scales.{scale}")

    def experiment(self, name):
        read.add(f"experiments.{name}")
        return self._params.experiment(name)

    @property
    def experiments(self):
        read.add("experiments")
        return self._params.experiments

    @property
    def mending(self):
        read.add("experiments")
        return self._params.mending


def note(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, Path)):
        path = (here / arguments[0]).resolve()
        if path.is_relative_to(here):
            opened.add(path.relative_to(here).as_posix())


loaded = schema.load()
module = __import__(f"flowmend.stages.{stage}", fromlist=["run"])
sys.addaudithook(note)
module.run(WatchedParams(loaded), items.pop("scale"), **items)
print(json.dumps([sorted(read), sorted(opened)]))
"""


@pytest.mark.parametrize("stage", EVERY)
def test_a_stage_reads_only_what_it_declares(project: Path, stage: str) -> None:
    """Params and files, but for code, scratch, logs and temporary files."""
    shutil.rmtree(project / Layout(SCALE).scratch)  # it has all to do
    graph = dag.Dag(SCALE, project)
    item = list(graph.items(stage))[-1]
    typed = item | ({"shard": int(item["shard"])} if "shard" in item else {})
    ended = subprocess.run(
        [sys.executable, "-c", AUDITED, stage, json.dumps(typed)],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    read, opened = json.loads(ended.stdout.splitlines()[-1])
    declared = json.loads(graph.values(stage, item))
    assert [key for key in read if not _covered(key, declared, ".")] == []
    files = [*graph.inputs(stage, item), *graph.outputs(stage, item)]
    hidden = [path for path in opened if any(part.startswith(".") for part in path.split("/"))]
    strange = set(opened) - set(hidden)
    own = {path for path in strange if path.startswith("src/") or path == "params.yaml"}
    assert sorted(path for path in strange - own if not _covered(path, files, "/")) == []


def _covered(name: str, declared, separator: str) -> bool:
    return any(name == each or name.startswith(each + separator) for each in declared)
