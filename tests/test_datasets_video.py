from pathlib import Path

import numpy as np
import pytest

from flowmend.datasets import video
from flowmend.datasets.index import build_index
from flowmend.datasets.index_file import Source, data_folder
from flowmend.datasets.raw_clips import RawClips, VideoWindow
from flowmend.errors import InputError
from flowmend.io.images import encode_segmentation, read_image, read_segmentation
from flowmend.io.video import read_video, write_video
from raw_trees import object_ids, picture, write

LENGTH = 24


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video with a mask for every third frame."""
    path = tmp_path_factory.mktemp("raw") / "walk.mp4"
    write_video(path, (picture(n) for n in range(LENGTH)), 25)
    for n in range(0, LENGTH, 3):
        ids = encode_segmentation(object_ids(n))
        write(path.with_name("walk_masks") / f"{n:05d}.png", ids)
    return path


def test_a_file_or_its_folder(walk: Path) -> None:
    (sequence,) = video.scan(walk)
    assert (sequence.name, sequence.split, len(sequence.frames)) == ("walk", None, LENGTH)
    assert [frame.stem for frame in sequence.frames[:2]] == ["00000", "00001"]
    assert sequence.frames[3].segmentation == walk.with_name("walk_masks") / "00003.png"
    assert sequence.frames[4].segmentation is None
    assert video.scan(walk.parent) == [sequence]


def test_clips_of_a_video(walk: Path) -> None:
    sources = {split: Source("video", walk, 4) for split in ("train", "test")}
    index = build_index(sources, 4, 1, 0, 4)
    frames = list(read_video(walk))
    for split in ("train", "test"):
        raw = RawClips(data_folder(walk), "all", "")
        for (clip,) in index["splits"][split]:
            members = dict(raw.members(clip))
            for frame in clip["frames"]:
                stem = f"{clip['name']}/{frame['number']:05d}.png"
                image = read_image(members.pop(f"JPEGImages/480p/{stem}"))
                np.testing.assert_array_equal(image, frames[frame["number"]])
                if frame["number"] % 3 == 0:
                    ids = read_segmentation(members.pop(f"Annotations/480p/{stem}"))
                    np.testing.assert_array_equal(ids, object_ids(frame["number"]))
            assert not members


def test_a_window_moves_forward(walk: Path) -> None:
    frames, window = list(read_video(walk)), VideoWindow(walk)
    for start in (0, 2, 9, 9, 20):
        numbers = list(range(start, start + 4))
        for number, image in zip(numbers, window.read(numbers)):
            np.testing.assert_array_equal(image, frames[number])
    with pytest.raises(InputError, match="ends before frame 24"):
        window.read([21, 22, 23, 24])


def test_a_changed_video_is_refused(walk: Path, tmp_path: Path) -> None:
    copy = tmp_path / "walk.mp4"
    copy.write_bytes(walk.read_bytes())
    sources = {split: Source("video", copy, 4) for split in ("train", "test")}
    clip = build_index(sources, 4, 1, 0, 4)["splits"]["train"][0][0]
    write_video(copy, (picture(n) for n in range(9)), 25)
    with pytest.raises(InputError, match=r"walk\.mp4: changed since it was indexed; index again"):
        list(RawClips(tmp_path, "all", "index again").members(clip))


@pytest.mark.parametrize("name", ["00024.png", "frame.png"])
def test_masks_are_named_by_frame(walk: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "walk.mp4").write_bytes(walk.read_bytes())
    write(tmp_path / "walk_masks" / name, b"")
    with pytest.raises(InputError, match=f"{name}: names no frame of walk.mp4, which has 24"):
        video.scan(tmp_path)


def test_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ln -s /path/to/video"):
        video.scan(tmp_path / "walk.mp4")
    with pytest.raises(InputError, match="holds no video; put a video there"):
        video.scan(tmp_path)
    write(tmp_path / "walk.mp4", b"no video")
    with pytest.raises(InputError, match=r"walk\.mp4: "):
        video.scan(tmp_path)


@pytest.mark.real_data
def test_real_video(real_data: Path) -> None:
    (sequence,) = video.scan(real_data / "video")
    assert (sequence.name, len(sequence.frames)) == ("pedestrians", 120)
