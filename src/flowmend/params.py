"""The only reader of ``params.yaml``: frozen models, validated before any work starts."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from flowmend.errors import InputError
from flowmend.validation import explain, read_yaml

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0)]
Dataset = Literal["moving_shapes", "davis2016", "davis2017", "youtube_vos", "folder", "video"]
HoleShape = Literal["rectangle", "ellipse", "stroke", "object"]
Setup = Literal["middle_two", "all_frames", "sandwich"]
LossName = Literal["l1", "l2", "forward_backward"]


def _without_repeats(items: list) -> list:
    if len(set(items)) < len(items):
        raise ValueError("an item is repeated")
    return items


Distinct = AfterValidator(_without_repeats)
HoleShapes = Annotated[list[HoleShape], Field(min_length=1), Distinct]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ClipCounts(_Frozen):
    """How many clips each split holds at most."""

    train: PositiveInt
    test: PositiveInt


class DataParams(_Frozen):
    """What is mended: ``root`` is a folder (or video) under ``data/raw``."""

    dataset: Dataset
    root: Annotated[str, Field(min_length=1)]
    test_dataset: Dataset | None = None
    test_root: Annotated[str, Field(min_length=1)] | None = None
    seed: Seed
    clips: ClipCounts
    frames: Annotated[int, Field(ge=3)]
    stride: PositiveInt
    height_px: Annotated[int, Field(ge=16, multiple_of=8)]
    width_px: Annotated[int, Field(ge=16, multiple_of=8)]
    objects: Literal["all"] | Annotated[list[PositiveInt], Field(min_length=1), Distinct]

    @model_validator(mode="after")
    def _test_set_is_whole(self) -> "DataParams":
        if (self.test_dataset is None) != (self.test_root is None):
            raise ValueError("test_dataset and test_root go together")
        return self


class FlowParams(_Frozen):
    """Which estimator gives the truth, and how closely the archive keeps it."""

    estimator: Literal["exact", "dis", "flownet2"]
    codec: Literal["fast", "small", "report"]
    max_error_px: Annotated[float, Field(gt=0, le=0.5)]


class HoleParams(_Frozen):
    """Biased holes (report, 2.1.3): sides are drawn between the two lengths."""

    seed: Seed
    shapes: HoleShapes
    min_side_px: Annotated[int, Field(ge=4)]
    max_side_px: Annotated[int, Field(ge=4)]

    @model_validator(mode="after")
    def _sides_are_ordered(self) -> "HoleParams":
        if self.min_side_px > self.max_side_px:
            raise ValueError("min_side_px exceeds max_side_px")
        return self


class EdgeParams(_Frozen):
    """Canny's upper thresholds: gradient magnitude in px per px, and in grey levels."""

    canny_flow_px: PositiveFloat
    canny_image_levels: PositiveFloat


class TrainParams(_Frozen):
    """One budget for every experiment of a scale. Threads change the weights: they live here."""

    steps: PositiveInt
    batch: PositiveInt
    width: Annotated[int, Field(ge=4)]
    learning_rate: PositiveFloat
    seeds: Annotated[list[Seed], Field(min_length=1), Distinct]
    threads: PositiveInt
    device: Literal["cpu", "cuda"]
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]


class EvaluateParams(_Frozen):
    """Motion-edge band and bootstrap of the tables."""

    edge_band_px: PositiveInt
    bootstrap_samples: Annotated[int, Field(ge=100)]
    bootstrap_seed: Seed
    threads: PositiveInt


class Scale(_Frozen):
    """One size of the whole study."""

    data: DataParams
    flow: FlowParams
    holes: HoleParams
    edges: EdgeParams
    train: TrainParams
    evaluate: EvaluateParams

    @model_validator(mode="after")
    def _parts_fit(self) -> "Scale":
        for dataset in {self.data.dataset, self.data.test_dataset or self.data.dataset}:
            if (self.flow.estimator == "exact") != (dataset == "moving_shapes"):
                raise ValueError("flow.estimator exact and dataset moving_shapes go together")
        if self.holes.max_side_px > min(self.data.height_px, self.data.width_px) - 2:
            raise ValueError("holes.max_side_px leaves no known pixel beside it")
        return self


class Experiment(_Frozen):
    """One ablation: what is trained, on which setup, by which losses."""

    study: Name
    network: Literal["unet", "resnet"]
    fill: Literal["zero", "smooth", "biharmonic"]
    output: Literal["direct", "residual"]
    setup: Setup
    losses: Annotated[dict[LossName, PositiveFloat], Field(min_length=1)]
    hole_shapes: HoleShapes | None = None


class Params(_Frozen):
    """The whole of ``params.yaml``."""

    scale: Name
    scales: Annotated[dict[Name, Scale], Field(min_length=1)]
    experiments: Annotated[dict[Name, Experiment], Field(min_length=1)]

    @model_validator(mode="after")
    def _parts_fit(self) -> "Params":
        if self.scale not in self.scales:
            raise ValueError(f"scale {self.scale!r} is none of scales ({', '.join(self.scales)})")
        for name, experiment in self.experiments.items():
            for scale, block in self.scales.items():
                if not set(experiment.hole_shapes or ()) <= set(block.holes.shapes):
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
        keys = {name for model in _Frozen.__subclasses__() for name in model.model_fields}
        raise explain(path, error, keys) from None


def _one_of(names: dict) -> str:
    return "choose one of " + ", ".join(names)
