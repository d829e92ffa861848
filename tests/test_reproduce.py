"""``make reproduce`` on several cores, on a small pipeline of shell commands instead of stages."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_project import (
    PROJECT,
    SCALE,
    edit_params,
    must_run,
    products,
    run,
    workflow_module,
)
from small_pipeline import processes_in, reproduce_in, reproduction, small_project

dag = workflow_module("dag")
reproduce = workflow_module("reproduce")

DEADLINE_S = 60.0
CORES = [("cpu", 8, 4), ("cpu", 2, 2), ("cuda", 8, 8)]
FIRST_WAITS = "if part == '0': wait_for('go')"
SECOND_FAILS = """
if part == '0':
    wait_for('go')
if part == '1' and not Path('go').exists():
    wait_for('started-0')
    sys.exit('flowmend: part 1: broken; mend it')
"""


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same pipeline, built by a serial ``dvc repro``; nothing waits for anything."""
    project = small_project(tmp_path_factory.mktemp("serial"), "")
    edit_params(project, "scale", value=SCALE)
    must_run(project, "dvc", "repro")
    return project


def _is_as_built_serially(project: Path, serial: Path) -> bool:
    same_lock = (project / "dvc.lock").read_bytes() == (serial / "dvc.lock").read_bytes()
    return same_lock and products(project) == products(serial)


def _errors(ended: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in ended.stderr.splitlines() if line.startswith("flowmend: ")]


def _scale_line(project: Path) -> str:
    return re.findall(r"(?m)^scale:.*", (project / "params.yaml").read_text())[0]


@pytest.mark.pipeline
def test_parts_run_side_by_side_and_the_lock_is_a_serial_runs(tmp_path: Path, serial: Path) -> None:
    """Part 0 ends after part 2 has begun, which it cannot do alone."""
    project = small_project(tmp_path, "if part == '0': wait_for('started-2')")
    params = (project / "params.yaml").read_bytes()
    ended = reproduce_in(project)
    assert ended.returncode == 0, ended.stderr
    assert "[  5/5]" in ended.stdout
    assert (project / "params.yaml").read_bytes() == params
    assert (project / f"artifacts/{SCALE}/whole.txt").read_text() == "0123"
    assert _is_as_built_serially(project, serial)
    _is_up_to_date(project)


def _is_up_to_date(project: Path) -> None:
    lock = (project / "dvc.lock").stat().st_mtime_ns
    again = reproduce_in(project)
    assert again.stdout == "Data and pipelines are up to date.\n"
    assert (project / "dvc.lock").stat().st_mtime_ns == lock


@pytest.mark.pipeline
def test_a_new_entry_is_appended_as_in_a_serial_run(tmp_path: Path) -> None:
    project = small_project(tmp_path, "")
    pipeline = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(pipeline.replace("[0, 1, 2, 3]", "[0, 2]"))
    assert reproduce_in(project).returncode == 0
    (project / "dvc.yaml").write_text(pipeline)
    assert reproduce_in(project).returncode == 0
    names = re.findall(r"(?m)^  (\S+):$", (project / "dvc.lock").read_text())
    parts = [f"parts@{SCALE}-{part}" for part in range(4)]
    assert names == [parts[0], parts[2], f"whole@{SCALE}", parts[1], parts[3]]
    assert (project / f"artifacts/{SCALE}/whole.txt").read_text() == "0123"


