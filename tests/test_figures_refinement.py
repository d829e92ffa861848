"""Figs. 19, 20 and 22 to 25 and their animations say what the arrays say."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from drawn_text import cut_off, overlapping, texts
from flowmend.errors import InputError
from flowmend.figures.animations import DOTS_PER_INCH, LAST_MS, STATE_MS, animate
from flowmend.figures.colour_wheel import flow_colours
from flowmend.figures.early_steps import draw_steps
from flowmend.figures.panels import rim
from flowmend.figures.refinement import Refinement, draw_refined, refined_at_each_step
from flowmend.figures.style import encode, new_figure
from flowmend.params import Params, load
from flowmend.provenance import read_record
from flowmend.stages import figures as stage
from flowmend.stages.build import build_network
from flowmend.stages.drawings import refinement
from flowmend.stages.drawings.drawing import Drawing, Study
from flowmend.stages.drawings.refined_cases import iterative_block, typical_case
from flowmend.stages.layout import Layout
from flowmend.training.checkpoint import save_model
from moving_square import square_clip

SCALE = "smoke"
FRAMES, SIZE, STEPS = 3, (24, 32), 2
KNOWN_FRAMES = (0, FRAMES - 1)
DRAWN: dict[str, tuple[Any, str]] = {
    "refine_last_step": (refinement.last_step_only, "19"),
    "refine_weighted": (refinement.confidence_weighted, "20"),
    "refine": (refinement.architecture_1, "22"),
    "refine_round_trip": (refinement.round_trip, "23"),
    "refine_tv_sandwich": (refinement.total_variation, "24"),
    "refine_architecture2": (refinement.architecture_2, "25"),
}


def _case() -> Refinement:
    """A sandwich: step s is off by (STEPS - s) px to the right and trusted by s / STEPS."""
    truth = np.random.default_rng(6).normal(size=(FRAMES, 2, 2, *SIZE)).astype(np.float32)
    hole = np.zeros((FRAMES, *SIZE), bool)
    hole[1:-1, 6:14, 9:20] = True
    off = np.zeros_like(truth)
    off[:, :, 0] = hole[:, None]
    flows = np.stack([truth + (STEPS - s) * off for s in range(STEPS + 1)])
    confidence = np.stack([np.where(hole, s / STEPS, 1.0) for s in range(STEPS + 1)])
    return Refinement("test_0001", "rectangle", truth, hole, flows, confidence.astype(np.float32))


def _wild(speed_px: float) -> Refinement:
    case = _case()
    flows = case.flows.copy()
    flows[1, :, :, 0] = np.where(case.hole[:, None], speed_px, flows[1, :, :, 0])
    return replace(case, flows=flows)


@pytest.fixture(scope="module")
def drawn() -> dict[str, Figure]:
    return {"steps": draw_steps(_case()), "refined": draw_refined(_case())}


def _pictures(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def _coloured(flow: np.ndarray, case: Refinement) -> np.ndarray:
    return np.moveaxis(flow_colours(flow, case.largest_px), 0, -1)


class TestRefinement:
    def test_errors_and_confidence_are_means_in_the_hole(self) -> None:
        case = _case()
        for step in range(STEPS + 1):
            assert case.mean_error(step) == pytest.approx(STEPS - step, abs=1e-6)
            assert case.mean_confidence(step) == pytest.approx(step / STEPS)
            assert (case.error(step)[KNOWN_FRAMES, :] == 0).all()

    def test_speed_is_the_forward_flows_in_the_hole(self) -> None:
        case = _case()
        expected = [np.hypot(*case.truth[t, 0, :, y, x]) for t, y, x in zip(*np.nonzero(case.hole))]
        np.testing.assert_allclose(case.speeds(None), expected, rtol=1e-6)
        np.testing.assert_allclose(case.speeds(STEPS), expected, rtol=1e-6)

    def test_hallucinated_flow_widens_the_scale_but_not_beyond_the_truths_sight(self) -> None:
        quiet = rim(_case().truth)
        assert quiet <= _case().largest_px < _wild(5.0).largest_px
        assert _wild(1e4).largest_px == pytest.approx(2 * quiet)


class TestPictures:
    def test_one_row_a_direction_and_the_confidence_and_the_truth_below(
        self, drawn: dict[str, Figure]
    ) -> None:
        case, pictures = _case(), _pictures(drawn["refined"])
        for t in range(FRAMES):
            for row, flow in enumerate(case.flows[STEPS][t]):
                np.testing.assert_array_equal(pictures[row * FRAMES + t], _coloured(flow, case))
            np.testing.assert_array_equal(pictures[2 * FRAMES + t], case.confidence[STEPS][t])
            for row, flow in enumerate(case.truth[t], start=3):
                np.testing.assert_array_equal(pictures[row * FRAMES + t], _coloured(flow, case))

    def test_fig19_has_one_row_a_step_and_the_truth(self, drawn: dict[str, Figure]) -> None:
        case, pictures = _case(), _pictures(drawn["steps"])
        rows = [*case.flows, case.truth]
        for row, flows in enumerate(rows):
            for t in range(FRAMES):
                found = pictures[row * FRAMES + t]
                np.testing.assert_array_equal(found, _coloured(flows[t, 0], case))
        assert len(pictures) == len(rows) * FRAMES

    def test_fig19_says_how_fast_each_step_is(self) -> None:
        found = texts(draw_steps(_wild(9.0)))
        said = next(text for text in found if "confidence 0.50" in text)
        assert "mean 9." in said
        assert {"step 0, the fill", "step 1", f"step {STEPS}", "truth"} <= set(found)
        assert sum("speed in the hole" in text for text in found) == STEPS + 2

    def test_hidden_frames_have_an_outline_and_numbers(self, drawn: dict[str, Figure]) -> None:
        found = texts(drawn["refined"])
        assert {"frame 0", "frame 1, hidden", f"step {STEPS} of {STEPS}"} <= set(found)
        assert found.count("error 0.00 px") == 2 * (FRAMES - 2)
        assert found.count("mean 1.00") == FRAMES - 2
        assert found.count("known") == 3 * len(KNOWN_FRAMES)
        panels = [axes for axes in drawn["refined"].axes if axes.images][: 5 * FRAMES]
        outlined = [bool(axes.collections) for axes in panels]
        assert outlined == [t not in KNOWN_FRAMES for _ in range(5) for t in range(FRAMES)]

    def test_scales_have_their_units(self, drawn: dict[str, Figure]) -> None:
        for figure in drawn.values():
            assert f"rim: {_case().largest_px:g} px" in [
                axes.get_title() for parent in figure.axes for axes in parent.child_axes
            ]
        assert "confidence" in texts(drawn["refined"])

    @pytest.mark.parametrize("name", ["steps", "refined"])
    def test_nothing_is_cut_off_or_covered(self, drawn: dict[str, Figure], name: str) -> None:
        assert not cut_off(drawn[name])
        assert not overlapping(drawn[name])


class TestAnimation:
    @pytest.fixture(scope="class")
    def gif(self) -> bytes:
        return animate(refined_at_each_step(_case()))

    def test_one_picture_a_step_and_a_rest_on_the_last(self, gif: bytes) -> None:
        with Image.open(io.BytesIO(gif)) as opened:
            assert opened.n_frames == STEPS + 1
            assert opened.info["loop"] == 0
            held = []
            for state in range(opened.n_frames):
                opened.seek(state)
                held.append(opened.info["duration"])
        assert held == [STATE_MS] * STEPS + [LAST_MS]

    def test_states_are_the_steps_own_pictures(self) -> None:
        for step, figure in enumerate(refined_at_each_step(_case())):
            shown = _pictures(figure)[FRAMES + 1]
            np.testing.assert_array_equal(shown, _coloured(_case().flows[step][1, 1], _case()))
            start = ": the fill" if step == 0 else ""
            assert f"step {step} of {STEPS}{start}" in texts(figure)
        assert not overlapping(figure)

    def test_the_same_states_give_the_same_bytes(self, gif: bytes) -> None:
        again = animate(refined_at_each_step(_case()))
        assert hashlib.sha256(again).digest() == hashlib.sha256(gif).digest()

    def test_it_is_small_and_its_colours_are_near(self, gif: bytes) -> None:
        assert len(gif) < 400_000
        *_, last = refined_at_each_step(_case())
        drawn = np.asarray(Image.open(io.BytesIO(encode(last, DOTS_PER_INCH))).convert("RGB"), int)
        with Image.open(io.BytesIO(gif)) as opened:
            opened.seek(STEPS)
            away = np.abs(np.asarray(opened.convert("RGB"), int) - drawn).max(-1)
        assert np.percentile(away, 95) <= 16
        assert (away[drawn.min(-1) == 255] == 0).all()


class Clips:
    """Three clips in memory, in place of the test split's files; their holes lie on the square."""

    names = ("fast", "middle", "slow")

    def flow(self, name: str, frames: int) -> np.ndarray:
        return square_clip({"fast": 4, "middle": 2, "slow": 1}[name], frames, size=48)

    def judged_flow(self, name: str, hidden: np.ndarray) -> np.ndarray:
        return self.flow(name, len(hidden))

    def hole(self, name: str, shape: str) -> np.ndarray:
        hole = np.zeros((48, 48), bool)
        hole[6:14, 10:20] = True
        return hole

    def edges(self, name: str, source: str) -> np.ndarray:
        return np.broadcast_to(self.hole(name, ""), (FRAMES, 48, 48))

    def files(self, *kinds: str) -> list[Path]:
        return [Path(kind) for kind in kinds]


