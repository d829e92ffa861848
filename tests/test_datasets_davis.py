from pathlib import Path

import pytest

from flowmend.datasets import davis
from flowmend.errors import InputError
from raw_trees import davis_tree, write


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return davis_tree(tmp_path / "davis", {"bear": 4, "bus": 3}, {"camel": 3})


def test_lists_give_the_splits(tree: Path) -> None:
    found = davis.scan(tree, 2017)
    assert [(s.name, s.split, len(s.frames)) for s in found] == [
        ("bear", "train", 4),
        ("bus", "train", 3),
        ("camel", "test", 3),
    ]
    frame = found[0].frames[2]
    assert frame.image == tree / "JPEGImages/480p/bear/00002.jpg"
    assert frame.segmentation == tree / "Annotations/480p/bear/00002.png"


def test_one_split_needs_one_list(tree: Path) -> None:
    (tree / "ImageSets/2017/train.txt").unlink()
    assert [s.name for s in davis.scan(tree, 2017, ("test",))] == ["camel"]


@pytest.mark.parametrize("folder", ["2016", "480p"])
def test_lists_of_2016_hold_pairs_of_files(tree: Path, folder: str) -> None:
    pairs = [f"/JPEGImages/480p/bus/{n:05d}.jpg /Annotations/480p/bus/{n:05d}.png" for n in (0, 1)]
    write(tree / "ImageSets" / folder / "train.txt", "\n".join(pairs).encode())
    write(tree / "ImageSets" / folder / "val.txt", b"camel\n\n")
    assert [(s.name, s.split) for s in davis.scan(tree, 2016)] == [
        ("bus", "train"),
        ("camel", "test"),
    ]


def test_missing_list_names_the_other_year(tree: Path) -> None:
    with pytest.raises(InputError, match=r"ImageSets/2016/train\.txt.*davis2017"):
        davis.scan(tree, 2016)


def test_missing_root_says_how_to_link_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is missing; .*ln -s /path/to/DAVIS .*data/raw/davis"):
        davis.scan(tmp_path / "data/raw/davis", 2017)


def test_a_link_to_the_parent_is_recognised(tree: Path) -> None:
    with pytest.raises(InputError, match="must be the folder that holds JPEGImages"):
        davis.scan(tree.parent, 2017)


def test_missing_sequence(tree: Path) -> None:
    write(tree / "ImageSets/2017/val.txt", b"camel\nzebra\n")
    with pytest.raises(InputError, match=r"480p/zebra: is missing.*test list"):
        davis.scan(tree, 2017)


def test_missing_frame(tree: Path) -> None:
    (tree / "JPEGImages/480p/bear/00002.jpg").unlink()
    with pytest.raises(InputError, match=r"480p/bear: holds no frame 00002"):
        davis.scan(tree, 2017)


def test_gap_in_frames_and_segmentations(tree: Path) -> None:
    (tree / "JPEGImages/480p/bear/00002.jpg").unlink()
    (tree / "Annotations/480p/bear/00002.png").unlink()
    with pytest.raises(InputError, match=r"480p/bear: frame 00002 is missing"):
        davis.scan(tree, 2017)


def test_missing_segmentation(tree: Path) -> None:
    (tree / "Annotations/480p/bear/00001.png").unlink()
    with pytest.raises(InputError, match=r"Annotations/480p/bear/00001\.png: is missing"):
        davis.scan(tree, 2017)


def test_empty_sequence_and_list(tree: Path) -> None:
    for path in (tree / "JPEGImages/480p/bear").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="sequence bear has no frames"):
        davis.scan(tree, 2017)
    write(tree / "ImageSets/2017/train.txt", b"\n")
    with pytest.raises(InputError, match=r"train\.txt: is empty"):
        davis.scan(tree, 2017)


def test_two_files_for_one_frame(tree: Path) -> None:
    write(tree / "JPEGImages/480p/bear/00001.png", b"")
    with pytest.raises(InputError, match=r"stands beside 00001\.jpg"):
        davis.scan(tree, 2017)


def test_hidden_files_are_left_out(tree: Path) -> None:
    write(tree / "JPEGImages/480p/bear/._00000.jpg", b"resource fork")
    write(tree / "Annotations/480p/bear/.DS_Store", b"")
    assert len(davis.scan(tree, 2017)[0].frames) == 4


def test_order_of_the_file_system_is_irrelevant(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = davis.scan(tree, 2017)
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(sorted(listed(self), reverse=True)))
    assert davis.scan(tree, 2017) == expected


@pytest.mark.real_data
def test_real_davis(real_data: Path) -> None:
    found = {s.name: (s.split, len(s.frames)) for s in davis.scan(real_data / "davis", 2017)}
    assert found == {
        "bmx-trees": ("train", 80),
        "car-shadow": ("train", 40),
        "blackswan": ("test", 50),
        "tennis": ("test", 70),
    }