@pytest.mark.pipeline
def test_a_failing_stage_stops_the_others_with_its_own_message(
    tmp_path: Path, serial: Path
) -> None:
    project = small_project(tmp_path, SECOND_FAILS)
    ended = reproduce_in(project)
    assert ended.returncode == 2
    own, last = _errors(ended)
    assert own == "flowmend: part 1: broken; mend it"
    assert last.startswith(f"flowmend: parts@{SCALE}-1: failed")
    assert ended.stderr.splitlines()[-1] == last
    assert not (project / "started-2").exists()
    assert processes_in(project) == []
    assert _scale_line(project) == "scale: laptop"
    (project / "go").touch()
    again = reproduce_in(project)
    assert again.returncode == 0, again.stderr
    assert _is_as_built_serially(project, serial)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A project whose run has done all but the first part and waits for that."""
    project = small_project(tmp_path, FIRST_WAITS)
    first = subprocess.Popen(
        **reproduction(project), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert first.stdout is not None
    deadline = time.monotonic() + DEADLINE_S
    while "[  3/5]" not in first.stdout.readline():
        assert first.poll() is None
        assert time.monotonic() < deadline
    yield project, first
    (project / "go").touch()
    first.communicate(timeout=DEADLINE_S)


@pytest.mark.pipeline
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_and_started_again_it_finishes(
    waiting: tuple[Path, subprocess.Popen[str]],
    number: signal.Signals,
    serial: Path,
) -> None:
    project, first = waiting
    first.send_signal(number)
    _, said = first.communicate(timeout=DEADLINE_S)
    assert first.returncode == 130
    assert said == "flowmend: interrupted; the next run goes on from here\n"
    assert processes_in(project) == []
    assert _scale_line(project) == "scale: laptop"
    (project / "go").touch()
    again = reproduce_in(project)
    assert again.returncode == 0, again.stderr
    assert "2 stages on 2 cores" in again.stdout
    assert _is_as_built_serially(project, serial)


@pytest.mark.pipeline
def test_killed_it_leaves_stages_that_end_by_themselves(
    waiting: tuple[Path, subprocess.Popen[str]],
) -> None:
    """Nobody can act on SIGKILL: what runs is finished and recorded by DVC, nothing is begun."""
    project, first = waiting
    first.kill()
    first.wait()
    refused = reproduce_in(project)
    assert refused.returncode == 2
    assert re.match(r"flowmend: \.dvc/tmp/rwlock: dvc runs a stage \(pid \d+\)", refused.stderr)
    (project / "go").touch()
    deadline = time.monotonic() + DEADLINE_S
    while processes_in(project):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    again = reproduce_in(project)
    assert "1 stages on 2 cores" in again.stdout, again.stderr
    assert (project / f"artifacts/{SCALE}/whole.txt").read_text() == "0123"


@pytest.mark.pipeline
def test_one_run_at_a_time(waiting: tuple[Path, subprocess.Popen[str]]) -> None:
    project, _ = waiting
    before = (project / "params.yaml").read_bytes()
    for second in (reproduce_in(project, "2", "laptop"), run(project, "snakemake", "--cores", "1")):
        assert second.returncode == 2
        [error] = _errors(second)
        assert "another `make reproduce` or snakemake holds it; let it end" in error
    assert (project / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("jobs", "scale", "message"),
    [("0", SCALE, "JOBS=0"), ("two", SCALE, "JOBS=two"), ("2", "nope", "nope")],
)
def test_a_wrong_call_is_one_line(tmp_path: Path, jobs: str, scale: str, message: str) -> None:
    project = small_project(tmp_path, "")
    ended = reproduce_in(project, jobs, scale)
    assert ended.returncode == 2
    assert [message in line for line in ended.stderr.splitlines()] == [True]
    assert _scale_line(project) == "scale: laptop"
    assert not list(project.glob("started-*"))


class TestPlan:
    def test_everything_comes_after_what_it_reads(self) -> None:
        graph = dag.Dag(SCALE, PROJECT)
        tasks = reproduce.plan(graph, {f"index@{SCALE}"}, jobs=2)
        done: set[str] = set()
        for task in tasks:
            assert task.upstream <= done
            done.add(task.name)
        assert len(tasks) == sum(len(list(graph.items(stage))) for stage in graph.stages)

    def test_only_what_is_stale_and_below(self) -> None:
        graph = dag.Dag(SCALE, PROJECT)
        tasks = reproduce.plan(graph, {f"edges@{SCALE}-test-1"}, jobs=2)
        assert tasks[0] == (f"edges@{SCALE}-test-1", 1, frozenset())
        assert tasks[0].name in {name for task in tasks for name in task.upstream}
        assert not [task for task in tasks if task.name.startswith("train@")]

    @pytest.mark.parametrize(("device", "jobs", "cores"), CORES)
    def test_cores_of_a_task(self, tmp_path: Path, device: str, jobs: int, cores: int) -> None:
        """Never more than there are; one training at a time on a GPU."""
        graph = dag.Dag(SCALE, small_project(tmp_path, ""))
        graph.params["scales"][SCALE]["train"]["device"] = device
        [*parts, whole] = reproduce.plan(graph, {f"parts@{SCALE}-0"}, jobs)
        assert [task.cores for task in parts] == [1]
        assert whole.cores == cores
