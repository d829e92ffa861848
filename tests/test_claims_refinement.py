"""Verdicts on part 2 follow the numbers both ways, and say them with their bounds."""

import pytest

import refinement_evidence as part2
import synthetic_evidence as made
from flowmend.evaluation.tasks import TaskRow
from flowmend.report.claims import (
    choices,
    consistency,
    learned_rules,
    refinement,
    refinement_losses,
    storage,
)
from flowmend.report.claims.findings import Verdict
from flowmend.report.claims.steps import at_last, steps
from flowmend.report.claims.varied import varied

SPEED, ERROR, CONFIDENCE = "speed_px", "epe_hole_px", "confidence"


def _words(verdict: Verdict) -> str:
    return verdict.sentence().replace("\u00a0", " ")


class TestSteps:
    def test_are_numbers_in_order(self) -> None:
        rows = list(part2.by_step("refine", ERROR, {0: 1.0, 2: 0.8, 10: 0.5, "truth": 0.1}))
        evidence = made.evidence(part2.blocks("refine"), rows)
        assert steps(evidence, "refine") == [0, 2, 10]
        assert at_last(evidence, "refine", ERROR).mean() == pytest.approx(0.5, abs=0.02)
        assert at_last(evidence, "unknown", ERROR).empty


class TestLearnedRules:
    def _verdict(self, p: float, a: float, b: float, seeds: int = 1) -> Verdict:
        curves = {
            "refine": part2.curves(seeds, p_first=p, p_second=p),
            "refine_polynomial": part2.curves(seeds, a_first=a, b_first=b, a_second=a, b_second=b),
        }
        blocks = part2.blocks("refine", "refine_mean", "refine_polynomial", "refine_gated")
        results = made.results({"refine": 0.8, "refine_mean": 1.0})
        return learned_rules.departure(made.evidence(blocks, curves=curves, results=results))

    def test_both_ways(self) -> None:
        assert self._verdict(1.7, 0.77, 0.9).state == "supported"
        assert self._verdict(1.05, 0.34, 0.66).state == "refuted"
        assert self._verdict(1.7, 0.34, 0.66).state == "inconclusive"

    def test_one_reading_off_the_mean_is_enough_for_a_pair(self) -> None:
        assert self._verdict(0.5, 1 / 3, 0.9).state == "supported"

    def test_one_seed_has_no_interval_and_says_so(self) -> None:
        verdict = self._verdict(1.7, 0.77, 0.9)
        assert len(verdict.findings) == 4
        assert "p of the first partial convolution ends at 1.700, 0.700 away" in _words(verdict)
        assert "(a, b) of the second partial convolution ends at (0.770, 0.900)" in _words(verdict)
        assert "no interval: one seed; expected more than 0.1" in _words(verdict)
        assert "refine is 19.8" in verdict.asides[1]

    def test_seeds_on_both_sides_decide_nothing(self) -> None:
        verdict = self._verdict(1.095, 0.77, 0.9, seeds=2)  # 1.095 and 1.106
        assert {f.state for f in verdict.findings[:2]} == {"inconclusive"}
        assert "over 2 seeds" in _words(verdict)

    def test_is_about_the_study_of_rules(self) -> None:
        curves = {"refine_gated": part2.curves(p_first=2.0, p_second=2.0)}
        blocks = part2.blocks("refine", "refine_polynomial", "refine_gated")
        verdict = learned_rules.departure(made.evidence(blocks, curves=curves))
        assert verdict.state == "not tested"


