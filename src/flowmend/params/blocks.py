"""What every block of ``params.yaml`` is made of."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0)]
HoleShape = Literal["rectangle", "ellipse", "stroke", "object"]


def _without_repeats(items: list) -> list:
    if len(set(items)) < len(items):
        raise ValueError("an item is repeated")
    return items


Distinct = AfterValidator(_without_repeats)
HoleShapes = Annotated[list[HoleShape], Field(min_length=1), Distinct]


class Block(BaseModel):
    """Frozen; unknown keys are refused and no value is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def known_keys() -> set[str]:
    """Every key that any block has."""
    blocks, found = [Block], set()
    while blocks:
        block = blocks.pop()
        blocks += block.__subclasses__()
        found |= set(block.model_fields)
    return found
