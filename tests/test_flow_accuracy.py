"""Measures against slow literal ones, and ``flowmend flow evaluate`` on small trees."""

import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import true_flow_trees as trees
from flowmend.cli import main
from flowmend.errors import InputError
from flowmend.estimators.flownet2 import NETWORKS
from flowmend.evaluation.flow_accuracy import accuracy, summarised
from flowmend.io.flo import write_flo
from flowmend.io.images import encode_png
from flowmend.io.weights import weights_path, write_weights
from flowmend.stages.flow_accuracy import evaluate_flow


class Shift(torch.nn.Module):
    """A network that finds the trees' motion in every pair."""

    def __init__(self) -> None:
        super().__init__()
        self.motion = torch.nn.Parameter(torch.tensor(trees.MOTION, dtype=torch.float32))

    def forward(self, pair: torch.Tensor) -> torch.Tensor:
        """(B, 3, 2, H, W) -> (B, 2, H, W)."""
        return self.motion[None, :, None, None].expand(len(pair), 2, *pair.shape[-2:])


def _fields(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 60, (2, 12, 15)).astype(np.float32)
    flow = truth + rng.normal(0, 3, truth.shape).astype(np.float32)
    known = rng.random(truth.shape[1:]) < 0.7
    return flow, truth, known, known & (rng.random(known.shape) < 0.6)


class TestAccuracy:
    def test_against_a_loop_over_pixels(self) -> None:
        flow, truth, known, visible = _fields()
        errors, seen, outliers = [], [], 0
        for y, x in zip(*np.nonzero(known)):
            (u, v), (p, q) = flow[:, y, x].tolist(), truth[:, y, x].tolist()
            error, length = ((u - p) ** 2 + (v - q) ** 2) ** 0.5, (p * p + q * q) ** 0.5
            errors.append(error)
            seen += [error] if visible[y, x] else []
            outliers += error > 3 and error / length > 0.05
        assert 0 < outliers < sum(error > 3 for error in errors)
        found = accuracy(flow, truth, known, visible)
        assert found.epe_px == pytest.approx(np.mean(errors), rel=1e-6)
        assert found.epe_visible_px == pytest.approx(np.mean(seen), rel=1e-6)
        assert (found.known_pixels, found.outliers) == (known.sum(), outliers)
        assert found.known_share == pytest.approx(known.mean())

    def test_what_is_not_known_does_not_count(self) -> None:
        flow, truth, known, visible = _fields()
        expected = accuracy(flow, truth, known, visible)
        flow[:, ~known], truth[:, ~known] = 1e6, np.nan
        assert accuracy(flow, truth, known, visible) == expected

    def test_the_truth_is_free_of_error(self) -> None:
        _, truth, known, visible = _fields()
        found = accuracy(truth, truth, known, visible)
        assert (found.epe_px, found.epe_visible_px, found.outliers) == (0, 0, 0)

    @pytest.mark.parametrize(
        ("length", "error", "outliers"), [(10, 2.9, 0), (10, 3.1, 4), (100, 4.9, 0), (100, 5.1, 4)]
    )
    def test_an_outlier_is_off_by_both_bounds(
        self, length: float, error: float, outliers: int
    ) -> None:
        truth = np.zeros((2, 2, 2), np.float32)
        truth[0] = length
        flow = truth + np.array([0, error], np.float32)[:, None, None]
        assert accuracy(flow, truth, np.ones((2, 2), bool), None).outliers == outliers

    def test_nobody_says_what_is_visible(self) -> None:
        flow, truth, known, _ = _fields()
        assert np.isnan(accuracy(flow, truth, known, None).epe_visible_px)


class TestSummary:
    def test_pairs_count_the_same_and_outliers_by_pixel(self) -> None:
        rows = [
            ("KITTI", "a", "dis", 100, 0.25, 1.0, 0.5, 10),
            ("KITTI", "b", "dis", 300, 0.75, 2.0, 1.5, 90),
            ("KITTI", "a", "net", 100, 0.25, 0.5, 0.4, 0),
            ("KITTI", "b", "net", 300, 0.75, 0.7, np.nan, 0),
        ]
        columns = ["dataset", "pair", "estimator", "known_pixels", "known_share", "epe_px",
                   "epe_visible_px", "outliers"]  # fmt: skip
        table = summarised(pd.DataFrame(rows, columns=columns))
        assert table["estimator"].tolist() == ["net", "dis"]
        best, worst = table.to_dict("records")
        assert (worst["pairs"], worst["epe_px"], worst["epe_visible_px"]) == (2, 1.5, 1.0)
        assert (worst["outlier_share"], worst["known_share"]) == (0.25, 0.5)
        assert np.isnan(best["epe_visible_px"])


