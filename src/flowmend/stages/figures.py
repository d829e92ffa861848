"""Stage ``figures``: every figure of a scale, each with the record of where it comes from."""

from collections.abc import Callable
from pathlib import Path

from flowmend.figures.style import encode
from flowmend.io.atomic import write_bytes
from flowmend.io.progress import tracked
from flowmend.params import Params
from flowmend.provenance import Provenance, code_fingerprint, hash_inputs
from flowmend.stages import (
    completion_drawings,
    edge_drawings,
    flow_drawings,
    joint_drawings,
    loss_drawings,
    network_drawings,
    overview_drawing,
    result_drawings,
    sanity_drawings,
    warping_drawing,
)
from flowmend.stages.drawing import Drawing, Study
from flowmend.stages.held_out_files import HeldOutFiles
from flowmend.stages.layout import Layout

FIGURES: dict[str, Callable[[Study], Drawing]] = {
    "overview": overview_drawing.overview,
    "results": result_drawings.results_at_a_glance,
    "fig01": flow_drawings.round_trips,
    "fig02": sanity_drawings.backward_flow_from_forward,
    "fig03a": result_drawings.minimisers,
    "fig03b": sanity_drawings.occlusion_example,
    "fig04": flow_drawings.spatio_temporal_error,
    "fig05": completion_drawings.without_adversary,
    "fig06": loss_drawings.loss_terms,
    "fig07": completion_drawings.with_adversary,
    "balance": loss_drawings.balance,
    "fig08": completion_drawings.settings_compared,
    "fig09": result_drawings.training_curves,
    "fig10": network_drawings.warping_module,
    "fig11": network_drawings.warping_network,
    "warping_toy": warping_drawing.warping_toy,
    "fig12": edge_drawings.edge_sources,
    "fig13": joint_drawings.joint_inpainting,
    "fig14": result_drawings.edge_agreement_surface,
    "fig14_result": joint_drawings.edge_agreement_result,
    "fig15": edge_drawings.edge_completion,
    "flow_archive": result_drawings.flow_storage,
}
"""By file name, in the order of the report page."""


def run(params: Params, scale: str) -> None:
    """Write ``reports/<scale>/figures/<name>.png`` and ``<name>.prov.json`` of every figure.

    Raises:
        InputError: a file that a figure is drawn from is missing or damaged.
    """
    layout = Layout(scale)
    code = code_fingerprint(__name__)
    with HeldOutFiles(layout) as clips:
        study = Study(params, scale, layout, clips)
        for name in tracked(FIGURES, "figures"):
            drawing = FIGURES[name](study)
            write_bytes(layout.figure(name), encode(drawing.figure))
            _record(drawing, scale, code).write(layout.figure(name))


def _record(drawing: Drawing, scale: str, code: str) -> Provenance:
    module = drawing.draw.__module__
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
        facts=drawing.facts,
    )
