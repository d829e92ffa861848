"""Edges of pictures by HED, with the weights that ``flowmend weights add hed`` keeps."""

from pathlib import Path

import torch

from flowmend.edges.hed import HED, hed_edges, thinned
from flowmend.errors import InputError
from flowmend.io.weights import load_network, weights_path
from flowmend.params import EdgeParams
from flowmend.stages.image_edges import EdgeFinder


def hed_finder(params: EdgeParams) -> EdgeFinder:
    """HED, its map thinned to lines.

    Raises:
        InputError: its weights are missing, damaged or not HED's, or there is no such device.
    """
    network = load_hed(params)
    return lambda picture: thinned(hed_edges(picture, network))


def hed_weights(params: EdgeParams) -> Path:
    """Where HED's weights lie, or would."""
    return Path(params.checkpoint) if params.checkpoint else weights_path("hed")


def load_hed(params: EdgeParams) -> HED:
    """HED with its weights, on one thread: on more, the same picture could give other bits.

    Raises:
        InputError: they are missing, damaged or not HED's, or there is no such device.
    """
    network = load_network(HED, "hed", hed_weights(params))
    if params.device == "cuda" and not torch.cuda.is_available():
        what = "is cuda, but torch finds no GPU here"
        raise InputError("params.yaml: edges.device", what, "set it to cpu")
    torch.set_num_threads(1)
    return network.to(params.device)
