from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmend.datasets.clips import cut_clips, fair_shares
from flowmend.datasets.sequences import FrameFiles, Sequence
from flowmend.datasets.splits import split_sequences
from flowmend.errors import InputError


def _sequence(name: str, length: int, every: int = 1) -> Sequence:
    frames = [
        FrameFiles(Path(f"{name}/{n}.jpg"), None if n % every else Path(f"{name}/{n}.png"))
        for n in range(length)
    ]
    return Sequence(name, None, tuple(frames))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(0, 100))
def test_shares_are_as_even_as_room_allows(room: list[int], count: int) -> None:
    shares = fair_shares(room, count)
    assert sum(shares) == min(count, sum(room))
    assert all(share <= size for share, size in zip(shares, room))
    unfilled = [share for share, size in zip(shares, room) if share < size]
    assert not unfilled or max(shares) <= min(unfilled) + 1


def test_a_remainder_is_spread() -> None:
    assert fair_shares([9] * 6, 2) == [0, 1, 0, 0, 1, 0]


@given(st.integers(8, 60), st.integers(1, 80), st.integers(1, 4))
def test_clips_are_different_and_in_the_sequence(length: int, count: int, stride: int) -> None:
    sequence = _sequence("bear", length)
    span = 7 * stride + 1
    if length < span:
        with pytest.raises(InputError):
            cut_clips([sequence], count, 8, stride)
        return
    clips = cut_clips([sequence], count, 8, stride)
    assert len(clips) == min(count, length - span + 1) == len({clip.name for clip in clips})
    for clip in clips:
        start = int(clip.name.removeprefix("bear_"))
        assert clip.frames == sequence.frames[start : start + span : stride]
        assert len(clip.frames) == 8


def test_clips_are_spread_over_time() -> None:
    clips = cut_clips([_sequence("bear", 40)], 4, 8, 1)
    assert [clip.name for clip in clips] == ["bear_004", "bear_012", "bear_020", "bear_028"]


def test_short_sequences_leave_their_share_to_others() -> None:
    clips = cut_clips([_sequence("a", 9), _sequence("b", 60)], 12, 8, 1)
    assert [clip.sequence for clip in clips] == ["a"] * 2 + ["b"] * 10


def test_annotated_frames_come_first() -> None:
    sequence = _sequence("a", 61, every=5)
    aligned = cut_clips([sequence], 6, 8, 5)
    assert len(aligned) == 6
    assert all(frame.segmentation for clip in aligned for frame in clip.frames)
    assert len(cut_clips([sequence], 99, 8, 5)) == 61 - 35
    dense = cut_clips([sequence], 6, 8, 1)
    assert {sum(frame.segmentation is not None for frame in c.frames) for c in dense} == {2}


def test_short_sequence_says_what_is_needed() -> None:
    with pytest.raises(InputError, match="sequence b has 14 frames, a clip needs 15") as error:
        cut_clips([_sequence("a", 20), _sequence("b", 14)], 5, 8, 2)
    assert "8 at stride 2" in str(error.value)
    assert "data.frames or data.stride" in error.value.remedy


def test_every_fifth_sequence_is_for_testing() -> None:
    split = split_sequences([_sequence(name, 8) for name in "abcdefg"], 8)
    assert [s.name for s in split["test"]] == ["b", "g"]
    assert [s.name for s in split["train"]] == ["a", "c", "d", "e", "f"]


def test_a_single_sequence_is_cut_in_time() -> None:
    split = split_sequences([_sequence("a", 100)], 8)
    (train,), (test,) = split["train"], split["test"]
    assert (len(train.frames), len(test.frames), test.first) == (80, 20, 80)
    assert not {f.image for f in train.frames} & {f.image for f in test.frames}
    assert cut_clips([test], 1, 20, 1)[0].name == "a_080"
    (train,), (test,) = split_sequences([_sequence("a", 16)], 8).values()
    assert (len(train.frames), len(test.frames)) == (8, 8)


def test_a_single_short_sequence_is_refused() -> None:
    with pytest.raises(InputError, match="has 15 frames; train and test clips need 16"):
        split_sequences([_sequence("a", 15)], 8)
