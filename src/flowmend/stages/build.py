"""Wiring: from the numbers and names of ``params.yaml`` to objects."""

from dataclasses import dataclass
from pathlib import Path

import torch

from flowmend.errors import InputError
from flowmend.fills import FILLS
from flowmend.inpainters.direct import DirectInpainter
from flowmend.networks import NETWORKS
from flowmend.networks.flow_predictor import FlowPredictor
from flowmend.params import Experiment
from flowmend.training.checkpoint import read_model

CHANNELS_IN = 5  # a frame: forward x, y; backward x, y; hole
CHANNELS_OUT = 4


def build_predictor(experiment: Experiment, frames: int, width: int, seed: int) -> FlowPredictor:
    """An experiment's network, freshly initialised from ``seed``."""
    torch.manual_seed(seed)
    trunk = NETWORKS[experiment.network](CHANNELS_IN * frames, CHANNELS_OUT * frames, width)
    return FlowPredictor(trunk, residual=experiment.output == "residual")


@dataclass(frozen=True)
class Model:
    """Trained weights and what they were trained on.

    Attributes:
        name: of the experiment.
        experiment: its block.
        seed: of the training.
        frames: T, flow frames a clip.
        threads: of the training.
        size_px: height and width of the training clips.
        sides_px: shortest and longest side of the holes.
        shapes: of the holes.
        inpainter: ready to mend.
    """

    name: str
    experiment: Experiment
    seed: int
    frames: int
    threads: int
    size_px: tuple[int, int]
    sides_px: tuple[int, int]
    shapes: tuple[str, ...]
    inpainter: DirectInpainter


def load_model(path: Path) -> Model:
    """Weights of the stage ``train``, ready to mend on the CPU.

    Raises:
        InputError: the file is missing, damaged, or of another version of flowmend.
    """
    tensors, metadata = read_model(path)
    try:
        experiment = Experiment.model_validate(metadata["experiment"])
        data, holes = metadata["data"], metadata["holes"]
        frames, width = data["frames"], metadata["train"]["width"]
        predictor = build_predictor(experiment, frames, width, seed=0)
        predictor.load_state_dict(tensors)
        return Model(
            name=metadata["name"],
            experiment=experiment,
            seed=metadata["seed"],
            frames=frames,
            threads=metadata["train"]["threads"],
            size_px=(data["height_px"], data["width_px"]),
            sides_px=(holes["min_side_px"], holes["max_side_px"]),
            shapes=tuple(experiment.hole_shapes or holes["shapes"]),
            inpainter=DirectInpainter(predictor, FILLS[experiment.fill]),
        )
    except (KeyError, ValueError, RuntimeError) as error:
        what = f"does not fit this version of flowmend ({type(error).__name__})"
        raise InputError(path, what, "train it again with `dvc repro`") from error


def load_inpainter(path: Path) -> DirectInpainter:
    """The inpainter of :func:`load_model`."""
    return load_model(path).inpainter
