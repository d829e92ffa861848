"""Stage evaluate: the table of tasks, whose rows it holds, and when it must not hold them."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from flowmend.errors import InputError
from flowmend.inpainters.iterative import IterativeInpainter
from flowmend.params import Params
from flowmend.stages import evaluate as stage
from flowmend.stages import scores
from flowmend.stages.layout import SHARDS
from held_out_project import (
    LAYOUT,
    SCALE,
    make,
    settings,
    tables,
    untrained,
    write_sequence,
)

JOINT = {"setup": "all_frames", "edges": True, "hole_shapes": ["rectangle"]}
OTHERS = {
    "sanity": {
        "task": "backward_flow",
        "study": "x",
        "network": "unet",
        "losses": {"forward_backward": 1.0},
    },
    "gan": {"task": "edges", "study": "x", "losses": {"wgan_gp": 1.0}, "critic_steps": 2},
    "mover": {"task": "move_pattern", "study": "x", "network": "unet", "losses": {"l1": 1.0}},
    "refined": {
        **{"task": "iterative", "study": "x", "fill": "biharmonic", "setup": "sandwich"},
        **{"rule": "clip", "neighbours": "splatted", "differences": True, "schedule": "eq4"},
        **{"losses": {"inpaint_l1": 1.0}, "backpropagation": "through_time"},
    },
}
CLIPS = {f"clip_{shard}" for shard in SHARDS}
FILLS = (
    *("zero", "smooth", "biharmonic", "telea", "navier_stokes", "temporal"),
    *("transport", "transport_acceleration"),
)


def _all(project: Path) -> Params:
    """Experiments of every task, those but ``net`` with weights of their own."""
    given = settings(project, net={"setup": "all_frames"}, joint=JOINT, **OTHERS)
    for name in ("joint", *OTHERS):
        untrained(given, name)
    return given


def _estimated(given: Params) -> Params:
    """The same on estimated flow."""
    scale = given.at(SCALE)
    scale = scale.model_copy(update={"flow": scale.flow.model_copy(update={"estimator": "dis"})})
    return given.model_copy(update={"scales": {SCALE: scale}})


def _rows() -> pd.DataFrame:
    found = pd.read_csv(LAYOUT.tasks, keep_default_na=False, na_values={"seed": "", "value": ""})
    assert list(found.columns) == ["task", "method", "seed", "clip", "condition", "metric", "value"]
    return found


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make(tmp_path, monkeypatch)


@pytest.mark.usefixtures("tiny")
class TestExactFlow:
    def test_every_task_has_the_rows_of_its_methods(self, project: Path) -> None:
        stage.run(_all(project), SCALE)
        rows = _rows()
        methods = rows.groupby("task")["method"].agg(set).to_dict()
        assert methods == {
            "occlusion": {"minimiser"},
            "round_trip": {"truth"},
            "round_trip_parts": {"truth"},
            "refinement": {"refined"},
            "spatio_temporal": {"truth"},
            "edge_sources": {"segmentation", "flow", "image", "estimated flow"},
            "backward_flow": {"copy", "sanity"},
            "move_pattern": {"mover"},
            "edges_in_hole": {
                *(f"{fill} canny" for fill in FILLS),
                *FILLS,  # sharpness
                "truth",
                "truth canny",
                "net",
                "net canny",
                "joint",
                "joint canny",
                "refined",
                "refined canny",
                "gan",
            },
        }
        trained = {"sanity", "mover", "net", "net canny", "joint", "joint canny", "gan"}
        trained |= {"refined", "refined canny"}
        for method, of in rows.groupby("method"):
            assert set(of["seed"].dropna()) == ({0, 1} if method in trained else set())
        whole = rows[rows["task"].isin(["round_trip", "edge_sources", "backward_flow"])]
        for _, of in whole.groupby(["task", "method"]):
            assert set(of["clip"]) == CLIPS

    def test_only_who_predicts_edges_is_judged_by_them(self, project: Path) -> None:
        stage.run(_all(project), SCALE)
        rows = _rows()
        in_hole = rows[rows["task"] == "edges_in_hole"]
        judged = in_hole[in_hole["metric"] == "recall"]
        own = {name for name in judged["method"] if not name.endswith(" canny")}
        assert own == {"joint", "gan"}
        assert set(judged["condition"]) == {"1 px", "2 px"}
        steep = in_hole[in_hole["metric"] == "sharpness"]
        assert "gan" not in set(steep["method"])
        assert steep.loc[steep["method"] == "truth", "value"].to_numpy() == pytest.approx(1.0)

    def test_same_bytes_with_and_without_what_is_kept(self, project: Path) -> None:
        given = _all(project)
        stage.run(given, SCALE)
        first = tables()
        stage.run(given, SCALE)
        assert tables() == first
        shutil.rmtree(LAYOUT.scratch)
        stage.run(given, SCALE)
        assert tables() == first

    def test_edges_of_a_method_are_not_looked_for_twice(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked: list[str] = []
        original = scores.mended_rows

        def spy(method, clips, canny_px):
            if clips[0].clip.name == "clip_0":  # the clips come one by one
                looked.append(method.name)
            return original(method, clips, canny_px)

        monkeypatch.setattr(scores, "mended_rows", spy)
        given = settings(project, net={"setup": "all_frames"})
        stage.run(given, SCALE)
        assert sorted(looked) == sorted([*FILLS, "net", "net"])
        looked.clear()
        LAYOUT.weights("net", 1).write_bytes(bytes([9]))
        stage.run(given, SCALE)
        assert looked == ["net"]

    def test_a_clip_is_refined_once_for_both_tables(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = settings(project, refined=OTHERS["refined"])
        untrained(given, "refined")
        traced: list[str] = []
        original = IterativeInpainter.trace

        def spy(inpainter, clip):
            traced.append(clip.name)
            return original(inpainter, clip)

        monkeypatch.setattr(IterativeInpainter, "trace", spy)
        stage.run(given, SCALE)
        # Of both seeds: under all holes for errors and steps, under rectangles for edges.
        assert sorted(traced) == sorted(2 * 2 * list(CLIPS))

    def test_an_experiment_without_weights_is_named(self, project: Path) -> None:
        given = _all(project)
        LAYOUT.weights("mover", 1).unlink()
        with pytest.raises(InputError, match=str(LAYOUT.weights("mover", 1))):
            stage.run(given, SCALE)
        assert not LAYOUT.reports.exists()

    def test_a_missing_occlusion_map_is_one_clear_line(self, project: Path) -> None:
        lost = "Occlusion/forward/clip_2/00003.png"
        write_sequence(2, keep=lambda member: member != lost)
        with pytest.raises(InputError) as error:
            stage.run(settings(project, net={"setup": "all_frames"}), SCALE)
        message = str(error.value)
        assert f"{LAYOUT.sequences('test', 2)}: {lost}: is missing" in message
        assert "\n" not in message
        assert not LAYOUT.reports.exists()

    def test_a_clip_without_edges_is_one_clear_line(self, project: Path) -> None:
        shutil.copy(LAYOUT.edges("test", 0), LAYOUT.edges("test", 3))
        with pytest.raises(InputError, match=r"edges/3\.npz.*clip_3"):
            stage.run(settings(project, net={"setup": "all_frames"}), SCALE)


class TestEstimatedFlow:
    """Footage has no true boundaries and no true occlusions: nothing is measured by them."""

    def test_no_boundary_is_true(
        self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(tmp_path, monkeypatch, estimator="dis")
        for shard in SHARDS:
            write_sequence(shard, keep=lambda member: not member.startswith(("Occl", "Flow")))
        stage.run(_estimated(_all(project)), SCALE)
        rows = _rows()
        assert set(rows["task"]) == {
            "occlusion",
            "spatio_temporal",
            "backward_flow",
            "move_pattern",
            "refinement",
        }
        assert set(rows.loc[rows["task"] == "backward_flow", "clip"]) == CLIPS
        shutil.rmtree(LAYOUT.scratch)
        before = tables()
        stage.run(_estimated(_all(project)), SCALE)
        assert tables() == before
