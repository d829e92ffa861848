"""Ablations of the refinement: what each change does to the error, beside the plain experiment."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from flowmend.report.claims.evidence import ERROR, Contrast, Evidence
from flowmend.report.numbers import NONE, interval
from flowmend.report.tables import SETUPS, Group, Row, Table

REFERENCE = "refine"
"""What every other experiment changes in one thing."""
ITERATIVE = "iterative"
FREE = ("study", "setup")
NEIGHBOURS = ("neighbours", "differences")
ABLATION_NOTE = (
    "Each experiment beside the plain one of its setup, which stands first; the others follow, the "
    "best before the rest. The gain is how much smaller an error is on the same held-out cases: "
    "above 0 is better. Brackets are 95 % intervals over clips; the least of a setup is bold."
)
NEIGHBOUR_NOTE = (
    "How the frames beside arrive, and whether the update has further channels that tell how their "
    "flow differs from the current one. Gains are on the same cases, each beside the experiment "
    "that differs in this alone: neighbours warped instead, no such channels. Brackets are 95 % "
    "intervals over clips."
)
Blocks = Mapping[str, Mapping[str, Any]]


def ablation_tables(evidence: Evidence, summary: pd.DataFrame) -> list[Table]:
    """All experiments against the plain one, and splatting against warping in particular.

    Args:
        evidence: tables of one scale.
        summary: rows of ``summary.csv``.
    """
    tables = (_ablation(evidence, summary), _neighbours(evidence, summary))
    return [table for table in tables if table.groups]


def iterative(evidence: Evidence) -> Blocks:
    """The experiments that refine step by step, in the order of ``params.yaml``."""
    blocks = evidence.experiments.items()
    return {name: block for name, block in blocks if block.get("task") == ITERATIVE}


def by_setup(blocks: Blocks) -> Iterator[tuple[str, Blocks]]:
    """Experiments by which frames they hide; setups without any are left out."""
    for setup, words in SETUPS.items():
        own = {name: block for name, block in blocks.items() if block["setup"] == setup}
        if own:
            yield words, own


def plain_of(blocks: Blocks, among: Blocks) -> str | None:
    """The plain experiment, or its like in another setup; None if ``among`` has neither.

    Args:
        blocks: all experiments, with the plain one.
        among: of one setup.
    """
    if REFERENCE not in blocks:
        return None
    return next((n for n, block in among.items() if not _changed(block, blocks[REFERENCE])), None)


def changes(block: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    """What an experiment changes, e.g. ``neighbours: splatted; differences``."""
    words = []
    for key in _changed(block, plain):
        value, usual = block.get(key), plain.get(key)
        if isinstance(value, Mapping) and isinstance(usual, Mapping):
            new = [f"{name} {w:g}" for name, w in value.items() if usual.get(name) != w]
            words.append(", ".join([*new, *(f"no {name}" for name in usual if name not in value)]))
        elif isinstance(value, bool):
            words.append(key if value else f"no {key}")
        elif isinstance(value, list | tuple):
            words.append(f"{key}: {', '.join(map(str, value))}")
        else:
            words.append(f"{key}: {'all' if value is None else value}")
    return "; ".join(words).replace("_", " ")


def _ablation(evidence: Evidence, summary: pd.DataFrame) -> Table:
    blocks = iterative(evidence)
    groups = []
    for words, own in by_setup(blocks):
        plain = plain_of(blocks, own)
        found = summary[summary["method"].isin(own) & (summary["kind"] == "network")]
        order = found.sort_values("epe_hole_px", kind="stable")["method"].tolist()
        names = sorted(order, key=lambda name: name != plain)
        rows = [_row(evidence, summary, name, plain) for name in names]
        best = order[0] if len(order) > 1 else None
        marked = (Row(row.cells, _bold(name == best, row)) for name, row in zip(names, rows))
        if rows:
            groups.append(Group(words, tuple(marked)))
    columns = ("experiment", "changed", "EPE in the hole (px)", "ratio to biharmonic")
    heads = (*columns, "gain on the plain one (px)")
    return Table("Ablations of the refinement (3)", heads, tuple(groups), ABLATION_NOTE)


def _row(evidence: Evidence, summary: pd.DataFrame, name: str, plain: str | None) -> Row:
    block = evidence.experiments[name]
    known = evidence.experiments[plain] if plain else block
    words = changes(block, known) if plain != name else "–"
    gain = _gain(evidence, name, plain) if plain != name else NONE
    return Row((name, words, *_errors(summary, name), gain))


def _bold(best: bool, row: Row) -> tuple[bool, ...]:
    return tuple(best and 2 <= column <= 3 for column in range(len(row.cells)))


def _neighbours(evidence: Evidence, summary: pd.DataFrame) -> Table:
    blocks, groups = iterative(evidence), []
    for words, own in by_setup(blocks):
        plain = plain_of(blocks, own)
        if plain is None:
            continue
        chosen = {n: b for n, b in own.items() if set(_changed(b, own[plain])) <= set(NEIGHBOURS)}
        known = [name for name in chosen if (summary["method"] == name).any()]
        if len(known) > 1:
            rows = (_neighbour_row(evidence, summary, name, chosen) for name in known)
            groups.append(Group(words, tuple(rows)))
    heads = (
        *("experiment", "neighbours", "channels"),
        *("EPE in the hole (px)", "ratio to biharmonic"),
        *("gain on warped (px)", "gain by channels (px)"),
    )
    title = "Neighbours splatted or warped (beyond the report)"
    return Table(title, heads, tuple(groups), NEIGHBOUR_NOTE)


def _neighbour_row(evidence: Evidence, summary: pd.DataFrame, name: str, chosen: Blocks) -> Row:
    block = chosen[name]
    gains = (
        _gain(evidence, name, _with(chosen, block, neighbours="warped"))
        if block["neighbours"] != "warped"
        else NONE,
        _gain(evidence, name, _with(chosen, block, differences=False))
        if block["differences"]
        else NONE,
    )
    told = "yes" if block["differences"] else "no"
    return Row((name, block["neighbours"], told, *_errors(summary, name), *gains))


def _with(chosen: Blocks, block: Mapping[str, Any], **change: object) -> str | None:
    """The experiment that differs in this alone."""
    wanted = {**block, **change}
    return next((name for name, other in chosen.items() if not _changed(other, wanted)), None)


def _changed(block: Mapping[str, Any], plain: Mapping[str, Any]) -> list[str]:
    keys = dict.fromkeys((*plain, *block))
    return [key for key in keys if key not in FREE and block.get(key) != plain.get(key)]


def _gain(evidence: Evidence, name: str, other: str | None) -> str:
    if other is None:
        return NONE
    errors = (evidence.errors(name), evidence.errors(other))
    found: list[Contrast] = list(evidence.contrasts((name, other), errors, ERROR))
    gains = (interval(each.gain.value, each.gain.low, each.gain.high, "+") for each in found)
    return next(gains, NONE)


def _errors(summary: pd.DataFrame, name: str) -> tuple[str, str]:
    own = summary[(summary["method"] == name) & (summary["kind"] == "network")]
    if own.empty:
        return NONE, NONE
    row = own.iloc[0]
    return (
        interval(row["epe_hole_px"], row["epe_hole_low"], row["epe_hole_high"]),
        interval(row["ratio_biharmonic"], row["ratio_low"], row["ratio_high"]),
    )
