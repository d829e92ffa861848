"""Pairs with true flow are found in each data set's own folders, and what they hold is read."""

from pathlib import Path

import numpy as np
import pytest

import true_flow_trees as trees
from flowmend.datasets.true_flow import read, scan
from flowmend.errors import InputError
from flowmend.io.flo import write_flo
from flowmend.io.images import encode_png, read_image
from flowmend.io.kitti import write_kitti


class TestScan:
    @pytest.mark.parametrize("layout", trees.TREES)
    def test_finds_each_layout(self, layout: str, tmp_path: Path) -> None:
        make, expected = trees.TREES[layout]
        make(tmp_path)
        pairs = scan(tmp_path)
        assert [(pair.dataset, pair.name) for pair in pairs] == expected
        for pair in pairs:
            start = 1 if pair.name == "cave_2/frame_0002" else 0
            for frame, expected_picture in zip(pair.frames, trees.frames(3)[start:]):
                assert np.array_equal(read_image(frame), expected_picture)

    def test_finds_all_in_one_tree(self, tmp_path: Path) -> None:
        for layout, (make, _) in trees.TREES.items():
            make(tmp_path / layout)
        expected = sorted(pair for _, pairs in trees.TREES.values() for pair in pairs)
        assert sorted((pair.dataset, pair.name) for pair in scan(tmp_path)) == expected

    @pytest.mark.parametrize("below", ["other-gt-flow", "other-gt-flow/Grove2"])
    def test_begins_anywhere_in_the_tree(self, below: str, tmp_path: Path) -> None:
        trees.middlebury(tmp_path)
        assert scan(tmp_path / below) == scan(tmp_path)

    def test_middlebury_in_one_folder(self, tmp_path: Path) -> None:
        trees.middlebury(tmp_path)
        for name in ("frame10.png", "frame11.png"):
            (tmp_path / "other-data/Grove2" / name).rename(tmp_path / name)
        (tmp_path / "other-gt-flow/Grove2/flow10.flo").rename(tmp_path / "flow10.flo")
        (pair,) = scan(tmp_path)
        assert pair.frames == (tmp_path / "frame10.png", tmp_path / "frame11.png")

    def test_kitti_2012_in_colour(self, tmp_path: Path) -> None:
        trees.kitti(tmp_path)
        (tmp_path / "training/image_2").rename(tmp_path / "training/colored_0")
        (pair,) = scan(tmp_path)
        assert pair.frames[1] == tmp_path / "training/colored_0/000010_11.png"

    def test_a_pass_of_sintel_alone(self, tmp_path: Path) -> None:
        trees.sintel(tmp_path)
        (tmp_path / "training/final").rename(tmp_path / "elsewhere")
        assert [pair.dataset for pair in scan(tmp_path)] == ["Sintel clean"]

    @pytest.mark.parametrize(
        ("layout", "missing"),
        [
            ("middlebury", "other-data/Grove2/frame11.png"),
            ("sintel", "training/final/alley_1/frame_0008.png"),
            ("sintel_sequence", "cave_2/frame_0003.png"),
            ("flying_chairs", "data/00012_img1.ppm"),
            ("kitti", "training/image_2/000010_11.png"),
            ("kitti_flat", "kitti_000010_10.png"),
        ],
    )
    def test_a_missing_frame_is_named(self, layout: str, missing: str, tmp_path: Path) -> None:
        trees.TREES[layout][0](tmp_path)
        (tmp_path / missing).unlink()
        with pytest.raises(InputError, match=f"{missing}: is missing, a frame of .*; restore it"):
            scan(tmp_path)

    def test_no_pair_no_folder(self, tmp_path: Path) -> None:
        write_flo(tmp_path / "result.flo", trees.flow())
        with pytest.raises(InputError, match="holds no true flow as Middlebury, Sintel, Flying"):
            scan(tmp_path)
        with pytest.raises(InputError, match="is not a folder"):
            scan(tmp_path / "result.flo")
        with pytest.raises(InputError, match="is missing"):
            scan(tmp_path / "nowhere")


