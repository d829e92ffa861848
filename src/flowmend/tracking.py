"""MLflow is a window on the pipeline's files, never an input: the only importer of mlflow.

Runs are upserted by a key, so that telling the same story twice changes nothing and parallel
writers never meet. The server is ``MLFLOW_TRACKING_URI``, by default a SQLite file in the project.
"""

import fcntl
import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flowmend.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

DEFAULT_URI = "sqlite:///mlflow.db"
EXPERIMENT = "flowmend"
KEY = "flowmend.key"
STEPS = "flowmend.steps"
FILES = "flowmend.files"
BATCH = 1000  # MLflow's limit of metrics in one request
LIVE_INTERVAL_S = 5.0


@dataclass(frozen=True)
class Run:
    """What MLflow is told of one training, method or report.

    Attributes:
        key: identity; the same key is the same run.
        name, tags, params, metrics: as MLflow has them.
        curves: term -> training step -> value.
        files: small files shown beside the run; figures in their folder.
        started, ended: unix seconds, or None where nothing was timed.
        origin: tags of the moment a run is first told of (commit, lock); never updated.
        live_key: key under which the run was mirrored before its own key was known.
    """

    key: str
    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    started: float | None = None
    ended: float | None = None
    origin: Mapping[str, str] = field(default_factory=dict)
    live_key: str | None = None


class Tracker:
    """Upserts runs on one MLflow server.

    Raises:
        InputError: the server cannot be reached.
    """

    def __init__(self, uri: str | None = None) -> None:
        self.uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
        self.client, self.experiment = _connect(self.uri)

    def upsert(self, run: Run) -> str:
        """Make MLflow's run equal to ``run`` and return its id; what is equal is left alone."""
        run_id = self.find_or_create(run)
        known = self.client.get_run(run_id)
        tags, shown = known.data.tags, _digest(run.files)
        self._tag(run_id, {key: value for key, value in run.tags.items() if tags.get(key) != value})
        now, told = time.time(), known.data.metrics
        news = {name: value for name, value in run.metrics.items() if told.get(name) != value}
        self.log_metrics(run_id, [_metric(name, value, now) for name, value in news.items()])
        if tags.get(STEPS) != (steps := str(max(map(len, run.curves.values()), default=0))):
            self._complete_curves(run_id, run)
            self._tag(run_id, {STEPS: steps})
        if tags.get(FILES) != shown:
            for path in run.files:
                folder = "figures" if path.parent.name == "figures" else None
                self.client.log_artifact(run_id, str(path), folder)
            self._tag(run_id, {FILES: shown})
        if known.info.status != "FINISHED":
            self.client.set_terminated(run_id, "FINISHED", _milliseconds(run.ended))
        return run_id

    def find_or_create(self, run: Run) -> str:
        """The id of the run with this key; a new one has params, tags and origin."""
        from mlflow.entities import Param

        with _alone(self.uri):
            found, live = self._with_key(run.key), self._with_key(run.live_key)
            for spare in live if found else live[1:]:
                self.client.delete_run(spare)
            if found:
                return found[0]
            if live:
                self._tag(live[0], {KEY: run.key})
                return live[0]
            created = self.client.create_run(
                self.experiment,
                start_time=_milliseconds(run.started),
                tags={**run.tags, **run.origin, KEY: run.key},
                run_name=run.name,
            )
        params = [Param(key, value) for key, value in run.params.items()]
        self.client.log_batch(created.info.run_id, params=params)
        return created.info.run_id

    def _complete_curves(self, run_id: str, run: Run) -> None:
        """Add the steps that no live mirror has told."""
        for name, values in run.curves.items():
            told = {point.step for point in self.client.get_metric_history(run_id, name)}
            points = _curve(name, values, run)
            self.log_metrics(run_id, [point for point in points if point.step not in told])

    def _with_key(self, key: str | None) -> list[str]:
        wanted = f"tags.`{KEY}` = '{key}'"
        found = self.client.search_runs([self.experiment], wanted) if key else []
        return [run.info.run_id for run in found]

    def log_metrics(self, run_id: str, points: list["Metric"]) -> None:
        """Add points in as few requests as MLflow allows."""
        for first in range(0, len(points), BATCH):
            self.client.log_batch(run_id, metrics=points[first : first + BATCH])

    def _tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self.client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])


class LiveMirror:
    """Shows a training while it runs; :meth:`Tracker.upsert` of the same key completes it.

    Losing the server never stops a training: the mirror then falls silent.
    """

    def __init__(self, run: Run, uri: str | None = None) -> None:
        self._waiting: list[Metric] = []
        self._sent_at = time.monotonic()
        self._run_id: str | None = None
        with self._forgiving():
            self._tracker = Tracker(uri)
            self._run_id = self._tracker.find_or_create(run)

    def on_step(self, step: int, terms: Mapping[str, float]) -> None:
        """Note one training step's numbers; they are sent every few seconds."""
        if self._run_id is None:
            return
        self._waiting += [_metric(name, value, time.time(), step) for name, value in terms.items()]
        if time.monotonic() - self._sent_at > LIVE_INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if self._run_id is not None:
            with self._forgiving():
                self._tracker.log_metrics(self._run_id, self._waiting)
        self._waiting = []
        self._sent_at = time.monotonic()

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            logging.getLogger(__name__).warning("MLflow is not shown this training: %s", error)
            self._run_id = None


def live_wanted() -> bool:
    """Whether trainings are mirrored while they run: on request, or when a server is named."""
    return os.environ.get("FLOWMEND_LIVE") == "1" or bool(os.environ.get("MLFLOW_TRACKING_URI"))


def _connect(uri: str) -> tuple["MlflowClient", str]:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    logging.getLogger("mlflow.store").setLevel(logging.WARNING)
    try:
        # One at a time: processes that create the database together crash.
        with _alone(uri):
            _prepare_sqlite(uri)
            client = MlflowClient(tracking_uri=uri)
            if (known := client.get_experiment_by_name(EXPERIMENT)) is None:
                with suppress(MlflowException):  # someone else was faster
                    client.create_experiment(EXPERIMENT)
                known = client.get_experiment_by_name(EXPERIMENT)
            assert known is not None
            return client, known.experiment_id
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(uri, f"cannot be used ({reason})", "set MLFLOW_TRACKING_URI") from error


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Hold the lock file beside a SQLite database; a server needs none."""
    if (path := _sqlite_path(uri)) is None:
        yield
        return
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare_sqlite(uri: str) -> None:
    """Write-ahead logging: readers and a writer do not wait for each other."""
    if (path := _sqlite_path(uri)) is not None:
        database = sqlite3.connect(path)
        database.execute("PRAGMA journal_mode = WAL")
        database.close()


def _sqlite_path(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def _curve(name: str, values: Mapping[int, float], run: Run) -> Iterator["Metric"]:
    """One point a step, spread evenly over the run's time (now, where nothing was timed)."""
    end = run.ended or time.time()
    begin = run.started or end
    for done, (step, value) in enumerate(values.items(), start=1):
        yield _metric(name, value, begin + (end - begin) * done / len(values), step)


def _metric(name: str, value: float, when: float, step: int = 0) -> "Metric":
    from mlflow.entities import Metric

    return Metric(name, value, round(when * 1000), step)


def _milliseconds(when: float | None) -> int | None:
    return None if when is None else round(when * 1000)


def _digest(files: tuple[Path, ...]) -> str:
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
