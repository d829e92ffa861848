"""The last words of ``make reproduce``: where the report is, and its headline table."""

import pandas as pd
from rich.console import Console
from rich.table import Table

from flowmend.errors import InputError
from flowmend.holes import HOLES_VERSION, holes_digest
from flowmend.io.packed_maps import read_packed_maps
from flowmend.stages.layout import SHARDS, Layout


def show(scale: str) -> None:
    """Print the summary of one scale: EPE in the hole, ratio to the biharmonic fill.

    Below it stands the hash of the test set's holes, if they are there: tables over the same
    holes can be compared.

    Raises:
        InputError: the scale has no summary yet.
    """
    layout = Layout(scale)
    if not layout.summary.exists():
        raise InputError(layout.summary, "is missing", f"run `SCALE={scale} make reproduce`")
    console = Console()
    summary = pd.read_csv(layout.summary)
    for setup, rows in summary.groupby("setup", sort=False):
        console.print(_table(str(setup), rows.sort_values("ratio_biharmonic")))
    shards = [layout.holes("test", shard) for shard in SHARDS]
    if all(path.exists() for path in shards):
        digest = holes_digest([read_packed_maps(path) for path in shards])
        console.print(f"Test holes: version {HOLES_VERSION}, sha256 {digest[:16]}")
    console.print(f"Report: {layout.report}")


def _table(setup: str, rows: pd.DataFrame) -> Table:
    table = Table(
        title=f"{setup}: EPE in the hole, 95 % intervals over clips",
        caption="each method on its own hole shapes, the biharmonic fill on the same",
    )
    table.add_column("method", no_wrap=True)
    for column in ("EPE (px)", "ratio to biharmonic"):
        table.add_column(column, justify="right")
    for row in rows.to_dict("records"):
        table.add_row(
            row["method"],
            _interval(row["epe_hole_px"], row["epe_hole_low"], row["epe_hole_high"]),
            _interval(row["ratio_biharmonic"], row["ratio_low"], row["ratio_high"]),
        )
    return table


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f}" if pd.isna(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"
