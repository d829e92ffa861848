"""Train and test parts of datasets that have no split of their own."""

from flowmend.datasets.sequences import Sequence
from flowmend.errors import InputError

TEST_EVERY = 5


def split_sequences(sequences: list[Sequence], shortest: int) -> dict[str, list[Sequence]]:
    """Every fifth sequence, counted from the last, is for testing; a single one is cut in time.

    Args:
        sequences: sorted.
        shortest: frames that each part of a single sequence holds at least.

    Returns:
        "train" and "test" sequences, none empty.

    Raises:
        InputError: a single sequence is too short for both parts.
    """
    if len(sequences) == 1:
        before, after = _cut_in_time(sequences[0], shortest)
        return {"train": [before], "test": [after]}
    test = sequences[::-1][::TEST_EVERY][::-1]
    return {"train": [one for one in sequences if one not in test], "test": test}


def _cut_in_time(sequence: Sequence, shortest: int) -> tuple[Sequence, Sequence]:
    """The last fifth is for testing, so that no frame is in both parts."""
    length = len(sequence.frames)
    if length < 2 * shortest:
        raise InputError(
            sequence.frames[0].image.parent,
            f"the only sequence, {sequence.name}, has {length} frames; "
            f"train and test clips need {2 * shortest}",
            "lower data.frames or data.stride, or add sequences",
        )
    cut = length - max(shortest, length // TEST_EVERY)
    return (
        Sequence(sequence.name, "train", sequence.frames[:cut]),
        Sequence(sequence.name, "test", sequence.frames[cut:], first=cut),
    )