class TestSchedules:
    def _fast(self, first: float, second: float, plain: float = 2.0) -> Verdict:
        rows: list[TaskRow] = []
        for name, speeds in (
            ("refine_last_step", {0: 2.0, 1: first, 2: second, 3: 2.0, "truth": 2.0}),
            ("refine", {0: 2.0, 1: plain, 2: plain, 3: 2.0, "truth": 2.0}),
        ):
            rows += part2.by_step(name, SPEED, speeds)
        blocks = part2.blocks("refine", "refine_last_step")
        return refinement.last_step_only(made.evidence(blocks, rows))

    def test_last_step_only(self) -> None:
        assert self._fast(5.0, 4.0).state == "supported"
        assert self._fast(1.5, 1.5).state == "refuted"
        assert self._fast(5.0, 1.5).state == "inconclusive"
        assert self._fast(2.2, 2.2).state == "inconclusive", "faster, but not large"
        verdict = self._fast(5.0, 4.0)
        assert "after step 1 the speed in the hole of refine_last_step" in _words(verdict)
        assert "expected above 1.25" in _words(verdict)
        assert "At the last step: the speed in the hole" in verdict.asides[0]

    def _forgets(self, read: float, eq4: float, printed: float = 0.9) -> Verdict:
        errors = {"refine_eq3_read": read, "refine_eq3_printed": printed, "refine": eq4}
        rows: list[TaskRow] = []
        for name, error in errors.items():
            rows += part2.by_step(name, ERROR, {0: 1.0, 1: error, 2: 0.7, 3: 0.5})
        return refinement.forgotten_steps(made.evidence(part2.blocks(*errors), rows))

    def test_forgotten_steps(self) -> None:
        assert self._forgets(1.5, 0.8).state == "supported"
        assert self._forgets(0.7, 1.3).state == "refuted"
        assert self._forgets(0.9, 0.8).state == "inconclusive", "worse, but not forgotten"

    def test_reading_decides_and_print_stands_beside(self) -> None:
        verdict = self._forgets(1.5, 0.8, printed=0.6)
        assert "refine_eq3_printed" not in verdict.sentence()
        assert "As printed, eq. 3 weighs all steps alike: after step 1 the error of refine_eq3" in (
            verdict.asides[-1].replace("\u00a0", " ")
        )
        assert verdict.asides[0].startswith("After step 1 refine_eq3_read has 2.9")


class TestWeighted:
    def test_both_ways(self) -> None:
        for weighted, plain, state in (
            (0.01, 0.9, "supported"),
            (0.95, 0.9, "refuted"),
            (0.5, 0.9, "inconclusive"),
        ):
            rows = [
                *part2.by_step("refine_weighted", CONFIDENCE, {0: 0.0, 1: 0.5, 3: weighted}),
                *part2.by_step("refine", CONFIDENCE, {0: 0.0, 1: 0.5, 3: plain}),
            ]
            blocks = part2.blocks("refine", "refine_weighted")
            verdict = refinement.weighted_by_confidence(made.evidence(blocks, rows))
            assert verdict.state == state
            assert "expected below 0.1" in _words(verdict)
            assert "error in the hole" in verdict.asides[0]


class TestRoundTrips:
    def test_parts_of_the_frame(self) -> None:
        for border, occluded, state in (
            (0.2, 0.01, "supported"),
            (0.05, 0.9, "inconclusive"),
            (0.2, 0.9, "inconclusive"),
        ):
            values = {
                ("border", "fb_px"): 0.6,
                ("border", "min_px"): border,
                ("occluded", "fb_px"): 0.8,
                ("occluded", "min_px"): occluded,
                ("visible", "fb_px"): 0.01,
                ("visible", "min_px"): 0.005,
            }
            rows = list(part2.parts(values))
            verdict = consistency.smaller_round_trip(made.evidence({}, rows))
            assert verdict.state == state
            assert len(verdict.findings) == 4
            assert "within 1\u00a0px of a motion boundary" in verdict.asides[0]

    def test_refuted_where_nothing_is_as_claimed(self) -> None:
        low = {(w, m): 0.01 for w in ("border", "occluded", "visible") for m in ("fb_px", "min_px")}
        low |= {("border", "min_px"): 0.0005}
        verdict = consistency.smaller_round_trip(made.evidence({}, list(part2.parts(low))))
        assert verdict.state == "refuted"

    def test_a_part_without_pixels_is_no_test(self) -> None:
        rows = list(part2.parts({("border", "fb_px"): 0.6, ("border", "min_px"): 0.1}))
        assert consistency.smaller_round_trip(made.evidence({}, rows)).state == "not tested"


