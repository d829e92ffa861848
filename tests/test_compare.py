"""The two tables: which rows there are, that the short cut is exact, and that ratios are paired."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from flowmend.evaluation.compare import (
    RESULT_COLUMNS,
    SETUPS,
    SUMMARY_COLUMNS,
    Method,
    classical_methods,
    evaluate,
    results_from_csv,
    results_table,
    summary_table,
    to_csv,
)
from flowmend.evaluation.held_out import HoledClip, holed_clip
from flowmend.holes import setup_frames
from flowmend.inpainters.classical import BASELINES, FRAMEWISE
from flowmend.types import Clip, Completion

SHAPES = ("rectangle", "stroke")
FRAMES, SIZE = 6, 16


def _holed(name: str, seed: int) -> HoledClip:
    random = torch.Generator().manual_seed(seed)
    flow = torch.randn(2, 1, FRAMES, 2, SIZE, SIZE, generator=random).cumsum(-1)
    flow = flow.expand(2, 2, FRAMES, 2, SIZE, SIZE)
    hole = torch.zeros(2, FRAMES, SIZE, SIZE, dtype=torch.bool)
    hole[0, :, 4:10, 5:9] = True
    hole[1, :, 0:3, 7:14] = True
    near_edge = torch.rand(FRAMES, SIZE, SIZE, generator=random) < 0.4
    return HoledClip(Clip(flow[0], flow[1], hole, name), SHAPES, near_edge)


CLIPS = [_holed("b", 1), _holed("a", 2), _holed("c", 3)]


class Offset:
    """The truth, moved by so many pixels along x."""

    def __init__(self, x_px: float) -> None:
        self.offset = torch.tensor([x_px, 0.0]).view(2, 1, 1)

    def __call__(self, clip: Clip) -> Completion:
        return Completion(clip.forward + self.offset, clip.backward + self.offset)


def _network(x_px: float, seed: int | None = 0, **changes) -> Method:
    settings = {"setups": ("sandwich",), "shapes": SHAPES, **changes}
    return Method("net", "network", seed, Offset(x_px), **settings)


@pytest.fixture(scope="module")
def classical() -> pd.DataFrame:
    return results_table(evaluate(method, CLIPS) for method in classical_methods(SHAPES))


class TestEvaluate:
    def test_one_row_per_setup_clip_hole_and_direction(self) -> None:
        rows = evaluate(_network(3.0, setups=SETUPS), CLIPS)
        assert list(rows.columns) == RESULT_COLUMNS
        assert len(rows) == len(rows.drop_duplicates(["setup", "clip", "hole", "direction"]))
        assert len(rows) == 3 * 3 * 2 * 2
        assert rows["epe_hole_px"].to_numpy() == pytest.approx(3.0, abs=1e-5)

    def test_a_method_meets_its_own_setup_and_shapes_only(self) -> None:
        rows = evaluate(_network(1.0, shapes=("stroke",)), CLIPS)
        assert set(rows["setup"]) == {"sandwich"}
        assert set(rows["hole"]) == {"stroke"}
        assert set(rows["hole_pixels"]) == {3 * 7}

    def test_every_classical_fill_meets_every_setup(self, classical: pd.DataFrame) -> None:
        found = set(classical[["method", "setup"]].itertuples(index=False, name=None))
        assert found == {(fill, setup) for fill in BASELINES for setup in SETUPS}

    @pytest.mark.parametrize("name", BASELINES)
    def test_completing_all_frames_once_changes_no_number(self, name: str) -> None:
        method = next(m for m in classical_methods(SHAPES) if m.name == name)
        slow = Method(name, "classical", None, BASELINES[name], SETUPS, SHAPES, framewise=False)
        assert method.framewise == (name in FRAMEWISE)
        assert to_csv(evaluate(method, CLIPS)) == to_csv(evaluate(slow, CLIPS))

    def test_temporal_needs_a_completion_per_setup(self) -> None:
        fill = BASELINES["temporal"]
        slow = Method("temporal", "classical", None, fill, SETUPS, SHAPES)
        quick = Method("temporal", "classical", None, fill, SETUPS, SHAPES, framewise=True)
        assert to_csv(evaluate(quick, CLIPS)) != to_csv(evaluate(slow, CLIPS))

    def test_the_inpainter_sees_the_hole_of_the_setup(self) -> None:
        seen = []

        def spy(clip: Clip) -> Completion:
            seen.append(clip.hole.any(-1).any(-1).all(0).tolist())
            return Completion(clip.forward, clip.backward)

        evaluate(Method("spy", "network", 0, spy, ("middle_two", "sandwich"), SHAPES), CLIPS[:1])
        middle, sandwich = seen
        assert middle == [False, False, True, True, False, False]
        assert sandwich == [False, True, True, True, True, False]


class TestResultsTable:
    def test_does_not_depend_on_the_order_of_its_parts(self) -> None:
        parts = [evaluate(_network(x, seed), CLIPS) for seed, x in enumerate((1.0, 2.0))]
        parts += [evaluate(m, CLIPS) for m in classical_methods(SHAPES)[:2]]
        assert to_csv(results_table(parts)) == to_csv(results_table(parts[::-1]))

    def test_its_text_reads_back_to_the_same_text(self, classical: pd.DataFrame) -> None:
        table = results_table([classical, evaluate(_network(1 / 3), CLIPS)])
        text = to_csv(table)
        assert to_csv(results_from_csv(text)) == text
        assert text.splitlines()[0] == (
            "method,kind,seed,setup,clip,hole,direction,"
            "hole_pixels,epe_hole_px,epe_full_px,epe_edge_px,fb_px"
        )

    def test_names_are_read_as_names(self) -> None:
        holed = [
            replace(CLIPS[0], clip=replace(CLIPS[0].clip, name=name)) for name in ("007", "NA")
        ]
        text = to_csv(evaluate(replace(_network(1.0), name="nan"), holed))
        read = results_from_csv(text)
        assert to_csv(read) == text
        assert set(read["method"]) == {"nan"}
        assert set(read["clip"]) == {"007", "NA"}

    def test_seeds_are_whole_numbers_and_empty_for_classical_fills(self, classical) -> None:
        text = to_csv(results_table([classical, evaluate(_network(1.0, 7), CLIPS)]))
        assert {line.split(",")[2] for line in text.splitlines()[1:]} == {"", "7"}


def _hand_made(rows: list[tuple]) -> pd.DataFrame:
    """(method, kind, seed, clip, hole, EPE in the hole), one direction, one setup."""
    table = pd.DataFrame(0.0, index=range(len(rows)), columns=RESULT_COLUMNS)
    table = table.astype({"seed": "Int64"}).astype(
        {name: object for name in ("method", "kind", "setup", "clip", "hole", "direction")}
    )
    table["setup"], table["direction"] = "all_frames", "forward"
    for column, values in zip(
        ("method", "kind", "seed", "clip", "hole", "epe_hole_px"), zip(*rows)
    ):
        table[column] = pd.array(values, dtype="Int64") if column == "seed" else list(values)
    return results_table([table])


def _two_fills() -> list[tuple]:
    """Biharmonic is better in rectangles (by far), telea in strokes."""
    rows = []
    for clip, scale in (("a", 1.0), ("b", 2.0), ("c", 4.0)):
        for hole, biharmonic, telea in (("rectangle", 1.0, 9.0), ("stroke", 3.0, 2.0)):
            rows.append(("biharmonic", "classical", None, clip, hole, scale * biharmonic))
            rows.append(("telea", "classical", None, clip, hole, scale * telea))
    return rows


def _row(table: pd.DataFrame, method: str, kind: str = "network") -> pd.Series:
    found = table[(table["method"] == method) & (table["kind"] == kind)]
    assert len(found) == 1
    return found.iloc[0]


class TestSummaryTable:
    def test_columns_and_baselines_against_themselves(self) -> None:
        table = summary_table(_hand_made(_two_fills()), samples=200, seed=1)
        assert list(table.columns) == SUMMARY_COLUMNS
        row = _row(table, "biharmonic", "classical")
        assert row["cases"] == 6
        assert row["epe_hole_px"] == pytest.approx((1 + 3) * 7 / 6)
        assert (row["ratio_biharmonic"], row["ratio_low"], row["ratio_high"]) == (1, 1, 1)
        assert row["best_classical"] == "biharmonic"
        assert (row["gain_px"], row["gain_low"], row["gain_high"]) == (0, 0, 0)

    def test_compares_on_the_method_s_own_cases(self) -> None:
        """On strokes alone telea is the best, and the biharmonic fill's mean another."""
        net = [("net", "network", 0, c, "stroke", s * 1.0) for c, s in zip("abc", (1, 2, 4))]
        row = _row(summary_table(_hand_made(_two_fills() + net), 200, 1), "net")
        assert row["cases"] == 3
        assert row[["ratio_biharmonic", "ratio_low", "ratio_high"]].tolist() == pytest.approx(
            [1 / 3] * 3
        )
        assert row["best_classical"] == "telea"
        assert row["gain_px"] == pytest.approx((2 - 1) * 7 / 3)
        assert row["gain_low"] < row["gain_px"] < row["gain_high"]

    def test_intervals_are_those_of_drawing_clips(self) -> None:
        random = np.random.default_rng(0)
        net = [
            ("net", "network", 0, c, hole, float(random.uniform(1, 5)))
            for c in "abc"
            for hole in SHAPES
        ]
        results = _hand_made(_two_fills() + net)
        row = _row(summary_table(results, samples=300, seed=8), "net")
        errors = {m: rows for m, rows in results.groupby("method")}
        draws = np.random.default_rng(8).multinomial(3, [1 / 3] * 3, size=300)
        ratios, gains = [], []
        for draw in draws:
            clips = [clip for clip, count in zip("abc", draw) for _ in range(count)]
            net_px, base_px = (
                sum(errors[m].set_index("clip").loc[c, "epe_hole_px"].sum() for c in clips)
                for m in ("net", "biharmonic")
            )
            ratios.append(net_px / base_px)
            gains.append((base_px - net_px) / 6)
        assert row["best_classical"] == "biharmonic"
        assert (row["ratio_low"], row["ratio_high"]) == pytest.approx(
            tuple(np.quantile(ratios, (0.025, 0.975)))
        )
        assert (row["gain_low"], row["gain_high"]) == pytest.approx(
            tuple(np.quantile(gains, (0.025, 0.975)))
        )

    def test_seeds_are_averaged_and_are_no_cases(self) -> None:
        nets = [
            ("net", "network", seed, c, hole, px)
            for seed, px in ((0, 1.0), (1, 3.0))
            for c in "abc"
            for hole in SHAPES
        ]
        row = _row(summary_table(_hand_made(_two_fills() + nets), 200, 1), "net")
        assert row["cases"] == 6
        assert row[["epe_hole_px", "epe_hole_low", "epe_hole_high"]].tolist() == [2, 2, 2]

    def test_a_diverged_training_is_empty_rather_than_flattered(self) -> None:
        nets = [
            ("net", "network", seed, c, hole, np.nan if (seed, c) == (1, "a") else 1.0)
            for seed in (0, 1)
            for c in "abc"
            for hole in SHAPES
        ]
        table = summary_table(_hand_made(_two_fills() + nets), 200, 1)
        assert _row(table, "net")[["epe_hole_px", "ratio_biharmonic", "gain_px"]].isna().all()
        assert "net,network,all_frames,6,,,,,,,biharmonic,,,\n" in to_csv(table)

    def test_an_experiment_may_bear_the_name_of_a_fill(self) -> None:
        nets = [("telea", "network", 0, c, hole, 1.0) for c in "abc" for hole in SHAPES]
        table = summary_table(_hand_made(_two_fills() + nets), 200, 1)
        assert _row(table, "telea", "network")["epe_hole_px"] == 1
        assert _row(table, "telea", "classical")["epe_hole_px"] == pytest.approx(11 * 7 / 6)

    def test_one_clip_gives_means_without_intervals(self) -> None:
        rows = [row for row in _two_fills() if row[3] == "a"]
        row = _row(summary_table(_hand_made(rows), 200, 1), "telea", "classical")
        assert row["epe_hole_px"] == 5.5
        assert row[["epe_hole_low", "ratio_high", "gain_low"]].isna().all()