def _params(project: Path, names: list[str]) -> Params:
    """These experiments at a scale of three frames and one refinement step."""
    loaded = load(project / "params.yaml").model_dump()
    loaded["scales"][SCALE]["data"]["frames"] = FRAMES
    loaded["scales"][SCALE]["train"]["refinement"]["refinement_steps"] = 1
    loaded["experiments"] = {name: loaded["experiments"][name] for name in names}
    return Params.model_validate(loaded)


@pytest.fixture(scope="module")
def study(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Untrained weights of each experiment where the stage ``train`` would put them."""
    params, layout = _params(project, [*DRAWN]), Layout(SCALE)
    settings = params.at(SCALE)
    blocks = {k: getattr(settings, k).model_dump() for k in ("train", "data", "holes", "edges")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("made"))
        for name, block in params.experiments.items():
            width = settings.train.refinement.width
            network = build_network(block, settings.data.frames, width, seed=0)
            metadata = {"name": name, "seed": 0, "experiment": block.model_dump(), **blocks}
            save_model(layout.weights(name, 0), network.state_dict(), metadata)
        yield Study(params, SCALE, layout, Clips())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_comes_from_its_own_weights(
    study: Study, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refinement, "animate", lambda states: b"moves")
    draw, number = DRAWN[name]
    drawing: Drawing = draw(study)
    assert (drawing.number, drawing.experiments) == (number, [name])
    assert study.layout.weights(name, 0) in drawing.inputs
    assert "nan" not in drawing.caption
    assert drawing.animation == b"moves"
    errors, confidence = (
        drawing.facts[key] for key in ("mean_error_in_hole_px", "mean_confidence_in_hole")
    )
    assert len(errors) == len(confidence) == 2  # type: ignore[arg-type]
    assert confidence[0] == 0  # type: ignore[index]


def test_the_sandwich_knows_its_ends(study: Study) -> None:
    drawing = refinement.total_variation(study)
    assert texts(drawing.figure).count("known") == 3 * len(KNOWN_FRAMES)
    assert drawing.animation is not None
    assert drawing.animation.startswith(b"GIF89a")


def test_the_clip_is_the_median_by_how_much_its_hidden_flow_varies(study: Study) -> None:
    (clip, _), rule = typical_case(study)
    assert clip == "middle"
    assert "median" in rule


def test_no_hole_on_an_edge_and_no_experiment_are_said(study: Study, project: Path) -> None:
    still = SimpleNamespace(
        names=Clips.names, hole=study.clips.hole, edges=lambda *_: np.zeros((FRAMES, 48, 48), bool)
    )
    with pytest.raises(InputError, match="on no motion edge"):
        typical_case(Study(study.params, SCALE, study.layout, still))  # type: ignore[arg-type]
    without = Study(_params(project, ["refine"]), SCALE, study.layout, study.clips)
    with pytest.raises(InputError, match=r"params\.yaml: experiments"):
        refinement.round_trip(without)
    other = Study(_params(project, ["unet_zero"]), SCALE, study.layout, study.clips)
    with pytest.raises(InputError, match="step by step"):
        iterative_block(other, "unet_zero")


class TestStage:
    """``<name>.gif`` lies beside the PNG, and goes with it."""

    @pytest.fixture
    def ran(self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        class NoFiles:
            def __init__(self, layout: Layout) -> None: ...
            def __enter__(self) -> None: ...
            def __exit__(self, *_: object) -> None: ...

        def run(draw: Any) -> set[str]:
            monkeypatch.setattr(stage, "FIGURES", {"fig22": draw})
            stage.run(load(project / "params.yaml"), SCALE)
            return {path.name for path in Layout(SCALE).figure("any").parent.iterdir()}

        monkeypatch.setattr(stage, "HeldOutFiles", NoFiles)
        monkeypatch.chdir(tmp_path)
        return run

    @staticmethod
    def _drawing(animation: bytes | None) -> Drawing:
        figure = new_figure(1, 1)
        return Drawing(figure, draw_refined, "title", "22", "caption.", animation=animation)

    def test_it_is_written_with_one_record(self, ran: Any) -> None:
        files = ran(lambda study: self._drawing(b"GIF89a"))
        assert files == {"fig22.png", "fig22.gif", "fig22.prov.json"}
        gif = Layout(SCALE).figure("fig22").with_suffix(".gif")
        assert gif.read_bytes() == b"GIF89a"
        assert read_record(gif).number == "22"
        assert read_record(gif).facts["animation"] == "fig22.gif"

    def test_an_older_one_does_not_stay(self, ran: Any) -> None:
        def missing(study: Study) -> Drawing:
            raise InputError(f"{stage.EXPERIMENTS}.refine", "is missing", "restore it")

        ran(lambda study: self._drawing(b"GIF89a"))
        assert ran(lambda study: self._drawing(None)) == {"fig22.png", "fig22.prov.json"}
        ran(lambda study: self._drawing(b"GIF89a"))
        assert ran(missing) == set()
