"""Where the raw data of a scale lie."""

from pathlib import Path

from flowmend.datasets.index_file import Source
from flowmend.params import DataParams

RAW = Path("data/raw")


def sources(data: DataParams) -> dict[str, Source]:
    """Dataset, place and number of clips of each split."""
    return {
        "train": Source(data.dataset, RAW / data.root, data.clips.train),
        "test": Source(
            data.test_dataset or data.dataset, RAW / (data.test_root or data.root), data.clips.test
        ),
    }
