"""Tables and headlines of the page: grouped by what can be compared, best first and marked."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthetic_evidence as made
from flowmend.evaluation.compare import summary_table
from flowmend.report.headlines import against_classical
from flowmend.report.numbers import change, interval, percent, spread
from flowmend.report.tables import CLASSICAL, Table, setup_tables, shape_table, study_title
from flowmend.report.task_tables import task_tables

NAN = float("nan")


@pytest.fixture(scope="module")
def blocks(project: Path) -> dict:
    return made.experiments(project)


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    """Two classical fills; a study of two, and one of one with a smaller error in px."""
    networks = made.results({"unet_zero": 1.0, "unet_smooth": 0.9, "joint_edges": 0.5})
    fills = made.results({"biharmonic": 0.8, "zero": 2.0}).assign(kind="classical")
    return pd.concat([networks, fills])


def _cells(table: Table, title: str) -> list[tuple[str, ...]]:
    return [row.cells for group in table.groups if title in group.title for row in group.rows]


class TestSetups:
    def test_groups_are_the_fills_and_the_studies(
        self, results: pd.DataFrame, blocks: dict
    ) -> None:
        (table,) = setup_tables(results, summary_table(results, 100, 1), blocks)
        titles = [group.title for group in table.groups]
        assert titles[0] == CLASSICAL
        assert titles[1].startswith(study_title("fig9"))
        assert "holes: rectangle" in titles[1]
        assert titles[2].startswith(study_title("fig13"))
        assert [cells[0] for cells in _cells(table, "Fig. 9")] == ["unet_smooth", "unet_zero"]
        assert all(len(row.cells) == len(table.columns) == len(row.best) for row in table.rows)

    def test_best_of_a_group_is_bold_and_best_ratio_is_shaded(
        self, results: pd.DataFrame, blocks: dict
    ) -> None:
        (table,) = setup_tables(results, summary_table(results, 100, 1), blocks)
        bold = [row.cells[0] for row in table.rows if row.best[1]]
        assert bold == ["biharmonic", "unet_smooth"], "a group of one has no best"
        assert [row.cells[0] for row in table.rows if row.leads] == ["joint_edges"]
        assert not any(row.best[-1] for row in table.rows), "zero flow has the best round trip"

    def test_unknown_studies_and_methods_are_shown(self, results: pd.DataFrame) -> None:
        blocks = {"unet_zero": {"study": "of_my_own"}}
        (table,) = setup_tables(results, summary_table(results, 100, 1), blocks)
        titles = [group.title for group in table.groups]
        assert titles == [CLASSICAL, "of my own", "others"]
        assert len(table.rows) == 5

    def test_shapes_stand_in_columns(self, results: pd.DataFrame, blocks: dict) -> None:
        strokes = results[results["method"] == "zero"].assign(hole="stroke", epe_hole_px=3.0)
        table = shape_table(pd.concat([results, strokes]), "all_frames", blocks)
        assert table.columns == ("method", "ellipse", "stroke")
        assert {cells[0]: cells[2] for cells in _cells(table, CLASSICAL)} == {
            "biharmonic": "–",
            "zero": "3.000",
        }


class TestTasks:
    def test_bare_evidence_has_none(self, blocks: dict) -> None:
        assert task_tables(made.evidence(blocks)) == []

    def test_conditions_are_groups_or_columns(self, blocks: dict) -> None:
        rows = [*made.toy({"move_unet": 0.5, "move_warp": 0.3}), *made.sanity()]
        sanity, toy = task_tables(made.evidence(blocks, rows))
        assert [group.title for group in sanity.groups] == [
            "slow third",
            "middle third",
            "fast third",
        ]
        assert len(toy.groups) == 1
        assert [row.cells[0] for row in toy.rows] == ["move_warp", "move_unet"]
        assert toy.rows[0].best[1]
        assert toy.rows[0].cells[3] == "–", "no pattern moved that far"
        assert all("[" in cell for cell in toy.rows[0].cells[1:3])

    def test_the_truth_is_no_rival(self, blocks: dict) -> None:
        rows = []
        for name, share in (("truth canny", 0.99), ("smooth canny", 0.5), ("zero canny", 0.2)):
            rows += made.agreement("edges_in_hole", name, share)
        rows += made.clip_rows("edges_in_hole", "smooth", {"": 0.4}, "sharpness")
        edges, sharpness = task_tables(made.evidence(blocks, rows))
        for group in edges.groups:
            assert [row.cells[0].split()[0] for row in group.rows] == ["truth", "smooth", "zero"]
            assert [row.best[3] for row in group.rows] == [False, True, False]
        assert [row.cells[0] for row in sharpness.rows] == ["smooth"]


class TestHeadlines:
    @pytest.mark.parametrize(
        ("low", "high", "words"),
        [(0.1, 0.3, "beats"), (-0.3, -0.1, "loses"), (-0.1, 0.1, "cannot"), (NAN, NAN, "cannot")],
    )
    def test_follow_the_interval(self, low: float, high: float, words: str) -> None:
        summary = self._summary(gain_px=(low + high) / 2, gain_low=low, gain_high=high)
        (sentence,) = against_classical(summary)
        assert words in sentence
        assert "telea" in sentence

    def test_do_not_call_a_trifle_a_win(self) -> None:
        summary = self._summary(gain_px=0.001, gain_low=0.0005, gain_high=0.002)
        assert "is within 1\u00a0% of" in against_classical(summary)[0]

    def test_rank_by_ratio_since_holes_differ(self) -> None:
        easy = self._summary(method="easy", epe_hole_px=0.1, ratio_biharmonic=1.5)
        (sentence,) = against_classical(pd.concat([easy, self._summary()]))
        assert "the best network, net " in sentence

    def _summary(self, **changes: object) -> pd.DataFrame:
        row = {"method": "net", "kind": "network", "setup": "sandwich", "epe_hole_px": 0.5}
        row |= {"gain_px": 0.2, "gain_low": 0.1, "gain_high": 0.3, "best_classical": "telea"}
        return pd.DataFrame([{**row, "ratio_biharmonic": 0.9, **changes}])


class TestNumbers:
    def test_have_a_true_minus(self) -> None:
        assert interval(-0.5, -0.75, 0.25, "+") == "−0.500 [−0.750, +0.250]"
        assert interval(0.5, NAN, NAN) == "0.500"
        assert interval(NAN, NAN, NAN) == "–"
        assert change(0.9, 0.85, 1.05) == "−10.0\u00a0% [−15.0, +5.0]"

    def test_intervals_of_shares_name_their_side(self) -> None:
        assert percent(0.887) == "11.3\u00a0% lower"
        assert spread(0.8, 0.9).replace("\u00a0", " ") == "95 % interval 10.0 % to 20.0 % lower"
        both = "95 % interval 10.0 % lower to 20.0 % higher"
        assert spread(0.9, 1.2).replace("\u00a0", " ") == both
        assert "one clip" in spread(np.nan, np.nan)
