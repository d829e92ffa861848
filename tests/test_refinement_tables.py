"""Tables of the refinement: what is beside what, and numbers that stand where they belong."""

import pandas as pd
import pytest

import refinement_evidence as part2
import synthetic_evidence as made
from flowmend.evaluation.compare import summary_table
from flowmend.evaluation.tasks import TaskRow
from flowmend.report.ablation_tables import ablation_tables, changes
from flowmend.report.claims.evidence import Evidence
from flowmend.report.step_tables import step_tables
from flowmend.report.tables import Row, Table

ERRORS = {
    "refine": 1.0,
    "refine_gated": 1.2,
    "refine_splat": 0.8,
    "refine_differences": 0.95,
    "refine_splat_differences": 0.7,
    "refine_sandwich": 0.9,
    "refine_tv_sandwich": 0.85,
}


@pytest.fixture(scope="module")
def ablations() -> dict[str, Table]:
    results = made.results(ERRORS, spread=0)
    sandwich = results["method"].str.endswith("_sandwich")
    results.loc[sandwich, "setup"] = "sandwich"
    fills = [
        made.results({"biharmonic": 2.0}, spread=0).assign(kind="classical", setup=setup)
        for setup in ("all_frames", "sandwich")
    ]
    results = pd.concat([results, *fills])
    evidence = made.evidence(part2.blocks(*ERRORS), results=results)
    tables = ablation_tables(evidence, summary_table(results, 100, 1))
    return {table.title.split(" (")[0]: table for table in tables}


def _rows(table: Table, group: str = "") -> dict[str, Row]:
    chosen = [each for each in table.groups if group in each.title]
    return {row.cells[0]: row for each in chosen for row in each.rows}


def _evidence(rows: list[TaskRow], *names: str, **given: object) -> Evidence:
    return made.evidence(part2.blocks(*names), rows, results=made.results({}), **given)


class TestAblations:
    def test_nothing_run_is_no_table(self) -> None:
        results = made.results({})
        empty = summary_table(results, 100, 1)
        assert ablation_tables(made.evidence(part2.blocks(), results=results), empty) == []
        assert ablation_tables(made.evidence({}, results=results), empty) == []

    def test_the_plain_one_is_first_and_all_else_is_beside_it(
        self, ablations: dict[str, Table]
    ) -> None:
        table = ablations["Ablations of the refinement"]
        everywhere = _rows(table, "in all frames")
        rows = {name: row for name, row in everywhere.items() if "sandwich" not in name}
        assert list(rows) == [
            "refine",
            "refine_splat_differences",
            "refine_splat",
            "refine_differences",
            "refine_gated",
        ]
        assert rows["refine"].cells[-1] == "–"
        assert rows["refine_splat"].cells[1:] == (
            "neighbours: splatted",
            "0.800 [0.800, 0.800]",
            "0.400 [0.400, 0.400]",
            "+0.200 [+0.200, +0.200]",
        )
        assert rows["refine_gated"].cells[-1] == "−0.200 [−0.200, −0.200]"
        assert [name for name, row in rows.items() if any(row.best)] == ["refine_splat_differences"]

    def test_each_setup_has_its_own_plain_one(self, ablations: dict[str, Table]) -> None:
        rows = _rows(ablations["Ablations of the refinement"], "but the first and the last")
        assert list(rows) == ["refine_sandwich", "refine_tv_sandwich"]
        assert rows["refine_tv_sandwich"].cells[1] == "total variation 0.1"
        assert rows["refine_tv_sandwich"].cells[-1] == "+0.050 [+0.050, +0.050]"

    def test_splatting_and_channels_are_told_apart(self, ablations: dict[str, Table]) -> None:
        rows = _rows(ablations["Neighbours splatted or warped"])
        gains = {name: tuple(c.split(" ")[0] for c in row.cells[-2:]) for name, row in rows.items()}
        assert gains == {
            "refine": ("–", "–"),
            "refine_splat": ("+0.200", "–"),
            "refine_differences": ("–", "+0.050"),
            "refine_splat_differences": ("+0.250", "+0.100"),
        }
        assert rows["refine_splat_differences"].cells[1:3] == ("splatted", "yes")


