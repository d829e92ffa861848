import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowmend.errors import InputError
from flowmend.estimators import ClipFrames, clips_of, dis, exact, pair_by_pair
from flowmend.estimators.flownet2 import NETWORKS
from flowmend.estimators.network import NetworkEstimator, network_estimator
from flowmend.estimators.registry import PAIR_BY_PAIR, estimator
from flowmend.io.flo import encode_flo, read_flo
from flowmend.io.images import encode_png, read_image
from flowmend.io.layout_zip import open_layout
from flowmend.params import FlowParams
from published_weights import TinyFlow, keep
from raw_trees import picture, write


def _epe(flow: np.ndarray, truth: np.ndarray) -> float:
    return float(np.nanmean(np.linalg.norm(flow - truth, axis=0)))


def _layout(path: Path, flow: bytes | None = None, frames: int = 3) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(frames):
            archive.writestr(f"JPEGImages/480p/bear/{n:05d}.png", encode_png(picture(2 * n)))
        if flow is not None:
            archive.writestr("Flow/forward/bear/00001.flo", flow)
            archive.writestr("Flow/backward/bear/00001.flo", flow)
    return path


class TestDis:
    def test_finds_a_translation_both_ways(self, tmp_path: Path) -> None:
        with open_layout(_layout(tmp_path / "0.zip")) as layout:
            (clip,) = clips_of(layout, "0.zip")
            forward = dis.estimate_frames(clip, 1, 2)
            backward = dis.estimate_frames(clip, 1, 0)
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
            np.testing.assert_array_equal(exact.read(clip, 1, 2), flow)
            np.testing.assert_array_equal(exact.read(clip, 1, 0), flow)

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
                exact.read(clip, 1, 2)


class _Watched(TinyFlow):
    """Notes the passes: how many pairs each had, and whether it gave both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[tuple[int, bool]] = []

    def forward(self, pair: torch.Tensor) -> torch.Tensor:
        self.passes.append((len(pair), False))
        return super().forward(pair)

    def both(self, pair: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.passes.append((len(pair), True))
        return TinyFlow.forward(self, pair), TinyFlow.forward(self, pair.flip(2))


@pytest.fixture
def clip(tmp_path: Path) -> Iterator[ClipFrames]:
    """Six frames of 80×48 px."""
    with open_layout(_layout(tmp_path / "0.zip", frames=6)) as layout:
        yield clips_of(layout, "0.zip")[0]


class TestNetwork:
    PIPELINE = ((1, 2), (2, 3), (3, 4), (4, 5), (1, 0), (2, 1), (3, 2), (4, 3))

    @pytest.fixture
    def network(self) -> _Watched:
        torch.manual_seed(0)
        return _Watched().eval()

    def _estimated(
        self, network: TinyFlow, clip: ClipFrames, pairs: tuple, batch: int
    ) -> list[np.ndarray]:
        return list(NetworkEstimator(network, torch.device("cpu"), "32-true", batch)(clip, pairs))

    def test_the_pipelines_pairs_take_few_passes(self, network: _Watched, clip) -> None:
        """Three pairs of frames are needed both ways, two one way; each is seen once."""
        self._estimated(network, clip, self.PIPELINE, 2)
        assert network.passes == [(2, True), (1, True), (2, False)]

    @given(
        pairs=st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda p: p[0] != p[1]),
            max_size=12,
        ),
        batch=st.integers(1, 5),
    )
    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_batches_are_each_pair_alone(self, network: _Watched, clip, pairs, batch: int) -> None:
        network.passes.clear()
        flows = self._estimated(network, clip, pairs, batch)
        seen = sum(count for count, _ in network.passes)
        assert seen == len({frozenset(pair) for pair in pairs})
        assert all(count <= batch for count, _ in network.passes)
        assert len(flows) == len(pairs)
        for (source, target), flow in zip(pairs, flows):
            frames = np.stack([clip.image(source), clip.image(target)], 1)[None]
            alone = network(torch.from_numpy(frames).float())[0].detach().numpy()
            np.testing.assert_allclose(flow, alone, atol=1e-5)
            assert flow.dtype == np.float32

    def test_flow_is_given_as_soon_as_it_is_there(self, network: _Watched, clip) -> None:
        estimate = NetworkEstimator(network, torch.device("cpu"), "32-true", 2)
        flows = estimate(clip, self.PIPELINE)
        next(flows)
        assert len(network.passes) == 1

    @pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
    def test_half_precision_is_near(self, network: _Watched, clip, precision: str) -> None:
        exactly = self._estimated(network, clip, self.PIPELINE, 4)
        half = NetworkEstimator(network, torch.device("cpu"), precision, 4)
        found = np.stack(list(half(clip, self.PIPELINE)))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exactly, atol=0.02)
        assert (found != np.stack(exactly)).any()

    def test_frames_of_two_sizes(self, network: _Watched, clip: ClipFrames) -> None:
        clip._images[2] = picture(0, width=60)
        with pytest.raises(InputError, match=r"0\.zip: bear: has frames of 80×48 and 60×48 px"):
            self._estimated(network, clip, ((1, 2),), 4)

    def test_weights_are_read_from_where_they_are_kept(self, tmp_path: Path, clip) -> None:
        path = tmp_path / "mine.safetensors"
        tensors = keep(TinyFlow, path)
        estimate = network_estimator(TinyFlow, "flownet2_s", path, "cpu", "32-true", 4)
        network = TinyFlow()
        network.load_state_dict(tensors)
        (flow,) = estimate(clip, [(1, 2)])
        np.testing.assert_array_equal(flow, self._estimated(network, clip, ((1, 2),), 1)[0])


class TestRegistry:
    def test_pairs_come_in_their_order(self, clip: ClipFrames) -> None:
        asked = [(1, 2), (1, 0), (4, 5)]
        for estimate in (estimator("dis"), pair_by_pair(dis.estimate_frames)):
            for pair, flow in zip(asked, estimate(clip, asked), strict=True):
                np.testing.assert_array_equal(flow, dis.estimate_frames(clip, *pair))

    def test_an_unknown_name(self) -> None:
        with pytest.raises(InputError, match="has no 'raft'; one of exact, dis, flownet2, "):
            estimator("raft")

    def test_names_are_those_of_params(self) -> None:
        known = get_args(FlowParams.model_fields["estimator"].annotation)
        assert known == (*PAIR_BY_PAIR, *NETWORKS)

    @pytest.mark.parametrize("name", NETWORKS)
    def test_missing_weights_are_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError) as refused:
            estimator(name)
        assert str(refused.value) == (
            f"weights/flow/{name}.safetensors: is missing: its authors publish it, see "
            "https://github.com/NVIDIA/flownet2-pytorch; "
            f"fetch it and run `flowmend weights add {name} FILE`"
        )

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
    def test_no_gpu(self) -> None:
        with pytest.raises(InputError, match=r"flow\.device: .*not available here; set it to cpu"):
            estimator("flownet2", device="cuda")


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
