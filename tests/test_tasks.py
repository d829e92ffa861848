"""The long table of tasks: typed, sorted, and the same bytes from the same rows."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmend.evaluation.tasks import TaskRow, joined, tasks_from_csv, tasks_table, to_csv

ROWS = [
    TaskRow("round_trip", "truth", None, "007", "visible", "fb_px", 0.02),
    TaskRow("edges_in_hole", "edge_gan", 1, "nan", "1 px", "recall", float("nan")),
    TaskRow("edges_in_hole", "edge_gan", 0, "nan", "1 px", "recall", 0.25),
    TaskRow("edges_in_hole", "joint_edges", 0, "NA", "", "sharpness", 1 / 3),
]


def test_columns_are_typed_even_without_rows() -> None:
    for table in (tasks_table(ROWS), tasks_table([]), tasks_from_csv(to_csv(tasks_table([])))):
        assert list(table.columns) == list(TaskRow._fields)
        assert table["seed"].dtype == "Int64"
        assert table["value"].dtype == "float64"


@settings(max_examples=20, deadline=None)
@given(st.permutations(ROWS), st.integers(0, len(ROWS)))
def test_text_depends_on_the_rows_alone(rows: list[TaskRow], cut: int) -> None:
    whole = to_csv(tasks_table(ROWS))
    assert to_csv(tasks_table(rows)) == whole
    parts = [tasks_from_csv(to_csv(tasks_table(part))) for part in (rows[:cut], rows[cut:])]
    assert to_csv(joined(parts)) == whole


def test_names_that_look_like_numbers_or_nothing_stay_names() -> None:
    table = tasks_from_csv(to_csv(tasks_table(ROWS)))
    assert list(table["clip"]) == ["nan", "nan", "NA", "007"]
    assert list(table["condition"]) == ["1 px", "1 px", "", "visible"]
    assert table["seed"].isna().sum() == 1
    pd.testing.assert_series_equal(table["value"].isna(), tasks_table(ROWS)["value"].isna())
