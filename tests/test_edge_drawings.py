"""Figures 12 and 15 from weights, tables and clips, smoke-size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from scipy.ndimage import gaussian_filter

from drawn_text import cut_off
from flowmend.edges import flow_edges, image_edges
from flowmend.edges.hed import hed_edges, thinned
from flowmend.errors import InputError
from flowmend.evaluation.tasks import TaskRow, tasks_table, to_csv
from flowmend.figures.style import encode
from flowmend.fills import FILLS
from flowmend.io.atomic import write_text
from flowmend.io.weights import write_weights
from flowmend.params import Params, load
from flowmend.stages.build import build_network
from flowmend.stages.drawings import edges
from flowmend.stages.drawings.drawing import Drawing, Study
from flowmend.stages.layout import EDGE_SOURCES, Layout
from flowmend.training.checkpoint import save_model
from hed_network import network
from moving_square import square_clip

SCALE, SIZE = "smoke", 48
BLOCK = {"study": "s", "task": "edges", "losses": {"wgan_gp": 1.0}, "critic_steps": 1}


class Clips:
    """Three clips in memory, in place of the test split's files."""

    names = ("fast", "middle", "slow")

    def flow(self, name: str, frames: int) -> np.ndarray:
        return square_clip({"fast": 4, "middle": 2, "slow": 1}[name], frames, size=SIZE)

    def field(self, name: str, direction: str, frame: int) -> np.ndarray:
        return self.flow(name, frame + 1)[frame, 0]

    def edges(self, name: str, source: str) -> np.ndarray:
        return np.stack([flow_edges(flow, 0.5) for flow in self.flow(name, 6)[:, 0]])

    def segmentation(self, name: str, frame: int, size: tuple[int, int]) -> np.ndarray:
        return np.eye(*size, dtype=np.uint8)

    def image(self, name: str, frame: int) -> np.ndarray:
        smooth = gaussian_filter(np.random.default_rng(0).normal(size=(3, SIZE, SIZE)), (0, 3, 3))
        return np.clip(128 + 600 * smooth, 0, 255).astype(np.uint8)

    def hole(self, name: str, shape: str) -> np.ndarray:
        hole = np.zeros((SIZE, SIZE), bool)
        hole[10:24, 12:30] = True
        return hole

    def filled(self, name: str, shape: str, fill: str, flow: np.ndarray) -> np.ndarray:
        return FILLS[fill](flow, self.hole(name, shape))

    def files(self, *kinds: str) -> list[Path]:
        return [Path(kind) for kind in kinds]


