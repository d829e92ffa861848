"""``flowmend track``: tell MLflow what the pipeline's files say.

One run a training, a classical fill at a setup, and a report page. The files are the truth: telling
it again changes nothing, and outputs that DVC took from its cache are told of like fresh ones.
"""

import atexit
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from flowmend.evaluation.compare import results_from_csv, to_csv
from flowmend.evaluation.metrics import METRICS
from flowmend.evaluation.tasks import tasks_from_csv
from flowmend.io.progress import tracked
from flowmend.params import Params
from flowmend.provenance import file_sha256
from flowmend.stages.layout import Layout
from flowmend.tracking import LiveMirror, Run, Tracker
from flowmend.training.checkpoint import read_model

LOCK = Path("dvc.lock")


def track(params: Params, scale: str | None = None) -> int:
    """Upsert the runs of one scale, or of all that have been made; return how many there are.

    Raises:
        InputError: there is no such scale, the server cannot be reached, or a file is damaged.
    """
    if scale is not None:
        params.at(scale)
    scales = [name for name in params.scales if scale in (None, name)]
    origin = _origin()
    runs = [run for scale in scales for run in scale_runs(params, scale, origin)]
    tracker = Tracker()
    for run in tracked(runs, "MLflow"):
        tracker.upsert(run)
    return len(runs)


def scale_runs(params: Params, scale: str, origin: Mapping[str, str]) -> Iterator[Run]:
    """What there is to tell of one scale; nothing that has not been made yet."""
    layout = Layout(scale)
    tables = Tables.of(layout)
    for name in params.experiments:
        for weights in sorted(layout.model(name).glob("seed-*.safetensors")):
            yield _training(layout, weights, tables, origin)
    if tables.results is not None:
        classical = tables.results[tables.results["kind"] == "classical"]
        for (method, setup), rows in classical.groupby(["method", "setup"]):
            yield _classical(scale, str(method), str(setup), rows, origin)
    if layout.report.exists():
        yield _report(layout, origin)


@dataclass(frozen=True)
class Tables:
    """The tables of a scale, None where not made yet."""

    results: pd.DataFrame | None
    summary: pd.DataFrame | None
    tasks: pd.DataFrame | None

    @classmethod
    def of(cls, layout: Layout) -> "Tables":
        """Those that there are."""
        text = {p: p.read_text() for p in (layout.results, layout.tasks) if p.exists()}
        return cls(
            results_from_csv(text[layout.results]) if layout.results in text else None,
            pd.read_csv(layout.summary) if layout.summary.exists() else None,
            tasks_from_csv(text[layout.tasks]) if layout.tasks in text else None,
        )

    def metrics(self, name: str, seed: int) -> dict[str, float]:
        """Means over a training's rows, and its method's ratio to the biharmonic fill."""
        found: dict[str, float] = {}
        if self.results is not None:
            networks = self.results[self.results["kind"] == "network"]
            found |= _means(networks[(networks["method"] == name) & (networks["seed"] == seed)])
        if self.summary is not None:
            own = (self.summary["kind"] == "network") & (self.summary["method"] == name)
            found |= _finite(self.summary.loc[own, ["ratio_biharmonic", "gain_px"]].mean())
        if self.tasks is not None:
            rows = self.tasks[(self.tasks["method"] == name) & (self.tasks["seed"] == seed)]
            means = rows.groupby(["task", "condition", "metric"])["value"].mean()
            means.index = ["/".join(filter(None, names)) for names in means.index]
            found |= _finite(means)
        return found


def live_mirror(scale: str, metadata: Mapping[str, Any]) -> Callable[[int, Mapping], None]:
    """Shows a training while it runs: call the result with each step and its row of the curves.

    Args:
        scale: of the training.
        metadata: what its weights will bear.
    """
    name, seed = metadata["name"], metadata["seed"]
    tags, values = _training_tags(scale, metadata), _flat(metadata)
    key = _live_key(scale, metadata)
    mirror = LiveMirror(Run(key, f"{scale} {name} {seed}", tags, values, origin=_origin()))
    atexit.register(mirror.flush)
    return lambda step, row: mirror.on_step(
        step, {term: value for term, value in row.items() if term != "step"}
    )


