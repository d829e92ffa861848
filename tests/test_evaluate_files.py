"""`flowmend evaluate`: any footage, outside the pipeline, the same tables."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from torch import nn

from flowmend import cli, params
from flowmend.datasets.moving_shapes import render, write_davis
from flowmend.errors import InputError
from flowmend.estimators import clips_of, dis
from flowmend.evaluation.compare import RESULT_COLUMNS, SUMMARY_COLUMNS
from flowmend.inpainters.classical import BASELINES
from flowmend.io.images import encode_segmentation
from flowmend.io.layout_zip import open_layout, writing_zip
from flowmend.params import FlowExperiment
from flowmend.stages import evaluate_files as command
from flowmend.stages import footage
from flowmend.stages.build import Model, build_network
from flowmend.stages.footage import measure_clips, read_footage
from flowmend.training.checkpoint import save_model
from flowmend.types import Clip, Completion
from raw_trees import HEIGHT, WIDTH, davis_tree, write, write_sequence

FRAMES, SIDE = 6, 48


def _measure(data: Path, short_side_px: int = SIDE) -> list[footage.MeasuredClip]:
    with open_layout(data) as layout:
        return measure_clips(read_footage(layout, data), FRAMES, short_side_px)


class TestFootage:
    def test_a_davis_tree_needs_no_lists(self, tmp_path: Path) -> None:
        tree = davis_tree(tmp_path / "davis", {"a": 8}, {"b": 17})
        (tree / "ImageSets/2017/val.txt").unlink()
        clips = _measure(tree)
        assert [clip.name for clip in clips] == ["a_000", "b_000", "b_008"]
        assert all(clip.segmentation is not None for clip in clips)
        # the pictures move right by 1 px a frame
        for clip in clips:
            inner = clip.flow[..., 8:-8, 8:-8].mean((0, 3, 4))
            assert inner == pytest.approx(np.array([[1, 0], [-1, 0]]), abs=0.1)

    def test_a_plain_folder_and_its_masks(self, tmp_path: Path) -> None:
        stems = [str(n) for n in range(1, 12)]  # unpadded: 10 comes after 9
        write_sequence(tmp_path / "walk/frames", tmp_path / "walk/masks", stems, suffix=".png")
        write_sequence(tmp_path / "bare", tmp_path / "elsewhere", stems)
        (tmp_path / "elsewhere").rename(tmp_path.parent / "elsewhere")
        bare, walk = _measure(tmp_path)
        assert (bare.name, walk.name) == ("bare_000", "walk_000")
        assert bare.segmentation is None
        assert walk.segmentation is not None
        assert walk.flow[-1, 0, 0, 8:-8, 8:-8].mean() == pytest.approx(1, abs=0.1)

    def test_flow_is_the_estimate_of_the_clip_s_own_frames(self, tmp_path: Path) -> None:
        tree = davis_tree(tmp_path, {"a": 17}, {})
        clip = _measure(tree)[1]
        assert clip.name == "a_008"
        with open_layout(tree) as layout:
            (whole,) = clips_of(layout, tree)
            for t in range(FRAMES):
                at = 8 + 1 + t
                assert (clip.flow[t, 0] == dis.estimate_frames(whole, at, at + 1)).all()
                assert (clip.flow[t, 1] == dis.estimate_frames(whole, at, at - 1)).all()

    def test_the_working_size_keeps_proportions_in_multiples_of_eight(self, tmp_path) -> None:
        tree = davis_tree(tmp_path, {"a": 8}, {})
        native, small = _measure(tree)[0], _measure(tree, 24)[0]
        assert native.flow.shape == (FRAMES, 2, 2, HEIGHT, WIDTH)
        assert small.flow.shape == (FRAMES, 2, 2, 24, 40)
        assert small.flow[:, 0, 0, 4:-4, 4:-4].mean() == pytest.approx(0.5, abs=0.05)

    @pytest.mark.parametrize("packed", [False, True])
    def test_true_flow_in_the_tree_is_taken(self, tmp_path: Path, packed: bool) -> None:
        shapes = render(5, frames=9, height=SIDE, width=64)
        if packed:
            data = tmp_path / "shard.zip"
            with writing_zip(data) as archive:
                write_davis(shapes, "s", archive.add)
        else:
            data = tmp_path / "tree"
            write_davis(shapes, "s", lambda path, content: write(data / path, content))
        (clip,) = _measure(data)
        assert clip.name == "s_000"
        assert (clip.flow[:, 0] == shapes.forward[1 : FRAMES + 1]).all()
        assert (clip.flow[:, 1] == shapes.backward[:FRAMES]).all()

    def test_long_footage_is_thinned_out_evenly(self, tmp_path: Path, monkeypatch) -> None:
        tree = davis_tree(tmp_path, {"long": 8 * 7, "short": 8}, {})
        monkeypatch.setattr(footage, "MOST_CLIPS", 4)
        names = [clip.name for clip in _measure(tree)]
        assert names == ["long_008", "long_024", "long_040", "short_000"]


@dataclass(frozen=True)
class Perfect(Model):
    """A stand-in for a network that needs no training."""

    @property
    def inpainter(self) -> Callable[[Clip], Completion]:
        return lambda clip: Completion(clip.forward, clip.backward)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "seed-4.safetensors"

    experiment = FlowExperiment(
        study="x", network="unet", fill="zero", output="direct", setup="sandwich", losses={"l1": 1}
    )
    settings = {
        "data": {"frames": FRAMES, "height_px": 64, "width_px": SIDE},
        "train": {"threads": 1},
        "holes": {
            "min_side_px": 10,
            "max_side_px": 18,
            "shapes": ["rectangle", "ellipse", "stroke", "object"],
        },
    }

    def load(asked: Path) -> Model:
        assert asked == path
        return Perfect("perfect", experiment, 4, nn.Identity(), settings)

    monkeypatch.setattr(command, "load_model", load)
    return path


def _tree_with_objects(root: Path, *names: str) -> Path:
    """A DAVIS tree whose objects are no boxes."""
    tree = davis_tree(root, dict.fromkeys(names, FRAMES + 2), {})
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[10:30, 20:26] = ids[24:30, 20:50] = 1
    for path in tree.glob("Annotations/480p/*/*.png"):
        path.write_bytes(encode_segmentation(ids))
    return tree


class TestCommand:
    def _tables(self, output: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        results, summary = (pd.read_csv(output / f"{name}.csv") for name in ("results", "summary"))
        assert list(results.columns) == RESULT_COLUMNS
        assert list(summary.columns) == SUMMARY_COLUMNS
        return results, summary

    def test_writes_and_prints_the_tables(self, weights: Path, tmp_path: Path, capsys) -> None:
        tree = _tree_with_objects(tmp_path / "davis", "a", "b", "c")
        command.evaluate_files(weights, tree, tmp_path / "out")
        results, summary = self._tables(tmp_path / "out")
        assert len(results) == 3 * 4 * 2 * (len(BASELINES) * 3 + 1)
        best = summary[summary["kind"] == "network"].iloc[0]
        assert (best["method"], best["setup"], best["cases"]) == ("perfect", "sandwich", 3 * 4 * 2)
        assert best["epe_hole_px"] == best["ratio_biharmonic"] == 0
        printed = capsys.readouterr().out
        assert "sandwich, 3 clips" in printed
        assert printed.index("perfect") < printed.index("telea") < printed.index("zero")

    def test_same_bytes_again(self, weights: Path, tmp_path: Path) -> None:
        tree = _tree_with_objects(tmp_path / "davis", "a", "b")
        for name in ("one", "two"):
            command.evaluate_files(weights, tree, tmp_path / name)
        for table in ("results.csv", "summary.csv"):
            one, two = ((tmp_path / name / table).read_bytes() for name in ("one", "two"))
            assert one == two

    def test_masks_of_boxes_give_no_object_shaped_hole(self, weights, tmp_path) -> None:
        tree = davis_tree(tmp_path / "davis", {"a": 8, "b": 8}, {})
        command.evaluate_files(weights, tree, tmp_path / "out")
        assert set(self._tables(tmp_path / "out")[0]["hole"]) == {"rectangle", "ellipse", "stroke"}

    def test_one_clip_without_masks_has_no_object_hole_and_no_interval(
        self, weights: Path, tmp_path: Path, capsys
    ) -> None:
        frames = tmp_path / "clip"
        write_sequence(frames, tmp_path / "masks", [f"{n:03d}" for n in range(8)])
        command.evaluate_files(weights, frames, tmp_path / "out")
        results, summary = self._tables(tmp_path / "out")
        assert set(results["hole"]) == {"rectangle", "ellipse", "stroke"}
        assert summary["epe_hole_low"].isna().all()
        assert "nan" not in capsys.readouterr().out


class TestMistakes:
    def _run(self, monkeypatch, capsys, *arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["flowmend", "evaluate", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert stopped.value.code == cli.BAD_INPUT
        printed = capsys.readouterr().err
        assert printed.startswith("flowmend: ")
        assert printed.count("\n") == 1
        return printed

    def test_is_one_line_and_no_table(self, weights: Path, tmp_path: Path, monkeypatch, capsys):
        short = davis_tree(tmp_path / "short", {"a": 8}, {"b": 7})
        torn = davis_tree(tmp_path / "torn", {"a": 8}, {})
        picture = torn / "JPEGImages/480p/a/00004.jpg"
        picture.write_bytes(picture.read_bytes()[:-400])
        empty = tmp_path / "empty"
        empty.mkdir()
        text = tmp_path / "notes.txt"
        text.write_text("no footage")
        for data, message in (
            (short, f"{short}: b: has 7 frames, a clip needs 8; leave this sequence out"),
            (torn, "00004.jpg: is truncated"),
            (empty, "holds no .jpg or .png frames"),
            (tmp_path / "nowhere", "nowhere: is missing; "),
            (text, "notes.txt: is neither a folder nor a zip"),
        ):
            arguments = ("--weights", str(weights), "--data", str(data))
            output = ("--output", str(tmp_path / "out"))
            assert message in self._run(monkeypatch, capsys, *arguments, *output)
            assert not (tmp_path / "out").exists()


class TestTrainedWeights:
    """The way from a file of the stage `train` to the tables, without stand-ins."""

    @pytest.fixture
    def untrained(self, project: Path, tmp_path: Path) -> Callable[[str], Path]:
        """Weights of an experiment before its first step."""

        def write_weights(name: str) -> Path:
            loaded = params.load(project / "params.yaml")
            scale, experiment = loaded.at("smoke"), loaded.experiment(name)
            network = build_network(experiment, FRAMES, scale.train.width, seed=0)
            kinds = ("data", "holes", "edges", "train")
            blocks = {kind: getattr(scale, kind).model_dump(mode="json") for kind in kinds}
            metadata = {"name": name, "seed": 0, "experiment": experiment.model_dump(mode="json")}
            path = tmp_path / "seed-0.safetensors"
            save_model(path, network.state_dict(), blocks | metadata)
            return path

        return write_weights

    def _tree(self, root: Path) -> Path:
        for name in ("a", "b"):
            shapes = render(ord(name), frames=8, height=64, width=64)
            write_davis(shapes, name, lambda path, data: write(root / path, data))
        return root

    def test_an_untrained_residual_scores_as_its_fill(
        self, untrained: Callable[[str], Path], tmp_path: Path
    ) -> None:
        """It gives back the fill it starts from."""
        weights = untrained("unet_biharmonic_residual")
        command.evaluate_files(weights, self._tree(tmp_path / "tree"), tmp_path / "out")
        summary = pd.read_csv(tmp_path / "out" / "summary.csv")
        network = summary[summary["kind"] == "network"].iloc[0]
        assert network["setup"] == "all_frames"
        assert network["cases"] == 2 * 4 * 2
        assert network["ratio_biharmonic"] == pytest.approx(1, abs=1e-5)

    @pytest.mark.parametrize("name", ["joint_edges", "unet_coordinates_smooth", "unet_warp_smooth"])
    def test_networks_of_every_kind_are_judged_on_their_own_holes(
        self, untrained: Callable[[str], Path], tmp_path: Path, name: str
    ) -> None:
        tree = self._tree(tmp_path / "tree")
        command.evaluate_files(untrained(name), tree, tmp_path / "out")
        results = pd.read_csv(tmp_path / "out" / "results.csv")
        own = results[results["kind"] == "network"]
        assert set(own["hole"]) == {"rectangle"}
        assert len(own) == 2 * 2
        assert np.isfinite(own["epe_hole_px"]).all()

    @pytest.mark.parametrize("name", ["edge_gan", "fb_sanity", "move_warp"])
    def test_weights_of_another_task_are_one_clear_line(
        self, untrained: Callable[[str], Path], tmp_path: Path, project: Path, name: str
    ) -> None:
        task = params.load(project / "params.yaml").experiment(name).task
        with pytest.raises(InputError, match=f"is of the task {task}; give weights of"):
            command.evaluate_files(untrained(name), tmp_path, tmp_path / "out")
        assert not (tmp_path / "out").exists()


class TestObjectShapes:
    def test_weights_that_know_no_other_holes_need_masks(
        self, weights: Path, tmp_path: Path, monkeypatch
    ) -> None:
        model = command.load_model(weights)
        block = model.experiment.model_copy(update={"hole_shapes": ["object"]})
        model = replace(model, experiment=block)
        monkeypatch.setattr(command, "load_model", lambda _: model)
        boxes = davis_tree(tmp_path / "boxes", {"a": 8}, {})
        with pytest.raises(InputError, match="holds no masks to shape holes by"):
            command.evaluate_files(weights, boxes, tmp_path / "out")
        command.evaluate_files(weights, _tree_with_objects(tmp_path / "l", "a"), tmp_path / "out")
        assert set(pd.read_csv(tmp_path / "out" / "results.csv")["hole"]) == {"object"}


@pytest.mark.real_data
class TestRealFootage:
    def test_davis(self, weights: Path, real_data: Path, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr(footage, "MOST_CLIPS", 2)
        command.evaluate_files(weights, real_data / "davis", tmp_path)
        results = pd.read_csv(tmp_path / "results.csv")
        assert results["clip"].nunique() == 2
        perfect = results[results["kind"] == "network"]
        assert (perfect["epe_hole_px"] == 0).all()
        assert (results[results["method"] == "zero"]["epe_hole_px"] > 0).all()

    def test_a_youtube_vos_clip_as_a_plain_folder(self, real_data: Path) -> None:
        """Its .jpg files hold PNG bytes."""
        (clip,) = _measure(real_data / "youtube_vos/train/JPEGImages")
        assert clip.flow.shape == (FRAMES, 2, 2, 48, 88)
