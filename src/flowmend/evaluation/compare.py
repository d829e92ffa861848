"""Two tables: every method on every held-out clip, and what that amounts to.

``results``: one row a method, seed, setup, clip, hole shape and direction, with the columns of
:class:`~flowmend.evaluation.metrics.Measures`. ``summary``: one row a method and setup. A
network's seeds are averaged case by case first, a case being one (clip, hole, direction), so that
its intervals tell of other clips, not of other seeds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Literal

import pandas as pd
import torch

from flowmend.evaluation.held_out import HoledClip
from flowmend.evaluation.metrics import METRICS, measure
from flowmend.evaluation.statistics import ClipBootstrap, Estimate
from flowmend.inpainters.classical import BASELINES, FRAMEWISE
from flowmend.types import Clip, Completion, Inpainter

SETUPS = ("middle_two", "all_frames", "sandwich")
BASELINE = "biharmonic"
CASE = ["clip", "hole", "direction"]
NAMES = ["method", "kind", "setup", *CASE]
RESULT_COLUMNS = ["method", "kind", "seed", "setup", *CASE, *METRICS]
SUMMARY_COLUMNS = [
    *("method", "kind", "setup", "cases"),
    *("epe_hole_px", "epe_hole_low", "epe_hole_high"),
    *("ratio_biharmonic", "ratio_low", "ratio_high"),
    *("best_classical", "gain_px", "gain_low", "gain_high"),
]


@dataclass(frozen=True)
class Method:
    """Something to judge, and where.

    Attributes:
        name: of the classical fill or the experiment.
        kind: what it is; an experiment may bear the name of a fill.
        seed: of the training, None for classical fills.
        inpainter: mends a batch of clips.
        setups: which frames are hidden.
        shapes: which of a clip's holes.
        framewise: True if a frame's completion depends on that frame alone. Then all frames are
            completed once, and each setup takes those that it hides.
    """

    name: str
    kind: Literal["classical", "network"]
    seed: int | None
    inpainter: Inpainter
    setups: tuple[str, ...]
    shapes: tuple[str, ...]
    framewise: bool = False


def classical_methods(shapes: tuple[str, ...]) -> list[Method]:
    """Every classical fill, and transport, on all setups."""
    return [
        Method(name, "classical", None, fill, SETUPS, shapes, framewise=name in FRAMEWISE)
        for name, fill in BASELINES.items()
    ]


@torch.inference_mode()
def evaluate(method: Method, clips: Iterable[HoledClip]) -> pd.DataFrame:
    """Rows of the results table of one method."""
    rows = [row for holed in clips for row in _rows(method, holed)]
    return _typed(pd.DataFrame(rows, columns=RESULT_COLUMNS))


def results_table(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All methods' rows in one table, sorted."""
    table = pd.concat(list(parts), ignore_index=True)
    return table.sort_values(
        ["kind", "method", "seed", "setup", *CASE], kind="stable", ignore_index=True
    )


def summary_table(results: pd.DataFrame, samples: int, seed: int) -> pd.DataFrame:
    """Mean EPE in the hole, ratio to the biharmonic fill and gain on the best classical fill.

    A method is compared with the classical fills on its own cases only, and the best of them is
    chosen there too. Intervals are 95 % of a paired bootstrap over clips.

    Args:
        results: of :func:`results_table`.
        samples: draws of the bootstrap.
        seed: of the draws.
    """
    rows = []
    for setup, at_setup in results.groupby("setup"):
        classical = at_setup[at_setup["kind"] == "classical"]
        baselines = _case_errors(classical)
        for (kind, method), own in at_setup.groupby(["kind", "method"]):
            errors = _case_errors(own)[method]
            row = _summarise(errors, baselines.loc[errors.index], samples, seed)
            rows.append({"method": method, "kind": kind, "setup": setup, **row})
    table = pd.DataFrame(rows, columns=SUMMARY_COLUMNS)
    return table.sort_values(["kind", "method", "setup"], kind="stable", ignore_index=True)


def to_csv(table: pd.DataFrame) -> str:
    """The table as text: six significant digits, empty where there is no number."""
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def results_from_csv(text: str) -> pd.DataFrame:
    """A results table from its text."""
    # Nothing but an empty cell is missing: "nan" and "007" are good names.
    names = dict.fromkeys(NAMES, str)
    return _typed(pd.read_csv(StringIO(text), dtype=names, keep_default_na=False, na_values=[""]))


def _typed(results: pd.DataFrame) -> pd.DataFrame:
    numbers = {metric: "float64" for metric in METRICS}
    return results.astype({"seed": "Int64", **numbers})


def _rows(method: Method, holed: HoledClip) -> Iterator[tuple[object, ...]]:
    shapes = [shape for shape in holed.shapes if shape in method.shapes]
    for setup, clip, completion in _completions(method, holed):
        near_edge = holed.near_edge.expand(clip.hole.shape)
        for direction, measures in measure(clip, completion, near_edge).items():
            for row, shape in enumerate(shapes):
                numbers = (getattr(measures, metric)[row].item() for metric in METRICS)
                case = (clip.name, shape, direction)
                yield (method.name, method.kind, method.seed, setup, *case, *numbers)


def _completions(method: Method, holed: HoledClip) -> Iterator[tuple[str, Clip, Completion]]:
    everywhere = None
    if method.framewise:
        everywhere = method.inpainter(holed.at_setup("all_frames", method.shapes))
    for setup in method.setups:
        clip = holed.at_setup(setup, method.shapes)
        yield setup, clip, everywhere or method.inpainter(clip)


def _case_errors(results: pd.DataFrame) -> pd.DataFrame:
    """EPE in the hole, one row a case and one column a method, seeds averaged.

    A training that diverged has NaN: it stays in the mean, rather than drop out of it.
    """
    return results.groupby([*CASE, "method"])["epe_hole_px"].mean(skipna=False).unstack("method")


def _summarise(
    errors: pd.Series, baselines: pd.DataFrame, samples: int, seed: int
) -> dict[str, object]:
    bootstrap = ClipBootstrap(errors.index.get_level_values("clip"), samples, seed)
    best = baselines.mean().idxmin()
    return {
        "cases": len(errors),
        **_columns("epe_hole_px", "epe_hole", bootstrap.mean(errors)),
        **_columns("ratio_biharmonic", "ratio", bootstrap.ratio(errors, baselines[BASELINE])),
        "best_classical": best,
        **_columns("gain_px", "gain", bootstrap.gain(errors, baselines[best])),
    }


def _columns(value: str, stem: str, estimate: Estimate) -> dict[str, float]:
    return {value: estimate.value, f"{stem}_low": estimate.low, f"{stem}_high": estimate.high}