class TestHoledClip:
    def test_every_shape_lies_over_the_same_flow_in_every_frame(self) -> None:
        random = np.random.default_rng(0)
        flow = random.normal(size=(FRAMES, 2, 2, SIZE, SIZE)).astype(np.float32)
        holes = {shape: random.random((SIZE, SIZE)) < 0.2 for shape in SHAPES}
        holed = holed_clip("x", flow, holes, edge_threshold_px=0.5, edge_band_px=2)
        assert holed.shapes == SHAPES
        assert holed.clip.name == "x"
        for index, shape in enumerate(SHAPES):
            assert (holed.clip.forward[index].numpy() == flow[:, 0]).all()
            assert (holed.clip.backward[index].numpy() == flow[:, 1]).all()
            assert (holed.clip.hole[index].numpy() == holes[shape]).all()

    def test_the_band_follows_the_jump_of_the_forward_flow(self) -> None:
        flow = np.zeros((FRAMES, 2, 2, SIZE, SIZE), np.float32)
        flow[:, 0, 0, :, SIZE // 2 :] = 4.0  # between columns 7 and 8
        flow[:, 1, 1, 3:, :] = 4.0  # the backward flow's jump is not looked at
        hole = np.ones((SIZE, SIZE), bool)
        holed = holed_clip("x", flow, {"rectangle": hole}, edge_threshold_px=0.5, edge_band_px=2)
        columns = holed.near_edge.numpy()[:, SIZE // 2].all(axis=0)
        assert set(np.flatnonzero(columns)) in (
            {5, 6, 7, 8, 9},
            {6, 7, 8, 9, 10},
            {5, 6, 7, 8, 9, 10},
        )


class TestEstimatedFlow:
    """The known flow is an estimate of the truth: here, the truth plus one pixel."""

    @pytest.fixture
    def held_out(self) -> HoledClip:
        random = np.random.default_rng(0)
        truth = random.normal(size=(FRAMES, 2, 2, SIZE, SIZE)).astype(np.float32)
        truth[:, 0, 0, :, SIZE // 2 :] += 50.0
        holes = {shape: random.random((SIZE, SIZE)) < 0.2 for shape in SHAPES}
        return holed_clip("x", truth + 1, holes, 0.5, 2, exact=truth)

    @pytest.mark.parametrize("setup", SETUPS)
    def test_what_is_hidden_is_judged_by_the_truth(self, held_out: HoledClip, setup: str) -> None:
        clip = held_out.at_setup(setup, ("stroke",))
        hidden = torch.from_numpy(setup_frames(setup, FRAMES)).view(1, FRAMES, 1, 1)
        assert (clip.hole == held_out.clip.hole[1:] & hidden).all()
        assert held_out.exact is not None
        for flow, seen, truth in (
            (clip.forward, held_out.clip.forward[1:], held_out.exact[0]),
            (clip.backward, held_out.clip.backward[1:], held_out.exact[1]),
        ):
            hole = clip.hole.unsqueeze(2).expand(flow.shape)
            assert (flow[hole] == truth.expand(flow.shape)[hole]).all()
            assert (flow[~hole] == seen[~hole]).all()

    def test_a_method_sees_the_estimate_alone(self, held_out: HoledClip) -> None:
        seen = []

        def keep(clip: Clip) -> Completion:
            seen.append(clip.hidden())
            return Completion(held_out.clip.forward, held_out.clip.backward)

        rows = evaluate(Method("x", "network", 0, keep, ("middle_two",), SHAPES), [held_out])
        assert (seen[0].forward == replace(held_out.clip, hole=seen[0].hole).hidden().forward).all()
        assert rows["epe_hole_px"].to_numpy() == pytest.approx(2**0.5, rel=1e-5)

    def test_motion_edges_are_those_of_the_truth(self, held_out: HoledClip) -> None:
        assert held_out.exact is not None
        truth = held_out.exact.movedim(0, 1).numpy()
        blurred = holed_clip("x", 0 * truth, {"rectangle": truth[0, 0, 0] > 0}, 0.5, 2, truth)
        assert (blurred.near_edge == held_out.near_edge).all()
        assert held_out.near_edge.any()

    @pytest.mark.parametrize("name", ["zero", "biharmonic"])
    def test_completing_all_frames_once_changes_no_number(
        self, held_out: HoledClip, name: str
    ) -> None:
        fast, slow = (
            Method(name, "classical", None, BASELINES[name], SETUPS, SHAPES, framewise)
            for framewise in (True, False)
        )
        assert to_csv(evaluate(fast, [held_out])) == to_csv(evaluate(slow, [held_out]))
