"""What the verdicts are computed from, and how two methods are put side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd

from flowmend.evaluation.statistics import ClipBootstrap, Estimate
from flowmend.evaluation.tasks import tasks_table

Experiments = Mapping[str, Mapping[str, Any]]
CASE = ["clip", "hole", "direction"]
MEASURED = ["task", "method", "metric"]
CLIP_CASE = ["clip", "condition"]
NOTHING = pd.Series([], dtype=float, index=pd.MultiIndex.from_arrays([[], []], names=CLIP_CASE))


@dataclass(frozen=True)
class Measure:
    """What is compared: its name in a sentence, its unit with a space, and which way is better."""

    words: str
    unit: str = ""
    more_is_better: bool = False


ERROR = Measure("error in the hole", " px")


@dataclass(frozen=True)
class Contrast:
    """Two methods on the same cases.

    Attributes:
        first, second: as they are called in a sentence.
        first_value, second_value: means over the cases.
        gain: how much better ``first`` is, in the measure's unit; above zero is better.
        ratio: mean of ``first`` over mean of ``second``.
    """

    first: str
    second: str
    measure: Measure
    first_value: float
    second_value: float
    gain: Estimate
    ratio: Estimate


@dataclass(frozen=True)
class Evidence:
    """Tables of one scale.

    Attributes:
        results: rows of ``results.csv``.
        experiments: blocks of ``params.yaml`` by name.
        samples, seed: of the bootstrap over clips.
        tasks: rows of ``tasks.csv``.
        curves: of each experiment, the training curves of all its seeds, with a column ``seed``.
        storage: rows of ``docs/benchmarks/flow_archive.csv``.
    """

    results: pd.DataFrame
    experiments: Experiments
    samples: int
    seed: int
    tasks: pd.DataFrame = field(default_factory=lambda: tasks_table([]))
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    storage: pd.DataFrame = field(default_factory=pd.DataFrame)

    def errors(self, experiment: str, metric: str = "epe_hole_px") -> pd.Series:
        """A metric of ``results.csv`` by case, seeds averaged; a diverged seed leaves NaN.

        Cases without motion edges have no error there: they are left out.
        """
        own = (self.results["kind"] == "network") & (self.results["method"] == experiment)
        values = self.results[own].groupby(CASE)[metric].mean(skipna=False)
        return values.dropna() if metric == "epe_edge_px" else values

    def measured(
        self, task: str, method: str, metric: str, conditions: Sequence[str] = ()
    ) -> pd.Series:
        """A metric of ``tasks.csv`` by clip and condition, seeds averaged, undefined ones left out.

        Args:
            task, method, metric: as in the table.
            conditions: which; all by default.
        """
        values = self._cases.get((task, method, metric))
        if values is None:
            return NOTHING
        if not conditions:
            return values
        return values[values.index.get_level_values("condition").isin(conditions)]

    def methods(self, task: str) -> list[str]:
        """Which methods ``tasks.csv`` has of a task."""
        return sorted(set(self.tasks.loc[self.tasks["task"] == task, "method"]))

    def mean(self, values: pd.Series) -> Estimate:
        """Mean and interval over clips; NaN without values."""
        if values.empty:
            return Estimate(float("nan"), float("nan"), float("nan"))
        return self._bootstrap(values).mean(values)

    def contrasts(
        self, names: tuple[str, str], values: tuple[pd.Series, pd.Series], measure: Measure
    ) -> Iterator[Contrast]:
        """The contrast on the cases that both have; none without such cases.

        Args:
            names: of the two methods.
            values: of each, with the level ``clip`` in the index.
            measure: what they are.
        """
        common = values[0].index.intersection(values[1].index)
        if common.empty:
            return
        first, second = (series.loc[common] for series in values)
        bootstrap = self._bootstrap(first)
        worse, gainer = (first, second) if measure.more_is_better else (second, first)
        gain, ratio = bootstrap.gain(gainer, worse), bootstrap.ratio(first, second)
        one, two = (float(series.mean(skipna=False)) for series in (first, second))
        yield Contrast(*names, measure, one, two, gain, ratio)

    @cached_property
    def _cases(self) -> dict[tuple[str, str, str], pd.Series]:
        """By task, method and metric: looked up several hundred times for a page."""
        means = self.tasks.groupby([*MEASURED, *CLIP_CASE], as_index=False)["value"].mean().dropna()
        parts: dict[tuple[str, str, str], pd.Series] = {}
        for key, part in means.groupby(MEASURED):
            task, method, metric = map(str, key)
            parts[task, method, metric] = part.set_index(CLIP_CASE)["value"]
        return parts

    def _bootstrap(self, values: pd.Series) -> ClipBootstrap:
        clips = tuple(values.index.get_level_values("clip"))
        return _clip_bootstrap(clips, self.samples, self.seed)


@lru_cache(maxsize=32)
def _clip_bootstrap(clips: tuple[str, ...], samples: int, seed: int) -> ClipBootstrap:
    """The draws of one set of cases, which most numbers of a page share."""
    return ClipBootstrap(clips, samples, seed)
