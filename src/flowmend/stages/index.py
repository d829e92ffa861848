"""Stage ``index``: what the raw data are, and which clips are cut from them."""

import json

from flowmend.datasets.clips import CONTEXT_FRAMES
from flowmend.datasets.index import build_index
from flowmend.io.atomic import write_text
from flowmend.params import Params
from flowmend.stages.layout import SHARDS, Layout
from flowmend.stages.raw_data import sources


def run(params: Params, scale: str) -> None:
    """Write ``artifacts/<scale>/index.json``.

    Raises:
        InputError: the raw data are missing, incomplete or too short.
    """
    data = params.at(scale).data
    index = build_index(
        sources(data), data.frames + CONTEXT_FRAMES, data.stride, data.seed, len(SHARDS)
    )
    write_text(Layout(scale).index, json.dumps(index, indent=1, sort_keys=True) + "\n")
