"""Stage evaluate: which methods meet which clips, what is kept, and same bytes however it ran."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from flowmend.errors import InputError
from flowmend.inpainters.classical import BASELINES
from flowmend.params import Params
from flowmend.stages import evaluate as stage
from flowmend.stages import scores
from held_out_project import (
    LAYOUT,
    SCALE,
    ByteOffset,
    make,
    other_hole,
    settings,
    tables,
    untrained,
    write_shard,
)

METHODS = len(BASELINES) + 2  # and a network of two seeds


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make(tmp_path, monkeypatch)


@pytest.mark.usefixtures("tiny")
class TestTables:
    def test_every_method_meets_what_it_should(self, project: Path) -> None:
        stage.run(
            settings(
                project,
                whole={"setup": "all_frames"},
                strokes={"setup": "sandwich", "hole_shapes": ["stroke"]},
            ),
            SCALE,
        )
        results = pd.read_csv(LAYOUT.results)
        networks = results[results["kind"] == "network"]
        found = networks[["method", "seed", "setup", "hole"]].drop_duplicates()
        assert set(found.itertuples(index=False, name=None)) == {
            ("whole", 0, "all_frames", "rectangle"),
            ("whole", 0, "all_frames", "stroke"),
            ("whole", 1, "all_frames", "rectangle"),
            ("whole", 1, "all_frames", "stroke"),
            ("strokes", 0, "sandwich", "stroke"),
            ("strokes", 1, "sandwich", "stroke"),
        }
        assert len(results) == 4 * 2 * (len(BASELINES) * 3 * 2 + 2 * 2 + 2)
        seed_zero = networks[networks["seed"] == 0]
        assert seed_zero["epe_hole_px"].to_numpy() == pytest.approx(2**0.5, abs=1e-5)
        summary = pd.read_csv(LAYOUT.summary).set_index(["method", "setup"])
        assert summary.loc[("whole", "all_frames"), "epe_hole_px"] == pytest.approx(1.5 * 2**0.5)
        assert summary.loc[("strokes", "sandwich"), "cases"] == 4 * 2

    def test_a_forgotten_model_is_ignored(self, project: Path) -> None:
        given = settings(project, net={"setup": "all_frames"})
        stage.run(given, SCALE)
        before = tables()
        forgotten = LAYOUT.weights("forgotten", 0)
        forgotten.parent.mkdir()
        forgotten.write_bytes(b"")
        stage.run(given, SCALE)
        assert tables() == before

    def test_holds_the_threads_of_the_params(self, project: Path, monkeypatch) -> None:
        asked: list[int] = []
        monkeypatch.setattr(torch, "set_num_threads", asked.append)
        given = settings(project, net={"setup": "all_frames"})
        stage.run(given, SCALE)
        assert set(asked) == {given.at(SCALE).evaluate.threads}


REFINED = {
    **{"task": "iterative", "study": "x", "fill": "smooth", "setup": "all_frames"},
    **{"rule": "power_mean", "neighbours": "warped", "schedule": "eq4"},
    **{"losses": {"inpaint_l1": 1.0}, "backpropagation": "through_time"},
}


@pytest.mark.usefixtures("tiny")
class TestProcesses:
    @pytest.fixture
    def given(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
        """A direct and an iterative network that other processes can read, and one fill."""
        fills = scores.classical_methods(("rectangle", "stroke"))
        fills = [fill for fill in fills if fill.name == "biharmonic"]
        monkeypatch.setattr(scores, "classical_methods", lambda shapes: fills)
        given = settings(project, net={"setup": "sandwich"}, refined=REFINED)
        for name in given.experiments:
            untrained(given, name)
        return given

    @staticmethod
    def _in_two(given: Params) -> Params:
        scale = given.at(SCALE)
        two = scale.evaluate.model_copy(update={"processes": 2})
        scale = scale.model_copy(update={"evaluate": two})
        return given.model_copy(update={"scales": {SCALE: scale}})

    def test_two_give_the_bytes_of_one(self, given: Params, monkeypatch) -> None:
        stage.run(given, SCALE)
        by_one = tables()
        shutil.rmtree(LAYOUT.scratch)
        monkeypatch.setattr(scores, "evaluate", None)  # of use in this process alone
        stage.run(self._in_two(given), SCALE)
        assert tables() == by_one

    def test_an_error_in_a_worker_is_one_line(self, given: Params) -> None:
        damaged = LAYOUT.weights("net", 1)
        damaged.write_bytes(b"no weights")
        with pytest.raises(InputError) as error:
            stage.run(self._in_two(given), SCALE)
        assert error.value.where == str(damaged)
        assert str(error.value).startswith(f"{damaged}: is not a safetensors file")
        assert "\n" not in str(error.value)
        assert not LAYOUT.reports.exists()


class TestCache:
    @pytest.fixture
    def evaluated(self, tiny: Path, monkeypatch) -> list[str]:
        """Names of the methods that were evaluated afresh, in order."""
        names: list[str] = []
        original = scores.evaluate

        def spy(method, clips):
            if clips[0].clip.name == "clip_0":  # the clips come one by one
                names.append(method.name)
            return original(method, clips)

        monkeypatch.setattr(scores, "evaluate", spy)
        return names

    def test_same_bytes_with_and_without_it(self, project: Path, evaluated: list[str]) -> None:
        given = settings(project, net={"setup": "all_frames"})
        stage.run(given, SCALE)
        first = tables()
        stage.run(given, SCALE)
        assert tables() == first
        assert len(evaluated) == METHODS
        shutil.rmtree(LAYOUT.scratch)
        stage.run(given, SCALE)
        assert tables() == first
        assert len(evaluated) == 2 * METHODS

    def test_an_added_experiment_is_the_only_one_evaluated(
        self, project: Path, evaluated: list[str]
    ) -> None:
        stage.run(settings(project, old={"setup": "all_frames"}), SCALE)
        evaluated.clear()
        ByteOffset.loads.clear()
        both = settings(project, old={"setup": "all_frames"}, new={"setup": "sandwich"})
        stage.run(both, SCALE)
        assert evaluated == ["new", "new"]
        assert {path.parent.name for path in ByteOffset.loads} == {"new"}
        assert set(pd.read_csv(LAYOUT.results)["method"]) >= {"old", "new", "zero"}

    def test_new_weights_are_evaluated_and_nothing_else(
        self, project: Path, evaluated: list[str]
    ) -> None:
        given = settings(project, a={"setup": "all_frames"}, b={"setup": "all_frames"})
        stage.run(given, SCALE)
        evaluated.clear()
        LAYOUT.weights("a", 0).write_bytes(bytes([9]))
        stage.run(given, SCALE)
        assert evaluated == ["a"]
        rows = pd.read_csv(LAYOUT.results)
        changed = rows[(rows["method"] == "a") & (rows["seed"] == 0)]
        assert changed["epe_hole_px"].to_numpy() == pytest.approx(9 * 2**0.5, abs=1e-4)

    @pytest.mark.parametrize("what", ["flow", "holes", "band"])
    def test_other_clips_or_settings_evaluate_everything(
        self, project: Path, evaluated: list[str], what: str
    ) -> None:
        given = settings(project, net={"setup": "all_frames"})
        stage.run(given, SCALE)
        before = LAYOUT.results.read_bytes()
        evaluated.clear()
        if what == "flow":
            write_shard(2, seed=99)
        elif what == "holes":
            other_hole(2)
        else:
            scale = given.at(SCALE)
            wider = scale.evaluate.model_copy(update={"edge_band_px": 4})
            scale = scale.model_copy(update={"evaluate": wider})
            given = given.model_copy(update={"scales": {SCALE: scale}})
        stage.run(given, SCALE)
        assert len(evaluated) == METHODS
        if what != "band":  # in these clips edges are everywhere, and so is any band
            assert LAYOUT.results.read_bytes() != before

    def test_other_draws_of_the_bootstrap_evaluate_nothing(
        self, project: Path, evaluated: list[str]
    ) -> None:
        given = settings(project, net={"setup": "all_frames"})
        stage.run(given, SCALE)
        results, summary, tasks = tables()
        evaluated.clear()
        scale = given.at(SCALE)
        other = scale.evaluate.model_copy(update={"bootstrap_seed": 4})
        scale = scale.model_copy(update={"evaluate": other})
        stage.run(given.model_copy(update={"scales": {SCALE: scale}}), SCALE)
        assert evaluated == []
        assert LAYOUT.results.read_bytes() == results
        assert LAYOUT.tasks.read_bytes() == tasks
        assert LAYOUT.summary.read_bytes() != summary


@pytest.mark.usefixtures("tiny")
class TestMissing:
    @pytest.mark.parametrize("what", ["sequences", "flow", "holes", "edges", "weights"])
    def test_names_the_file_and_leaves_no_table(self, project: Path, what: str) -> None:
        given = settings(project, net={"setup": "all_frames"})
        path = {
            "sequences": LAYOUT.sequences("test", 1),
            "flow": LAYOUT.flow("test", 1),
            "holes": LAYOUT.holes("test", 1),
            "edges": LAYOUT.edges("test", 1),
            "weights": LAYOUT.weights("net", 1),
        }[what]
        path.unlink()
        with pytest.raises(InputError, match=str(path)):
            stage.run(given, SCALE)
        assert not LAYOUT.reports.exists()

    def test_a_damaged_archive_leaves_the_oldtables(self, project: Path) -> None:
        given = settings(project, net={"setup": "all_frames"})
        stage.run(given, SCALE)
        before = tables()
        path = LAYOUT.flow("test", 3)
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(InputError, match=str(path)):
            stage.run(given, SCALE)
        assert tables() == before
