"""Rules that update the confidence beside a partial convolution (report, 3.3.4).

The S maps of confidence a rule sees are those of its sources: current, previous and next frame.
Sources that do not exist and taps outside the frame do not count (they would hold the confidence
below 1 forever): every mean is over what exists.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowmend.networks.box_sum import box_sum, taps_of_windows
from flowmend.networks.power_mean import LARGEST_P, power_mean

Confidences = Float[Tensor, "batch sources height width"]
Present = Float[Tensor, "batch sources"]
Confidence = Float[Tensor, "batch 1 height width"]

# Log weight of a source that does not exist.
ABSENT = -1e4


def window_mean(
    maps: Confidences, present: Present, log_weights: Float[Tensor, " sources"], size: int
) -> Confidence:
    """Mean over the sources present, weighted by exp(log_weights), and the window's taps.

    Of those in the frame; 0 if no source is.
    """
    parts = parts_present(present, log_weights)
    return box_sum(maps, parts, size) / taps_of_windows(maps, size)


def parts_present(present: Present, log_weights: Float[Tensor, " sources"]) -> Present:
    """exp(log_weights) over their sum, of the sources present; 0 of the others."""
    # A softmax of ABSENT alone is finite, and so are its gradients.
    return torch.where(present > 0, log_weights, ABSENT).softmax(dim=1) * present


def cubic(x: Tensor, a: Tensor | float, b: Tensor | float) -> Tensor:
    """P_{a,b}(x), the cubic through (0, 0), (1/3, a), (2/3, b) and (1, 1) (report, eq. 2)."""
    third = 27 * a / 2 - 27 * b / 2 + 9 / 2
    second = -45 * a / 2 + 18 * b - 9 / 2
    first = 9 * a - 9 * b / 2 + 1
    return x * (first + x * (second + x * third))


class Clip(nn.Module):
    """min(sum M, 1), the published rule ([11]; report, 3.3.4; R6).

    Args:
        sources: maps of confidence, S.
        size: of the window, odd, px.
    """

    def __init__(self, sources: int, size: int = 3) -> None:
        super().__init__()
        self.sources, self.size = sources, size

    def forward(self, confidence: Confidences, present: Present) -> Confidence:
        """Confidences in [0, 1] and which sources exist (1 or 0) to one confidence in [0, 1]."""
        return box_sum(confidence, present, self.size).clamp(max=1)

    def readings(self) -> dict[str, float]:
        """Nothing is learned."""
        return {}


class Mean(nn.Module):
    """mean(M) over window and sources (report, 3.3.4; R6).

    Args:
        sources: maps of confidence, S.
        size: of the window, odd, px.
    """

    def __init__(self, sources: int, size: int = 3) -> None:
        super().__init__()
        self.size = size
        self.log_weights: Tensor
        self.register_buffer("log_weights", torch.zeros(sources), persistent=False)

    def forward(self, confidence: Confidences, present: Present) -> Confidence:
        """Confidences in [0, 1] and which sources exist (1 or 0) to one confidence in [0, 1]."""
        return window_mean(confidence, present, self.log_weights, self.size).clamp(0, 1)

    def readings(self) -> dict[str, float]:
        """Nothing is learned."""
        return {}


class PowerMean(nn.Module):
    """(sum w M^p / sum w)^(1/p), w for each source and p learned (report, eq. 1, Fig. 17).

    p starts at 1, the mean, and grows as exp(theta) until it nears LARGEST_P. The power mean is
    taken of FLOOR + (1 - FLOOR) M and mapped back: exact at 0 and 1 and for p = 1, within FLOOR
    elsewhere, and with a gradient everywhere.

    Args:
        sources: maps of confidence, S.
        size: of the window, odd, px.
    """

    def __init__(self, sources: int, size: int = 3) -> None:
        super().__init__()
        self.size = size
        self.log_weights = nn.Parameter(torch.zeros(sources))
        self.theta = nn.Parameter(torch.zeros(()))

    def exponent(self) -> Tensor:
        """p, in (0, LARGEST_P)."""
        return LARGEST_P * torch.sigmoid(self.theta - math.log(LARGEST_P - 1))

    def forward(self, confidence: Confidences, present: Present) -> Confidence:
        """Confidences in [0, 1] and which sources exist (1 or 0) to one confidence in [0, 1]."""
        parts = parts_present(present, self.log_weights)
        return power_mean(confidence, parts, self.exponent(), self.size)

    def readings(self) -> dict[str, float]:
        """p."""
        return {"p": self.exponent().item()}


class Polynomial(nn.Module):
    """P_{a,b}(sum w M / sum w), w for each source, a and b learned (report, eq. 2, Fig. 18).

    Starts at (a, b) = (1/3, 2/3), the mean. Every P_{a,b} that rises on [0, 1] can be reached,
    (0.77, 0.9) of Fig. 18 included, and no other: a rising cubic's derivative is, in Bernstein
    form, (s², d - s e, e²) with d > 0, up to a factor that the integral, 1, settles.

    Args:
        sources: maps of confidence, S.
        size: of the window, odd, px.
    """

    def __init__(self, sources: int, size: int = 3) -> None:
        super().__init__()
        self.size = size
        self.log_weights = nn.Parameter(torch.zeros(sources))
        self.log_roots = nn.Parameter(torch.zeros(2))

    def points(self) -> tuple[Tensor, Tensor]:
        """a and b."""
        start, end = self.log_roots.exp()
        whole = (start.square() - start * end + end.square() + 2) / 3
        slope_at_0, slope_at_1 = start.square() / whole, end.square() / whole
        a = (7 + 4 * slope_at_0 - 2 * slope_at_1) / 27
        b = (20 + 2 * slope_at_0 - 4 * slope_at_1) / 27
        return a, b

    def forward(self, confidence: Confidences, present: Present) -> Confidence:
        """Confidences in [0, 1] and which sources exist (1 or 0) to one confidence in [0, 1]."""
        mean = window_mean(confidence, present, self.log_weights, self.size)
        # The clamp touches rounding errors alone.
        return cubic(mean, *self.points()).clamp(0, 1)

    def readings(self) -> dict[str, float]:
        """a and b."""
        a, b = self.points()
        return {"a": a.item(), "b": b.item()}


# (sources, size) -> a rule over the confidences of the sources in a size × size window.
RULES: dict[str, Callable[..., Clip | Mean | PowerMean | Polynomial]] = {
    "clip": Clip,
    "mean": Mean,
    "power_mean": PowerMean,
    "polynomial": Polynomial,
}
