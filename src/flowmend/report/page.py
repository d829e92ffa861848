"""The report page: one HTML file with everything in it, no script and no request."""

import base64
import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flowmend.report.claims.findings import STATES, State, Verdict
from flowmend.report.claims.ledger import SECTIONS
from flowmend.report.claims.varied import Variation
from flowmend.report.numbers import change
from flowmend.report.tables import HOW_TO_READ, Table, study_title

TEMPLATE = "template.html.j2"
PLACED = ("overview", "results", "flow_archive")


@dataclass(frozen=True)
class PageFigure:
    """A figure and its provenance record.

    Attributes:
        name: of its files, e.g. ``fig01``.
        png: its bytes.
        record: content of ``<name>.prov.json``.
    """

    name: str
    png: bytes
    record: Mapping[str, Any]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px, from the PNG's header."""
        width, height = struct.unpack(">II", self.png[16:24])
        return width, height

    @cached_property
    def image(self) -> str:
        """The picture as a data URL."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()

    @property
    def animation(self) -> str | None:
        """File of the animation beside the picture, if there is one."""
        return self.record.get("facts", {}).get("animation")

    @property
    def record_url(self) -> str:
        """The record as a data URL, to be saved."""
        text = json.dumps(self.record, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        return "data:application/json;base64," + base64.b64encode(text.encode()).decode()

    @property
    def heading(self) -> str:
        """``Figure 3a. Title``; without number where the report has none."""
        number = self.record["number"]
        return f"Figure {number}. {self.record['title']}" if number else str(self.record["title"])

    @property
    def short(self) -> str:
        """``Fig. 3a``."""
        return f"Fig. {self.record['number']}"

    @property
    def place(self) -> tuple[int, str, str]:
        """Sorts figures as the report counts them."""
        found = re.match(r"(\d+)(.*)", str(self.record["number"]))
        return (int(found[1]), found[2], self.name) if found else (0, "", self.name)


@dataclass(frozen=True)
class Page:
    """All that the page shows.

    Attributes:
        scale: name of the scale.
        facts: what it is made of, label -> value, for the head of the page.
        figures: all, in any order.
        verdicts: on the report's claims.
        headlines: sentences on networks against classical fills.
        caveat: what the intervals do not cover.
        variations: pairs of experiments without a claim.
        setups: results tables.
        shapes: the same by hole shape.
        refinement: tables of the iterative refinement.
        tasks: tables of ``tasks.csv``.
        experiments: blocks of ``params.yaml``.
        params: the scale's block as YAML.
        commands: what redoes the page, with a comment each.
    """

    scale: str
    facts: Mapping[str, str]
    figures: Sequence[PageFigure]
    verdicts: Sequence[Verdict]
    headlines: Sequence[str]
    caveat: str
    variations: Sequence[Variation]
    setups: Sequence[Table]
    shapes: Sequence[Table]
    refinement: Sequence[Table]
    tasks: Sequence[Table]
    experiments: Mapping[str, Mapping[str, Any]]
    params: str
    commands: Sequence[tuple[str, str]]

    @property
    def named(self) -> dict[str, PageFigure]:
        """Figures by name."""
        return {figure.name: figure for figure in self.figures}

    @property
    def numbered(self) -> list[PageFigure]:
        """The report's own figures, as it counts them."""
        return sorted((f for f in self.figures if f.record["number"]), key=lambda f: f.place)

    @property
    def others(self) -> list[PageFigure]:
        """Figures that the report has not, and that no other part of the page shows."""
        return [f for f in self.figures if not f.record["number"] and f.name not in PLACED]

    @property
    def sections(self) -> dict[str, list[Verdict]]:
        """Verdicts by the report's section, in its order."""
        titles = {f"{number} {title}": number for number, title in SECTIONS.items()}
        grouped = {
            title: sorted(
                (v for v in self.verdicts if v.claim.group == number),
                key=lambda verdict: verdict.claim.section,
            )
            for title, number in titles.items()
        }
        return {title: verdicts for title, verdicts in grouped.items() if verdicts}

    @property
    def tally(self) -> dict[State, list[Verdict]]:
        """Verdicts by what they say, C1 first."""
        return {state: [v for v in self.verdicts if v.state == state] for state in STATES}

    @property
    def studies(self) -> dict[str, dict[str, Mapping[str, Any]]]:
        """Experiments by study, in the order of ``params.yaml``."""
        grouped: dict[str, dict[str, Mapping[str, Any]]] = {}
        for name, block in self.experiments.items():
            grouped.setdefault(study_title(block["study"]), {})[name] = block
        return grouped


def render(page: Page) -> str:
    """The page as HTML; the same page gives the same text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["settings"] = _settings
    return environment.get_template(TEMPLATE).render(
        page=page, change=change, how_to_read=HOW_TO_READ, states=dict(zip(STATES, "✓✗?–"))
    )


COMMON = ("study", "task", "network", "fill", "output", "setup", "losses")
USUAL = (None, False, "image")


def _settings(block: Mapping[str, Any]) -> str:
    """What an experiment sets beside the columns that all have, where it is not as usual."""
    words = []
    for key, value in block.items():
        if key not in COMMON and value not in USUAL:
            text = ", ".join(value) if isinstance(value, list) else str(value)
            words.append(key if value is True else f"{key}: {text}")
    return "; ".join(words).replace("_", " ")
