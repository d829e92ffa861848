"""Stage ``train``: one experiment, all seeds of the scale."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import nn

from flowmend.datasets.clip_set import ClipSet
from flowmend.io.atomic import write_text
from flowmend.networks.refinement import Refiner
from flowmend.params import Experiment, IterativeExperiment, Params, Scale
from flowmend.provenance import code_fingerprint, file_sha256
from flowmend.stages.build import build_network
from flowmend.stages.layout import Layout
from flowmend.stages.problems import (
    build_opponent,
    build_problem,
    build_refining,
    training_clips,
    training_files,
)
from flowmend.training import adversarial, direct, iterative
from flowmend.training.checkpoint import Checkpoint, save_model
from flowmend.training.memory import keep_freed_memory
from flowmend.training.problems import Contest
from flowmend.training.session import Budget, Row, Session

Watch = Callable[[Mapping[str, object]], Callable[[int, Row], None]]


def run(params: Params, scale: str, experiment: str, watch: Watch | None = None) -> None:
    """Write weights and curves of every seed below ``artifacts/<scale>/models/<experiment>``.

    A seed that scratch holds, whole or in part, is not trained again from the start. ``watch``
    takes a seed's metadata and gives what is called with each of its steps.

    Raises:
        InputError: flow, holes, fills or edges are missing or damaged.
    """
    settings, layout = params.at(scale), Layout(scale)
    block = params.experiment(experiment)
    clips = training_clips(layout, settings.data.frames)
    _be_deterministic(settings.train.threads)
    keep_freed_memory()
    fabric = Fabric(
        accelerator=settings.train.device, devices=1, precision=settings.train.precision
    )
    for seed in settings.train.seeds:
        _train_seed(settings, layout, block, experiment, seed, clips, fabric, watch)


def _train_seed(
    settings: Scale,
    layout: Layout,
    block: Experiment,
    name: str,
    seed: int,
    clips: ClipSet,
    fabric: Fabric,
    watch: Watch | None,
) -> None:
    started = time.time()
    metadata = _metadata(settings, block, name, seed)
    fingerprint = _fingerprint(metadata, training_files(layout))
    refines = isinstance(block, IterativeExperiment)
    budget = settings.train.refinement if refines else settings.train
    session = Session(
        Budget(budget.steps, budget.learning_rate),
        Checkpoint(layout.scratch / "train" / f"{fingerprint}.pt", fingerprint),
        title=f"{name}, seed {seed}",
        on_step=watch(metadata) if watch else None,
    )
    network = build_network(block, settings.data.frames, budget.width, seed)
    rows = _fit(network, block, settings, clips, seed, session, fabric)
    save_model(layout.weights(name, seed), network.state_dict(), metadata)
    write_text(layout.curves(name, seed), _curves(rows))
    _log_times(layout, name, seed, started)


def _fit(
    network: nn.Module,
    block: Experiment,
    settings: Scale,
    clips: ClipSet,
    seed: int,
    session: Session,
    fabric: Fabric,
) -> list[Row]:
    """The loop that belongs to the experiment."""
    weights = {str(loss): weight for loss, weight in block.losses.items()}
    if isinstance(block, IterativeExperiment):
        refining, plan = build_refining(block, settings, clips, seed)
        refiner = cast(Refiner, network)
        return iterative.train(refiner, refining, weights, plan, session, fabric)
    problem = build_problem(block, settings, clips, seed)
    opponent = build_opponent(block, settings.data.frames, settings.train.width, seed)
    if opponent is None:
        return direct.train(network, problem, weights, session, fabric)
    contest = cast(Contest, problem)
    return adversarial.train(network, contest, weights, opponent, session, fabric)


def _be_deterministic(threads: int) -> None:
    """The same bytes twice on one machine: threads come from params, never from a scheduler."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def _metadata(settings: Scale, block: Experiment, name: str, seed: int) -> dict[str, object]:
    return {
        "name": name,
        "seed": seed,
        "experiment": block.model_dump(mode="json"),
        "train": settings.train.model_dump(mode="json", exclude={"seeds"}),
        "data": settings.data.model_dump(include={"frames", "height_px", "width_px"}),
        "holes": settings.holes.model_dump(include={"shapes", "min_side_px", "max_side_px"}),
        "edges": settings.edges.model_dump(include={"canny_flow_px"}),
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
