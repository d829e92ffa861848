"""Stage evaluate: which methods meet which clips, what is kept, and same bytes however it ran."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch

from flowmend import params
from flowmend.datasets.moving_shapes import render, write_davis
from flowmend.edges import EDGES_VERSION, flow_edges
from flowmend.errors import InputError
from flowmend.holes import HOLES_VERSION
from flowmend.io.flow_archive import FlowArchiveWriter
from flowmend.io.layout_zip import writing_zip
from flowmend.io.packed_maps import PackedMaps, write_packed_maps
from flowmend.params import EXPERIMENT as BLOCK
from flowmend.params import Params
from flowmend.stages import evaluate as stage
from flowmend.stages.layout import EDGE_SOURCES, SHARDS, Layout
from flowmend.types import Clip, Completion

SCALE, FRAMES, SIZE = "tiny", 6, 16
SHAPES = ("rectangle", "stroke")
LAYOUT = Layout(SCALE)
EXPERIMENT = {
    "study": "x",
    "network": "unet",
    "fill": "zero",
    "output": "direct",
    "losses": {"l1": 1.0},
}


class ByteOffset:
    """A stand-in for a network: the truth, moved by as many px as its weights' one byte says."""

    loads: ClassVar[list[Path]] = []

    def __init__(self, weights: Path) -> None:
        self.loads.append(weights)
        self._px = weights.read_bytes()[0]

    def __call__(self, clip: Clip) -> Completion:
        return Completion(clip.forward + self._px, clip.backward + self._px)

    @property
    def inpainter(self) -> "ByteOffset":
        return self


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the test clips of a tiny scale, four shards of one clip each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, "load_model", ByteOffset)
    monkeypatch.setattr(ByteOffset, "loads", [])
    for shard in SHARDS:
        _write_shard(shard, seed=shard)
    return tmp_path


def _write_shard(shard: int, seed: int, estimator: str = "exact") -> None:
    random = np.random.default_rng(seed)
    name = f"clip_{shard}"
    flow = random.normal(size=(2, FRAMES, 2, SIZE, SIZE)).cumsum(-1).astype(np.float32)
    archive = FlowArchiveWriter(
        LAYOUT.flow("test", shard), "fast", 1 / 128, {"estimator": estimator}
    )
    with archive:
        for direction, fields in zip(("forward", "backward"), flow):
            for t, field in enumerate(fields):
                archive.add(f"{name}/{direction}/{t}", field)
    edges = np.stack([flow_edges(field, 0.5) for field in flow[0]])
    packed = np.stack([np.roll(edges, k, -1) for k in range(len(EDGE_SOURCES))])[None]
    maps = PackedMaps.pack([name], EDGE_SOURCES, packed, EDGES_VERSION)
    write_packed_maps(LAYOUT.edges("test", shard), maps)
    _write_sequence(shard, lambda member: True)
    holes = np.zeros((1, len(SHAPES), SIZE, SIZE), bool)
    holes[0, 0, 4:9, 4 : 8 + shard] = True
    holes[0, 1, 10:12, 2:13] = True
    maps = PackedMaps.pack([name], list(SHAPES), holes, HOLES_VERSION)
    write_packed_maps(LAYOUT.holes("test", shard), maps)


def _write_sequence(shard: int, keep: Callable[[str], bool]) -> None:
    """Frames, segmentations and occlusions of a shard's clip, but those not kept."""
    rendered = render(shard, FRAMES + 2, SIZE, SIZE)
    with writing_zip(LAYOUT.sequences("test", shard)) as archive:
        add = lambda path, data: archive.add(path, data) if keep(path) else None  # noqa: E731
        write_davis(rendered, f"clip_{shard}", add)