class TestChanges:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"rule": "clip"}, "rule: clip"),
            ({"differences": True, "architecture": 2}, "architecture: 2; differences"),
            ({"losses": {"inpaint_l1": 1.0, "min_round_trip": 0.1}}, "min round trip 0.1"),
            ({"losses": {"min_round_trip": 0.1}}, "min round trip 0.1, no inpaint l1"),
            ({"hole_shapes": ["rectangle"]}, "hole shapes: rectangle"),
            ({"study": "own", "setup": "sandwich"}, ""),
        ],
    )
    def test_are_named(self, change: dict, words: str) -> None:
        assert changes(part2.PLAIN | change, part2.PLAIN) == words

    def test_back_to_the_usual(self) -> None:
        plain = part2.PLAIN | {"differences": True, "hole_shapes": ["object"]}
        assert changes(part2.PLAIN, plain) == "no differences; hole shapes: all"


class TestSteps:
    def test_nothing_run_is_no_table(self) -> None:
        assert step_tables(_evidence([])) == []
        assert step_tables(made.evidence({}, results=made.results({}))) == []

    def test_errors_stand_under_their_step(self) -> None:
        rows = [
            *part2.by_step("refine", "epe_hole_px", {0: 1.0, 1: 0.9, 2: 0.5}),
            *part2.by_step("refine_gated", "epe_hole_px", {0: 1.0, 1: 0.7, 2: 0.6}),
            *part2.by_step("refine_sandwich", "epe_hole_px", {0: 0.8, 1: 0.6, 2: 0.3}),
        ]
        table, *_ = step_tables(_evidence(rows, "refine", "refine_gated", "refine_sandwich"))
        assert table.columns == ("experiment", "fill", "step 1", "step 2")
        plain, gated = list(_rows(table).values())[:2]
        assert [float(cell) for cell in plain.cells[1:]] == pytest.approx([1, 0.9, 0.5], abs=0.02)
        assert plain.best == (False, False, False, True)
        assert gated.best == (False, False, True, False)
        assert len(table.groups) == 2

    def test_confidence_has_no_best(self) -> None:
        rows = [
            *part2.by_step("refine", "confidence", {0: 0.0, 1: 0.4}),
            *part2.by_step("refine_gated", "confidence", {0: 0.0, 1: 0.8}),
        ]
        found = {table.title: table for table in step_tables(_evidence(rows))}
        (table,) = (found[title] for title in found if title.startswith("Confidence after"))
        assert not any(any(row.best) for row in table.rows)

    def test_rules_show_what_they_learned(self) -> None:
        rows = list(part2.by_step("refine", "confidence", {0: 0.0, 5: 0.9}))
        curves = {
            "refine": part2.curves(p_first=1.5, p_second=0.8),
            "refine_polynomial": part2.curves(
                a_first=0.5, b_first=0.75, a_second=0.25, b_second=0.5
            ),
            "refine_gated": part2.curves(p_first=9.0, p_second=9.0),
        }
        found = step_tables(_evidence(rows, curves=curves))
        (table,) = (each for each in found if each.title.startswith("Confidence rules"))
        cells = {name: row.cells for name, row in _rows(table).items()}
        assert set(cells) == {"refine", "refine_polynomial"}, "the study of rules alone"
        assert cells["refine"][1:4] == ("power mean", "p = 1.500", "p = 0.800")
        assert cells["refine"][4].startswith(("0.9", "0.8"))
        assert cells["refine_polynomial"][2] == "(a, b) = (0.500, 0.750)"

    def test_schedules_are_relative_to_fill_and_truth(self) -> None:
        rows = []
        for name, error, speed in (("refine", 0.8, 2.0), ("refine_last_step", 1.6, 5.0)):
            rows += part2.by_step(name, "epe_hole_px", {0: 1.0, 1: error, 2: error, 3: 0.5})
            rows += part2.by_step(name, "speed_px", {0: 2.0, 1: speed, 2: 2.0, 3: 2, "truth": 2.5})
        found = step_tables(_evidence(rows))
        (table,) = (each for each in found if each.title.startswith("Schedules"))
        cells = _rows(table)["refine_last_step"].cells
        assert cells[1] == "last step only"
        numbers = [float(cell.split(" ")[0]) for cell in cells[2:]]
        assert numbers == pytest.approx([1.6, 0.5, 2.0, 0.8, 0.8], abs=0.03)
        assert all("[" in cell for cell in cells[2:])
