"""Stage ``report``: the tables and figures of a scale on one self-contained page."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml

from flowmend.errors import InputError
from flowmend.evaluation.compare import results_from_csv
from flowmend.evaluation.tasks import tasks_from_csv
from flowmend.io.atomic import write_text
from flowmend.params import Params, Scale
from flowmend.provenance import read_record
from flowmend.report.ablation_tables import ablation_tables
from flowmend.report.claims import judge
from flowmend.report.claims.evidence import Evidence
from flowmend.report.claims.varied import varied
from flowmend.report.headlines import against_classical
from flowmend.report.page import Page, PageFigure, render
from flowmend.report.step_tables import step_tables
from flowmend.report.tables import SETUPS, setup_tables, shape_table
from flowmend.report.task_tables import task_tables
from flowmend.stages.layout import Layout

STORAGE_TABLE = Path("docs/benchmarks/flow_archive.csv")
FLOW_WORDS = {
    "exact": "exact, as rendered",
    "dis": "DIS, taken as truth",
    "flownet2": "FlowNet2, taken as truth",
}


def run(params: Params, scale: str) -> None:
    """Write ``reports/<scale>/report.html``.

    Raises:
        InputError: a table, figure or provenance record is missing.
    """
    settings, layout = params.at(scale), Layout(scale)
    for table in (layout.results, layout.summary, layout.tasks):
        if not table.exists():
            raise InputError(table, "is missing", "run `dvc repro` first")
    evidence = _evidence(params, settings, layout)
    results, experiments = evidence.results, evidence.experiments
    summary = pd.read_csv(layout.summary, keep_default_na=False, na_values=[""])
    setups = [setup for setup in SETUPS if setup in set(summary["setup"])]
    page = Page(
        scale=scale,
        facts=_facts(settings),
        figures=_figures(layout),
        verdicts=judge(evidence),
        headlines=against_classical(summary),
        caveat=_caveat(settings),
        variations=varied(evidence),
        setups=setup_tables(results, summary, experiments),
        shapes=[shape_table(results, setup, experiments) for setup in setups],
        refinement=[*ablation_tables(evidence, summary), *step_tables(evidence)],
        tasks=task_tables(evidence),
        experiments=experiments,
        params=yaml.safe_dump(
            settings.model_dump(mode="json"), sort_keys=False, default_flow_style=None
        ),
        commands=_commands(scale),
    )
    write_text(layout.report, render(page))


def _evidence(params: Params, settings: Scale, layout: Layout) -> Evidence:
    return Evidence(
        results=results_from_csv(layout.results.read_text()),
        experiments={n: e.model_dump(mode="json") for n, e in params.experiments.items()},
        samples=settings.evaluate.bootstrap_samples,
        seed=settings.evaluate.bootstrap_seed,
        tasks=tasks_from_csv(layout.tasks.read_text()),
        storage=_storage(),
        curves={name: _curves(layout, name, settings.train.seeds) for name in params.experiments},
    )


def _storage() -> pd.DataFrame:
    if not STORAGE_TABLE.exists():
        raise InputError(STORAGE_TABLE, "is missing", "run `make bench`")
    return pd.read_csv(STORAGE_TABLE)


def _curves(layout: Layout, experiment: str, seeds: Sequence[int]) -> pd.DataFrame:
    parts = []
    for seed in seeds:
        path = layout.curves(experiment, seed)
        if not path.exists():
            raise InputError(path, "is missing", "run `dvc repro` first")
        parts.append(pd.read_csv(path).assign(seed=seed))
    return pd.concat(parts, ignore_index=True)


def _figures(layout: Layout) -> list[PageFigure]:
    pictures = sorted(layout.figure("any").parent.glob("*.png"))
    if not pictures:
        raise InputError(layout.figure("any").parent, "holds no figures", "run `dvc repro` first")
    return [PageFigure(p.stem, p.read_bytes(), vars(read_record(p))) for p in pictures]


def _facts(settings: Scale) -> dict[str, str]:
    data, train = settings.data, settings.train
    own = train.refinement
    return {
        "data": data.dataset.replace("_", " "),
        "clips": f"{data.clips.train} to train, {data.clips.test} to test (at most)",
        "frames": f"{data.frames} of {data.width_px}×{data.height_px} px",
        "flow": _flow_words(settings),
        "holes": f"{', '.join(settings.holes.shapes)}; "
        f"{settings.holes.min_side_px} to {settings.holes.max_side_px} px",
        "training": f"{train.steps} steps of {train.batch}, "
        f"refinements {own.steps} of {own.batch}, "
        f"{len(train.seeds)} seed{'s' if len(train.seeds) > 1 else ''}",
    }


def _flow_words(settings: Scale) -> str:
    data = settings.data
    if settings.flow.estimator == "dis" and data.dataset == "moving_shapes":
        size = f"{data.render_factor * data.width_px}×{data.render_factor * data.height_px} px"
        return f"DIS on frames of {size}; judged in the hole by the exact flow"
    return FLOW_WORDS[settings.flow.estimator]


def _caveat(settings: Scale) -> str:
    seeds = len(settings.train.seeds)
    if seeds == 1:
        return (
            "Intervals are over test clips. Each experiment was trained once, with one seed: how "
            "far another seed would have moved it is not in them."
        )
    return (
        f"Intervals are over test clips, after the mean over {seeds} training seeds; the spread "
        "between seeds is not in them."
    )


def _commands(scale: str) -> list[tuple[str, str]]:
    return [
        ("everything, only what is stale", f"SCALE={scale} make reproduce"),
        ("the same with Snakemake", f"snakemake --cores 2 --config scale={scale}"),
        ("the figures alone", f"flowmend stage figures --scale {scale}"),
        ("this page alone", f"flowmend stage report --scale {scale}"),
        ("from a figure back to the raw data", f"flowmend why reports/{scale}/figures/fig09.png"),
    ]
