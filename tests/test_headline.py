"""The last words of ``make reproduce``."""

from pathlib import Path

import numpy as np
import pytest

from flowmend.errors import InputError
from flowmend.holes import HOLES_VERSION, holes_digest
from flowmend.io.packed_maps import PackedMaps, write_packed_maps
from flowmend.stages.headline import show
from flowmend.stages.layout import SHARDS, Layout

SUMMARY = """method,kind,setup,cases,epe_hole_px,epe_hole_low,epe_hole_high,\
ratio_biharmonic,ratio_low,ratio_high
smooth,classical,all_frames,8,0.5,0.4,0.6,1.25,1.1,1.4
biharmonic,classical,all_frames,8,0.4,,,1,,
"""


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.chdir(tmp_path)
    layout = Layout("smoke")
    layout.reports.mkdir(parents=True)
    layout.summary.write_text(SUMMARY)
    return layout


def test_best_first_with_intervals_and_the_report(layout: Layout, capsys) -> None:
    show("smoke")
    said = capsys.readouterr().out
    assert said.index("biharmonic │") < said.index("smooth")
    assert "0.500 [0.400, 0.600]" in said
    assert "nan" not in said
    assert "reports/smoke/report.html" in said
    assert "sha256" not in said


def test_names_the_test_holes(layout: Layout, capsys) -> None:
    shards = []
    for shard in SHARDS:
        maps = np.random.default_rng(shard).random((1, 1, 8, 8)) < 0.5
        shards.append(PackedMaps.pack([f"clip_{shard}"], ["ellipse"], maps, HOLES_VERSION))
        write_packed_maps(layout.holes("test", shard), shards[-1])
    show("smoke")
    said = capsys.readouterr().out
    assert f"version {HOLES_VERSION}, sha256 {holes_digest(shards)[:16]}" in said


def test_no_summary_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is missing; run `SCALE=smoke make reproduce`"):
        show("smoke")
