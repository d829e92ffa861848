"""The only reader of ``params.yaml``: frozen models, validated before any work starts."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from flowmend.errors import InputError
from flowmend.params.blocks import Block, Name, known_keys
from flowmend.params.experiments import (
    EXPERIMENT,
    BackwardFlowExperiment,
    EdgesExperiment,
    Experiment,
    FlowExperiment,
    IterativeExperiment,
    MendingExperiment,
    MovePatternExperiment,
)
from flowmend.params.scales import (
    DataParams,
    EdgeParams,
    FlowParams,
    HoleParams,
    Scale,
    TrainParams,
)
from flowmend.validation import explain, read_yaml

__all__ = [
    "EXPERIMENT",
    "BackwardFlowExperiment",
    "DataParams",
    "EdgeParams",
    "EdgesExperiment",
    "Experiment",
    "FlowExperiment",
    "FlowParams",
    "HoleParams",
    "IterativeExperiment",
    "MendingExperiment",
    "MovePatternExperiment",
    "Params",
    "Scale",
    "TrainParams",
    "load",
]


class Params(Block):
    """The whole of ``params.yaml``."""

    scale: Name
    scales: Annotated[dict[Name, Scale], Field(min_length=1)]
    experiments: Annotated[dict[Name, Experiment], Field(min_length=1)]

    @model_validator(mode="after")
    def _parts_fit(self) -> "Params":
        if self.scale not in self.scales:
            raise ValueError(f"scale {self.scale!r} is none of scales ({', '.join(self.scales)})")
        for name, experiment in self.experiments.items():
            own = set(getattr(experiment, "hole_shapes", None) or ())
            for scale, block in self.scales.items():
                if not own <= set(block.holes.shapes):
                    raise ValueError(
                        f"experiments.{name}.hole_shapes asks for shapes that "
                        f"scales.{scale}.holes.shapes does not draw"
                    )
        return self

    def at(self, scale: str) -> Scale:
        """The block of one scale.

        Raises:
            InputError: there is no such scale.
        """
        if scale not in self.scales:
            raise InputError("params.yaml: scales", f"has no {scale!r}", _one_of(self.scales))
        return self.scales[scale]

    @property
    def mending(self) -> dict[str, MendingExperiment]:
        """The experiments that mend flow."""
        return {n: e for n, e in self.experiments.items() if isinstance(e, MendingExperiment)}

    def experiment(self, name: str) -> Experiment:
        """The block of one experiment.

        Raises:
            InputError: there is no such experiment.
        """
        if name not in self.experiments:
            raise InputError(
                "params.yaml: experiments", f"has no {name!r}", _one_of(self.experiments)
            )
        return self.experiments[name]


def load(path: Path | str = "params.yaml") -> Params:
    """Read and validate ``params.yaml``.

    Raises:
        InputError: the file is missing, is not YAML, or a key or value in it is wrong; the
            message names the key and the remedy.
    """
    try:
        return Params.model_validate(read_yaml(path))
    except ValidationError as error:
        raise explain(path, error, known_keys()) from None


def _one_of(names: dict) -> str:
    return "choose one of " + ", ".join(names)
