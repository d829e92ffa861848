from pathlib import Path

import pytest

from flowmend.datasets import folder
from flowmend.errors import InputError
from raw_trees import write, write_sequence


def _stems(root: Path) -> dict[str, list[str]]:
    return {s.name: [frame.stem for frame in s.frames] for s in folder.scan(root)}


def test_frames_and_masks_side_by_side(tmp_path: Path) -> None:
    write_sequence(tmp_path / "walk/frames", tmp_path / "walk/masks", ["a1", "a2", "a3"], 2, ".png")
    (sequence,) = folder.scan(tmp_path / "walk")
    assert (sequence.name, sequence.split) == ("walk", None)
    given = [frame.segmentation for frame in sequence.frames]
    assert given == [tmp_path / "walk/masks/a1.png", None, tmp_path / "walk/masks/a3.png"]


def test_frames_in_the_folder_itself(tmp_path: Path) -> None:
    write_sequence(tmp_path / "walk", tmp_path / "walk/masks", ["1", "2"])
    (sequence,) = folder.scan(tmp_path / "walk")
    assert sequence.frames[0].segmentation == tmp_path / "walk/masks/1.png"


def test_one_folder_per_sequence(tmp_path: Path) -> None:
    for name in ("run", "jump"):
        write_sequence(tmp_path / name / "frames", tmp_path / name / "masks", ["0", "1"])
    write(tmp_path / "notes/readme.txt", b"")
    assert _stems(tmp_path) == {"jump": ["0", "1"], "run": ["0", "1"]}


def test_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    write_sequence(tmp_path, tmp_path / "masks", [f"frame{n}" for n in (8, 9, 10, 11)])
    assert _stems(tmp_path)[tmp_path.name] == ["frame8", "frame9", "frame10", "frame11"]


def test_missing_frame_is_named(tmp_path: Path) -> None:
    write_sequence(tmp_path, tmp_path / "masks", [f"{n:04d}" for n in (8, 9, 11, 12)], every=9)
    with pytest.raises(InputError, match="frame 0010 is missing"):
        folder.scan(tmp_path)


def test_irregular_numbers_are_not_gaps(tmp_path: Path) -> None:
    stems = ["1700000012", "1700000047", "1700000079", "1700000113"]
    write_sequence(tmp_path, tmp_path / "masks", stems)
    assert _stems(tmp_path)[tmp_path.name] == stems


def test_segmentation_without_a_frame(tmp_path: Path) -> None:
    write_sequence(tmp_path, tmp_path / "masks", ["1", "2"])
    write(tmp_path / "masks/7.png", b"")
    with pytest.raises(InputError, match=r"holds no frame 7, which .*masks/7\.png annotates"):
        folder.scan(tmp_path)


def test_no_frames_explains_the_layout(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"put frames into frames/"):
        folder.scan(tmp_path)
    with pytest.raises(InputError, match="is missing; link your frames"):
        folder.scan(tmp_path / "nowhere")
    write(tmp_path / "file", b"")
    with pytest.raises(InputError, match="is not a folder"):
        folder.scan(tmp_path / "file")
