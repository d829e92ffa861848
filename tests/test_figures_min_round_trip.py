"""Fig. 21: where each round trip fails, and a frame chosen by what it hides."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from drawn_text import cut_off, overlapping, texts
from flowmend.figures.min_round_trip import Neighbourhood, draw_min_round_trip
from flowmend.figures.style import encode
from flowmend.stages.drawings.consistency import shorter_round_trip
from flowmend.stages.drawings.drawing import Drawing, Study
from flowmend.stages.figures import FIGURES
from flowmend.stages.layout import Layout
from moving_square import square_clip

FRAMES, SIZE = 4, 32
SHIFTS = {"fast": 3, "slow": 1}


class Clips:
    """A fast and a slow square in memory, in place of the test split's files."""

    names = ("fast", "slow")

    def __init__(self, estimator: str = "exact", rendered: bool = True) -> None:
        self._estimator, self._rendered = estimator, rendered

    def estimator(self, name: str) -> str:
        return self._estimator

    def image(self, name: str, frame: int) -> np.ndarray:
        return np.zeros((3, SIZE, SIZE), np.uint8)

    def flow(self, name: str, frames: int) -> np.ndarray:
        """A rendered clip's estimate is all wrong; that of footage is taken as it is."""
        wrong = 5.0 if self._rendered and self._estimator != "exact" else 0.0
        return square_clip(SHIFTS[name], frames, SIZE) + np.float32(wrong)

    def exact_flow(self, name: str, frames: int) -> np.ndarray | None:
        known = self._rendered and self._estimator != "exact"
        return square_clip(SHIFTS[name], frames, SIZE) if known else None

    def occlusion(self, name: str, frame: int, size: tuple[int, int]) -> np.ndarray:
        """What the square comes to cover."""
        hidden = np.zeros(size, bool)
        right = 12 + SHIFTS[name] * frame
        hidden[8:16, right : right + SHIFTS[name]] = True
        return hidden

    def files(self, *kinds: str) -> list[Path]:
        return [Path(kind) for kind in kinds]


def _drawn(estimator: str = "exact", rendered: bool = True) -> Drawing:
    data = SimpleNamespace(data=SimpleNamespace(frames=FRAMES))
    params = SimpleNamespace(at=lambda scale: data)
    return shorter_round_trip(Study(params, "x", Layout("x"), Clips(estimator, rendered)))  # type: ignore[arg-type]


def _moment(name: str = "fast", frame: int = 1) -> Neighbourhood:
    flow, hidden = (
        square_clip(SHIFTS[name], FRAMES, SIZE),
        Clips().occlusion(name, frame, (SIZE,) * 2),
    )
    flows = flow[frame, 0], flow[frame, 1], flow[frame + 1, 1], flow[frame - 1, 0]
    return Neighbourhood(name, frame, Clips().image(name, frame), *flows, hidden)


def test_the_shorter_round_trip_closes_where_only_the_next_frame_hides() -> None:
    moment = _moment()
    fb, shorter = moment.errors()
    assert (shorter <= fb).all()
    np.testing.assert_allclose(fb[moment.occluded], 3, atol=1e-5)
    np.testing.assert_allclose(shorter[moment.occluded], 0, atol=1e-5)
    elsewhere = ~moment.occluded
    np.testing.assert_allclose(fb[elsewhere], 0, atol=1e-5)


def test_figure_shows_both_maps_on_one_scale_with_the_outline() -> None:
    figure = draw_min_round_trip(_moment())
    titled = {axes.get_title().split("\n")[0]: axes for axes in figure.axes}
    error, shorter = (
        titled[name].images[0]
        for name in ("forward–backward error", "min (forward–backward, backward–forward)")
    )
    assert error.get_clim() == shorter.get_clim()
    np.testing.assert_array_equal(error.get_array(), _moment().errors()[0])
    np.testing.assert_array_equal(shorter.get_array(), _moment().errors()[1])
    assert "error (px)" in texts(figure)
    assert not cut_off(figure)
    assert not overlapping(figure)


@pytest.mark.parametrize(
    ("estimator", "rendered"), [("exact", True), ("dis", True), ("dis", False)]
)
def test_the_frame_that_hides_most_is_shown(estimator: str, rendered: bool) -> None:
    drawing = _drawn(estimator, rendered)
    assert FIGURES["fig21"] is shorter_round_trip
    assert (drawing.facts["clip"], drawing.facts["frame"]) == ("fast", 2)
    means = drawing.facts["mean_fb_and_min_px"]
    assert isinstance(means, dict)
    np.testing.assert_allclose(means["hidden"], [3, 0], atol=1e-5)
    np.testing.assert_allclose(means["elsewhere"], [0, 0], atol=1e-5)
    assert drawing.caption.startswith("The exact" if rendered else "The estimated")


def test_same_bytes() -> None:
    assert encode(_drawn().figure) == encode(_drawn().figure)
