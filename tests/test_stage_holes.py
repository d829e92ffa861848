"""Stages holes and edges on a small synthetic set, and on real clips."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from flowmend.edges import image_edges
from flowmend.edges.hed import hed_edges, thinned
from flowmend.errors import InputError
from flowmend.fills import FILLS
from flowmend.holes import HOLES_VERSION, draw_hole
from flowmend.io.flow_archive import FlowArchive, FlowArchiveWriter
from flowmend.io.hole_values import read_hole_values, scatter
from flowmend.io.images import encode_png, encode_segmentation, read_image, read_segmentation
from flowmend.io.layout_zip import open_layout, writing_zip
from flowmend.io.packed_maps import read_packed_maps
from flowmend.io.weights import write_weights
from flowmend.params import Params, load
from flowmend.stages import edges, holes
from flowmend.stages.holes import read_clip
from flowmend.stages.layout import EDGE_SOURCES, Layout
from hed_network import network

CLIPS = ("disc", "ring")
FRAMES, HEIGHT, WIDTH = 6, 32, 40
PATHS = Layout("smoke")
ARGUMENTS = ("smoke", "test", 2)


@pytest.fixture
def params(project: Path) -> Params:
    """The smoke scale in a smaller frame."""
    whole = load(project / "params.yaml")
    block = whole.at("smoke")
    data = block.data.model_copy(update={"height_px": HEIGHT, "width_px": WIDTH, "frames": FRAMES})
    drawn = block.holes.model_copy(update={"min_side_px": 8, "max_side_px": 12})
    smoke = block.model_copy(update={"data": data, "holes": drawn})
    return whole.model_copy(update={"scales": {"smoke": smoke}})


@pytest.fixture
def shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two clips of moving rings, 64×80 px, with their flow at the working size."""
    monkeypatch.chdir(tmp_path)
    with writing_zip(PATHS.sequences(*ARGUMENTS[1:])) as archive:
        for clip in CLIPS:
            for frame in range(FRAMES + 2):
                ids = _ring(clip, frame, 64, 80)
                image = np.stack([40 + 150 * ids, 60 + 20 * ids, np.full_like(ids, 90)])
                archive.add(f"JPEGImages/480p/{clip}/{frame:05d}.png", encode_png(image))
                member = f"Annotations/480p/{clip}/{frame:05d}.png"
                archive.add(member, encode_segmentation(ids))
    with FlowArchiveWriter(PATHS.flow(*ARGUMENTS[1:]), "fast", 1 / 128) as archive:
        for clip in CLIPS:
            for t in range(FRAMES):
                moves = _ring(clip, t + 1, HEIGHT, WIDTH) * np.float32(2.0)
                archive.add(f"{clip}/forward/{t}", np.stack([moves, 0.1 * t + 0 * moves]))
                archive.add(f"{clip}/backward/{t}", np.stack([-moves, 0 * moves - 0.1 * t]))
    return tmp_path


def _ring(clip: str, frame: int, height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows / height - 0.5, columns / width - 0.3 - 0.05 * frame)
    return ((distance < 0.3) & (distance > (0.15 if clip == "ring" else -1))).astype(np.uint8)


class TestHoles:
    def test_holes_are_those_of_draw_hole(self, shard: Path, params: Params):
        holes.run(params, *ARGUMENTS)
        found = read_packed_maps(PATHS.holes(*ARGUMENTS[1:]))
        shapes = tuple(params.at("smoke").holes.shapes)
        assert (found.names, found.labels, found.version) == (CLIPS, shapes, HOLES_VERSION)
        assert found.shape == (2, 4, HEIGHT, WIDTH)
        segmentations = {clip: _ring(clip, 0, 64, 80) for clip in CLIPS}
        with FlowArchive(PATHS.flow(*ARGUMENTS[1:])) as archive:
            first = archive.read("ring/forward/0")
        for shape in shapes:
            expected = draw_hole(shape, "ring", first, 11, (8, 12), segmentations)
            assert np.array_equal(found.get("ring", shape), expected)

    def test_fills_are_those_of_the_fills(self, shard: Path, params: Params):
        holes.run(params, *ARGUMENTS)
        maps = read_packed_maps(PATHS.holes(*ARGUMENTS[1:]))
        values = read_hole_values(PATHS.fills(*ARGUMENTS[1:]))
        with FlowArchive(PATHS.flow(*ARGUMENTS[1:])) as archive:
            flow = read_clip(archive, "disc", FRAMES)
        assert set(values.fills) == {"smooth", "biharmonic"}
        for fill in values.fills:
            hole = maps.get("disc", "object")
            filled = scatter(values.get(fill, "disc", "object"), hole, flow)
            for direction in (0, 1):
                expected = FILLS[fill](flow[:, direction], hole)
                assert np.abs(filled[:, direction] - expected).max() < 1e-5

    def test_same_inputs_same_bytes(self, shard: Path, params: Params):
        outs = [PATHS.holes(*ARGUMENTS[1:]), PATHS.fills(*ARGUMENTS[1:])]
        holes.run(params, *ARGUMENTS)
        before = [out.read_bytes() for out in outs]
        holes.run(params, *ARGUMENTS)
        assert [out.read_bytes() for out in outs] == before

    def test_without_segmentations_an_object_cannot_be_drawn(self, shard: Path, params: Params):
        _drop(PATHS.sequences(*ARGUMENTS[1:]), "Annotations/")
        with pytest.raises(InputError, match=r"hole of clip disc: .*remove object"):
            holes.run(params, *ARGUMENTS)
        assert not PATHS.holes(*ARGUMENTS[1:]).exists()

    def test_a_missing_flow_is_named(self, shard: Path, params: Params):
        with FlowArchiveWriter(PATHS.flow(*ARGUMENTS[1:]), "fast", 1 / 128) as archive:
            archive.add("disc/forward/0", np.zeros((2, HEIGHT, WIDTH), np.float32))
        with pytest.raises(InputError, match="disc/forward/1"):
            holes.run(params, *ARGUMENTS)
        assert not PATHS.holes(*ARGUMENTS[1:]).exists()


