"""Stage ``evaluate``: every classical fill and every trained network on the held-out clips.

The rows of each method are kept in ``artifacts/.scratch/evaluate``, named by everything they
depend on, so that a new experiment does not have the others evaluated again. A table is always
put together from the rows' text, so that its bytes do not tell which rows were at hand.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import scipy
import torch

from flowmend.evaluation.compare import (
    Method,
    classical_methods,
    evaluate,
    results_from_csv,
    results_table,
    summary_table,
    to_csv,
)
from flowmend.evaluation.held_out import HoledClip
from flowmend.evaluation.tasks import joined, tasks_from_csv, tasks_table
from flowmend.io.atomic import write_text
from flowmend.io.progress import tracked
from flowmend.params import Params, Scale
from flowmend.provenance import code_fingerprint, file_sha256
from flowmend.stages.build import load_model
from flowmend.stages.evaluate_tasks import mended_rows, sanity_rows, truth_rows
from flowmend.stages.held_out_clips import held_out_clips
from flowmend.stages.held_out_files import SPLIT
from flowmend.stages.layout import SHARDS, Layout
from flowmend.types import Clip, Completion, Inpainter


def run(params: Params, scale: str) -> None:
    """Write ``reports/<scale>/{results,summary,tasks}.csv``.

    Networks are judged on the setup and hole shapes of their own experiment, classical fills on
    all of them. Models of experiments that no longer stand in ``params.yaml`` are ignored.

    Raises:
        InputError: sequences, flow, holes or weights are missing or damaged.
    """
    settings, layout = params.at(scale), Layout(scale)
    torch.set_num_threads(settings.evaluate.threads)
    clips = held_out_clips(settings, layout)
    shared = _shared_fingerprint(settings, layout)
    methods = list(_methods(params, settings, layout))
    results, tasks = [], [tasks_table(sanity_rows(params, layout, settings, clips))]
    tasks.append(tasks_table(truth_rows(layout, settings, clips)))
    for n, (method, weights) in enumerate(methods, 1):
        stored = layout.scratch / "evaluate" / _key(method, f"{shared} {weights}")
        title = f"{n}/{len(methods)} {method.name}"
        results.append(_results(method, clips, stored.with_suffix(".csv"), title))
        if settings.flow.estimator == "exact":
            canny_px = settings.edges.canny_flow_px
            tasks.append(_edges(method, clips, canny_px, stored.with_suffix(".edges.csv"), title))
    table = results_table(results)
    samples, seed = settings.evaluate.bootstrap_samples, settings.evaluate.bootstrap_seed
    write_text(layout.results, to_csv(table))
    write_text(layout.summary, to_csv(summary_table(table, samples, seed)))
    write_text(layout.tasks, to_csv(joined(tasks)))


class StoredNetwork:
    """A trained network that reads its weights when it mends its first clip.

    Args:
        weights: file of :mod:`flowmend.training.checkpoint`.
    """

    def __init__(self, weights: Path) -> None:
        self._weights = weights
        self._inpainter: Inpainter | None = None

    def __call__(self, clip: Clip) -> Completion:
        """Mend a batch of clips."""
        if self._inpainter is None:
            self._inpainter = load_model(self._weights).inpainter
        return self._inpainter(clip)


def _methods(params: Params, settings: Scale, layout: Layout) -> Iterator[tuple[Method, str]]:
    """Each method, with the hash of its weights."""
    shapes = tuple(settings.holes.shapes)
    for method in classical_methods(shapes):
        yield method, ""
    for name, experiment in params.mending.items():
        own = tuple(experiment.hole_shapes or shapes)
        for seed in settings.train.seeds:
            weights = layout.weights(name, seed)
            network = StoredNetwork(weights)
            method = Method(name, "network", seed, network, (experiment.setup,), own)
            yield method, file_sha256(weights)


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


def _key(method: Method, depends_on: str) -> str:
    identity = [method.name, method.kind, method.seed, method.setups, method.shapes, depends_on]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def _results(method: Method, clips: Sequence[HoledClip], stored: Path, title: str) -> pd.DataFrame:
    if not stored.exists():
        write_text(stored, to_csv(evaluate(method, tracked(clips, title))))
    return results_from_csv(stored.read_text())


def _edges(
    method: Method, clips: Sequence[HoledClip], canny_px: float, stored: Path, title: str
) -> pd.DataFrame:
    if not stored.exists():
        rows = mended_rows(method, tracked(clips, f"{title}: edges"), canny_px)
        write_text(stored, to_csv(tasks_table(rows)))
    return tasks_from_csv(stored.read_text())
