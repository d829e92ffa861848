"""What a reader of a figure can read: texts that lie on the page and on no other text."""

from itertools import combinations

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

from flowmend.figures.style import encode


def texts(figure: Figure) -> list[str]:
    """All that is written, tick labels aside."""
    return [text.get_text() for text in _drawn(figure)]


def cut_off(figure: Figure) -> list[str]:
    """Texts that leave the page."""
    encode(figure)
    width, height = figure.bbox.size
    boxes = {text: text.get_window_extent() for text in _drawn(figure)}
    return [
        text.get_text()
        for text, box in boxes.items()
        if min(box.x0, box.y0) <= -2 or max(box.x1 - width, box.y1 - height) >= 2
    ]


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other by more than a pixel."""
    encode(figure)
    boxes = [(text.get_text(), text.get_window_extent()) for text in _drawn(figure)]
    return [
        (name, other)
        for (name, a), (other, b) in combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]


def _drawn(figure: Figure) -> list[Text]:
    # Ticks beyond an axis keep their labels, undrawn, wherever they would be.
    ticks = {label for axis in figure.findobj(Axis) for label in axis.get_ticklabels(which="both")}
    found = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    return [t for t in found if t.get_visible() and t.get_text().strip() and t not in ticks]
