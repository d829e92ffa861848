"""The only reader of ``params.yaml``: frozen models, validated before any work starts."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from flowmend.errors import InputError

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Dataset = Literal["moving_shapes", "davis2016", "davis2017", "youtube_vos", "folder", "video"]
HoleShape = Literal["rectangle", "ellipse", "stroke", "object"]
Setup = Literal["middle_two", "all_frames", "sandwich"]
LossName = Literal["l1", "l2", "forward_backward"]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ClipCounts(_Frozen):
    """How many clips each split holds at most."""

    train: PositiveInt
    test: PositiveInt


class DataParams(_Frozen):
    """What is mended: ``root`` is a folder (or video) under ``data/raw``."""

    dataset: Dataset
    root: str
    test_dataset: Dataset | None = None
    test_root: str | None = None
    seed: Annotated[int, Field(ge=0)]
    clips: ClipCounts
    frames: Annotated[int, Field(ge=3)]
    stride: PositiveInt
    height_px: Annotated[int, Field(ge=16, multiple_of=8)]
    width_px: Annotated[int, Field(ge=16, multiple_of=8)]
    objects: Literal["all"] | list[PositiveInt]

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

    seed: Annotated[int, Field(ge=0)]
    shapes: Annotated[list[HoleShape], Field(min_length=1)]
    min_side_px: Annotated[int, Field(ge=4)]
    max_side_px: Annotated[int, Field(ge=4)]

    @model_validator(mode="after")
    def _sides_are_ordered(self) -> "HoleParams":
        if self.min_side_px > self.max_side_px:
            raise ValueError("min_side_px must not exceed max_side_px")
        if len(set(self.shapes)) != len(self.shapes):
            raise ValueError("shapes must not repeat")
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
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    threads: PositiveInt
    device: Literal["cpu", "cuda"]
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]


class EvaluateParams(_Frozen):
    """Motion-edge band and bootstrap of the tables."""

    edge_band_px: PositiveInt
    bootstrap_samples: Annotated[int, Field(ge=100)]
    bootstrap_seed: Annotated[int, Field(ge=0)]
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
        if (self.flow.estimator == "exact") != (self.data.dataset == "moving_shapes"):
            raise ValueError("flow.estimator 'exact' and data.dataset 'moving_shapes' go together")
        if self.holes.max_side_px >= min(self.data.height_px, self.data.width_px):
            raise ValueError("holes.max_side_px must be smaller than the frame")
        return self


class Experiment(_Frozen):
    """One ablation: what is trained, on which setup, by which losses."""

    study: Name
    network: Literal["unet", "resnet"]
    fill: Literal["zero", "smooth", "biharmonic"]
    output: Literal["direct", "residual"]
    setup: Setup
    losses: Annotated[dict[LossName, PositiveFloat], Field(min_length=1)]
    hole_shapes: Annotated[list[HoleShape], Field(min_length=1)] | None = None


class Params(_Frozen):
    """The whole of ``params.yaml``."""

    scale: Name
    scales: Annotated[dict[Name, Scale], Field(min_length=1)]
    experiments: Annotated[dict[Name, Experiment], Field(min_length=1)]

    @model_validator(mode="after")
    def _scale_exists(self) -> "Params":
        if self.scale not in self.scales:
            raise ValueError(f"scale {self.scale!r} is not one of {', '.join(self.scales)}")
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
        raw = yaml.safe_load(Path(path).read_text())
    except FileNotFoundError:
        raise InputError(path, "is missing", "run flowmend in the project's folder") from None
    except yaml.YAMLError as error:
        raise InputError(path, f"is not YAML ({_one_line(error)})", "mend that line") from None
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise _explain(path, error) from None


def _explain(path: Path | str, error: ValidationError) -> InputError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"] if part != "[key]") or "(top level)"
    where = f"{path}: {key}"
    if first["type"] == "extra_forbidden":
        return InputError(where, "is not a known key", "check its spelling or remove it")
    if first["type"] == "missing":
        return InputError(where, "is missing", "add it")
    value = first["input"]
    shown = f" (got {value!r})" if isinstance(value, str | int | float | bool | None) else ""
    hint = "change the value"
    if first["type"] == "float_type" and isinstance(value, str):
        hint = "write it as 1.0e-3: YAML 1.1 reads 1e-3 as text"
    return InputError(where, first["msg"].removeprefix("Value error, ") + shown, hint)


def _one_of(names: dict) -> str:
    return "choose one of " + ", ".join(names)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