class TestRead:
    @pytest.mark.parametrize(
        ("layout", "unknown", "hidden"),
        [("middlebury", 4, None), ("sintel", 2, 8), ("sintel_sequence", 2, 8),
         ("flying_chairs", 0, None), ("kitti", 40, 48), ("kitti_flat", 40, 48)],
    )  # fmt: skip
    def test_what_is_known_and_what_is_visible(
        self, layout: str, unknown: int, hidden: int | None, tmp_path: Path
    ) -> None:
        trees.TREES[layout][0](tmp_path)
        truth = read(scan(tmp_path)[0])
        assert np.array_equal(truth.known, ~trees.left_out(unknown))
        assert np.array_equal(truth.flow, np.where(truth.known, trees.flow(), 0))
        assert truth.flow.dtype == np.float32
        if hidden is None:
            assert truth.visible is None
        else:
            assert np.array_equal(truth.visible, ~trees.left_out(hidden))

    def test_without_maps_all_is_known_and_nobody_says_what_is_visible(
        self, tmp_path: Path
    ) -> None:
        trees.sintel_sequence(tmp_path)
        truth = read(scan(tmp_path)[1])
        assert truth.known.all()
        assert truth.visible is None

    def test_maps_of_another_size(self, tmp_path: Path) -> None:
        trees.sintel(tmp_path)
        path = tmp_path / "training/occlusions/alley_1/frame_0007.png"
        path.write_bytes(encode_png(np.zeros((32, 40), np.uint8)))
        with pytest.raises(InputError, match=r"frame_0007\.png: is 40×32 px, its flow 80×64"):
            read(scan(tmp_path)[0])

    def test_truncated_flow(self, tmp_path: Path) -> None:
        trees.middlebury(tmp_path)
        path = tmp_path / "other-gt-flow/Grove2/flow10.flo"
        path.write_bytes(path.read_bytes()[:-8])
        with pytest.raises(InputError, match=r"flow10\.flo: holds \d+ bytes"):
            read(scan(tmp_path)[0])

    def test_no_known_pixel(self, tmp_path: Path) -> None:
        trees.kitti(tmp_path)
        none = np.zeros((trees.HEIGHT, trees.WIDTH), bool)
        write_kitti(tmp_path / "training/flow_occ/000010_10.png", trees.flow(), none)
        with pytest.raises(InputError, match="holds no pixel of known flow"):
            read(scan(tmp_path)[0])


@pytest.mark.real_data
class TestRealPairs:
    def test_the_frames_fit_the_flow(self, real_data: Path) -> None:
        if not (real_data / "flow_gt").is_dir():
            pytest.skip(f"REAL DATA MISSING: {real_data / 'flow_gt'} is not there")
        pairs = scan(real_data / "flow_gt")
        found = {
            name: [p for p in pairs if p.dataset == name] for name in {p.dataset for p in pairs}
        }
        assert {name: len(of) for name, of in found.items()} == {
            "Middlebury": 3, "Sintel": 4, "FlyingChairs": 1, "KITTI": 1,
        }  # fmt: skip
        for pair in pairs:
            truth = read(pair)
            first, second = (read_image(frame) for frame in pair.frames)
            assert first.shape[1:] == second.shape[1:] == truth.known.shape
            assert 0.1 < np.hypot(*truth.flow)[truth.known].mean() < 60
            before, after = (frame.mean(axis=0) for frame in (first, second))
            assert _unlike(before, after, truth) < 0.8 * _unlike(before, after, truth, moved=False)


def _unlike(before: np.ndarray, after: np.ndarray, truth, moved: bool = True) -> float:
    """Mean difference of grey levels along the flow: small if flow and frames belong together."""
    y, x = np.indices(truth.known.shape)
    step = np.rint(truth.flow * moved).astype(int)
    y_after, x_after = y + step[1], x + step[0]
    height, width = truth.known.shape
    inside = (y_after >= 0) & (y_after < height) & (x_after >= 0) & (x_after < width)
    counted = truth.known & inside
    landed = after[y_after[counted], x_after[counted]]
    return float(np.abs(before[counted] - landed).mean())
