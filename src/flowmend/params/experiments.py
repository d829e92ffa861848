"""The blocks of ``experiments``: one block is one ablation."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, TypeAdapter, model_validator

from flowmend.params.blocks import Block, HoleShapes, Name, PositiveFloat, PositiveInt

Setup = Literal["middle_two", "all_frames", "sandwich"]
Trunk = Literal["unet", "resnet", "unet_warp"]
FlowLoss = Literal[
    "l1",
    "l2",
    "forward_backward",
    "lateral_dependency",
    "spatio_temporal",
    "edge_agreement",
    "patchgan",
]

RefinementLoss = Literal[
    "inpaint_l1", "min_round_trip", "total_variation", "prediction_total_variation"
]


class _Experiment(Block):
    """One ablation. ``study`` says which belong together; ``task`` says what is learned."""

    study: Name


class FlowExperiment(_Experiment):
    """Mend the flow (report, 2.1 to 2.6): on which setup, from what, by which losses.

    ``edges`` predicts them, too, from those outside the hole; ``coordinates`` is CoordConv;
    ``region`` is what the losses cover.
    """

    task: Literal["flow"] = "flow"
    network: Trunk
    coordinates: bool = False
    fill: Literal["zero", "smooth", "biharmonic"]
    output: Literal["direct", "residual"]
    setup: Setup
    losses: Annotated[dict[FlowLoss, PositiveFloat], Field(min_length=1)]
    region: Literal["image", "hole"] = "image"
    edges: bool = False
    hole_shapes: HoleShapes | None = None

    @model_validator(mode="after")
    def _edges_are_predicted(self) -> "FlowExperiment":
        if "edge_agreement" in self.losses and not self.edges:
            raise ValueError("the loss edge_agreement needs edges: true")
        return self


class BackwardFlowExperiment(_Experiment):
    """Predict the backward flow from the forward flow of the frame before (report, 2.2.3)."""

    task: Literal["backward_flow"]
    network: Trunk
    losses: Annotated[dict[Literal["forward_backward"], PositiveFloat], Field(min_length=1)]


class EdgesExperiment(_Experiment):
    """Continue the edges of a single frame into the hole (report, 2.6.4)."""

    task: Literal["edges"]
    losses: Annotated[dict[Literal["wgan_gp"], PositiveFloat], Field(min_length=1)]
    critic_steps: PositiveInt
    hole_shapes: HoleShapes | None = None


class IterativeExperiment(_Experiment):
    """Refine the flow step by step (report, section 3): by which update, from what, how judged.

    ``neighbours`` says how the frames beside arrive; ``differences`` also tells the update how
    their flow differs, ``persistent`` goes on updating where the confidence is full, and
    ``proposals`` takes over from the neighbours what learned gates let through; ``self_ensemble``
    mends the clip and its reverse in time and takes the mean (all four beyond the report);
    ``confidence_weighted`` weighs ``inpaint_l1`` (3.4.1).
    """

    task: Literal["iterative"]
    fill: Literal["smooth", "biharmonic"]
    setup: Setup
    rule: Literal["clip", "mean", "power_mean", "polynomial"]
    architecture: Literal[1, 2] = 1
    convolution: Literal["partial", "gated"] = "partial"
    neighbours: Literal["warped", "splatted", "unmoved"]
    differences: bool = False
    persistent: bool = False
    proposals: bool = False
    self_ensemble: bool = False
    schedule: Literal["eq3_printed", "eq3_read", "eq4", "last_step_only"]
    losses: Annotated[dict[RefinementLoss, PositiveFloat], Field(min_length=1)]
    confidence_weighted: bool = False
    backpropagation: Literal["per_step", "through_time"]
    hole_shapes: HoleShapes | None = None

    @model_validator(mode="after")
    def _proposals_are_of_flows(self) -> "IterativeExperiment":
        plain = self.differences and self.architecture == 1 and self.convolution == "partial"
        if self.proposals and not plain:
            raise ValueError(
                "proposals need differences: true, architecture: 1 and convolution: partial"
            )
        return self


class MovePatternExperiment(_Experiment):
    """Move a pattern by a given flow: can the network warp at all (report, 2.5)?"""

    task: Literal["move_pattern"]
    network: Trunk
    coordinates: bool = False
    losses: Annotated[dict[Literal["l1"], PositiveFloat], Field(min_length=1)]


def _task(block: object) -> str:
    """In brackets, which keep it out of the keys that an error names."""
    task = block.get("task", "flow") if isinstance(block, dict) else getattr(block, "task", "flow")
    return f"[{task}]"


Experiment = Annotated[
    Annotated[FlowExperiment, Tag("[flow]")]
    | Annotated[BackwardFlowExperiment, Tag("[backward_flow]")]
    | Annotated[EdgesExperiment, Tag("[edges]")]
    | Annotated[MovePatternExperiment, Tag("[move_pattern]")]
    | Annotated[IterativeExperiment, Tag("[iterative]")],
    Discriminator(_task),
]
MendingExperiment = FlowExperiment | IterativeExperiment
"""What mends flow."""
EXPERIMENT: TypeAdapter[Experiment] = TypeAdapter(Experiment)
"""Reads one block."""
