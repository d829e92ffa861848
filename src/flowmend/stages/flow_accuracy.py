"""``flowmend flow evaluate``: estimators of flow against true flow, outside the pipeline."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from flowmend.datasets import true_flow
from flowmend.datasets.true_flow import TrueFlowPair
from flowmend.errors import InputError
from flowmend.estimators import ClipFrames
from flowmend.estimators.flownet2 import NETWORKS
from flowmend.estimators.registry import estimator
from flowmend.evaluation.compare import to_csv
from flowmend.evaluation.flow_accuracy import accuracy, summarised
from flowmend.io.atomic import write_text
from flowmend.io.layout_zip import LayoutFolder
from flowmend.io.progress import tracked
from flowmend.io.weights import weights_path

CLASSICAL = ("dis",)


def evaluate_flow(data: Path, estimators: list[str] | None, output: Path | None) -> None:
    """Print how close estimators come to the true flow of all pairs below a folder.

    Frames go in at their own size. A network runs on the GPU if there is one, in float32.

    Args:
        data: holds Middlebury, Sintel, FlyingChairs or KITTI, in any mixture (docs/estimators.md).
        estimators: by name; None for DIS and all networks whose weights are there.
        output: a CSV with a row a pair and estimator, or None.

    Raises:
        InputError: an estimator is unknown or its weights are missing; there is no pair, or a file
            of one is missing, damaged or of another size.
    """
    chosen = list(dict.fromkeys(estimators)) if estimators else _at_hand()
    for name in chosen:
        if name not in (*CLASSICAL, *NETWORKS):
            one_of = "one of " + ", ".join((*CLASSICAL, *NETWORKS))
            raise InputError("flowmend flow evaluate: --estimator", f"has no {name!r}", one_of)
    pairs = true_flow.scan(data)
    rows = pd.DataFrame(row for name in chosen for row in _judged(name, pairs))
    if output is not None:
        write_text(output, to_csv(rows))
    console = Console()
    console.print(_table(summarised(rows)))
    if output is not None:
        console.print(f"Table: {output}", soft_wrap=True, markup=False, highlight=False)


def _at_hand() -> list[str]:
    return [*CLASSICAL, *(name for name in NETWORKS if weights_path(name).is_file())]


def _judged(name: str, pairs: Sequence[TrueFlowPair]) -> Iterator[dict[str, object]]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    estimate = estimator(name, device=device)
    for pair in tracked(pairs, name):
        truth = true_flow.read(pair)
        clip = _clip(pair, truth.known.shape)
        (flow,) = estimate(clip, [(0, 1)])
        measures = accuracy(flow, truth.flow, truth.known, truth.visible)
        key = {"dataset": pair.dataset, "pair": pair.name, "estimator": name}
        yield key | asdict(measures)


def _clip(pair: TrueFlowPair, size: tuple[int, ...]) -> ClipFrames:
    """Both frames as a clip, which must have the size (H, W) of their flow."""
    folder, names = pair.frames[0].parent, [frame.name for frame in pair.frames]
    clip = ClipFrames(LayoutFolder(folder), folder, pair.name, names, frozenset(names))
    for k, frame in enumerate(pair.frames):
        rows, columns = clip.image(k).shape[1:]
        if (rows, columns) != size:
            what = f"is {columns}×{rows} px, its flow {size[1]}×{size[0]}"
            raise InputError(frame, what, f"fetch it or {pair.flow} again")
    return clip


def _table(summary: pd.DataFrame) -> Table:
    caption = (
        "EPE: mean over pairs; visible: over pixels that both frames show, if all pairs tell them; "
        "outliers: of all known pixels, more than 3 px and 5 % off (KITTI); "
        "known: pixels with true flow"
    )
    table = Table(title="Estimated flow against true flow", caption=caption)
    for column in ("data set", "estimator"):
        table.add_column(column, no_wrap=True)
    for column in ("pairs", "EPE (px)", "visible (px)", "outliers", "known"):
        table.add_column(column, justify="right")
    for row in summary.to_dict("records"):
        visible = row["epe_visible_px"]
        table.add_row(
            row["dataset"], row["estimator"], str(row["pairs"]), f"{row['epe_px']:.3f}",
            "" if pd.isna(visible) else f"{visible:.3f}",
            f"{row['outlier_share']:.2%}", f"{row['known_share']:.1%}",
        )  # fmt: skip
    return table