def _settings(project: Path, **experiments: dict) -> Params:
    loaded = params.load(project / "params.yaml")
    smoke = loaded.at("smoke")
    scale = smoke.model_copy(
        update={
            "data": smoke.data.model_copy(update={"height_px": SIZE, "width_px": SIZE}),
            "holes": smoke.holes.model_copy(update={"shapes": list(SHAPES)}),
            "train": smoke.train.model_copy(update={"seeds": [0, 1]}),
            "evaluate": smoke.evaluate.model_copy(update={"bootstrap_samples": 100}),
        }
    )
    blocks = {
        name: BLOCK.validate_python(EXPERIMENT | changes) for name, changes in experiments.items()
    }
    for name in blocks:
        for seed in scale.train.seeds:
            if not LAYOUT.weights(name, seed).exists():
                LAYOUT.model(name).mkdir(parents=True, exist_ok=True)
                LAYOUT.weights(name, seed).write_bytes(bytes([1 + seed]))
    return loaded.model_copy(update={"scales": {SCALE: scale}, "experiments": blocks})


def _tables() -> tuple[bytes, bytes, bytes]:
    files = (LAYOUT.results, LAYOUT.summary, LAYOUT.tasks)
    return tuple(path.read_bytes() for path in files)


@pytest.mark.usefixtures("tiny")
class TestTables:
    def test_every_method_meets_what_it_should(self, project: Path) -> None:
        stage.run(
            _settings(
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
        assert len(results) == 4 * 2 * (6 * 3 * 2 + 2 * 2 + 2)
        seed_zero = networks[networks["seed"] == 0]
        assert seed_zero["epe_hole_px"].to_numpy() == pytest.approx(2**0.5, abs=1e-5)
        summary = pd.read_csv(LAYOUT.summary).set_index(["method", "setup"])
        assert summary.loc[("whole", "all_frames"), "epe_hole_px"] == pytest.approx(1.5 * 2**0.5)
        assert summary.loc[("strokes", "sandwich"), "cases"] == 4 * 2

    def test_a_forgotten_model_is_ignored(self, project: Path) -> None:
        settings = _settings(project, net={"setup": "all_frames"})
        stage.run(settings, SCALE)
        before = _tables()
        forgotten = LAYOUT.weights("forgotten", 0)
        forgotten.parent.mkdir()
        forgotten.write_bytes(b"")
        stage.run(settings, SCALE)
        assert _tables() == before

    def test_holds_the_threads_of_the_params(self, project: Path, monkeypatch) -> None:
        asked: list[int] = []
        monkeypatch.setattr(torch, "set_num_threads", asked.append)
        settings = _settings(project, net={"setup": "all_frames"})
        stage.run(settings, SCALE)
        assert asked == [settings.at(SCALE).evaluate.threads]


class TestCache:
    @pytest.fixture
    def evaluated(self, tiny: Path, monkeypatch) -> list[str]:
        """Names of the methods that were evaluated afresh, in order."""
        names: list[str] = []
        original = stage.evaluate

        def spy(method, clips):
            names.append(method.name)
            return original(method, clips)

        monkeypatch.setattr(stage, "evaluate", spy)
        return names

    def test_same_bytes_with_and_without_it(self, project: Path, evaluated: list[str]) -> None:
        settings = _settings(project, net={"setup": "all_frames"})
        stage.run(settings, SCALE)
        first = _tables()
        stage.run(settings, SCALE)
        assert _tables() == first
        assert len(evaluated) == 6 + 2
        shutil.rmtree(LAYOUT.scratch)
        stage.run(settings, SCALE)
        assert _tables() == first
        assert len(evaluated) == 2 * (6 + 2)

    def test_an_added_experiment_is_the_only_one_evaluated(
        self, project: Path, evaluated: list[str]
    ) -> None:
        stage.run(_settings(project, old={"setup": "all_frames"}), SCALE)
        evaluated.clear()
        ByteOffset.loads.clear()
        both = _settings(project, old={"setup": "all_frames"}, new={"setup": "sandwich"})
        stage.run(both, SCALE)
        assert evaluated == ["new", "new"]
        assert {path.parent.name for path in ByteOffset.loads} == {"new"}
        assert set(pd.read_csv(LAYOUT.results)["method"]) >= {"old", "new", "zero"}

    def test_new_weights_are_evaluated_and_nothing_else(
        self, project: Path, evaluated: list[str]
    ) -> None:
        settings = _settings(project, a={"setup": "all_frames"}, b={"setup": "all_frames"})
        stage.run(settings, SCALE)
        evaluated.clear()
        LAYOUT.weights("a", 0).write_bytes(bytes([9]))
        stage.run(settings, SCALE)
        assert evaluated == ["a"]
        rows = pd.read_csv(LAYOUT.results)
        changed = rows[(rows["method"] == "a") & (rows["seed"] == 0)]
        assert changed["epe_hole_px"].to_numpy() == pytest.approx(9 * 2**0.5, abs=1e-4)

    @pytest.mark.parametrize("what", ["flow", "holes", "band"])
    def test_other_clips_or_settings_evaluate_everything(
        self, project: Path, evaluated: list[str], what: str
    ) -> None:
        settings = _settings(project, net={"setup": "all_frames"})
        stage.run(settings, SCALE)
        evaluated.clear()
        if what == "flow":
            _write_shard(2, seed=99)
        elif what == "holes":
            _other_hole(2)
        else:
            scale = settings.at(SCALE)
            wider = scale.evaluate.model_copy(update={"edge_band_px": 4})
            scale = scale.model_copy(update={"evaluate": wider})
            settings = settings.model_copy(update={"scales": {SCALE: scale}})
        stage.run(settings, SCALE)
        assert len(evaluated) == 6 + 2

    def test_other_draws_of_the_bootstrap_evaluate_nothing(
        self, project: Path, evaluated: list[str]
    ) -> None:
        settings = _settings(project, net={"setup": "all_frames"})
        stage.run(settings, SCALE)
        results, summary, tasks = _tables()
        evaluated.clear()
        scale = settings.at(SCALE)
        other = scale.evaluate.model_copy(update={"bootstrap_seed": 4})
        scale = scale.model_copy(update={"evaluate": other})
        stage.run(settings.model_copy(update={"scales": {SCALE: scale}}), SCALE)
        assert evaluated == []
        assert LAYOUT.results.read_bytes() == results
        assert LAYOUT.tasks.read_bytes() == tasks
        assert LAYOUT.summary.read_bytes() != summary


def _other_hole(shard: int) -> None:
    holes = np.zeros((1, len(SHAPES), SIZE, SIZE), bool)
    holes[:, :, 3:6, 3:6] = True
    maps = PackedMaps.pack([f"clip_{shard}"], list(SHAPES), holes, HOLES_VERSION)
    write_packed_maps(LAYOUT.holes("test", shard), maps)


@pytest.mark.usefixtures("tiny")
class TestMissing:
    @pytest.mark.parametrize("what", ["sequences", "flow", "holes", "edges", "weights"])
    def test_names_the_file_and_leaves_no_table(self, project: Path, what: str) -> None:
        settings = _settings(project, net={"setup": "all_frames"})
        path = {
            "sequences": LAYOUT.sequences("test", 1),
            "flow": LAYOUT.flow("test", 1),
            "holes": LAYOUT.holes("test", 1),
            "edges": LAYOUT.edges("test", 1),
            "weights": LAYOUT.weights("net", 1),
        }[what]
        path.unlink()
        with pytest.raises(InputError, match=str(path)):
            stage.run(settings, SCALE)
        assert not LAYOUT.reports.exists()

    def test_a_damaged_archive_leaves_the_old_tables(self, project: Path) -> None:
        settings = _settings(project, net={"setup": "all_frames"})
        stage.run(settings, SCALE)
        before = _tables()
        path = LAYOUT.flow("test", 3)
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(InputError, match=str(path)):
            stage.run(settings, SCALE)
        assert _tables() == before
