"""Figures 2, 3b and the warping toy from weights and flow on disk, smoke-size."""

from pathlib import Path

import numpy as np
import pytest

from drawn_text import cut_off
from flowmend.errors import InputError
from flowmend.figures.style import encode
from flowmend.params import Params, load
from flowmend.stages.build import build_network
from flowmend.stages.drawings import sanity, warping_toy
from flowmend.stages.drawings.drawing import Drawing, Study
from flowmend.stages.layout import Layout
from flowmend.training.checkpoint import save_model
from moving_square import square_clip

SCALE = "smoke"
TASKS = {
    "fb_sanity": {"task": "backward_flow", "network": "unet", "losses": {"forward_backward": 1.0}},
    "move_unet": {"task": "move_pattern", "network": "unet", "losses": {"l1": 1.0}},
    "move_place": {
        "task": "move_pattern", "network": "unet", "coordinates": True, "losses": {"l1": 1.0}
    },
    "move_warp": {"task": "move_pattern", "network": "unet_warp", "losses": {"l1": 1.0}},
}  # fmt: skip


class Clips:
    """Three clips in memory, in place of the test split's files."""

    names = ("fast", "middle", "slow")

    def flow(self, name: str, frames: int) -> np.ndarray:
        return square_clip({"fast": 4, "middle": 2, "slow": 1}[name], frames, size=48)

    def files(self, *kinds: str) -> list[Path]:
        return [Path(kind) for kind in kinds]


def _params(project: Path, names: list[str]) -> Params:
    params = load(project / "params.yaml")
    blocks = {name: {"study": "s", **TASKS[name]} for name in names}
    return Params.model_validate({**params.model_dump(), "experiments": blocks})


@pytest.fixture
def study(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Untrained weights of each task where the stage ``train`` would put them."""
    params = _params(project, list(TASKS))
    monkeypatch.chdir(tmp_path)
    settings, layout = params.at(SCALE), Layout(SCALE)
    for name, block in params.experiments.items():
        network = build_network(block, settings.data.frames, settings.train.width, seed=0)
        blocks = {k: getattr(settings, k).model_dump() for k in ("train", "data", "holes", "edges")}
        metadata = {"name": name, "seed": 0, "experiment": block.model_dump(), **blocks}
        for seed in settings.train.seeds:
            save_model(layout.weights(name, seed), network.state_dict(), metadata)
    return Study(params, SCALE, layout, Clips())  # type: ignore[arg-type]


def _is_whole(drawing: Drawing) -> None:
    assert encode(drawing.figure).startswith(b"\x89PNG")
    assert not cut_off(drawing.figure)
    assert "nan" not in drawing.caption
    assert drawing.inputs


def test_fig02_shows_the_slow_and_the_fast_clip(study: Study) -> None:
    drawing = sanity.backward_flow_from_forward(study)
    _is_whole(drawing)
    assert drawing.number == "2"
    assert drawing.experiments == ["fb_sanity"]
    chosen = [drawing.facts[word]["clip"] for word in ("good", "bad")]  # type: ignore[index]
    assert chosen == ["slow", "fast"]
    assert study.layout.weights("fb_sanity", 0) in drawing.inputs


def test_fig03b_shows_the_greatest_occlusion(study: Study) -> None:
    drawing = sanity.occlusion_example(study)
    _is_whole(drawing)
    assert (drawing.number, drawing.facts["clip"]) == ("3b", "fast")


def test_warping_toy_shows_every_network(study: Study) -> None:
    drawing = warping_toy.warping_toy(study)
    _is_whole(drawing)
    assert drawing.experiments == ["move_unet", "move_place", "move_warp"]
    found = drawing.facts["error_ratio"]
    assert list(found) == ["U-Net", "+ coordinates", "+ warping module"]  # type: ignore[call-overload]


def test_without_their_experiments_they_say_so(study: Study, project: Path) -> None:
    others = (
        (["move_unet"], sanity.backward_flow_from_forward, "forward_backward"),
        (["fb_sanity"], warping_toy.warping_toy, "patterns"),
    )
    for names, draw, what in others:
        without = Study(_params(project, names), SCALE, study.layout, study.clips)
        with pytest.raises(InputError, match=what):
            draw(without)