class TestEdges:
    def test_flow_frame_t_is_video_frame_t_plus_one(self, shard: Path, params: Params):
        edges.run(params, *ARGUMENTS)
        found = read_packed_maps(PATHS.edges(*ARGUMENTS[1:]))
        assert (found.names, found.labels) == (CLIPS, EDGE_SOURCES)
        assert found.shape == (2, 3, FRAMES, HEIGHT, WIDTH)
        with open_layout(PATHS.sequences(*ARGUMENTS[1:])) as frames:
            image = read_image(frames.read("JPEGImages/480p/disc/00004.png"))
        small = cv2.resize(image.transpose(1, 2, 0), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        expected = image_edges(
            small.transpose(2, 0, 1), params.at("smoke").edges.canny_image_levels
        )
        assert expected.any()
        assert np.array_equal(found.get("disc", "image")[3], expected)

    def test_of_the_image_by_hed(self, shard: Path, params: Params):
        smoke = params.at("smoke")
        by_hed = smoke.edges.model_copy(update={"source": "hed"})
        smoke = smoke.model_copy(update={"edges": by_hed})
        params = params.model_copy(update={"scales": {"smoke": smoke}})
        with pytest.raises(InputError, match=r"hed\.safetensors.*flowmend weights add hed FILE"):
            edges.run(params, *ARGUMENTS)
        write_weights(Path("weights/edges/hed.safetensors"), network().state_dict(), {})
        edges.run(params, *ARGUMENTS)
        found = read_packed_maps(PATHS.edges(*ARGUMENTS[1:]))
        with open_layout(PATHS.sequences(*ARGUMENTS[1:])) as frames:
            image = read_image(frames.read("JPEGImages/480p/disc/00004.png"))
        small = cv2.resize(image.transpose(1, 2, 0), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        expected = thinned(hed_edges(small.transpose(2, 0, 1), network()))
        assert expected.any()
        assert np.array_equal(found.get("disc", "image")[3], expected)

    def test_sources_agree_on_what_moves(self, shard: Path, params: Params):
        edges.run(params, *ARGUMENTS)
        found = read_packed_maps(PATHS.edges(*ARGUMENTS[1:]))
        for clip in CLIPS:
            near = [
                cv2.dilate(one.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
                for one in found.get(clip, "segmentation")
            ]
            for source in ("flow", "image"):
                seen = found.get(clip, source)
                assert seen.any(axis=(1, 2)).all()
                assert (seen & ~np.array(near)).sum() <= 0.05 * seen.sum()

    def test_same_inputs_same_bytes(self, shard: Path, params: Params):
        edges.run(params, *ARGUMENTS)
        before = PATHS.edges(*ARGUMENTS[1:]).read_bytes()
        edges.run(params, *ARGUMENTS)
        assert PATHS.edges(*ARGUMENTS[1:]).read_bytes() == before

    def test_a_frame_without_segmentation_has_no_such_edges(self, shard: Path, params: Params):
        _drop(PATHS.sequences(*ARGUMENTS[1:]), "Annotations/480p/disc/00002.png")
        edges.run(params, *ARGUMENTS)
        found = read_packed_maps(PATHS.edges(*ARGUMENTS[1:])).get("disc", "segmentation")
        assert np.flatnonzero(~found.any(axis=(1, 2))).tolist() == [1]


def _drop(path: Path, prefix: str) -> None:
    """Rewrite a shard without some of its members."""
    with open_layout(path) as layout:
        kept = {name: layout.read(name) for name in layout.names() if not name.startswith(prefix)}
    with writing_zip(path) as archive:
        for name, data in kept.items():
            archive.add(name, data)


@pytest.mark.real_data
def test_real_objects_make_holes(real_data: Path):
    folders = sorted((real_data / "davis" / "Annotations" / "480p").iterdir())
    segmentations = {
        folder.name: read_segmentation(sorted(folder.iterdir())[0]) for folder in folders
    }
    flow = np.random.default_rng(0).normal(size=(2, 120, 216)).astype(np.float32)
    for name in segmentations:
        hole = draw_hole("object", name, flow, 11, (24, 48), segmentations)
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        sides = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert min(sides) >= 24
        assert max(sides) <= 48
        assert hole.sum() < 0.95 * sides[0] * sides[1]
