"""Iterative experiments by what they vary, and what each is called in a figure."""

from collections.abc import Mapping
from typing import Any

from flowmend.params import Experiment, IterativeExperiment

BASE = "refine"
"""What every other iterative experiment is compared with."""

_KEYS = {
    "confidence rule": ("rule",),
    "schedule and gradients": ("schedule", "backpropagation"),
    "losses": ("losses", "confidence_weighted"),
    "neighbours": ("neighbours", "differences", "persistent", "proposals", "self_ensemble"),
    "network and start": ("architecture", "convolution", "fill"),
}
_FIRST = ("neighbours", "confidence rule", "schedule and gradients", "network and start", "losses")
"""Who has the say when an experiment varies several things."""
SCHEDULE_WORDS = {
    "eq3_printed": "eq. 3, printed",
    "eq3_read": "eq. 3, as read",
    "eq4": "eq. 4",
    "last_step_only": "last step only",
}
_WORDS: Mapping[str, Mapping[Any, str]] = {
    "rule": {
        "clip": "clip rule",
        "mean": "mean rule",
        "power_mean": "power mean rule",
        "polynomial": "polynomial rule",
    },
    "schedule": SCHEDULE_WORDS,
    "backpropagation": {
        "per_step": "gradients step by step",
        "through_time": "gradients through all steps",
    },
    "confidence_weighted": {True: "L1 weighted by confidence", False: ""},
    "differences": {True: "flow differences", False: ""},
    "persistent": {True: "updating on", False: ""},
    "proposals": {True: "proposals", False: ""},
    "self_ensemble": {True: "both ways in time", False: ""},
    "architecture": {1: "architecture 1", 2: "architecture 2"},
    "convolution": {"partial": "partial convolution", "gated": "gated convolution"},
    "fill": {"smooth": "smooth fill", "biharmonic": "biharmonic fill"},
}
_LOSSES = {
    "inpaint_l1": "L1",
    "min_round_trip": "min round trip",
    "total_variation": "TV of the error",
    "prediction_total_variation": "TV",
}
_UNVARIED = ("study", "task", "hole_shapes")


def iterative(blocks: Mapping[str, Experiment]) -> dict[str, IterativeExperiment]:
    """Those that refine step by step."""
    return {n: b for n, b in blocks.items() if isinstance(b, IterativeExperiment)}


def grouped(blocks: Mapping[str, IterativeExperiment]) -> dict[str, dict[str, str]]:
    """Words of each experiment by its name, by the group's title.

    The first of a group is what the rest are compared with: :data:`BASE` where it has the group's
    setup, else the first experiment in that setup. Groups of the base alone are left out, unless
    there is nothing else.

    Args:
        blocks: must hold :data:`BASE`.
    """
    base = blocks[BASE]
    groups = {title: {BASE: _words(base, keys)} for title, keys in _KEYS.items()}
    for name, block in blocks.items():
        varied = _varied(block, base)
        if "setup" in varied:
            of_setup = groups.setdefault(f"{block.setup.replace('_', ' ')} setup", {})
            of_setup[name] = _words(block, [k for k in varied if k != "setup"]) or "same otherwise"
        elif varied:
            title = next(title for title in _FIRST if set(_KEYS[title]) & set(varied))
            varied.sort(key=lambda key: key not in _KEYS[title])  # what the group is about first
            groups[title][name] = _words(block, varied)
    compared = {title: members for title, members in groups.items() if len(members) > 1}
    return compared or {"refinement": {BASE: words_of(base)}}


def words_of(block: IterativeExperiment) -> str:
    """All that an experiment is, in a caption."""
    return _words(block, [key for keys in _KEYS.values() for key in keys])


def _varied(block: IterativeExperiment, base: IterativeExperiment) -> list[str]:
    return [
        key
        for key in type(block).model_fields
        if key not in _UNVARIED and getattr(block, key) != getattr(base, key)
    ]


def _words(block: IterativeExperiment, keys: list[str] | tuple[str, ...]) -> str:
    return ", ".join(filter(None, (_value(key, getattr(block, key)) for key in keys)))


def _value(key: str, value: Any) -> str:
    if key == "losses":
        return " + ".join(_LOSSES[name] for name in value)
    return _WORDS[key][value] if key in _WORDS else str(value)
