"""Wiring: from the numbers and names of ``params.yaml`` to networks and inpainters."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from flowmend.edges import flow_edges
from flowmend.errors import InputError
from flowmend.fills import FILLS
from flowmend.inpainters.direct import DirectInpainter
from flowmend.inpainters.iterative import IterativeInpainter
from flowmend.networks import NETWORKS
from flowmend.networks.backward_predictor import BackwardPredictor
from flowmend.networks.codec import Feature2Flow, Flow2Feature
from flowmend.networks.confidence_rules import RULES
from flowmend.networks.edge_gan import EdgeGenerator
from flowmend.networks.flow_predictor import FlowPredictor, channels
from flowmend.networks.gated_conv import GatedConv
from flowmend.networks.partial_conv import PartialConv
from flowmend.networks.pattern_mover import PatternMover
from flowmend.networks.proposals import Proposing
from flowmend.networks.refinement import Refiner
from flowmend.networks.told import source_channels
from flowmend.networks.update import ARCHITECTURES
from flowmend.params import (
    EXPERIMENT,
    BackwardFlowExperiment,
    EdgesExperiment,
    Experiment,
    FlowExperiment,
    IterativeExperiment,
    MendingExperiment,
    MovePatternExperiment,
)
from flowmend.training.checkpoint import read_model


def build_network(experiment: Experiment, frames: int, width: int, seed: int) -> nn.Module:
    """An experiment's network, freshly initialised from ``seed``."""
    torch.manual_seed(seed)
    match experiment:
        case FlowExperiment():
            shape = channels(frames, experiment.edges, experiment.coordinates)
            return FlowPredictor(
                NETWORKS[experiment.network](*shape, width),
                residual=experiment.output == "residual",
                edges=experiment.edges,
                coordinates=experiment.coordinates,
            )
        case BackwardFlowExperiment():
            return BackwardPredictor(NETWORKS[experiment.network](2, 2, width))
        case EdgesExperiment():
            return EdgeGenerator(width)
        case MovePatternExperiment():
            inputs = 3 + 2 * experiment.coordinates  # pattern, flow, position
            trunk = NETWORKS[experiment.network](inputs, 1, width)
            return PatternMover(trunk, experiment.coordinates)
        case IterativeExperiment():
            return _refiner(experiment, width)


def _refiner(experiment: IterativeExperiment, width: int) -> Refiner:
    """Features are three quarters as many as the update is wide."""
    features = 3 * width // 4
    sources = source_channels(features, experiment.differences, experiment.proposals)
    design = Proposing if experiment.proposals else ARCHITECTURES[experiment.architecture]
    update = design(partial(_confident_conv, experiment), sources, width, features)
    return Refiner(
        Flow2Feature(features),
        Feature2Flow(features),
        update,
        experiment.neighbours,
        experiment.differences,
        experiment.persistent,
        origins=experiment.proposals,
    )


def _confident_conv(
    experiment: IterativeExperiment, sources: Sequence[int], out_channels: int
) -> nn.Module:
    if experiment.convolution == "gated":
        return GatedConv(sources, out_channels)
    return PartialConv(sources, out_channels, RULES[experiment.rule](len(sources)))


@dataclass(frozen=True)
class Trained:
    """Trained weights and what they were trained on.

    Attributes:
        name: of the experiment.
        experiment: its block.
        seed: of the training.
        network: on the CPU, in evaluation mode.
        settings: the scale's blocks that the training depended on.
    """

    name: str
    experiment: Experiment
    seed: int
    network: nn.Module
    settings: dict[str, Any]

    @property
    def frames(self) -> int:
        """T, flow frames a clip."""
        return self.settings["data"]["frames"]

    @property
    def threads(self) -> int:
        """Of the training."""
        return self.settings["train"]["threads"]

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of the training clips."""
        return self.settings["data"]["height_px"], self.settings["data"]["width_px"]

    @property
    def sides_px(self) -> tuple[int, int]:
        """Shortest and longest side of the holes."""
        return self.settings["holes"]["min_side_px"], self.settings["holes"]["max_side_px"]

    @property
    def shapes(self) -> tuple[str, ...]:
        """Of the holes."""
        own = getattr(self.experiment, "hole_shapes", None)
        return tuple(own or self.settings["holes"]["shapes"])


@dataclass(frozen=True)
class Model(Trained):
    """A trained network that mends flow."""

    experiment: MendingExperiment

    @property
    def inpainter(self) -> DirectInpainter | IterativeInpainter:
        """Ready to mend on the CPU."""
        if isinstance(self.experiment, IterativeExperiment):
            return self.refining(self.refinement_steps)
        threshold = self.settings["edges"]["canny_flow_px"]
        edges = partial(flow_edges, threshold_px=threshold) if self.experiment.edges else None
        return DirectInpainter(self.network, FILLS[self.experiment.fill], edges)

    @property
    def refinement_steps(self) -> int:
        """Of the training, for a network that refines."""
        return self.settings["train"]["refinement"]["refinement_steps"]

    def refining(self, steps: int) -> IterativeInpainter:
        """Ready to refine in any number of steps on the CPU."""
        assert isinstance(self.network, Refiner)
        assert isinstance(self.experiment, IterativeExperiment)
        fill, ensemble = FILLS[self.experiment.fill], self.experiment.self_ensemble
        return IterativeInpainter(self.network, fill, steps, self_ensemble=ensemble)


def load_network(path: Path) -> Trained:
    """Weights of the stage ``train``, of any task.

    Raises:
        InputError: the file is missing, damaged, or of another version of flowmend.
    """
    tensors, metadata = read_model(path)
    try:
        experiment = EXPERIMENT.validate_python(metadata["experiment"])
        train = metadata["train"]
        budget = train["refinement"] if isinstance(experiment, IterativeExperiment) else train
        network = build_network(experiment, metadata["data"]["frames"], budget["width"], seed=0)
        network.load_state_dict(tensors)
        settings = {block: metadata[block] for block in ("data", "train", "holes", "edges")}
        name, seed = metadata["name"], metadata["seed"]
        if isinstance(experiment, MendingExperiment):
            return Model(name, experiment, seed, network.eval(), settings)
        return Trained(name, experiment, seed, network.eval(), settings)
    except (KeyError, ValueError, RuntimeError) as error:
        what = f"does not fit this version of flowmend ({type(error).__name__})"
        raise InputError(path, what, "train it again with `dvc repro`") from error


def load_model(path: Path) -> Model:
    """Weights of a network that mends flow.

    Raises:
        InputError: as :func:`load_network`, or the network does something else.
    """
    model = load_network(path)
    if not isinstance(model, Model):
        what = f"is of the task {model.experiment.task}"
        raise InputError(path, what, "give weights of an experiment that mends flow")
    return model
