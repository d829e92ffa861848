"""Verdicts follow the numbers both ways, say them, and need no table to be whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthetic_evidence as made
from flowmend.evaluation.tasks import TaskRow
from flowmend.report.claims import adversarial, choices, consistency, edges, judge
from flowmend.report.claims.evidence import Evidence
from flowmend.report.claims.findings import Verdict
from flowmend.report.claims.ledger import CLAIMS, SECTIONS
from flowmend.report.claims.varied import varied

FIG9 = ("unet_zero", "unet_smooth", "resnet_zero", "resnet_smooth")
Rule = Callable[[Evidence], Verdict]


@pytest.fixture(scope="module")
def blocks(project: Path) -> dict:
    return made.experiments(project)


def _of(blocks: dict, errors: dict[str, float], spread: float = 0.01) -> Evidence:
    chosen = {name: blocks[name] for name in errors}
    return made.evidence(chosen, results=made.results(errors, spread))


def _fig9(zero: float, smooth: float, resnet_zero: float, resnet_smooth: float) -> dict:
    return dict(zip(FIG9, (zero, smooth, resnet_zero, resnet_smooth)))


def test_the_ledger_is_whole() -> None:
    assert list(CLAIMS) == [f"C{number}" for number in range(1, 23)]
    assert {claim.group for claim in CLAIMS.values()} == set(SECTIONS)


def test_without_rows_nothing_is_tested_and_nothing_fails(blocks: dict) -> None:
    bare = made.evidence({}, results=made.results({}))
    for evidence in (bare, made.evidence(blocks, results=made.results({}))):
        verdicts = judge(evidence)
        assert [verdict.claim for verdict in verdicts] == list(CLAIMS.values())
        assert {verdict.state for verdict in verdicts} == {"not tested"}
        assert all("it takes" in verdict.sentence() for verdict in verdicts)
        assert varied(evidence) == []


class TestChoices:
    def test_follow_the_numbers_both_ways(self, blocks: dict) -> None:
        errors = _fig9(1.0, 0.8, 0.7, 0.5)
        better, worse = _of(blocks, errors), _of(blocks, {n: 1 / e for n, e in errors.items()})
        for rule in (choices.architecture, choices.initial_fill):
            assert (rule(better).state, rule(worse).state) == ("supported", "refuted")
        assert choices.supervision(better).state == "not tested"
        assert rule(worse).sentence().startswith("The data contradict the report: ")

    def test_do_not_decide_when_pairs_disagree_or_scatter(self, blocks: dict) -> None:
        mixed = _of(blocks, _fig9(1.0, 0.8, 0.7, 0.9))
        assert choices.architecture(mixed).state == "inconclusive"
        assert choices.architecture(mixed).sentence().startswith("The data are divided: ")
        alike = _of(blocks, _fig9(1.0, 1.0, 0.97, 0.97), spread=0.3)
        assert choices.architecture(alike).sentence().startswith("The data do not decide: ")

    def test_do_not_call_a_trifle_an_effect(self, blocks: dict) -> None:
        trifle = _of(blocks, _fig9(1.0, 1.0, 0.995, 0.995), spread=1e-6)
        assert choices.architecture(trifle).state == "inconclusive"

    def test_judge_the_reports_own_form_only(self, blocks: dict) -> None:
        names = [name for name in blocks if name.endswith("_residual")]
        verdict = choices.architecture(_of(blocks, dict.fromkeys(names, 1.0)))
        assert verdict.state == "not tested"
        assert "resnet_biharmonic_residual" in verdict.asides[0]

    def test_say_by_how_much(self, blocks: dict) -> None:
        verdict = choices.architecture(_of(blocks, _fig9(1.0, 1.0, 0.9, 1.1), spread=0))
        sentence = verdict.sentence().replace("\u00a0", " ")
        assert (
            "resnet_zero is 10.0 % lower than that of unet_zero (0.900 against 1.000 px" in sentence
        )
        assert "resnet_smooth is 10.0 % higher than that of unet_smooth" in sentence

    def test_a_diverged_training_decides_nothing(self, blocks: dict) -> None:
        evidence = _of(blocks, {"unet_smooth": 1.0, "unet_smooth_l2": float("nan")})
        assert choices.supervision(evidence).state == "inconclusive"
        assert "cannot be put beside" in choices.supervision(evidence).sentence()

    def test_one_clip_has_no_interval_and_decides_nothing(self, blocks: dict) -> None:
        results = made.results({"unet_smooth": 0.5, "unet_smooth_l2": 1.0})
        one = results[results["clip"] == made.CLIPS[0]]
        verdict = choices.supervision(made.evidence(blocks, results=one))
        assert verdict.state == "inconclusive"
        assert "one clip" in verdict.sentence()

    @pytest.mark.parametrize(
        ("rule", "tried", "toy"),
        [
            (choices.warping_module, "unet_warp_smooth", "move_warp"),
            (choices.coordinates, "unet_coordinates_smooth", "move_coordinates"),
        ],
    )
    def test_help_is_looked_for_in_completion_and_toy(
        self, blocks: dict, rule: Rule, tried: str, toy: str
    ) -> None:
        for error, ratio, state in (
            (1.2, 0.6, "supported"),
            (0.8, 0.3, "refuted"),
            (1.2, 0.3, "inconclusive"),
        ):
            rows = list(made.toy({"move_unet": 0.5, toy: ratio}))
            results = made.results({"unet_smooth": 1.0, tried: error})
            verdict = rule(made.evidence(blocks, rows, results=results))
            assert verdict.state == state
            assert len(verdict.findings) == 2
            assert f"{toy} leaves " in verdict.asides[0]

    def test_no_difference_is_no_help_only_if_it_is_known_to_be_none(self, blocks: dict) -> None:
        errors = {"unet_smooth": 1.0, "unet_warp_smooth": 1.0}
        assert choices.warping_module(_of(blocks, errors, 1e-4)).state == "supported"
        assert choices.warping_module(_of(blocks, errors, 0.3)).state == "inconclusive"


class TestConsistency:
    def test_round_trips(self, blocks: dict) -> None:
        for visible, occluded, state in (
            (0.02, 1.3, "supported"),
            (0.3, 1.3, "refuted"),
            (0.05, 0.1, "inconclusive"),
        ):
            rows = list(made.consistency({"visible": visible, "occluded": occluded}))
            verdict = consistency.round_trip(made.evidence(blocks, rows))
            assert verdict.state == state
            assert f"{visible:.2f}" in verdict.sentence()

    def test_sanity_check(self, blocks: dict) -> None:
        for slow, fast, state in ((0.8, 0.3, "supported"), (0.6, 0.8, "refuted")):
            rows = list(made.sanity({"slow": slow, "fast": fast, "step over 4 px": 0.2}))
            verdict = consistency.sanity_check(made.evidence(blocks, rows))
            assert verdict.state == state
            assert "0.20 at over 4 px" in verdict.asides[0]

    def test_sanity_check_needs_slow_and_fast_clips(self, blocks: dict) -> None:
        verdict = consistency.sanity_check(made.evidence(blocks, list(made.sanity({"fast": 0.3}))))
        assert verdict.state == "not tested"

    def test_minimiser(self, blocks: dict) -> None:
        far = {key: 0.2 for key in made.DISTANCES}
        for distances, state in ((made.DISTANCES, "supported"), (far, "refuted")):
            verdict = consistency.minimiser(made.evidence(blocks, list(made.minimiser(distances))))
            assert (verdict.state, len(verdict.findings)) == (state, 2)

    def test_same_edges(self, blocks: dict) -> None:
        for value, state in ((0.8, "supported"), (0.2, "refuted"), (0.5, "inconclusive")):
            same = {"round_trip_gradient": value, "flow_gradient": 0.6}
            rows = list(made.consistency(same=same))
            verdict = consistency.same_edges(made.evidence(blocks, rows))
            assert verdict.state == state
            assert "flow's own gradient" in verdict.asides[0]


class TestBalance:
    def test_follows_the_last_tenth(self, blocks: dict) -> None:
        strong, weak = made.curves(0.97), made.curves(0.6)
        for curves, state in ((strong, "supported"), (weak, "refuted")):
            early = curves["step"] < 180
            curves.loc[early, "discriminator_accuracy"] = 0.75
            evidence = made.evidence(blocks, curves=dict.fromkeys(("lambda_1_1_01",), curves))
            verdict = adversarial.balance(evidence)
            assert verdict.state == state
            assert "in blocks of 10" in verdict.asides[0]
            assert "lambda_1_1_01 is" in verdict.asides[1]

    def test_draws_blocks_of_a_seed(self) -> None:
        both = pd.concat([made.curves(0.9).assign(seed=seed) for seed in (0, 1)])
        late = adversarial.last_tenth(both)
        assert sorted(set(late.index)) == ["0 18", "0 19", "1 18", "1 19"]
        assert len(late) == 40

    def test_is_about_flow_not_about_the_critic_of_edges(self, blocks: dict) -> None:
        curves = {"edge_gan": made.curves(0.99), "unet_smooth": made.curves(0.9)[["step", "seed"]]}
        assert adversarial.balance(made.evidence(blocks, curves=curves)).state == "not tested"


class TestEdges:
    def _joint(self, sharp: float, share: float) -> list[TaskRow]:
        rows = []
        for name, each, f in (("joint_edges", sharp, share), ("joint_no_edges", 0.5, 0.5)):
            rows += made.clip_rows("edges_in_hole", name, {"": each}, "sharpness", 0)
            rows += made.agreement("edges_in_hole", f"{name} canny", f, 0)
        return rows

    def test_joint_inpainting(self, blocks: dict) -> None:
        for sharp, share, state in (
            (0.7, 0.6, "supported"),
            (0.3, 0.4, "refuted"),
            (0.7, 0.4, "inconclusive"),
        ):
            verdict = edges.joint_inpainting(made.evidence(blocks, self._joint(sharp, share)))
            assert verdict.state == state
            assert "Canny on joint_edges" in verdict.sentence()
            assert "error in the hole" in verdict.asides[0]

    def test_undefined_clips_are_left_out_in_pairs(self, blocks: dict) -> None:
        rows = self._joint(0.7, 0.6)
        clip = made.CLIPS[0]
        torn = [row._replace(value=float("nan")) if row.clip == clip else row for row in rows]
        assert edges.joint_inpainting(made.evidence(blocks, torn)).state == "supported"

    def test_edge_sources(self, blocks: dict) -> None:
        for flow, state in ((0.9, "supported"), (0.3, "refuted"), (0.7, "inconclusive")):
            shares = {"flow": flow, "segmentation": 0.8, "image": 0.5, "estimated flow": 0.4}
            rows = [
                r for name, f in shares.items() for r in made.agreement("edge_sources", name, f)
            ]
            verdict = edges.edge_sources(made.evidence(blocks, rows))
            assert (verdict.state, len(verdict.findings)) == (state, 4)
            assert "edges from estimated flow" in verdict.asides[0]

    def test_edge_gan(self, blocks: dict) -> None:
        for precision, recall, state in (
            (0.3, 0.8, "supported"),
            (0.8, 0.3, "refuted"),
            (0.8, 0.8, "inconclusive"),
        ):
            rows = list(made.in_hole("edge_gan", precision, recall))
            rows += made.in_hole("truth canny", 0.99, 0.99)
            rows += made.in_hole("smooth canny", 0.4, 0.4)
            rows += made.in_hole("biharmonic canny", 0.6, 0.6)
            verdict = edges.edge_gan(made.evidence(blocks, rows))
            assert verdict.state == state
            assert "Canny on biharmonic" in verdict.sentence()
            assert "precision at 2 px" in verdict.asides[0]


class TestVaried:
    def test_pairs_differ_in_one_choice(self, blocks: dict) -> None:
        errors = {name: 1.0 for name, block in blocks.items() if block["task"] == "flow"}
        evidence = made.evidence(blocks, results=made.results(errors | {"unet_smooth_hole": 0.9}))
        found = {(v.choice, v.in_hole.first, v.in_hole.second): v for v in varied(evidence)}
        assert ("lateral dependency loss added", "unet_smooth_lateral", "unet_smooth") in found
        assert ("L1 instead of L2", "unet_smooth", "unet_smooth_l2") in found
        assert ("adversarial loss added", "lambda_1_1_01", "lambda_1_1_0") in found
        hole = found["losses over the hole instead of the image", "unet_smooth_hole", "unet_smooth"]
        assert hole.in_hole.ratio.value == pytest.approx(0.9, abs=0.02)
        assert hole.at_edges is not None

    def test_cases_without_edges_are_left_out(self, blocks: dict) -> None:
        results = made.results({"unet_smooth": 1.0, "unet_smooth_l2": 2.0})
        results.loc[results["clip"].isin(made.CLIPS[:6]), "epe_edge_px"] = np.nan
        (found,) = varied(made.evidence(blocks, results=results))
        assert found.at_edges is not None
        assert found.at_edges.ratio.value == pytest.approx(0.5, abs=0.02)
        results["epe_edge_px"] = np.nan
        (found,) = varied(made.evidence(blocks, results=results))
        assert found.at_edges is None
