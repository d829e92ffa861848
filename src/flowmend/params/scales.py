"""The blocks of ``scales``: data, flow, holes, edges, training and evaluation of one size."""

from re import fullmatch
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from flowmend.params.blocks import Block, Distinct, HoleShapes, PositiveFloat, PositiveInt, Seed

Dataset = Literal["moving_shapes", "davis2016", "davis2017", "youtube_vos", "folder", "video"]
SYNTHETIC = "moving_shapes"


class ClipCounts(Block):
    """How many clips each split holds at most."""

    train: PositiveInt
    test: PositiveInt


class DataParams(Block):
    """What is mended: ``root`` is a folder (or video) under ``data/raw``.

    Moving shapes are shown in frames ``render_factor`` times the working size, for estimators that
    are poor on small frames.
    """

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
    render_factor: PositiveInt = 1
    objects: Literal["all"] | Annotated[list[PositiveInt], Field(min_length=1), Distinct]

    @model_validator(mode="after")
    def _test_set_is_whole(self) -> "DataParams":
        if (self.test_dataset is None) != (self.test_root is None):
            raise ValueError("test_dataset and test_root go together")
        return self

    @property
    def datasets(self) -> set[Dataset]:
        """Of both splits."""
        return {self.dataset, self.test_dataset or self.dataset}

    @model_validator(mode="after")
    def _footage_has_its_own_size(self) -> "DataParams":
        if self.render_factor > 1 and SYNTHETIC not in self.datasets:
            raise ValueError(f"render_factor is for dataset {SYNTHETIC} alone")
        return self


FlowEstimator = Literal[
    "exact",
    "dis",
    "flownet2",
    "flownet2_s",
    "flownet2_c",
    "flownet2_cs",
    "flownet2_css",
    "flownet2_sd",
]
Device = Literal["cpu", "cuda"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


def _watched(folder: str) -> AfterValidator:
    """The path of weights in a folder that is a dependency in ``dvc.yaml``."""

    def check(path: str) -> str:
        if not fullmatch(rf"{folder}/[\w.-]+\.safetensors", path):
            raise ValueError(f"is {path!r}, no .safetensors file in {folder}")
        return path

    return AfterValidator(check)


class FlowParams(Block):
    """Which estimator gives the truth, and how closely the archive keeps it.

    The last four are for FlowNet2's networks: ``checkpoint`` holds the weights (by default
    ``weights/flow/<estimator>.safetensors``), ``batch`` pairs of frames are estimated at once.
    """

    estimator: FlowEstimator
    codec: Literal["fast", "small", "report"]
    max_error_px: Annotated[float, Field(gt=0, le=0.5)]
    checkpoint: Annotated[str, _watched("weights/flow")] | None = None
    device: Device = "cpu"
    precision: Precision = "32-true"
    batch: PositiveInt = 4

    @model_validator(mode="after")
    def _weights_have_a_network(self) -> "FlowParams":
        if self.checkpoint is not None and self.estimator in ("exact", "dis"):
            raise ValueError(f"estimator {self.estimator} takes no checkpoint")
        return self


class HoleParams(Block):
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


class EdgeParams(Block):
    """Canny's upper thresholds: gradient magnitude in px per px, and in grey levels.

    ``source`` finds the image's edges; ``checkpoint`` holds HED's weights, by default
    ``weights/edges/hed.safetensors``.
    """

    canny_flow_px: PositiveFloat
    canny_image_levels: PositiveFloat
    source: Literal["canny", "hed"] = "canny"
    checkpoint: Annotated[str, _watched("weights/edges")] | None = None
    device: Device = "cpu"


class BudgetParams(Block):
    """Optimiser steps, clips in each, and the network's width."""

    steps: PositiveInt
    batch: PositiveInt
    width: Annotated[int, Field(ge=4)]
    learning_rate: PositiveFloat


class RefinementParams(BudgetParams):
    """The budget of iterative refinement: t_max refinement steps, and s₀ of eq. 3 and 4."""

    width: Annotated[int, Field(ge=8)]
    refinement_steps: PositiveInt
    s0_steps: PositiveFloat


class TrainParams(BudgetParams):
    """One budget for every experiment of a scale, and one for those that refine step by step.

    Threads change the weights: they live here.
    """

    refinement: RefinementParams
    seeds: Annotated[list[Seed], Field(min_length=1), Distinct]
    threads: PositiveInt
    device: Device
    precision: Precision


class EvaluateParams(Block):
    """Motion-edge band and bootstrap of the tables; methods judged at once, on threads each."""

    edge_band_px: PositiveInt
    bootstrap_samples: Annotated[int, Field(ge=100)]
    bootstrap_seed: Seed
    threads: PositiveInt
    processes: PositiveInt


class Scale(Block):
    """One size of the whole study."""

    data: DataParams
    flow: FlowParams
    holes: HoleParams
    edges: EdgeParams
    train: TrainParams
    evaluate: EvaluateParams

    @model_validator(mode="after")
    def _parts_fit(self) -> "Scale":
        if self.flow.estimator == "exact" and self.data.datasets != {SYNTHETIC}:
            raise ValueError(f"flow.estimator exact needs dataset {SYNTHETIC}")
        if self.holes.max_side_px > min(self.data.height_px, self.data.width_px) - 2:
            raise ValueError("holes.max_side_px leaves no known pixel beside it")
        return self
