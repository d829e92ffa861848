"""Stage ``figures``: every figure of a scale, each with the record of where it comes from."""

from collections.abc import Callable
from pathlib import Path

from flowmend.figures.style import encode
from flowmend.io.atomic import write_bytes
from flowmend.io.progress import tracked
from flowmend.params import Params
from flowmend.provenance import Provenance, code_fingerprint, hash_inputs
from flowmend.stages import flow_drawings, overview_drawing, result_drawings
from flowmend.stages.drawing import Drawing, Study
from flowmend.stages.held_out_files import HeldOutFiles
from flowmend.stages.layout import Layout

FIGURES: dict[str, Callable[[Study], Drawing]] = {
    "overview": overview_drawing.overview,
    "results": result_drawings.results_at_a_glance,
    "fig01": flow_drawings.round_trips,
    "fig03a": result_drawings.minimisers,
    "fig04": flow_drawings.spatio_temporal_error,
    "fig09": result_drawings.training_curves,
    "fig12": flow_drawings.edge_sources,
    "fig14": result_drawings.edge_agreement_surface,
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