@pytest.fixture
def study(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """An untrained generator and a table where their stages would put them."""
    params = load(project / "params.yaml")
    params = Params.model_validate({**params.model_dump(), "experiments": {"gan": BLOCK}})
    monkeypatch.chdir(tmp_path)
    settings, layout = params.at(SCALE), Layout(SCALE)
    block = params.experiment("gan")
    network = build_network(block, settings.data.frames, settings.train.width, seed=0)
    blocks = {k: getattr(settings, k).model_dump() for k in ("train", "data", "holes", "edges")}
    metadata = {"name": "gan", "seed": 0, "experiment": block.model_dump(), **blocks}
    save_model(layout.weights("gan", 0), network.state_dict(), metadata)
    _write_table(layout, {"image": 0.5, "segmentation": 0.7, "flow": 0.9})
    return Study(params, SCALE, layout, Clips())  # type: ignore[arg-type]


def _write_table(layout: Layout, measures: dict[str, float]) -> None:
    rows = [
        TaskRow("edge_sources", source, None, clip, f"{px} px", "f_measure", value + 0.01 * px)
        for source, value in measures.items()
        for clip in Clips.names
        for px in (1, 2)
    ]
    write_text(layout.tasks, to_csv(tasks_table(rows)))


def _with_edges(study: Study, **keys: str) -> Study:
    """The same with other keys in the block ``edges``."""
    tree = study.params.model_dump()
    tree["scales"][SCALE]["edges"] |= keys
    return replace(study, params=Params.model_validate(tree))


def _panels(drawing: Drawing) -> list[Axes]:
    return drawing.figure.subfigs[0].axes


def _is_whole(drawing: Drawing) -> None:
    assert encode(drawing.figure).startswith(b"\x89PNG")
    assert not cut_off(drawing.figure)
    assert "nan" not in drawing.caption
    assert drawing.inputs


class TestFigure12:
    def test_shows_the_clearest_clip_and_the_table_s_measures(self, study: Study) -> None:
        drawing = edges.edge_sources(study)
        _is_whole(drawing)
        assert (drawing.number, drawing.facts["clip"]) == ("12", "fast")
        found = drawing.facts["f_measure"]["1 px"]  # type: ignore[index]
        assert found == {"image": 0.51, "segmentation": 0.71, "flow": 0.91}
        assert set(found) == set(EDGE_SOURCES)
        assert study.layout.tasks in drawing.inputs

    def test_without_weights_says_what_is_missing_and_what_adds_it(self, study: Study) -> None:
        drawing = edges.edge_sources(study)
        (panel,) = [axes for axes in _panels(drawing) if axes.get_title() == "HED on the image"]
        (words,) = panel.texts
        assert words.get_text().endswith("flowmend weights add hed FILE")
        assert not panel.images
        assert "not computed" in drawing.caption
        assert "`flowmend weights add hed FILE` adds them" in drawing.caption

    @pytest.mark.parametrize("source", ["canny", "hed"])
    def test_with_weights_shows_the_lines_of_hed(self, study: Study, source: str) -> None:
        weights = Path("weights/edges/hed.safetensors")
        write_weights(weights, network().state_dict(), {})
        drawing = edges.edge_sources(_with_edges(study, source=source))
        _is_whole(drawing)
        shown = {axes.get_title(): axes.images[0].get_array() for axes in _panels(drawing)
                 if axes.images}  # fmt: skip
        picture, stored = Clips().image("fast", 0), Clips().edges("fast", "image")
        found = {"canny": image_edges(picture, 60.0), "hed": thinned(hed_edges(picture, network()))}
        assert all(0 < edges.sum() < edges.size / 2 for edges in found.values())
        found[source] = stored[drawing.facts["frame"]]
        assert np.array_equal(shown["HED on the image"], found["hed"])
        assert np.array_equal(shown["Canny on the image"], found["canny"])
        assert weights in drawing.inputs
        assert "missing" not in drawing.caption
        measured = drawing.facts["f_measure"]["1 px"]  # type: ignore[index]
        assert ("hed" in measured) == (source == "hed")
        assert ("image" in measured) == (source == "canny")

    def test_hed_that_finds_nothing_is_no_nan(self, study: Study) -> None:
        weights, silent = Path("weights/edges/silent.safetensors"), dict(network().state_dict())
        silent["netCombine.0.bias"] = torch.tensor([-99.0])
        write_weights(weights, silent, {})
        drawing = edges.edge_sources(_with_edges(study, checkpoint=str(weights)))
        labels = {axes.get_title(): axes.get_xlabel() for axes in _panels(drawing)}
        assert labels["HED on the image"] == "no edges"
        assert set(drawing.facts["flow_gradient_on_edges_px_per_px"]) == set(EDGE_SOURCES)  # type: ignore[call-overload]

    def test_without_a_truth_says_so(self, study: Study) -> None:
        _write_table(study.layout, {})
        drawing = edges.edge_sources(study)
        _is_whole(drawing)
        assert "no one knows the true boundaries" in drawing.caption
        assert drawing.facts["f_measure"] == {}

    def test_a_missing_table_is_one_clear_line(self, study: Study) -> None:
        study.layout.tasks.unlink()
        with pytest.raises(InputError, match="is missing"):
            edges.edge_sources(study)


class TestFigure15:
    def test_shows_two_clips_by_what_was_measured(self, study: Study) -> None:
        drawing = edges.edge_completion(study)
        _is_whole(drawing)
        assert (drawing.number, drawing.experiments) == ("15", ["gan"])
        examples = [fact for fact in drawing.facts.values() if isinstance(fact, dict)]
        assert len({example["clip"] for example in examples}) == 2
        assert study.layout.weights("gan", 0) in drawing.inputs

    def test_the_same_study_gives_the_same_figure(self, study: Study) -> None:
        first, second = (edges.edge_completion(study) for _ in range(2))
        assert (first.caption, first.facts) == (second.caption, second.facts)

    def test_no_experiment_is_one_clear_line(self, study: Study) -> None:
        other = {"flow": {"study": "s", "network": "unet", "fill": "zero", "output": "direct",
                 "setup": "all_frames", "losses": {"l1": 1.0}}}  # fmt: skip
        params = Params.model_validate({**study.params.model_dump(), "experiments": other})
        with pytest.raises(InputError, match="none is of task edges"):
            edges.edge_completion(replace(study, params=params))
