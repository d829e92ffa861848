"""Numbers as text: true minus, intervals, shares."""

import numpy as np

NONE = "–"


def interval(value: float, low: float, high: float, sign: str = "") -> str:
    """``0.51 [0.47, 0.55]`` with a true minus; without brackets where there is no interval.

    Args:
        value, low, high: numbers.
        sign: ``+`` to write the sign of positive numbers, too.
    """
    if not np.isfinite(value):
        return NONE
    text = f"{value:{sign}.3f}"
    if np.isfinite(low):
        text += f" [{low:{sign}.3f}, {high:{sign}.3f}]"
    return text.replace("-", "−")


def number(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}".replace("-", "−") if np.isfinite(value) else NONE


def change(ratio: float, low: float, high: float) -> str:
    """``−11.3 % [−13.0, −9.6]`` for a ratio and its interval."""
    if not np.isfinite(ratio):
        return NONE
    text = f"{100 * (ratio - 1):+.1f}\u00a0%"
    if np.isfinite(low):
        text += f" [{100 * (low - 1):+.1f}, {100 * (high - 1):+.1f}]"
    return text.replace("-", "−")


def percent(ratio: float) -> str:
    """``11.3 % lower`` for 0.887."""
    return f"{_share(ratio)} {_side(ratio)}"


def spread(low: float, high: float) -> str:
    """The 95 % interval of a ratio, smaller effect first where both ends are on one side."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no interval: one clip"
    if _side(low) != _side(high):
        return f"95\u00a0% interval {percent(low)} to {percent(high)}"
    near, far = sorted((low, high), key=lambda ratio: abs(1 - ratio))
    return f"95\u00a0% interval {_share(near)} to {_share(far)} {_side(far)}"


def _share(ratio: float) -> str:
    return f"{abs(1 - ratio):.1%}".replace("%", "\u00a0%")


def _side(ratio: float) -> str:
    return "lower" if ratio <= 1 else "higher"