class TestCommand:
    def test_dis_on_all_layouts(self, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
        for name, (make, _) in trees.TREES.items():
            make(tmp_path / "data" / name)
        output = tmp_path / "accuracy.csv"
        evaluate_flow(tmp_path / "data", ["dis"], output)
        rows = pd.read_csv(StringIO(output.read_text()))
        expected = sorted(pair for _, pairs in trees.TREES.values() for pair in pairs)
        assert sorted(rows["dataset"]) == [dataset for dataset, _ in expected]
        assert (rows["epe_px"] < 0.8).all()
        assert (rows["known_pixels"] > 0).all()
        shown = capsys.readouterr().out
        lines = {
            line[1].strip(): line for text in shown.splitlines() if (line := text.split("│"))[1:]
        }
        assert lines.keys() == set(rows["dataset"])
        for dataset, own in rows.groupby("dataset"):
            cells = [cell.strip() for cell in lines[dataset]]
            assert cells[2:5] == ["dis", str(len(own)), f"{own['epe_px'].mean():.3f}"]
        assert str(output) in shown

    def test_twice_the_same_bytes(self, tmp_path: Path) -> None:
        trees.kitti(tmp_path / "data")
        for name in ("a.csv", "b.csv"):
            evaluate_flow(tmp_path / "data", ["dis"], tmp_path / name)
        assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()

    def test_by_default_dis_and_no_network_without_weights(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        trees.middlebury(tmp_path / "data")
        evaluate_flow(Path("data"), None, Path("accuracy.csv"))
        assert pd.read_csv("accuracy.csv")["estimator"].tolist() == ["dis"]

    def test_a_network_is_judged_as_soon_as_its_weights_are_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setitem(NETWORKS, "flownet2_s", Shift)
        trees.sintel_sequence(tmp_path / "data")
        with pytest.raises(InputError, match=r"flownet2_s\.safetensors: is missing.*weights add"):
            evaluate_flow(Path("data"), ["flownet2_s"], None)
        write_weights(weights_path("flownet2_s"), Shift().state_dict(), {})
        evaluate_flow(Path("data"), None, Path("accuracy.csv"))
        rows = pd.read_csv("accuracy.csv").set_index("estimator")
        assert set(rows.index) == {"dis", "flownet2_s"}
        assert (rows.loc["flownet2_s", "epe_px"] == 0).all()
        assert (rows.loc["dis", "epe_px"] > 0).all()

    @pytest.mark.parametrize("name", ["exact", "deepflow"])
    def test_an_unknown_estimator(self, name: str, tmp_path: Path) -> None:
        trees.middlebury(tmp_path)
        with pytest.raises(InputError, match=f"--estimator: has no '{name}'; one of dis"):
            evaluate_flow(tmp_path, [name], None)

    def test_frames_of_another_size_than_the_flow(self, tmp_path: Path) -> None:
        trees.middlebury(tmp_path)
        write_flo(tmp_path / "other-gt-flow/Grove2/flow10.flo", trees.flow()[:, :32])
        with pytest.raises(InputError, match=r"frame10\.png: is 80×64 px, its flow 80×32"):
            evaluate_flow(tmp_path, ["dis"], None)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"no picture", "is not an image"),
            (encode_png(trees.frames()[0])[:500], "is truncated or corrupt"),
            (encode_png(np.zeros((3, 32, 80), np.uint8)), "is 80×32 px, its flow 80×64"),
        ],
        ids=["text", "truncated", "small"],
    )
    def test_a_bad_frame_is_one_line(
        self,
        content: bytes,
        message: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture,
    ) -> None:
        trees.kitti(tmp_path)
        (tmp_path / "training/image_2/000010_11.png").write_bytes(content)
        command = ["flowmend", "flow", "evaluate", str(tmp_path), "--estimator", "dis"]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as stopped:
            main()
        shown = capsys.readouterr().err
        assert stopped.value.code == 2
        assert shown.startswith("flowmend: ")
        assert message in shown
        assert shown.count("\n") == 1


@pytest.mark.real_data
class TestRealPairs:
    def test_dis_on_middlebury(self, real_data: Path, tmp_path: Path) -> None:
        data = real_data / "flow_gt" / "middlebury"
        if not data.is_dir():
            pytest.skip(f"REAL DATA MISSING: {data} is not there")
        evaluate_flow(data, ["dis"], tmp_path / "accuracy.csv")
        rows = pd.read_csv(tmp_path / "accuracy.csv").set_index("pair")
        assert sorted(rows.index) == ["Grove2", "RubberWhale", "Venus"]
        assert rows["epe_px"].between(0.15, 0.5).all()
        assert rows.loc["RubberWhale", "known_share"] < 1
