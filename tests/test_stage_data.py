"""Stages index, sequences and flow, on small raw data of every kind."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from flowmend.cli import main
from flowmend.errors import InputError
from flowmend.estimators.registry import PAIR_BY_PAIR
from flowmend.io.flo import decode_flo, encode_flo
from flowmend.io.flow_archive import FlowArchive
from flowmend.io.images import encode_jpeg, encode_segmentation, read_image, read_segmentation
from flowmend.io.video import write_video
from flowmend.params import Params
from flowmend.stages import flow, index, sequences
from flowmend.stages.layout import Layout
from raw_trees import (
    davis_tree,
    object_ids,
    params_with,
    picture,
    write,
    write_sequence,
    youtube_vos_tree,
)

LAYOUT = Layout("smoke")
DIS = {"estimator": "dis"}
FEW = {"clips": {"train": 4, "test": 4}}
SMALL = {"height_px": 32, "width_px": 48}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, entered."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(params: Params, splits: tuple[str, ...] = ("train",)) -> None:
    index.run(params, "smoke")
    for split in splits:
        sequences.run(params, "smoke", split, 0)
        flow.run(params, "smoke", split, 0)


def _davis(project: Path, folder: Path, **data: object) -> Params:
    davis_tree(folder / "data/raw/davis", {"bear": 11}, {"cow": 11})
    given = {"dataset": "davis2017", "root": "davis"} | FEW | SMALL | data
    return params_with(project, given, DIS)


class TestMovingShapes:
    def test_flow_is_the_generators(self, project: Path, folder: Path) -> None:
        _run(params_with(project, FEW))
        with (
            zipfile.ZipFile(LAYOUT.sequences("train", 0)) as frames,
            FlowArchive(LAYOUT.flow("train", 0)) as archive,
        ):
            assert frames.read("ImageSets/2017/train.txt") == b"train_0000\n"
            for t in range(6):
                for direction in ("forward", "backward"):
                    member = f"Flow/{direction}/train_0000/{t + 1:05d}.flo"
                    truth = decode_flo(frames.read(member), member)
                    stored = archive.read(f"train_0000/{direction}/{t}")
                    np.testing.assert_allclose(stored, truth, atol=0.0078125)
            assert len(archive.keys()) == 12
            assert archive.manifest["attributes"] == {"estimator": "exact"}

    def test_same_bytes_twice(self, project: Path, folder: Path) -> None:
        made = []
        for _ in range(2):
            _run(params_with(project, FEW), ("test",))
            files = (LAYOUT.index, LAYOUT.sequences("test", 0), LAYOUT.flow("test", 0))
            made.append([path.read_bytes() for path in files])
            for path in files:
                path.unlink()
        assert made[0] == made[1]

    def test_shards_hold_every_clip_once(self, project: Path, folder: Path) -> None:
        params = params_with(project, {"clips": {"train": 7, "test": 4}, **SMALL})
        index.run(params, "smoke")
        names = []
        for shard in range(4):
            sequences.run(params, "smoke", "train", shard)
            with zipfile.ZipFile(LAYOUT.sequences("train", shard)) as archive:
                names += archive.read("ImageSets/2017/train.txt").decode().split()
        assert sorted(names) == [f"train_{n:04d}" for n in range(7)]

    def test_frames_may_be_larger_than_their_truth(self, project: Path, folder: Path) -> None:
        _run(params_with(project, FEW | SMALL))
        with zipfile.ZipFile(LAYOUT.sequences("train", 0)) as archive:
            small = {member: archive.read(member) for member in archive.namelist()}
        _run(params_with(project, FEW | SMALL | {"render_factor": 3}, DIS))
        with zipfile.ZipFile(LAYOUT.sequences("train", 0)) as archive:
            large = {member: archive.read(member) for member in archive.namelist()}
        assert list(large) == list(small)
        for member, data in large.items():
            if member.startswith(("JPEGImages", "Annotations")):
                read = read_image if member.endswith(".jpg") else read_segmentation
                assert read(data, member).shape[-2:] == (96, 144)
            else:
                assert data == small[member]

    def test_estimated_flow_is_near_the_truth(self, project: Path, folder: Path) -> None:
        _run(params_with(project, FEW | SMALL | {"render_factor": 4}, DIS))
        errors = []
        with (
            zipfile.ZipFile(LAYOUT.sequences("train", 0)) as frames,
            FlowArchive(LAYOUT.flow("train", 0)) as archive,
        ):
            assert archive.manifest["attributes"] == {"estimator": "dis"}
            for t in range(6):
                member = f"Flow/forward/train_0000/{t + 1:05d}.flo"
                truth = decode_flo(frames.read(member), member)
                errors.append(archive.read(f"train_0000/forward/{t}") - truth)
        assert errors[0].shape == (2, 32, 48)
        assert 0 < np.median(np.linalg.norm(errors, axis=1)) < 0.1


class TestRealLayouts:
    def test_davis(self, project: Path, folder: Path) -> None:
        _run(_davis(project, folder), ("train", "test"))
        with FlowArchive(LAYOUT.flow("test", 0)) as archive:
            keys = [f"cow_000/{d}/{t}" for d in ("backward", "forward") for t in range(6)]
            assert archive.keys() == keys
            forward, backward = (archive.read(f"cow_000/{d}/2") for d in ("forward", "backward"))
        # The texture moves right by 1 of 80 px: 0.6 of 48 px.
        assert forward.shape == (2, 32, 48)
        np.testing.assert_allclose(np.median(forward, axis=(1, 2)), [0.6, 0], atol=0.05)
        np.testing.assert_allclose(np.median(backward, axis=(1, 2)), [-0.6, 0], atol=0.05)

    def test_youtube_vos_all_frames_at_stride_5(self, project: Path, folder: Path) -> None:
        youtube_vos_tree(folder / "data/raw/vos", {"0a": 11, "0b": 11}, all_frames=True)
        given = {"dataset": "youtube_vos", "root": "vos", "stride": 5} | FEW | SMALL
        _run(params_with(project, given, DIS))
        with zipfile.ZipFile(LAYOUT.sequences("train", 0)) as archive:
            annotations = [n for n in archive.namelist() if n.startswith("Annotations")]
        assert len(annotations) == 8
        assert all(int(Path(name).stem) % 5 == 0 for name in annotations)

    def test_folder_without_masks(self, project: Path, folder: Path) -> None:
        root = folder / "data/raw/walk"
        write_sequence(root, folder / "unused", [f"{n:04d}" for n in range(22)])
        given = {"dataset": "folder", "root": "walk"} | FEW | SMALL
        _run(params_with(project, given, DIS), ("train", "test"))
        with zipfile.ZipFile(LAYOUT.sequences("test", 0)) as archive:
            assert not [n for n in archive.namelist() if n.startswith("Annotations")]

    def test_video(self, project: Path, folder: Path) -> None:
        (folder / "data/raw").mkdir(parents=True)
        write_video(folder / "data/raw/walk.mp4", (picture(n) for n in range(22)), 25)
        given = {"dataset": "video", "root": "walk.mp4"} | FEW | SMALL
        _run(params_with(project, given, DIS), ("train", "test"))
        with FlowArchive(LAYOUT.flow("test", 0)) as archive:
            assert archive.keys()[0] == "walk_011/backward/0"

    def test_another_dataset_for_testing(self, project: Path, folder: Path) -> None:
        youtube_vos_tree(folder / "data/raw/vos", {"0a": 12})
        davis_tree(folder / "data/raw/davis", {}, {"cow": 11})
        given = {"dataset": "youtube_vos", "root": "vos"} | FEW | SMALL
        given |= {"test_dataset": "davis2017", "test_root": "davis"}
        _run(params_with(project, given, DIS), ("train", "test"))
        found = json.loads(LAYOUT.index.read_text())["splits"]["test"]
        assert {clip["sequence"] for shard in found for clip in shard} == {"cow"}

    @pytest.mark.real_data
    def test_real_davis(self, project: Path, folder: Path, real_data: Path) -> None:
        (folder / "data/raw").mkdir(parents=True)
        (folder / "data/raw/davis").symlink_to(real_data / "davis")
        given = {"dataset": "davis2017", "root": "davis", "height_px": 120, "width_px": 216} | FEW
        _run(params_with(project, given, DIS))
        with (
            zipfile.ZipFile(LAYOUT.sequences("train", 0)) as frames,
            FlowArchive(LAYOUT.flow("train", 0)) as archive,
        ):
            names = [name for name in frames.namelist() if name.endswith(".jpg")]
            original = real_data / "davis/JPEGImages/480p" / "bmx-trees" / Path(names[0]).name
            assert frames.read(names[0]) == original.read_bytes()
            clip = names[0].split("/")[2]
            forward = archive.read_many([f"{clip}/forward/{t}" for t in range(6)])
            backward = archive.read_many([f"{clip}/backward/{t}" for t in range(6)])
        # The camera pans: both directions see it, with opposite signs.
        np.testing.assert_allclose(
            np.median(forward[:-1, 0]), -np.median(backward[1:, 0]), atol=0.25
        )


class TestBadInput:
    def test_missing_data(self, project: Path, folder: Path) -> None:
        params = params_with(project, {"dataset": "davis2017", "root": "davis"}, DIS)
        with pytest.raises(InputError, match="ln -s /path/to/DAVIS data/raw/davis"):
            index.run(params, "smoke")
        assert not LAYOUT.index.exists()

    def test_short_sequence(self, project: Path, folder: Path) -> None:
        with pytest.raises(InputError, match="sequence bear has 11 frames, a clip needs 15"):
            index.run(_davis(project, folder, stride=2), "smoke")

    def test_stages_need_those_before_them(self, project: Path, folder: Path) -> None:
        params = params_with(project, FEW)
        with pytest.raises(InputError, match=r"index\.json: is missing; run the index stage"):
            sequences.run(params, "smoke", "train", 0)
        with pytest.raises(InputError, match=r"sequences/0\.zip: cannot be read"):
            flow.run(params, "smoke", "train", 0)

    @pytest.mark.parametrize(
        ("file", "data", "message"),
        [
            ("JPEGImages/480p/bear/00002.jpg", encode_jpeg(picture(2))[:500], "is truncated"),
            (
                "Annotations/480p/bear/00002.png",
                encode_segmentation(object_ids(2, 40)),
                "mask of another size",
            ),
        ],
    )
    def test_bad_file_leaves_nothing(
        self, project: Path, folder: Path, file: str, data: bytes, message: str
    ) -> None:
        params = _davis(project, folder)
        write(folder / "data/raw/davis" / file, data)
        index.run(params, "smoke")
        with pytest.raises(InputError, match=f"{file}: {message}"):
            sequences.run(params, "smoke", "train", 0)
        assert not list(LAYOUT.sequences("train", 0).parent.iterdir())

    def test_changed_file_says_how_to_index_again(self, project: Path, folder: Path) -> None:
        params = _davis(project, folder)
        index.run(params, "smoke")
        write(folder / "data/raw/davis/JPEGImages/480p/bear/00001.jpg", encode_jpeg(picture(5)))
        with pytest.raises(InputError, match=r"00001\.jpg: changed .*`dvc repro -f index@smoke`"):
            sequences.run(params, "smoke", "train", 0)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_unknown_flow_leaves_nothing(
        self, project: Path, folder: Path, value: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        params = _davis(project, folder)
        index.run(params, "smoke")
        sequences.run(params, "smoke", "train", 0)

        def broken(*_: object) -> np.ndarray:
            field = np.zeros((2, 48, 80), np.float32)
            field[0, 20, 30] = value
            return field

        monkeypatch.setitem(PAIR_BY_PAIR, "dis", broken)
        with pytest.raises(InputError, match=r"bear_000/forward/0: .*NaN or infinite"):
            flow.run(params, "smoke", "train", 0)
        assert not list(LAYOUT.flow("train", 0).parent.iterdir())

    def test_clip_of_another_length(self, project: Path, folder: Path) -> None:
        params = _davis(project, folder)
        _run(params)
        with pytest.raises(InputError, match=r"bear_000: has 8 frames instead of 6"):
            flow.run(_davis(project, folder, frames=4), "smoke", "train", 0)

    def test_true_flow_of_another_size_of_file(self, project: Path, folder: Path) -> None:
        params = params_with(project, FEW)
        index.run(params, "smoke")
        sequences.run(params, "smoke", "train", 0)
        path = LAYOUT.sequences("train", 0)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members["Flow/forward/train_0000/00003.flo"] = encode_flo(np.zeros((2, 8, 8)))[:-4]
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        with pytest.raises(InputError, match=r"0\.zip: Flow/forward/train_0000/00003\.flo: holds"):
            flow.run(params, "smoke", "train", 0)

    def test_command_line_shows_one_line(
        self, project: Path, folder: Path, monkeypatch, capsys
    ) -> None:
        write(folder / "params.yaml", (project / "params.yaml").read_bytes())
        monkeypatch.setattr("sys.argv", ["flowmend", "stage", "index", "--scale", "davis"])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 2
        shown = capsys.readouterr().err
        assert shown.startswith("flowmend: data/raw/davis: is missing; ")
        assert shown.count("\n") == 1
