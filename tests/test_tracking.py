"""MLflow is a window: telling it twice changes nothing, and writers together lose nothing."""

import multiprocessing
import shutil
from pathlib import Path

import pytest

from flowmend.errors import InputError
from flowmend.tracking import LiveMirror, Run, Tracker, live_wanted

WRITERS = 8
STEPS = 300


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: MLflow takes seconds to make one."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path.parent)  # MLflow keeps files below the working folder
        Tracker(f"sqlite:///{path}")
    return path


@pytest.fixture
def uri(tmp_path: Path, empty_database: Path) -> str:
    for part in empty_database.parent.glob("mlflow.db*"):
        shutil.copy(part, tmp_path)
    return f"sqlite:///{tmp_path}/mlflow.db"


def _run(name: str = "unet", steps: int = 5, **changes: object) -> Run:
    fields: dict = {
        "key": f"key-{name}",
        "name": name,
        "tags": {"scale": "smoke", "experiment": name},
        "params": {"train.steps": str(steps)},
        "metrics": {"epe_hole_px": 0.5},
        "curves": {"loss": {step: 1.0 / (step + 1) for step in range(steps)}},
        "started": 1000.0,
        "ended": 1010.0,
    }
    return Run(**(fields | changes))


def _all_runs(tracker: Tracker) -> list:
    return list(tracker.client.search_runs([tracker.experiment]))


def test_a_run_is_told_whole(uri: str, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n")
    figure = tmp_path / "figures" / "fig01.png"
    figure.parent.mkdir()
    figure.write_bytes(b"png")
    tracker = Tracker(uri)
    run_id = tracker.upsert(_run(files=(table, figure), origin={"git.commit": "abc"}))
    told = tracker.client.get_run(run_id)
    assert (told.info.start_time, told.info.end_time) == (1_000_000, 1_010_000)
    assert told.info.status == "FINISHED"
    assert told.data.params == {"train.steps": "5"}
    assert told.data.tags["experiment"] == "unet"
    assert told.data.tags["git.commit"] == "abc"
    assert told.data.metrics == {"epe_hole_px": 0.5, "loss": 0.2}
    points = tracker.client.get_metric_history(run_id, "loss")
    assert [(p.step, p.value) for p in points] == [(n, 1.0 / (n + 1)) for n in range(5)]
    assert [p.timestamp for p in points] == [1_002_000, 1_004_000, 1_006_000, 1_008_000, 1_010_000]
    assert {f.path for f in tracker.client.list_artifacts(run_id)} == {"table.csv", "figures"}


def test_telling_twice_changes_nothing(uri: str) -> None:
    tracker = Tracker(uri)
    first = tracker.upsert(_run())
    before = tracker.client.get_run(first).to_dictionary()
    again = Tracker(uri).upsert(_run(origin={"git.commit": "later"}))
    assert again == first
    assert len(_all_runs(tracker)) == 1
    assert tracker.client.get_run(first).to_dictionary() == before
    assert len(tracker.client.get_metric_history(first, "loss")) == 5
    assert len(tracker.client.get_metric_history(first, "epe_hole_px")) == 1


@pytest.mark.parametrize("value", [0.25, 0.75])
def test_a_new_evaluation_replaces_the_old(uri: str, value: float) -> None:
    tracker = Tracker(uri)
    tracker.upsert(_run())
    for _ in range(2):
        run_id = tracker.upsert(_run(metrics={"epe_hole_px": value}))
    assert tracker.client.get_run(run_id).data.metrics["epe_hole_px"] == value
    assert len(tracker.client.get_metric_history(run_id, "epe_hole_px")) == 2


def test_many_steps_go_in_several_requests(uri: str) -> None:
    tracker = Tracker(uri)
    run_id = tracker.upsert(_run(steps=2500))
    points = tracker.client.get_metric_history(run_id, "loss")
    assert [point.step for point in points] == list(range(2500))


def test_a_live_run_is_completed_not_doubled(uri: str) -> None:
    mirror = LiveMirror(_run(key="live"), uri)
    for step in range(3):
        mirror.on_step(step, {"loss": 1.0 / (step + 1)})
    mirror.flush()
    tracker = Tracker(uri)
    (live,) = _all_runs(tracker)
    assert live.info.status == "RUNNING"
    run_id = tracker.upsert(_run(live_key="live"))
    assert run_id == live.info.run_id
    points = tracker.client.get_metric_history(run_id, "loss")
    assert sorted(point.step for point in points) == [0, 1, 2, 3, 4]
    assert tracker.client.get_run(run_id).info.status == "FINISHED"
    LiveMirror(_run(key="live"), uri)  # the same training once more
    assert tracker.upsert(_run(live_key="live")) == run_id
    assert len(_all_runs(tracker)) == 1


def test_a_lost_server_never_stops_a_training(caplog: pytest.LogCaptureFixture) -> None:
    mirror = LiveMirror(_run(), "sqlite:////nonexistent/folder/mlflow.db")
    mirror.on_step(0, {"loss": 1.0})
    mirror.flush()
    assert "MLflow is not shown this training" in caplog.text


def test_a_wrong_server_is_one_line() -> None:
    with pytest.raises(InputError, match="MLFLOW_TRACKING_URI") as caught:
        Tracker("sqlite:////nonexistent/folder/mlflow.db")
    assert "\n" not in str(caught.value)


def test_live_is_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("FLOWMEND_LIVE", raising=False)
    assert not live_wanted()
    monkeypatch.setenv("FLOWMEND_LIVE", "1")
    assert live_wanted()
    monkeypatch.delenv("FLOWMEND_LIVE")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert live_wanted()


def _write(uri: str, name: str) -> None:
    curves = {term: {step: float(step) for step in range(STEPS)} for term in ("loss", "l1")}
    tracker = Tracker(uri)
    for own in (name, "shared"):
        tracker.upsert(_run(own, curves=curves))


def test_parallel_writers_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight processes create the database together; each tells its own run and one of them all."""
    import mlflow  # noqa: F401 (before the fork: eight imports would take half a minute)

    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    forks = multiprocessing.get_context("fork")
    writers = [forks.Process(target=_write, args=(uri, f"writer-{n}")) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    tracker = Tracker(uri)
    names = sorted(run.data.tags["experiment"] for run in _all_runs(tracker))
    assert names == ["shared", *(f"writer-{n}" for n in range(WRITERS))]
    for run in _all_runs(tracker):
        for term in ("loss", "l1"):
            points = tracker.client.get_metric_history(run.info.run_id, term)
            assert [point.step for point in points] == list(range(STEPS))