class TestLosses:
    def test_smaller_round_trip(self) -> None:
        for sharp, trip, state in (
            (0.7, 0.05, "supported"),
            (0.3, 0.2, "refuted"),
            (0.7, 0.2, "inconclusive"),
        ):
            rows: list[TaskRow] = []
            for name, steep, far in (("refine_round_trip", sharp, trip), ("refine", 0.5, 0.1)):
                rows += made.clip_rows("edges_in_hole", name, {"": steep}, "sharpness", 0)
                rows += part2.by_step(name, "min_round_trip_px", {0: 0.3, 3: far, "truth": 0.04})
            blocks = part2.blocks("refine", "refine_round_trip")
            verdict = refinement_losses.smaller_round_trip(made.evidence(blocks, rows))
            assert verdict.state == state
            assert "after the last step" in _words(verdict)
            assert "0.04" in verdict.asides[0]
            assert "error in the hole" in verdict.asides[1]

    def _rough(self, whole: float, smooth: float) -> Verdict:
        rows: list[TaskRow] = []
        for name, values in (
            ("refine_tv_sandwich", (whole, smooth)),
            ("refine_sandwich", (0.6, 0.15)),
        ):
            for metric, value, true in zip(refinement_losses.ROUGH, values, (0.4, 0.1)):
                rows += part2.by_step(name, metric, {0: 0.2, 3: value, "truth": true})
        blocks = part2.blocks("refine_sandwich", "refine_tv_sandwich")
        return refinement_losses.total_variation(made.evidence(blocks, rows))

    def test_total_variation(self) -> None:
        assert self._rough(0.45, 0.11).state == "supported"
        assert self._rough(0.9, 0.3).state == "refuted"
        assert self._rough(0.45, 0.3).state == "inconclusive"

    def test_smoother_than_the_truth_is_no_restoration(self) -> None:
        assert self._rough(0.01, 0.001).state == "refuted"

    def test_total_variation_says_both_shares(self) -> None:
        aside = self._rough(0.45, 0.11).asides[0]
        assert "in the hole of refine_tv_sandwich is 1.12 times the truth’s" in aside
        assert "that of refine_sandwich 1.48 times" in aside


def test_partial_against_gated_convolutions() -> None:
    blocks = part2.blocks("refine", "refine_gated")
    for gated, state in ((1.2, "supported"), (0.8, "refuted"), (1.0, "inconclusive")):
        results = made.results({"refine": 1.0, "refine_gated": gated})
        assert choices.convolution(made.evidence(blocks, results=results)).state == state


def test_choices_without_a_claim_are_shown() -> None:
    names = ("refine", "refine_splat", "refine_differences", "refine_splat_differences")
    errors = dict(zip(names, (1.0, 0.8, 0.9, 0.7)))
    found = varied(made.evidence(part2.blocks(*names), results=made.results(errors)))
    assert {
        (each.choice.split()[0], each.in_hole.first, each.in_hole.second) for each in found
    } == {
        ("neighbours", "refine_splat", "refine"),
        ("neighbours", "refine_splat_differences", "refine_differences"),
        ("update", "refine_differences", "refine"),
        ("update", "refine_splat_differences", "refine_splat"),
    }


def test_storage() -> None:
    for share, error_px, state in (
        (3.0, 0.01, "supported"),
        (30.0, 0.5, "refuted"),
        (3.0, 0.5, "inconclusive"),
    ):
        verdict = storage.compact(made.evidence({}, storage=part2.storage(share, error_px)))
        assert verdict.state == state
        assert f"takes {share:.2f} % of the .flo file" in _words(verdict)
        assert "codec fast" in verdict.asides[1]


def test_storage_needs_the_reports_way() -> None:
    others = part2.storage(3.0, 0.1).iloc[1:]
    assert storage.compact(made.evidence({}, storage=others)).state == "not tested"
