"""The rows of every method on the held-out clips, a method on each core, kept in scratch.

The rows of each method are kept in ``artifacts/.scratch/evaluate``, named by everything they
depend on, so that a new experiment does not have the others judged again. Tables are always put
together from the rows' text, so that their bytes do not tell which rows were at hand.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import scipy
import torch

from flowmend.evaluation import refinement
from flowmend.evaluation.compare import Method, classical_methods, evaluate, results_from_csv
from flowmend.evaluation.held_out import HoledClip
from flowmend.evaluation.tasks import TaskRow, tasks_from_csv, tasks_table, to_csv
from flowmend.io.atomic import write_text
from flowmend.io.progress import tracked
from flowmend.params import IterativeExperiment, Params, Scale
from flowmend.provenance import code_fingerprint, file_sha256
from flowmend.stages.evaluate_tasks import mended_rows
from flowmend.stages.held_out_clips import held_out_clips
from flowmend.stages.held_out_files import SPLIT
from flowmend.stages.layout import SHARDS, Layout
from flowmend.stages.stored_network import StoredNetwork, StoredRefinement
from flowmend.training.memory import keep_freed_memory


@dataclass(frozen=True)
class Job:
    """One method to be judged.

    Attributes:
        method: who mends, and what.
        weights: SHA-256 of a network's, empty for classical fills.
        edges: True to look at the edges of what it mends, too (exact flow alone).
    """

    method: Method
    weights: str
    edges: bool


def jobs(params: Params, scale: str) -> list[Job]:
    """Every classical fill on all setups and shapes, every network on those of its experiment.

    Raises:
        InputError: weights are missing.
    """
    settings, layout = params.at(scale), Layout(scale)
    shapes, exact = tuple(settings.holes.shapes), settings.flow.estimator == "exact"
    found = [Job(method, "", exact) for method in classical_methods(shapes)]
    for name, experiment in params.mending.items():
        own = tuple(experiment.hole_shapes or shapes)
        for seed in settings.train.seeds:
            weights = layout.weights(name, seed)
            iterative = isinstance(experiment, IterativeExperiment)
            network = (StoredRefinement if iterative else StoredNetwork)(weights)
            method = Method(name, "network", seed, network, (experiment.setup,), own)
            found.append(Job(method, file_sha256(weights), exact))
    return found


def scores(params: Params, scale: str) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Rows of the results and of the tasks, method by method.

    Raises:
        InputError: sequences, flow, holes or weights are missing or damaged.
    """
    settings, layout = params.at(scale), Layout(scale)
    shared = _shared_fingerprint(settings, layout)
    wanted = {_stored(layout, job, shared): job for job in jobs(params, scale)}
    missing = [(stored, job) for stored, job in wanted.items() if not _exists(stored)]
    _judge_all(missing, settings, layout, shared)
    for stored in wanted:
        results, tasks = (path.read_text() for path in _files(stored))
        yield results_from_csv(results), tasks_from_csv(tasks)


def _judge_all(
    missing: Sequence[tuple[Path, Job]], settings: Scale, layout: Layout, shared: str
) -> None:
    """A process a method where there is work for several; bytes do not depend on how many."""
    processes = min(settings.evaluate.processes, len(missing))
    if processes <= 1:
        for n, (stored, job) in enumerate(missing, 1):
            judge(stored, job, settings, layout, shared, f"{n}/{len(missing)} {job.method.name}")
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        work = partial(judge, settings=settings, layout=layout, shared=shared)
        judged = pool.map(work, *zip(*missing))
        for _ in zip(tracked(missing, "judging methods"), judged):  # an error cancels the rest
            pass


def judge(
    stored: Path,
    job: Job,
    settings: Scale,
    layout: Layout,
    shared: str,
    title: str | None = None,
) -> None:
    """Write the rows of one method beside ``stored``.

    Args:
        stored: path without its ending.
        job: the method.
        settings, layout: of the scale.
        shared: tells the clips from others at the same paths.
        title: of the progress bar, if one is wanted.
    """
    torch.set_num_threads(settings.evaluate.threads)
    keep_freed_memory()
    clips = _clips(shared, settings.model_dump_json(), layout)
    results: list[pd.DataFrame] = []
    tasks: list[TaskRow] = []
    for clip in tracked(clips, title) if title else clips:
        results.append(evaluate(job.method, [clip]))
        tasks += _task_rows(job, clip, settings.edges.canny_flow_px)
    for path, table in zip(_files(stored), (pd.concat(results), tasks_table(tasks))):
        write_text(path, to_csv(table))


@lru_cache(maxsize=1)
def _clips(shared: str, settings: str, layout: Layout) -> list[HoledClip]:
    """Read once a process; ``shared`` holds their files' hashes."""
    return held_out_clips(Scale.model_validate_json(settings), layout)


def _task_rows(job: Job, clip: HoledClip, canny_px: float) -> Iterator[TaskRow]:
    method = job.method
    if isinstance(method.inpainter, StoredRefinement):  # first: it has just mended this very clip
        (setup,), trace = method.setups, method.inpainter.trace
        yield from refinement.rows(method.name, method.seed, trace, clip, setup, method.shapes)
    if job.edges:
        yield from mended_rows(method, [clip], canny_px)


def _files(stored: Path) -> tuple[Path, Path]:
    return stored.with_suffix(".csv"), stored.with_suffix(".tasks.csv")


def _exists(stored: Path) -> bool:
    return all(path.exists() for path in _files(stored))


def _stored(layout: Layout, job: Job, shared: str) -> Path:
    method = job.method
    identity = [method.name, method.kind, method.seed, method.setups, method.shapes]
    identity += [job.weights, job.edges, shared]
    key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    return layout.scratch / "evaluate" / key


def _shared_fingerprint(settings: Scale, layout: Layout) -> str:
    """Of all that the rows of every method depend on: code, libraries, clips, settings."""
    kinds = (layout.sequences, layout.flow, layout.holes)
    files = [kind(SPLIT, shard) for shard in SHARDS for kind in kinds]
    libraries = [library.__version__ for library in (cv2, np, scipy, torch)]
    return json.dumps(
        [
            code_fingerprint(__name__),
            libraries,
            [file_sha256(path) for path in files],
            settings.data.frames,
            settings.edges.canny_flow_px,
            settings.evaluate.edge_band_px,
            settings.evaluate.threads,
        ]
    )
