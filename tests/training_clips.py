"""Clips for the tests of the training room, made through the pipeline's own files."""

from functools import partial
from pathlib import Path

import numpy as np

from flowmend.datasets.clip_set import ClipSet, load_clip_set
from flowmend.edges import EDGES_VERSION, flow_edges
from flowmend.io.flow_archive import FlowArchiveWriter
from flowmend.io.hole_values import HoleValues, write_hole_values
from flowmend.io.packed_maps import PackedMaps, write_packed_maps
from flowmend.stages.holes import fill_holes
from flowmend.stages.layout import EDGE_SOURCES

FRAMES, SIZE = 6, 16
SHAPES = ("rectangle", "ellipse")
CANNY_PX = 0.15  # the flow below is smooth
FIND = partial(flow_edges, threshold_px=CANNY_PX)


def smooth_flow(seed: int, size: int = SIZE) -> np.ndarray:
    """A clip (T, 2 directions, 2, H, W) of affine flow with a bump, px."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    base = rng.normal(size=(FRAMES, 2, 2, 3)).astype(np.float32)
    flow = base[..., :1, None] + base[..., 1:2, None] * x + base[..., 2:, None] * y
    return (flow + np.sin(5 * x * y)).astype(np.float32)


def holes(seed: int, size: int = SIZE) -> np.ndarray:
    """One hole of each shape, bool (S, H, W)."""
    rng = np.random.default_rng(seed)
    top, left = rng.integers(2, size - 8, 2)
    maps = np.zeros((2, size, size), bool)
    maps[0, top : top + 5, left : left + 6] = True
    y, x = np.mgrid[:size, :size]
    maps[1] = (y - top - 3) ** 2 + (x - left - 3) ** 2 < 8
    return maps


def edges(flow: np.ndarray) -> np.ndarray:
    """Canny on the forward flow of a clip (T, 2 directions, 2, H, W), bool (T, H, W)."""
    return np.stack([FIND(frame) for frame in flow[:, 0]])


def write_shard(
    flow_path: Path, holes_path: Path, fills_path: Path, edges_path: Path, names: list[str]
) -> None:
    """Flow, holes, fills and edges of one shard."""
    flows = {name: smooth_flow(sum(map(ord, name))) for name in names}
    maps = np.stack([holes(len(name) + 7 * k) for k, name in enumerate(names)])
    flow_path.parent.mkdir(parents=True, exist_ok=True)
    with FlowArchiveWriter(flow_path, "fast", 1 / 128) as archive:
        for name, flow in flows.items():
            for t in range(FRAMES):
                for way, field in zip(("forward", "backward"), flow[t]):
                    archive.add(f"{name}/{way}/{t}", field)
    write_packed_maps(holes_path, PackedMaps.pack(names, SHAPES, maps, 1))
    filled = [fill_holes(flow, list(of)) for flow, of in zip(flows.values(), maps)]
    values = {k: [hole for clip in filled for hole in clip[k]] for k in filled[0]}
    write_hole_values(fills_path, names, SHAPES, values, FRAMES)
    # Each source another map, so that none is taken for another.
    drawn = [edges(flow) for flow in flows.values()]
    sources = np.stack([[np.roll(d, k, -1) for k in (1, 0, 2)] for d in drawn])
    write_packed_maps(edges_path, PackedMaps.pack(names, EDGE_SOURCES, sources, EDGES_VERSION))


def clip_set(folder: Path, clips: int = 3) -> ClipSet:
    """A small set, written and read back."""
    paths = [folder / name for name in ("flow.zip", "holes.npz", "fills.npz", "edges.npz")]
    write_shard(*paths, [f"clip_{k}" for k in range(clips)])
    flow, maps, fills, contours = paths
    return load_clip_set([flow], [maps], [fills], [contours], FRAMES)


def in_memory(flow: np.ndarray, maps: np.ndarray) -> ClipSet:
    """A set that was never written, its flow and fills exact: (N, T, 2, 2, H, W), (N, S, H, W)."""
    names, values = tuple(f"clip_{k}" for k in range(len(flow))), []
    for name, of, drawn in zip(names, flow, maps):
        fills = {k: np.concatenate(found) for k, found in fill_holes(of, list(drawn)).items()}
        offsets = np.cumsum([0, *drawn.sum(axis=(1, 2))])
        values.append(HoleValues((name,), SHAPES, offsets, fills))
    return ClipSet(names, SHAPES, flow, maps, tuple(values), np.stack([edges(of) for of in flow]))


def rough_flow(seed: int, size: int = SIZE) -> np.ndarray:
    """The smooth flow with edges of all directions in every frame."""
    noise = np.random.default_rng(seed).normal(scale=0.2, size=(FRAMES, 2, 2, size, size))
    return smooth_flow(seed, size) + noise.astype(np.float32)


__all__ = [
    "CANNY_PX",
    "FIND",
    "FRAMES",
    "SHAPES",
    "SIZE",
    "clip_set",
    "edges",
    "holes",
    "in_memory",
    "rough_flow",
    "smooth_flow",
    "write_shard",
]