def _training(
    layout: Layout,
    weights: Path,
    tables: Tables,
    origin: Mapping[str, str],
) -> Run:
    _, metadata = read_model(weights)
    name, seed = metadata["name"], metadata["seed"]
    times = _times(layout.logs / f"train-{name}-{seed}.json")
    curves = pd.read_csv(layout.curves(name, seed), index_col="step")
    return Run(
        # The weights bear params, seed and code, and follow from them and the inputs.
        key=_sha(layout.scale, file_sha256(weights)),
        name=f"{layout.scale} {name} {seed}",
        tags=_training_tags(layout.scale, metadata),
        params=_flat(metadata),
        metrics=tables.metrics(name, seed),
        curves={str(term): dict(zip(curves.index, curves[term])) for term in curves},
        started=times.get("started"),
        ended=times.get("ended"),
        origin=origin,
        live_key=_live_key(layout.scale, metadata),
    )


def _classical(
    scale: str, name: str, setup: str, rows: pd.DataFrame, origin: Mapping[str, str]
) -> Run:
    tags = {"kind": "classical", "scale": scale, "fill": name, "setup": setup}
    key = _sha(scale, "classical", to_csv(rows))
    return Run(key, f"{scale} {name} {setup}", tags, metrics=_means(rows), origin=origin)


def _report(layout: Layout, origin: Mapping[str, str]) -> Run:
    folder = layout.reports / "figures"
    figures = sorted([*folder.glob("*.png"), *folder.glob("*.gif")])
    tables = [path for path in (layout.results, layout.summary) if path.exists()]
    files = (layout.report, *tables, *figures)
    key = _sha(layout.scale, "report", *(file_sha256(path) for path in files))
    tags = {"kind": "report", "scale": layout.scale}
    return Run(key, f"{layout.scale} report", tags, files=files, origin=origin)


def _training_tags(scale: str, metadata: Mapping[str, Any]) -> dict[str, str]:
    block = metadata["experiment"]
    keys = (
        *("study", "task", "network", "fill", "output", "setup", "region"),
        *("rule", "architecture", "convolution", "neighbours", "differences", "persistent"),
        *("proposals", "self_ensemble", "schedule", "confidence_weighted", "backpropagation"),
    )
    chosen = {key: str(block[key]) for key in keys if key in block}
    own = {"kind": "network", "experiment": metadata["name"], "seed": str(metadata["seed"])}
    return {**own, "scale": scale, **chosen, "losses": "+".join(block["losses"])}


def _live_key(scale: str, metadata: Mapping[str, Any]) -> str:
    return _sha("live", scale, json.dumps(metadata, sort_keys=True))


def _means(rows: pd.DataFrame) -> dict[str, float]:
    return _finite(rows[[metric for metric in METRICS if metric.endswith("_px")]].mean())


def _finite(values: pd.Series) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.dropna().items()}


def _times(log: Path) -> dict[str, float]:
    return json.loads(log.read_text()) if log.exists() else {}


def _flat(block: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """``{"train": {"steps": 3}}`` as ``{"train.steps": "3"}``."""
    flat: dict[str, str] = {}
    for key, value in block.items():
        inner = _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else None
        flat |= {f"{prefix}{key}": str(value)} if inner is None else inner
    return flat


def _origin() -> dict[str, str]:
    """Commit, whether the tree differs from it, and the hash of ``dvc.lock``."""
    origin = {"dvc.lock": file_sha256(LOCK)} if LOCK.exists() else {}
    if (commit := _git("rev-parse", "HEAD")) is not None:
        dirty = bool(_git("status", "--porcelain", "--untracked-files=no"))
        origin |= {"git.commit": commit, "git.dirty": str(dirty).lower()}
    return origin


def _git(*arguments: str) -> str | None:
    try:
        ended = subprocess.run(["git", *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None


def _sha(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
