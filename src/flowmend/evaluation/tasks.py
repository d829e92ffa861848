"""One long table of all that is not a completion: edges, round trips, sanity checks, toys.

A row is one number, with what it is a number of. The columns' vocabulary is in ``docs/tables.md``.
The text of a table depends on its rows alone, not on their order.
"""

from collections.abc import Iterable
from io import StringIO
from typing import NamedTuple

import pandas as pd

from flowmend.evaluation.compare import to_csv

__all__ = ["TaskRow", "joined", "tasks_from_csv", "tasks_table", "to_csv"]


class TaskRow(NamedTuple):
    """One number.

    Attributes:
        task: ``edge_sources``, ``edges_in_hole``, ``round_trip``, ...
        method: what was judged: an experiment, a fill, an edge source or the truth.
        seed: of the training, None where nothing was trained.
        clip: it was judged on; clips are what the bootstrap resamples.
        condition: under which, e.g. a tolerance (``1 px``) or a class of pixels (``occluded``).
        metric: what the number is, its unit last (``fb_px``).
        value: the number; NaN where it is not defined.
    """

    task: str
    method: str
    seed: int | None
    clip: str
    condition: str
    metric: str
    value: float


COLUMNS = list(TaskRow._fields)
TEXT = ["task", "method", "clip", "condition", "metric"]


def tasks_table(rows: Iterable[TaskRow]) -> pd.DataFrame:
    """The rows as a table: text columns, ``seed`` Int64, ``value`` float64; sorted."""
    return _sorted(pd.DataFrame(list(rows), columns=COLUMNS))


def joined(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Several tables as one, sorted."""
    return _sorted(pd.concat([tasks_table([]), *parts], ignore_index=True))


def tasks_from_csv(text: str) -> pd.DataFrame:
    """A table from its text (:func:`to_csv`)."""
    # An empty name is a name; only a seed or a value can be missing.
    missing = {"seed": [""], "value": [""]}
    names = dict.fromkeys(TEXT, str)
    table = pd.read_csv(StringIO(text), dtype=names, keep_default_na=False, na_values=missing)
    return _sorted(table)


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    typed = table[COLUMNS].astype({**dict.fromkeys(TEXT, str), "seed": "Int64", "value": "float64"})
    return typed.sort_values(COLUMNS, kind="stable", ignore_index=True)
