from pathlib import Path

import numpy as np
import pytest

from flowmend.datasets.index import build_index
from flowmend.datasets.index_file import Source
from flowmend.datasets.raw_clips import RawClips
from flowmend.errors import InputError
from flowmend.io.images import encode_jpeg, encode_png, encode_segmentation, read_segmentation
from raw_trees import davis_tree, object_ids, picture, write, write_sequence

FRAME = "JPEGImages/480p/bear/00002.jpg"
SEGMENTATION = "Annotations/480p/bear/00002.png"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return davis_tree(tmp_path / "davis", {"bear": 7}, {"cow": 7})


def _members(root: Path, objects: list[int] | str = "all", dataset: str = "davis2017") -> dict:
    """Members of the first training clip, frames 0 to 3."""
    sources = {split: Source(dataset, root, 4) for split in ("train", "test")}
    clip = build_index(sources, 4, 1, 0, 4)["splits"]["train"][0][0]
    return dict(RawClips(root, objects, "run the index stage").members(clip))


def _ids(members: dict, frame: int) -> np.ndarray:
    return read_segmentation(members[f"Annotations/480p/bear_000/{frame:05d}.png"])


def test_frames_keep_their_bytes(tree: Path) -> None:
    members = _members(tree)
    assert len(members) == 8
    assert members["JPEGImages/480p/bear_000/00002.jpg"] == (tree / FRAME).read_bytes()
    np.testing.assert_array_equal(_ids(members, 2), object_ids(2))


def test_suffix_tells_what_the_bytes_are(tree: Path) -> None:
    png = encode_png(picture(2))
    write(tree / FRAME, png)
    assert _members(tree)["JPEGImages/480p/bear_000/00002.png"] == png


def test_grey_segmentations_of_0_and_255_become_one_object(tree: Path) -> None:
    write(tree / SEGMENTATION, encode_png((object_ids(2) > 0).astype(np.uint8) * 255))
    np.testing.assert_array_equal(_ids(_members(tree), 2), object_ids(2) > 0)


def test_a_segmentation_one_pixel_narrower_is_fitted(tree: Path) -> None:
    write(tree / SEGMENTATION, encode_segmentation(object_ids(2)[:, :-1]))
    np.testing.assert_array_equal(_ids(_members(tree), 2), object_ids(2))


def test_chosen_objects(tree: Path) -> None:
    ids = _ids(_members(tree, [2]), 2)
    np.testing.assert_array_equal(ids, np.where(object_ids(2) == 2, 2, 0))


def test_an_object_may_leave_a_frame_but_not_the_clip(tree: Path) -> None:
    write(tree / SEGMENTATION, encode_segmentation(np.zeros_like(object_ids(2))))
    assert not _ids(_members(tree, [1]), 2).any()
    with pytest.raises(
        InputError, match=r"bear/00000\.png: shows none of the chosen objects \(5\)"
    ):
        _members(tree, [5])


def test_objects_need_segmentations(tmp_path: Path) -> None:
    write_sequence(tmp_path / "frames", tmp_path / "unused", [str(n) for n in range(14)])
    assert len(_members(tmp_path, dataset="folder")) == 4
    with pytest.raises(InputError, match="has no masks to choose objects from"):
        _members(tmp_path, [1], dataset="folder")


def test_unpadded_numbers_are_padded(tmp_path: Path) -> None:
    write_sequence(tmp_path, tmp_path / "unused", [f"frame{n}" for n in range(8, 28)])
    names = sorted(_members(tmp_path, dataset="folder"))
    assert [name[-9:] for name in names] == [f"{n:05d}.jpg" for n in range(4)]


def test_a_changed_file_is_refused(tree: Path) -> None:
    sources = {split: Source("davis2017", tree, 4) for split in ("train", "test")}
    clip = build_index(sources, 4, 1, 0, 4)["splits"]["train"][0][0]
    raw = RawClips(tree, "all", "run the index stage")
    write(tree / SEGMENTATION, encode_segmentation(object_ids(5)))
    with pytest.raises(
        InputError, match=r"00002\.png: changed since it was indexed; run the index"
    ):
        list(raw.members(clip))
    (tree / FRAME).unlink()
    with pytest.raises(InputError, match=r"00002\.jpg: cannot be read .*restore it, or run the"):
        list(raw.members(clip))


@pytest.mark.parametrize(
    ("file", "data", "message"),
    [
        (FRAME, encode_jpeg(picture(2))[:900], r"00002\.jpg: is truncated or corrupt"),
        (FRAME, b"no picture", r"00002\.jpg: is not an image"),
        (FRAME, b"", r"00002\.jpg: is not an image"),
        (FRAME, encode_jpeg(picture(2, 40, 80)), r"00002\.jpg: frame of another size: 80×40 px"),
        (SEGMENTATION, encode_png(picture(2)), r"00002\.png: is a colour picture"),
        (SEGMENTATION, encode_segmentation(object_ids(2, 40)), r"00002\.png: mask of another size"),
        (SEGMENTATION, b"no picture", r"00002\.png: is not an image"),
    ],
)
def test_bad_files_are_named(tree: Path, file: str, data: bytes, message: str) -> None:
    write(tree / file, data)
    with pytest.raises(InputError, match=message) as error:
        _members(tree)
    assert "\n" not in str(error.value)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("dataset", "name", "objects"),
    [("davis2017", "davis", {0, 1, 2}), ("youtube_vos", "youtube_vos", {0, 1, 2, 3, 4, 5})],
)
def test_real_clips(real_data: Path, dataset: str, name: str, objects: set[int]) -> None:
    root = real_data / name
    members = _members(root, dataset=dataset)
    seen = {path: data for path, data in members.items() if path.startswith("Annotations")}
    assert set().union(*(np.unique(read_segmentation(d)) for d in seen.values())) == objects
    suffixes = {Path(path).suffix for path in members if path.startswith("JPEG")}
    assert suffixes == {".png" if dataset == "youtube_vos" else ".jpg"}
