"""Where a loss is measured: over the whole image, as the report does (2.2.7), or in the hole."""

from typing import Literal

from jaxtyping import Bool, Shaped
from torch import Tensor

from flowmend.types import ErrorMap

Region = Literal["image", "hole"]


def mean_over(
    errors: ErrorMap, where: Bool[Tensor, "*#batch height width"] | None
) -> Shaped[Tensor, ""]:
    """Mean of an error map over the pixels ``where``, all of them pooled, in the map's units.

    0 where no pixel is chosen: without a hole there is nothing to mend. What the map holds
    elsewhere, NaN included, reaches neither the value nor the gradient with respect to the map.

    Args:
        errors: (…, H, W).
        where: True where errors count, broadcast against them; None for everywhere.
    """
    if where is None:
        return errors.mean()
    counts = where.expand(errors.shape)
    return errors.where(counts, errors.new_zeros(())).sum() / counts.sum().clamp(min=1)
