"""All clips of a split in memory: flow and its edges, holes, and what the fills put in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowmend.errors import InputError
from flowmend.io.flow_archive import FlowArchive
from flowmend.io.hole_values import HoleValues, read_hole_values, scatter
from flowmend.io.packed_maps import read_packed_maps

EDGE_SOURCE = "flow"  # the one that the report keeps (2.6.1)


@dataclass(frozen=True)
class ClipSet:
    """N clips × S hole shapes.

    Attributes:
        names: of the clips.
        shapes: of the holes.
        flow: truth, float32 (N, T, 2 directions [forward, backward], 2, H, W), px.
        holes: bool (N, S, H, W).
        values: one record of hole values a clip.
        edges: Canny on the forward flow, bool (N, T, H, W).
    """

    names: tuple[str, ...]
    shapes: tuple[str, ...]
    flow: np.ndarray
    holes: np.ndarray
    values: tuple[HoleValues, ...]
    edges: np.ndarray

    def filled(self, clip: int, shape: int, fill: str) -> np.ndarray:
        """A clip with every frame's hole filled, float32 (T, 2, 2, H, W), px.

        Args:
            clip: number of the clip.
            shape: number of the hole shape.
            fill: ``zero`` or a stored fill.
        """
        values = self.hole_values(clip, shape, fill)
        return scatter(values, self.holes[clip, shape], self.flow[clip])

    def hole_values(self, clip: int, shape: int, fill: str) -> np.ndarray:
        """What a fill puts in a hole, float32 (P, T, 2 directions, 2), px; arguments as above."""
        if fill == "zero":
            pixels = int(self.holes[clip, shape].sum())
            return np.zeros((pixels, *self.flow.shape[1:4]), np.float32)
        return self.values[clip].get(fill, self.names[clip], self.shapes[shape])


def load_clip_set(
    flow: Sequence[Path],
    holes: Sequence[Path],
    fills: Sequence[Path],
    edges: Sequence[Path],
    frames: int,
) -> ClipSet:
    """Read the shards of one split.

    Args:
        flow, holes, fills, edges: files of the same shards, in the same order.
        frames: T, flow frames a clip.

    Raises:
        InputError: a file is missing or damaged, or the shards hold no clip.
    """
    names: list[str] = []
    fields, maps, values, contours = [], [], [], []
    shapes: tuple[str, ...] = ()
    for flow_path, holes_path, fills_path, edges_path in zip(
        flow, holes, fills, edges, strict=True
    ):
        packed, shapes_values = read_packed_maps(holes_path), read_hole_values(fills_path)
        drawn = read_packed_maps(edges_path)
        shapes = packed.labels
        with FlowArchive(flow_path) as archive:
            fields += [_read_clip(archive, name, frames) for name in packed.names]
        names += packed.names
        maps.append(packed.unpack())
        values += [shapes_values] * len(packed.names)
        contours += [drawn.get(name, EDGE_SOURCE) for name in packed.names]
    if not names:
        raise InputError(flow[0].parent, "holds no clips", "ask for more clips (data.clips)")
    return ClipSet(
        tuple(names),
        shapes,
        np.stack(fields),
        np.concatenate(maps),
        tuple(values),
        np.stack(contours),
    )


def _read_clip(archive: FlowArchive, name: str, frames: int) -> np.ndarray:
    keys = [f"{name}/{way}/{t}" for t in range(frames) for way in ("forward", "backward")]
    flow = archive.read_many(keys)
    return flow.reshape(frames, 2, *flow.shape[1:])
