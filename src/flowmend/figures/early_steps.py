"""Fig. 19: what the flow looks like at each step of refinement (report, 3.4.1 and 3.5)."""

from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from flowmend.figures.panels import show_flow, show_wheel
from flowmend.figures.refinement import (
    CELL_IN,
    Refinement,
    figure_height,
    finish,
    frame_word,
)
from flowmend.figures.style import INK, new_figure, styled

_WORDS, _KEY = 0.95, 0.72


@styled
def draw_steps(case: Refinement) -> Figure:
    """Fig. 19: forward flows of all frames, one row a step, and the true ones below.

    Beside each row stand the mean and the greatest speed in the hole, and the mean confidence.
    """
    frames, rows = len(case.truth), case.steps + 2
    ratios = [1.0] * frames + [_WORDS, _KEY]
    figure = new_figure(CELL_IN * sum(ratios) + 0.3, figure_height(case, rows))
    grid = GridSpec(rows, len(ratios), figure, width_ratios=ratios)
    for row in range(rows):
        step = row if row <= case.steps else None
        panels = [figure.add_subplot(grid[row, frame]) for frame in range(frames)]
        flows = case.truth if step is None else case.flows[step]
        for frame, axes in enumerate(panels):
            show_flow(axes, flows[frame, 0], case.largest_px)
            finish(axes, case, frame)
            if row == 0:
                axes.set_title(frame_word(case, frame))
        panels[0].set_ylabel(_row_word(step), color=INK)
        words = figure.add_subplot(grid[row, frames])
        words.set_axis_off()
        words.text(0, 0.5, _speed_words(case, step), va="center", fontsize=7.5, linespacing=1.5)
    key = figure.add_subplot(grid[:, -1])
    key.set_axis_off()
    show_wheel(key.inset_axes((0.1, 0.44, 0.8, 0.12)), case.largest_px)
    return figure


def _row_word(step: int | None) -> str:
    return {None: "truth", 0: "step 0, the fill"}.get(step, f"step {step}")


def _speed_words(case: Refinement, step: int | None) -> str:
    speeds = case.speeds(step)
    words = f"speed in the hole\nmean {speeds.mean():.2f} px\nmost {speeds.max():.2f} px"
    return words if step is None else f"{words}\nconfidence {case.mean_confidence(step):.2f}"
