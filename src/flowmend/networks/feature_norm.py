"""Feature normalisation: what the update sees of the features (report, 3.3.3)."""

from jaxtyping import Float
from torch import Tensor

LARGE = 4.0  # features of a flow of about 20 px; their unit is that of a typical flow


def normalised(
    features: Float[Tensor, "batch frames channels height width"],
) -> Float[Tensor, "batch frames channels height width"]:
    """``F / sqrt(1 + mean over channels of F² / LARGE²)``: what the update sees of the features.

    Ordinary features pass unchanged, with their gradient; large ones are held below ``LARGE`` in
    their root mean square, so that the same network, iterated over and over, neither lets them
    vanish nor explode: each step adds no more than the one before could (report, 3.3.3).
    """
    mean = features.square().mean(2, keepdim=True)
    return features * (1 + mean / LARGE**2).rsqrt()
