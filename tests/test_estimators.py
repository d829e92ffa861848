import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from flowmend.errors import InputError
from flowmend.estimators import ESTIMATORS, clips_of, dis
from flowmend.io.flo import encode_flo, read_flo
from flowmend.io.images import encode_png, read_image
from flowmend.io.layout_zip import open_layout
from raw_trees import picture, write


def _epe(flow: np.ndarray, truth: np.ndarray) -> float:
    return float(np.nanmean(np.linalg.norm(flow - truth, axis=0)))


def _layout(path: Path, flow: bytes | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(3):
            archive.writestr(f"JPEGImages/480p/bear/{n:05d}.png", encode_png(picture(2 * n)))
        if flow is not None:
            archive.writestr("Flow/forward/bear/00001.flo", flow)
            archive.writestr("Flow/backward/bear/00001.flo", flow)
    return path


class TestDis:
    def test_finds_a_translation_both_ways(self, tmp_path: Path) -> None:
        with open_layout(_layout(tmp_path / "0.zip")) as layout:
            (clip,) = clips_of(layout, "0.zip")
            forward = ESTIMATORS["dis"](clip, 1, 2)
            backward = ESTIMATORS["dis"](clip, 1, 0)
        inner = (slice(None), slice(8, -8), slice(8, -8))
        assert forward.shape == (2, 48, 80)
        assert forward.dtype == np.float32
        np.testing.assert_allclose(np.median(forward[inner], axis=(1, 2)), [2, 0], atol=0.05)
        np.testing.assert_allclose(np.median(backward[inner], axis=(1, 2)), [-2, 0], atol=0.05)

    def test_history_and_threads_leave_no_trace(self) -> None:
        small, large = ((picture(0, *size), picture(3, *size)) for size in ((16, 16), (120, 200)))
        first = dis.estimate(*large)
        dis.estimate(*small)
        cv2.setNumThreads(2)
        np.testing.assert_array_equal(dis.estimate(*large), first)

    def test_frames_it_cannot_match(self) -> None:
        with pytest.raises(InputError, match="80×48 and 60×48 px"):
            dis.estimate(picture(0), picture(0, width=60))
        with pytest.raises(InputError, match="16 px or more"):
            dis.estimate(picture(0, 12), picture(0, 12))

    @pytest.mark.real_data
    @pytest.mark.parametrize(
        ("scene", "bound_px"), [("RubberWhale", 0.3), ("Grove2", 0.5), ("Venus", 0.8)]
    )
    def test_middlebury(self, real_data: Path, scene: str, bound_px: float) -> None:
        folder = real_data / "flow_gt/middlebury"
        first, second = (
            read_image(folder / "other-data" / scene / f"frame{n}.png") for n in (10, 11)
        )
        truth = read_flo(folder / "other-gt-flow" / scene / "flow10.flo", allow_unknown=True)
        assert _epe(dis.estimate(first, second), truth) < bound_px


class TestExact:
    def test_reads_the_flow_beside_the_frames(self, tmp_path: Path) -> None:
        flow = np.random.default_rng(0).normal(size=(2, 48, 80)).astype(np.float32)
        with open_layout(_layout(tmp_path / "0.zip", encode_flo(flow))) as layout:
            (clip,) = clips_of(layout, "0.zip")
            np.testing.assert_array_equal(ESTIMATORS["exact"](clip, 1, 2), flow)
            np.testing.assert_array_equal(ESTIMATORS["exact"](clip, 1, 0), flow)

    @pytest.mark.parametrize(
        ("flow", "message"),
        [
            (None, r"bear/00001\.flo: is missing: no true flow; set flow\.estimator to dis"),
            (b"PIEX" + bytes(20), r"0\.zip: Flow/forward/bear/00001\.flo: is not a \.flo file"),
            (encode_flo(np.full((2, 48, 80), np.nan, np.float32)), r"00001\.flo: .*unknown flow"),
        ],
    )
    def test_bad_flow(self, tmp_path: Path, flow: bytes | None, message: str) -> None:
        with open_layout(_layout(tmp_path / "0.zip", flow)) as layout:
            (clip,) = clips_of(layout, "0.zip")
            with pytest.raises(InputError, match=message):
                ESTIMATORS["exact"](clip, 1, 2)


def test_flownet2_says_what_it_needs(tmp_path: Path) -> None:
    with open_layout(_layout(tmp_path / "0.zip")) as layout:
        (clip,) = clips_of(layout, "0.zip")
        with pytest.raises(InputError, match=r"needs its official weights.*flow\.estimator to dis"):
            ESTIMATORS["flownet2"](clip, 1, 2)


def test_layout_without_frames(tmp_path: Path) -> None:
    write(tmp_path / "ImageSets/2017/train.txt", b"")
    with open_layout(tmp_path) as layout, pytest.raises(InputError, match="holds no frames"):
        clips_of(layout, tmp_path)


def test_damaged_frame_is_named(tmp_path: Path) -> None:
    write(tmp_path / "JPEGImages/480p/bear/00000.jpg", b"none")
    with open_layout(tmp_path) as layout:
        (clip,) = clips_of(layout, tmp_path)
        with pytest.raises(InputError, match=r"bear/00000\.jpg: is not an image"):
            clip.image(0)
