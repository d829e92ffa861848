"""Stage ``train``: one experiment, all seeds of the scale."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from lightning_fabric import Fabric

from flowmend.datasets.clip_set import ClipSet, load_clip_set
from flowmend.io.atomic import write_text
from flowmend.params import Experiment, Params, Scale
from flowmend.provenance import code_fingerprint, file_sha256
from flowmend.stages.build import build_predictor
from flowmend.stages.layout import SHARDS, Layout
from flowmend.training.batches import Batches
from flowmend.training.checkpoint import Checkpoint, save_model
from flowmend.training.direct import Budget, Row, train

SPLIT = "train"
Watch = Callable[[Mapping[str, object]], Callable[[int, Row], None]]


def run(params: Params, scale: str, experiment: str, watch: Watch | None = None) -> None:
    """Write weights and curves of every seed below ``artifacts/<scale>/models/<experiment>``.

    A seed that scratch holds, whole or in part, is not trained again from the start. ``watch``
    takes a seed's metadata and gives what is called with each of its steps.

    Raises:
        InputError: flow, holes or fills are missing or damaged.
    """
    settings, layout = params.at(scale), Layout(scale)
    block = params.experiment(experiment)
    flow, holes, fills = paths = _inputs(layout)
    clips = load_clip_set(flow, holes, fills, settings.data.frames)
    _be_deterministic(settings.train.threads)
    fabric = Fabric(
        accelerator=settings.train.device, devices=1, precision=settings.train.precision
    )
    for seed in settings.train.seeds:
        _train_seed(settings, layout, block, experiment, seed, clips, paths, fabric, watch)


def _train_seed(
    settings: Scale,
    layout: Layout,
    block: Experiment,
    name: str,
    seed: int,
    clips: ClipSet,
    paths: Sequence[Sequence[Path]],
    fabric: Fabric,
    watch: Watch | None,
) -> None:
    started = time.time()
    metadata = _metadata(settings, block, name, seed)
    fingerprint = _fingerprint(metadata, paths)
    shapes = block.hole_shapes or clips.shapes
    predictor = build_predictor(block, settings.data.frames, settings.train.width, seed)
    rows = train(
        predictor,
        Batches(clips, shapes, block.fill, block.setup, settings.train.batch, seed),
        {str(name): weight for name, weight in block.losses.items()},
        Budget(settings.train.steps, settings.train.learning_rate),
        fabric,
        Checkpoint(layout.scratch / "train" / f"{fingerprint}.pt", fingerprint),
        title=f"{name}, seed {seed}",
        on_step=watch(metadata) if watch else None,
    )
    save_model(layout.weights(name, seed), predictor.state_dict(), metadata)
    write_text(layout.curves(name, seed), _curves(rows))
    _log_times(layout, name, seed, started)


def _be_deterministic(threads: int) -> None:
    """The same bytes twice on one machine: threads come from params, never from a scheduler."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def _inputs(layout: Layout) -> list[list[Path]]:
    kinds = (layout.flow, layout.holes, layout.fills)
    return [[kind(SPLIT, shard) for shard in SHARDS] for kind in kinds]


def _metadata(settings: Scale, block: Experiment, name: str, seed: int) -> dict[str, object]:
    return {
        "name": name,
        "seed": seed,
        "experiment": block.model_dump(mode="json"),
        "train": settings.train.model_dump(mode="json", exclude={"seeds"}),
        "data": settings.data.model_dump(include={"frames", "height_px", "width_px"}),
        "holes": settings.holes.model_dump(include={"shapes", "min_side_px", "max_side_px"}),
        "code": code_fingerprint(__name__),
    }


def _fingerprint(metadata: dict[str, object], paths: Sequence[Sequence[Path]]) -> str:
    files = [file_sha256(path) for kind in paths for path in kind]
    identity = json.dumps([metadata, files, torch.__version__], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()


def _curves(rows: list[Row]) -> str:
    table = pd.DataFrame(rows)
    return table.to_csv(index=False, float_format="%.8g", lineterminator="\n")


def _log_times(layout: Layout, name: str, seed: int, started: float) -> None:
    """Wall-clock beside the artifacts, undeclared: what the tracker calls a run's times."""
    text = json.dumps({"started": started, "ended": time.time()})
    write_text(layout.logs / f"train-{name}-{seed}.json", text + "\n")
