"""Stage ``evaluate``: every classical fill and every trained network on the held-out clips."""

import torch

from flowmend.evaluation.compare import results_table, summary_table, to_csv
from flowmend.evaluation.tasks import joined, tasks_table
from flowmend.io.atomic import write_text
from flowmend.params import Params
from flowmend.stages.evaluate_tasks import sanity_rows, truth_rows
from flowmend.stages.held_out_clips import held_out_clips
from flowmend.stages.layout import Layout
from flowmend.stages.scores import scores


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
    results, tasks = zip(*scores(params, scale))
    truth = tasks_table(truth_rows(layout, settings, clips))
    sanity = tasks_table(sanity_rows(params, layout, settings, clips))
    table = results_table(results)
    samples, seed = settings.evaluate.bootstrap_samples, settings.evaluate.bootstrap_seed
    write_text(layout.results, to_csv(table))
    write_text(layout.summary, to_csv(summary_table(table, samples, seed)))
    write_text(layout.tasks, to_csv(joined([*tasks, truth, sanity])))
