"""Stage ``figures``: every figure of a scale, each with the record of where it comes from."""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from flowmend.errors import InputError
from flowmend.figures.style import encode
from flowmend.io.atomic import write_bytes
from flowmend.io.progress import tracked
from flowmend.params import Params
from flowmend.provenance import Provenance, code_fingerprint, hash_inputs, record_path
from flowmend.stages.drawings import (
    architectures,
    completions,
    consistency,
    edges,
    flow,
    joint,
    losses,
    networks,
    overview,
    refinement,
    refinement_curves,
    refinement_steps,
    results,
    sanity,
    warping_toy,
)
from flowmend.stages.drawings.drawing import Drawing, Study
from flowmend.stages.held_out_files import HeldOutFiles
from flowmend.stages.layout import Layout

FIGURES: dict[str, Callable[[Study], Drawing]] = {
    "overview": overview.overview,
    "results": results.results_at_a_glance,
    "fig01": flow.round_trips,
    "fig02": sanity.backward_flow_from_forward,
    "fig03a": results.minimisers,
    "fig03b": sanity.occlusion_example,
    "fig04": flow.spatio_temporal_error,
    "fig05": completions.without_adversary,
    "fig06": losses.loss_terms,
    "fig07": completions.with_adversary,
    "balance": losses.balance,
    "fig08": completions.settings_compared,
    "fig09": results.training_curves,
    "fig10": networks.warping_module,
    "fig11": networks.warping_network,
    "warping_toy": warping_toy.warping_toy,
    "fig12": edges.edge_sources,
    "fig13": joint.joint_inpainting,
    "fig14": results.edge_agreement_surface,
    "fig14_result": joint.edge_agreement_result,
    "fig15": edges.edge_completion,
    "fig16": architectures.architectures,
    "fig17": refinement_curves.powers,
    "fig18": refinement_curves.polynomials,
    "fig19": refinement.last_step_only,
    "fig20": refinement.confidence_weighted,
    "fig21": consistency.shorter_round_trip,
    "fig22": refinement.architecture_1,
    "fig23": refinement.round_trip,
    "fig24": refinement.total_variation,
    "fig25": refinement.architecture_2,
    "schedules": refinement_curves.schedules,
    "refinement_steps": refinement_steps.refinement_steps,
    "flow_archive": results.flow_storage,
}
"""By file name, in the order of the report page."""

EXPERIMENTS = "params.yaml: experiments"
"""Where an error lies that only says that a study is not made here."""


def run(params: Params, scale: str) -> None:
    """Write ``reports/<scale>/figures/<name>.png`` and ``<name>.prov.json`` of every figure.

    Some move, too: ``<name>.gif``, which shares the record. A figure of experiments that do not
    stand in ``params.yaml`` is left out, and said to be. A process draws a figure at a time, as
    many as judge methods; bytes do not depend on how many.

    Raises:
        InputError: a file that a figure is drawn from is missing or damaged.
    """
    processes = min(params.at(scale).evaluate.processes, len(FIGURES))
    make = partial(_make, params=params, scale=scale, code=code_fingerprint(__name__))
    if processes <= 1:
        for name in tracked(FIGURES, "figures"):
            make(name)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for _ in zip(tracked(FIGURES, "figures"), pool.map(make, FIGURES)):
            pass  # an error cancels the rest


def _make(name: str, params: Params, scale: str, code: str) -> None:
    """Write one figure, or say what it lacks in ``params.yaml`` and remove it."""
    layout = Layout(scale)
    picture = layout.figure(name)
    animation = picture.with_suffix(".gif")
    try:
        with HeldOutFiles(layout) as clips:
            drawing = FIGURES[name](Study(params, scale, layout, clips))
    except InputError as error:
        if not error.where.startswith(EXPERIMENTS):
            raise
        print(f"flowmend: {name} is not drawn: {error}", file=sys.stderr)
        for left in (picture, animation, record_path(picture)):
            left.unlink(missing_ok=True)
        return
    write_bytes(picture, encode(drawing.figure))
    _write_animation(drawing, animation)
    _record(drawing, name, scale, code).write(picture)


def _write_animation(drawing: Drawing, path: Path) -> None:
    if drawing.animation is None:
        path.unlink(missing_ok=True)
    else:
        write_bytes(path, drawing.animation)


def _record(drawing: Drawing, name: str, scale: str, code: str) -> Provenance:
    module = drawing.draw.__module__
    moving = {"animation": f"{name}.gif"} if drawing.animation is not None else {}
    return Provenance(
        title=drawing.title,
        number=drawing.number,
        caption=drawing.caption,
        function=f"{module}.{drawing.draw.__name__}",
        file=(Path("src") / module.replace(".", "/")).with_suffix(".py").as_posix(),
        code=code,
        inputs=hash_inputs(drawing.inputs),
        tags={"scale": [scale], "experiment": list(drawing.experiments)},
        command=f"flowmend stage figures --scale {scale}",
        facts=drawing.facts | moving,
    )
