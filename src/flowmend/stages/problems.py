"""Wiring: from an experiment and the training files to what is learned, and against whom."""

from functools import partial
from pathlib import Path

import torch
from torch import nn

from flowmend.datasets.clip_set import ClipSet, load_clip_set
from flowmend.edges import flow_edges
from flowmend.losses.adversarial import ADVERSARIES
from flowmend.networks.edge_gan import EdgeCritic
from flowmend.networks.patchgan import PatchGan
from flowmend.params import (
    BackwardFlowExperiment,
    EdgesExperiment,
    Experiment,
    FlowExperiment,
    IterativeExperiment,
    MovePatternExperiment,
    Scale,
)
from flowmend.schedules import SCHEDULES
from flowmend.stages.layout import EDGE_FILL, SHARDS, Layout
from flowmend.training.adversarial import Opponent
from flowmend.training.backward_flow import BackwardFlow
from flowmend.training.batches import Batches
from flowmend.training.edge_completion import EdgeCompletion
from flowmend.training.iterative import Plan
from flowmend.training.known_edges import EdgeFinder
from flowmend.training.mending import Mending, seen_channels
from flowmend.training.moving_patterns import MovingPatterns
from flowmend.training.problems import Problem
from flowmend.training.refining import Refining

SPLIT = "train"

SinglePass = FlowExperiment | BackwardFlowExperiment | EdgesExperiment | MovePatternExperiment


def build_problem(experiment: SinglePass, settings: Scale, clips: ClipSet, seed: int) -> Problem:
    """What an experiment's network learns from the training clips, in one pass a step."""
    size = settings.train.batch
    match experiment:
        case FlowExperiment():
            return _mending(experiment, settings, clips, seed)
        case BackwardFlowExperiment():
            return BackwardFlow(clips.flow, size, seed)
        case EdgesExperiment():
            shapes = experiment.hole_shapes or clips.shapes
            find = _edge_finder(settings)
            return EdgeCompletion(clips, shapes, EDGE_FILL, find, size, seed)
        case MovePatternExperiment():
            return MovingPatterns(size, seed)


def build_refining(
    experiment: IterativeExperiment, settings: Scale, clips: ClipSet, seed: int
) -> tuple[Refining, Plan]:
    """What a refinement learns from the training clips, and how it is unrolled."""
    budget = settings.train.refinement
    shapes = experiment.hole_shapes or clips.shapes
    batches = Batches(clips, shapes, experiment.fill, experiment.setup, budget.batch, seed)
    losses = [str(name) for name in experiment.losses]
    problem = Refining(batches, losses, experiment.confidence_weighted)
    per_step = experiment.backpropagation == "per_step"
    schedule = SCHEDULES[experiment.schedule]
    return problem, Plan(schedule, budget.refinement_steps, budget.s0_steps, per_step)


def build_opponent(experiment: Experiment, frames: int, width: int, seed: int) -> Opponent | None:
    """The discriminator of an adversarial experiment, freshly initialised from ``seed``."""
    name = next((loss for loss in experiment.losses if loss in ADVERSARIES), None)
    if name is None:
        return None
    torch.manual_seed(seed)
    network: nn.Module
    if isinstance(experiment, EdgesExperiment):
        network, steps = EdgeCritic(width), experiment.critic_steps
    else:
        assert isinstance(experiment, FlowExperiment)
        network, steps = PatchGan(seen_channels(frames, experiment.edges), width), 1
    return Opponent(name, network, ADVERSARIES[name], steps, seed)


def training_files(layout: Layout) -> list[list[Path]]:
    """Shards of flow, holes, fills and edges."""
    kinds = (layout.flow, layout.holes, layout.fills, layout.edges)
    return [[kind(SPLIT, shard) for shard in SHARDS] for kind in kinds]


def training_clips(layout: Layout, frames: int) -> ClipSet:
    """All training clips.

    Raises:
        InputError: flow, holes, fills or edges are missing or damaged.
    """
    flow, holes, fills, edges = training_files(layout)
    return load_clip_set(flow, holes, fills, edges, frames)


def _edge_finder(settings: Scale) -> EdgeFinder:
    return partial(flow_edges, threshold_px=settings.edges.canny_flow_px)


def _mending(experiment: FlowExperiment, settings: Scale, clips: ClipSet, seed: int) -> Mending:
    batches = Batches(
        clips,
        experiment.hole_shapes or clips.shapes,
        experiment.fill,
        experiment.setup,
        settings.train.batch,
        seed,
        find_edges=_edge_finder(settings) if experiment.edges else None,
        positions=experiment.coordinates,
    )
    losses = [str(name) for name in experiment.losses if name not in ADVERSARIES]
    return Mending(batches, losses, experiment.region, settings.edges.canny_flow_px)
