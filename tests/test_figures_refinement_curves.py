"""Figs. 17 and 18, the schedules and the refinement steps say what curves and tables say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from drawn_text import cut_off, overlapping, texts
from flowmend.errors import InputError
from flowmend.figures.refinement_parameters import draw_polynomials, draw_powers
from flowmend.figures.refinement_steps import Course, draw_refinement_steps
from flowmend.figures.schedules import draw_schedules
from flowmend.figures.style import encode
from flowmend.params import load
from flowmend.stages.drawings import refinement_curves, refinement_steps
from flowmend.stages.drawings.drawing import Drawing, Study
from flowmend.stages.drawings.refinement_groups import grouped, iterative
from flowmend.stages.figures import FIGURES
from iterative_study import FILL_PX, SEEDS, STEPS, VARIANTS, study, write_curves, write_tables

DRAWINGS: dict[str, Callable[[Study], Drawing]] = {
    "fig17": refinement_curves.powers,
    "fig18": refinement_curves.polynomials,
    "schedules": refinement_curves.schedules,
    "refinement_steps": refinement_steps.refinement_steps,
}


@pytest.fixture
def written(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    given = study(project)
    monkeypatch.chdir(tmp_path)
    write_curves(given)
    write_tables(given)
    return given


@pytest.fixture(scope="module")
def drawn(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Drawing]:
    """Every figure, once: laying them out takes its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("study"))
        given = study(project)
        write_curves(given)
        write_tables(given)
        drawings = {name: draw(given) for name, draw in DRAWINGS.items()}
        assert all(path.exists() for each in drawings.values() for path in each.inputs)
        return drawings


def _lines(figure: Figure, panel: int) -> list[np.ndarray]:
    return [np.asarray(line.get_ydata(), float) for line in figure.axes[panel].lines]


@pytest.mark.parametrize("name", DRAWINGS)
class TestEveryFigure:
    def test_is_registered_and_readable(self, name: str, drawn: dict[str, Drawing]) -> None:
        assert FIGURES[name] is DRAWINGS[name]
        assert not cut_off(drawn[name].figure)
        assert not overlapping(drawn[name].figure)

    def test_is_left_out_where_its_experiments_do_not_stand(self, name: str, project: Path) -> None:
        given = study(project, ["unet_zero"])
        with pytest.raises(InputError, match=r"^params.yaml: experiments"):
            DRAWINGS[name](given)


def test_same_bytes(written: Study, drawn: dict[str, Drawing]) -> None:
    again = refinement_curves.schedules(written)
    assert encode(again.figure) == encode(drawn["schedules"].figure)
    assert again.caption == drawn["schedules"].caption


def test_fig17_draws_every_seed_and_their_mean(drawn: dict[str, Drawing]) -> None:
    drawing = drawn["fig17"]
    first = _lines(drawing.figure, 0)
    assert len(first) == len(SEEDS) + 2
    np.testing.assert_allclose(first[len(SEEDS)], (first[0] + first[1]) / 2)
    np.testing.assert_allclose(first[-1], 1)
    assert drawing.facts == {"final_p": {"first": 2.0, "second": 1.3}}
    assert {"2.00", "1.30"} <= set(texts(drawing.figure))


def test_fig17_refuses_another_rule(written: Study) -> None:
    blocks = dict(written.params.experiments)
    blocks["refine"] = blocks["refine_polynomial"]
    params = written.params.model_copy(update={"experiments": blocks})
    with pytest.raises(InputError, match=r"experiments\.refine: has no power_mean rule"):
        refinement_curves.powers(Study(params, written.scale, written.layout, written.clips))


def test_fig18_ends_in_the_cubic_through_its_points(drawn: dict[str, Drawing]) -> None:
    drawing = drawn["fig18"]
    assert drawing.facts == {"final_a_b": {"first": [0.5, 0.8], "second": [0.5, 0.8]}}
    last = drawing.figure.axes[2]
    identity, report, own = (line.get_xydata() for line in last.lines[:3])
    np.testing.assert_allclose(identity[:, 0], identity[:, 1])
    through = {0: 0, 1 / 3: 0.77, 2 / 3: 0.9, 1: 1}
    np.testing.assert_allclose(
        np.interp(list(through), *report.T), list(through.values()), atol=1e-3
    )
    through = {0: 0, 1 / 3: 0.5, 2 / 3: 0.8, 1: 1}
    np.testing.assert_allclose(np.interp(list(through), *own.T), list(through.values()), atol=1e-3)


