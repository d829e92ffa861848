"""The test split of a tiny scale on disk, and trained networks that need no training."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from flowmend import params
from flowmend.datasets.moving_shapes import render, write_davis
from flowmend.edges import EDGES_VERSION, flow_edges
from flowmend.holes import HOLES_VERSION
from flowmend.io.flow_archive import FlowArchiveWriter
from flowmend.io.layout_zip import writing_zip
from flowmend.io.packed_maps import PackedMaps, write_packed_maps
from flowmend.params import EXPERIMENT as BLOCK
from flowmend.params import Params
from flowmend.stages import build, stored_network
from flowmend.stages.build import Model, build_network
from flowmend.stages.layout import EDGE_SOURCES, SHARDS, Layout
from flowmend.training.checkpoint import save_model
from flowmend.types import Clip, Completion

SCALE, FRAMES, SIZE = "tiny", 6, 16
SHAPES = ("rectangle", "stroke")
LAYOUT = Layout(SCALE)
REFINEMENT_STEPS = 2
EXPERIMENT = {
    "study": "x",
    "network": "unet",
    "fill": "zero",
    "output": "direct",
    "losses": {"l1": 1.0},
}


class ByteOffset:
    """A stand-in for a network: the truth, moved by as many px as its weights' one byte says."""

    loads: ClassVar[list[Path]] = []

    def __init__(self, weights: Path) -> None:
        self.loads.append(weights)
        self._px = weights.read_bytes()[0]

    def __call__(self, clip: Clip) -> Completion:
        return Completion(clip.forward + self._px, clip.backward + self._px)

    @property
    def inpainter(self) -> "ByteOffset":
        return self


def load_model(weights: Path) -> ByteOffset | Model:
    """Stand-ins have weights of one byte."""
    return ByteOffset(weights) if weights.stat().st_size == 1 else build.load_model(weights)


def make(folder: Path, monkeypatch: pytest.MonkeyPatch, estimator: str = "exact") -> Path:
    """A folder with the test clips of a tiny scale, four shards of one clip each."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(stored_network, "load_model", load_model)
    monkeypatch.setattr(ByteOffset, "loads", [])
    for shard in SHARDS:
        write_shard(shard, seed=shard, estimator=estimator)
    return folder


def write_shard(shard: int, seed: int, estimator: str = "exact") -> None:
    random = np.random.default_rng(seed)
    name = f"clip_{shard}"
    flow = random.normal(size=(2, FRAMES, 2, SIZE, SIZE)).cumsum(-1).astype(np.float32)
    archive = FlowArchiveWriter(
        LAYOUT.flow("test", shard), "fast", 1 / 128, {"estimator": estimator}
    )
    with archive:
        for direction, fields in zip(("forward", "backward"), flow):
            for t, field in enumerate(fields):
                archive.add(f"{name}/{direction}/{t}", field)
    edges = np.stack([flow_edges(field, 0.5) for field in flow[0]])
    packed = np.stack([np.roll(edges, k, -1) for k in range(len(EDGE_SOURCES))])[None]
    maps = PackedMaps.pack([name], EDGE_SOURCES, packed, EDGES_VERSION)
    write_packed_maps(LAYOUT.edges("test", shard), maps)
    write_sequence(shard, lambda member: True)
    holes = np.zeros((1, len(SHAPES), SIZE, SIZE), bool)
    holes[0, 0, 4:9, 4 : 8 + shard] = True
    holes[0, 1, 10:12, 2:13] = True
    maps = PackedMaps.pack([name], list(SHAPES), holes, HOLES_VERSION)
    write_packed_maps(LAYOUT.holes("test", shard), maps)


def write_sequence(shard: int, keep: Callable[[str], bool]) -> None:
    """Frames, segmentations and occlusions of a shard's clip, but those not kept."""
    rendered = render(shard, FRAMES + 2, SIZE, SIZE)
    with writing_zip(LAYOUT.sequences("test", shard)) as archive:
        add = lambda path, data: archive.add(path, data) if keep(path) else None  # noqa: E731
        write_davis(rendered, f"clip_{shard}", add)


def settings(project: Path, **experiments: dict) -> Params:
    """Params of the tiny scale; blocks without a task are changes to :data:`EXPERIMENT`."""
    loaded = params.load(project / "params.yaml")
    smoke = loaded.at("smoke")
    scale = smoke.model_copy(
        update={
            "data": smoke.data.model_copy(update={"height_px": SIZE, "width_px": SIZE}),
            "holes": smoke.holes.model_copy(
                update={"shapes": list(SHAPES), "min_side_px": 4, "max_side_px": 12}
            ),
            "train": smoke.train.model_copy(update={"seeds": [0, 1]}),
            "evaluate": smoke.evaluate.model_copy(
                update={"bootstrap_samples": 100, "processes": 1}  # stand-ins stay in this one
            ),
        }
    )
    blocks = {
        name: BLOCK.validate_python(block if "task" in block else EXPERIMENT | block)
        for name, block in experiments.items()
    }
    for name in blocks:
        for seed in scale.train.seeds:
            if not LAYOUT.weights(name, seed).exists():
                LAYOUT.model(name).mkdir(parents=True, exist_ok=True)
                LAYOUT.weights(name, seed).write_bytes(bytes([1 + seed]))
    return loaded.model_copy(update={"scales": {SCALE: scale}, "experiments": blocks})


def tables() -> tuple[bytes, bytes, bytes]:
    files = (LAYOUT.results, LAYOUT.summary, LAYOUT.tasks)
    return tuple(path.read_bytes() for path in files)


def other_hole(shard: int) -> None:
    holes = np.zeros((1, len(SHAPES), SIZE, SIZE), bool)
    holes[:, :, 3:6, 3:6] = True
    maps = PackedMaps.pack([f"clip_{shard}"], list(SHAPES), holes, HOLES_VERSION)
    write_packed_maps(LAYOUT.holes("test", shard), maps)


def untrained(given: Params, name: str) -> None:
    """Weights of an experiment before its first step, of every seed, as the stage writes them."""
    block, scale, width = given.experiment(name), given.at(SCALE), 8
    for seed in scale.train.seeds:
        network = build_network(block, FRAMES, width, seed)
        blocks = {"data": scale.data, "holes": scale.holes, "edges": scale.edges}
        metadata = {key: of.model_dump(mode="json") for key, of in blocks.items()}
        budget = {"width": width, "refinement_steps": REFINEMENT_STEPS}
        train = {"width": width, "threads": 1, "refinement": budget}
        metadata |= {"train": train, "name": name, "seed": seed}
        metadata["experiment"] = block.model_dump(mode="json")
        save_model(LAYOUT.weights(name, seed), network.state_dict(), metadata)
