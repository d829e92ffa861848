"""What the figures stage needs of each figure, and what it gives to each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from flowmend.params import Params
from flowmend.stages.held_out_files import HeldOutFiles
from flowmend.stages.layout import Layout


@dataclass(frozen=True)
class Study:
    """All that a figure may look at: one scale's params and files."""

    params: Params
    scale: str
    layout: Layout
    clips: HeldOutFiles

    @property
    def frames(self) -> int:
        """Flow frames of a clip."""
        return self.params.at(self.scale).data.frames


@dataclass(frozen=True)
class Drawing:
    """A figure with what its provenance record says.

    Attributes:
        figure: drawn.
        draw: the function that drew it.
        title: what it shows.
        number: the figure's number in the report, or empty.
        caption: what to see in it.
        inputs: the files that it was drawn from.
        experiments: whose models or curves are in it.
        facts: what was chosen and measured on the way.
        animation: the same in motion, a GIF, or None.
    """

    figure: Figure
    draw: Callable[..., Figure]
    title: str
    number: str
    caption: str
    inputs: Sequence[Path] = ()
    experiments: Sequence[str] = ()
    facts: dict[str, object] = field(default_factory=dict)
    animation: bytes | None = None


def rounded(value: float) -> float:
    """Four significant digits: what a fact of a caption is worth."""
    return float(f"{value:.4g}")