def test_fig17_shows_all_of_both_and_does_not_make_much_of_little() -> None:
    still, moved = (np.linspace([1.0], [final], 30).T for final in (1.0001, 1.4))
    for powers in ([still, moved], [still, still]):
        for axes, values in zip(draw_powers(powers).axes, powers):
            low, high = axes.get_ylim()
            assert low < values.min() <= values.max() < high
            assert high - low >= 0.05


@pytest.mark.parametrize("final", [0.4, 6.0])
def test_fig17_is_readable_wherever_p_goes(final: float) -> None:
    figure = draw_powers([np.linspace([1.0], [final], 30).T] * 2)
    assert not cut_off(figure)
    assert not overlapping(figure)


def test_fig18_is_readable_with_the_reports_own_values() -> None:
    a, b = np.linspace([1 / 3], [0.77], 30).T, np.linspace([2 / 3], [0.9], 30).T
    figure = draw_polynomials([a, a], [b, b])
    assert not cut_off(figure)
    assert not overlapping(figure)


def test_schedules_are_those_that_were_trained_with(drawn: dict[str, Drawing]) -> None:
    drawing = drawn["schedules"]
    assert [axes.get_title() for axes in drawing.figure.axes] == ["eq. 4", "last step only"]
    assert list(drawing.experiments) == ["refine", "refine_last_step"]
    weights = drawing.facts["final_weights"]
    assert isinstance(weights, dict)
    *early, last = weights["last step only"]
    assert (set(early), last) == ({0.0}, 1.0)
    np.testing.assert_allclose(sum(weights["eq. 4"]), 1, atol=1e-3)


def test_schedules_are_stacked_to_their_sum() -> None:
    mu = np.random.default_rng(3).random((4, STEPS)) / 4
    figure = draw_schedules({"one": mu})
    np.testing.assert_allclose(_lines(figure, 0)[0], mu.sum(axis=0))
    tops = [band.get_paths()[0].vertices[:, 1].max() for band in figure.axes[0].collections]
    np.testing.assert_allclose(tops, np.cumsum(mu, axis=0).max(axis=1))


def test_refinement_steps_are_ratios_to_the_fill_of_the_same_holes(
    drawn: dict[str, Drawing],
) -> None:
    assert FILL_PX["all_frames"] != FILL_PX["sandwich"]
    drawing = drawn["refinement_steps"]
    assert drawing.facts["ratio_after_last_step"] == dict.fromkeys(VARIANTS, 0.7)
    error, confidence = (
        next(axes for axes in drawing.figure.axes if axes.get_ylabel().startswith(words))
        for words in ("EPE", "mean confidence")
    )
    np.testing.assert_allclose(error.lines[0].get_ydata(), [1, 0.9, 0.8, 0.7])
    np.testing.assert_allclose(confidence.lines[0].get_ydata(), [0, 0.1, 0.2, 0.3])


def test_groups_hold_every_experiment_once_beside_their_base(project: Path) -> None:
    groups = grouped(iterative(study(project).params.experiments))
    assert {title: list(members) for title, members in groups.items()} == {
        "confidence rule": ["refine", "refine_polynomial"],
        "schedule and gradients": ["refine", "refine_last_step"],
        "losses": ["refine", "refine_weighted"],
        "neighbours": ["refine", "refine_splat"],
        "network and start": ["refine", "refine_architecture2"],
        "sandwich setup": ["refine_sandwich", "refine_tv_sandwich"],
    }
    assert groups["neighbours"]["refine_splat"] == "splatted, flow differences, clip rule"
    assert groups["losses"]["refine"] == "L1"


def test_every_experiment_of_the_project_is_in_one_group(project: Path) -> None:
    blocks = iterative(load(project / "params.yaml").experiments)
    shown = [name for members in grouped(blocks).values() for name in members if name != "refine"]
    assert sorted(shown) == sorted(set(blocks) - {"refine"})


def test_a_table_without_the_experiment_is_an_error(written: Study) -> None:
    kept = [
        line for line in written.layout.tasks.read_text().splitlines() if "weighted" not in line
    ]
    written.layout.tasks.write_text("\n".join(kept) + "\n")
    with pytest.raises(InputError, match="has no epe_hole_px of refine_weighted"):
        refinement_steps.refinement_steps(written)


def test_twenty_one_experiments_are_legible() -> None:
    courses = [
        Course(
            f"experiment number {k}, with many words",
            np.linspace(1, 0.9 - k / 100, 6),
            np.linspace(0, 1, 6),
            k == 0,
        )
        for k in range(7)
    ]
    figure = draw_refinement_steps({f"group {k}": courses for k in range(3)})
    assert not overlapping(figure)
    for title, axes in zip(range(3), [a for a in figure.axes if a.get_title()]):
        assert len({(line.get_color(), line.get_marker()) for line in axes.lines}) == 8, title
