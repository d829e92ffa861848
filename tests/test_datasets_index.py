import json
import shutil
from pathlib import Path

import pytest

from flowmend.datasets.index import build_index
from flowmend.datasets.index_file import Source, file_hash, read_index
from flowmend.errors import InputError
from raw_trees import davis_tree, write, write_sequence, youtube_vos_tree


def _sources(dataset: str, root: Path, train: int = 8, test: int = 4) -> dict[str, Source]:
    return {"train": Source(dataset, root, train), "test": Source(dataset, root, test)}


def _index(sources: dict[str, Source], frames: int = 4, seed: int = 7) -> dict:
    return build_index(sources, frames, 1, seed, 4)


def _names(index: dict, split: str) -> list[list[str]]:
    return [[clip["name"] for clip in shard] for shard in index["splits"][split]]


@pytest.fixture(scope="module")
def davis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return davis_tree(tmp_path_factory.mktemp("raw") / "davis", {"bear": 9, "bus": 8}, {"cow": 9})


class TestSynthetic:
    def test_seeds_differ_between_clips_and_splits(self) -> None:
        index = _index(_sources("moving_shapes", Path("moving_shapes"), 40, 20))
        clips = [clip for shards in index["splits"].values() for shard in shards for clip in shard]
        assert len({clip["seed"] for clip in clips}) == 60
        assert _names(index, "train")[1][:2] == ["train_0001", "train_0005"]

    def test_more_clips_keep_the_seeds_of_the_first(self) -> None:
        few, many = (_index(_sources("moving_shapes", Path("x"), count)) for count in (8, 40))
        seeds = [
            {clip["name"]: clip["seed"] for shard in index["splits"]["train"] for clip in shard}
            for index in (few, many)
        ]
        assert seeds[0].items() <= seeds[1].items()

    def test_another_seed_gives_other_clips(self) -> None:
        sources = _sources("moving_shapes", Path("x"))
        assert _index(sources, seed=7) == _index(sources, seed=7) != _index(sources, seed=8)


class TestReal:
    def test_every_file_is_described(self, davis: Path) -> None:
        clip = _index(_sources("davis2017", davis))["splits"]["train"][0][0]
        assert (clip["name"], clip["sequence"]) == ("bear_000", "bear")
        assert [frame["image"][-9:] for frame in clip["frames"]] == [
            f"{n:05d}.jpg" for n in range(4)
        ]
        for frame in clip["frames"]:
            image, annotation = davis / frame["image"], davis / frame["segmentation"]
            assert frame["bytes"] == image.stat().st_size
            assert frame["sha256"] == file_hash(image)
            assert frame["segmentation_sha256"] == file_hash(annotation)

    def test_shards_are_balanced(self, davis: Path) -> None:
        for wanted in range(4, 10):
            sizes = [len(s) for s in _names(_index(_sources("davis2017", davis, wanted)), "train")]
            assert sum(sizes) == wanted
            assert max(sizes) - min(sizes) <= 1

    def test_place_and_file_order_are_irrelevant(
        self, davis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index = _index(_sources("davis2017", davis))
        copy = shutil.copytree(davis, tmp_path / "elsewhere")
        listed = Path.iterdir
        monkeypatch.setattr(Path, "iterdir", lambda self: iter(sorted(listed(self))[::-1]))
        assert _index(_sources("davis2017", copy)) == index
        assert str(davis) not in json.dumps(index)

    def test_a_changed_file_changes_the_index(self, davis: Path, tmp_path: Path) -> None:
        copy = shutil.copytree(davis, tmp_path / "davis")
        before = _index(_sources("davis2017", copy))
        with open(copy / "JPEGImages/480p/bear/00002.jpg", "ab") as stream:
            stream.write(b"\0")
        assert _index(_sources("davis2017", copy)) != before

    def test_too_few_clips_for_the_shards(self, davis: Path) -> None:
        with pytest.raises(
            InputError, match=r"test gets 3 clips, fewer than its 4 shards"
        ) as error:
            _index(_sources("davis2017", davis, test=3))
        assert "data.clips.test" in error.value.remedy

    def test_a_separate_test_set_leaves_all_training_sequences(
        self, davis: Path, tmp_path: Path
    ) -> None:
        vos = youtube_vos_tree(tmp_path, {"0a": 6, "0b": 6})
        sources = {"train": Source("youtube_vos", vos, 6), "test": Source("davis2017", davis, 4)}
        index = _index(sources)
        assert (index["dataset"], index["test_dataset"]) == ("youtube_vos", "davis2017")
        assert {name[:2] for shard in _names(index, "train") for name in shard} == {"0a", "0b"}
        assert {name[:3] for shard in _names(index, "test") for name in shard} == {"cow"}

    def test_a_dataset_without_splits_is_split(self, tmp_path: Path) -> None:
        for name in "abcdef":
            write_sequence(
                tmp_path / name / "frames", tmp_path / name / "masks", map(str, range(7))
            )
        index = _index(_sources("folder", tmp_path))
        assert {name[0] for shard in _names(index, "train") for name in shard} == set("bcde")
        assert {name[0] for shard in _names(index, "test") for name in shard} == set("af")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "is missing"),
        ("{", "is not JSON"),
        ("[]", "version 1"),
        ('{"version": 2}', "version"),
    ],
)
def test_bad_index_is_refused(tmp_path: Path, content: str | None, what: str) -> None:
    path = tmp_path / "index.json"
    if content is not None:
        write(path, content.encode())
    with pytest.raises(InputError, match=f"{what}.*; run the index stage again"):
        read_index(path)
