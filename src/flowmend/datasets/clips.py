"""Cutting sequences into clips: a fixed choice, spread evenly over sequences and over time."""

from dataclasses import dataclass

from flowmend.datasets.sequences import FrameFiles, Sequence
from flowmend.errors import InputError

CONTEXT_FRAMES = 2
"""Video frames of a clip beyond its flow frames: one before the first, one after the last."""


@dataclass(frozen=True)
class ClipFiles:
    """Frames of one clip; ``name`` is the sequence's with the position of the first frame."""

    name: str
    sequence: str
    frames: tuple[FrameFiles, ...]


def frames_spanned(frames: int, stride: int) -> int:
    """Frames of the sequence from a clip's first to its last."""
    return (frames - 1) * stride + 1


def cut_clips(sequences: list[Sequence], count: int, frames: int, stride: int) -> list[ClipFiles]:
    """Cut at most ``count`` different clips; they overlap only when there are many.

    Every sequence gives as many as any other that is long enough. Where only some frames have a
    segmentation (YouTube-VOS, all frames), clips with more of them come first.

    Args:
        sequences: in a fixed order.
        count: clips wanted.
        frames: frames of a clip.
        stride: step between its frames in the sequence.

    Raises:
        InputError: a sequence is shorter than a clip.
    """
    annotated = [_annotated_frames(sequence, frames, stride) for sequence in sequences]
    shares = fair_shares([len(numbers) for numbers in annotated], count)
    return [
        _clip(sequence, start, frames, stride)
        for sequence, numbers, share in zip(sequences, annotated, shares)
        for start in _spread_starts(numbers, share)
    ]


def fair_shares(room: list[int], count: int) -> list[int]:
    """Divide ``count`` as evenly as ``room`` allows; a remainder goes to evenly spread places."""
    shares = [0] * len(room)
    left = min(count, sum(room))
    while left:
        open_places = [place for place, size in enumerate(room) if shares[place] < size]
        if left < len(open_places):
            chosen = [
                open_places[(2 * k + 1) * len(open_places) // (2 * left)] for k in range(left)
            ]
            each = 1
        else:
            chosen, each = open_places, left // len(open_places)
        for place in chosen:
            given = min(each, room[place] - shares[place])
            shares[place] += given
            left -= given
    return shares


def _annotated_frames(sequence: Sequence, frames: int, stride: int) -> list[int]:
    """Of the clip at each possible start, how many frames have a segmentation."""
    span = frames_spanned(frames, stride)
    length = len(sequence.frames)
    if length < span:
        raise InputError(
            sequence.frames[0].image.parent,
            f"sequence {sequence.name} has {length} frames, a clip needs {span} "
            f"({frames} at stride {stride})",
            "lower data.frames or data.stride, or remove the sequence",
        )
    return [
        sum(frame.segmentation is not None for frame in sequence.frames[s : s + span : stride])
        for s in range(length - span + 1)
    ]


def _spread_starts(annotated: list[int], share: int) -> list[int]:
    """Choose ``share`` starts, evenly spread over those with the most annotated frames."""
    if share == 0:
        return []
    least = sorted(annotated)[-share]
    pool = [start for start, number in enumerate(annotated) if number >= least]
    return [pool[(2 * k + 1) * len(pool) // (2 * share)] for k in range(share)]


def _clip(sequence: Sequence, start: int, frames: int, stride: int) -> ClipFiles:
    span = frames_spanned(frames, stride)
    name = f"{sequence.name}_{sequence.first + start:03d}"
    return ClipFiles(name, sequence.name, sequence.frames[start : start + span : stride])
