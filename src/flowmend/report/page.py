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

from flowmend.report.tables import Table
from flowmend.report.verdicts import Verdict

TEMPLATE = "template.html.j2"


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
    def place(self) -> tuple[int, str]:
        """Sorts figures as the report counts them."""
        found = re.match(r"(\d+)(.*)", str(self.record["number"]))
        return (int(found[1]), found[2]) if found else (0, self.name)


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
        setups: results tables.
        shapes: the same by hole shape.
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
    setups: Sequence[Table]
    shapes: Sequence[Table]
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
    return environment.get_template(TEMPLATE).render(page=page)
