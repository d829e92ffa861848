import json
from pathlib import Path

import pytest

from flowmend.datasets import youtube_vos
from flowmend.errors import InputError
from raw_trees import write, youtube_vos_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return youtube_vos_tree(tmp_path / "youtube_vos", {"0f": 3, "0a": 4})


def test_every_fifth_frame_is_annotated(tree: Path) -> None:
    found = youtube_vos.scan(tree)
    assert [(s.name, s.split, len(s.frames)) for s in found] == [("0a", None, 4), ("0f", None, 3)]
    assert [frame.stem for frame in found[0].frames] == ["00000", "00005", "00010", "00015"]
    assert found[0].frames[1].segmentation == tree / "train/Annotations/0a/00005.png"


def test_all_frames_are_preferred(tmp_path: Path) -> None:
    tree = youtube_vos_tree(tmp_path, {"0a": 3}, all_frames=True)
    (sequence,) = youtube_vos.scan(tree)
    assert [frame.stem for frame in sequence.frames] == [f"{n:05d}" for n in range(11)]
    annotated = [frame.stem for frame in sequence.frames if frame.segmentation is not None]
    assert annotated == ["00000", "00005", "00010"]
    assert sequence.frames[3].image == tree / "train_all_frames/JPEGImages/0a/00003.jpg"


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("JPEGImages/0a/00005.jpg", r"JPEGImages/0a: holds no frame 00005"),
        ("Annotations/0a/00005.png", r"Annotations/0a/00005\.png: is missing, meta\.json lists it"),
        ("meta.json", r"meta\.json: is missing"),
    ],
)
def test_lost_file_is_named(tree: Path, lost: str, named: str) -> None:
    (tree / "train" / lost).unlink()
    with pytest.raises(InputError, match=named):
        youtube_vos.scan(tree)


def test_lost_frame_and_segmentation(tree: Path) -> None:
    (tree / "train/JPEGImages/0a/00015.jpg").unlink()
    (tree / "train/Annotations/0a/00015.png").unlink()
    with pytest.raises(InputError, match=r"00015\.jpg: is missing, meta\.json lists it"):
        youtube_vos.scan(tree)


@pytest.mark.parametrize("text", ["{", "[]", '{"videos": {"0a": {}}}', '{"videos": []}'])
def test_broken_meta(tree: Path, text: str) -> None:
    write(tree / "train/meta.json", text.encode())
    with pytest.raises(InputError, match=r"is not a YouTube-VOS meta\.json"):
        youtube_vos.scan(tree)


def test_lost_video(tree: Path) -> None:
    meta = json.loads((tree / "train/meta.json").read_text())
    meta["videos"]["ff"] = meta["videos"]["0a"]
    write(tree / "train/meta.json", json.dumps(meta).encode())
    with pytest.raises(InputError, match=r"JPEGImages/ff: is missing.*take ff out"):
        youtube_vos.scan(tree)


def test_missing_root_says_how_to_link_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ln -s /path/to/YouTube-VOS"):
        youtube_vos.scan(tmp_path / "youtube_vos")
    with pytest.raises(InputError, match="must be the folder that holds train/"):
        youtube_vos.scan(tmp_path)


@pytest.mark.real_data
def test_real_youtube_vos(real_data: Path) -> None:
    (sequence,) = youtube_vos.scan(real_data / "youtube_vos")
    assert (sequence.name, len(sequence.frames)) == ("003234408d", 15)
    assert all(frame.segmentation is not None for frame in sequence.frames)
