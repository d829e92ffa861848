"""Every experiment of ``params.yaml``, trained for a few steps by the stage and loaded again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from flowmend import params as schema
from flowmend.datasets.clip_set import ClipSet
from flowmend.errors import InputError
from flowmend.losses.adversarial import ADVERSARIES
from flowmend.params import (
    BackwardFlowExperiment,
    EdgesExperiment,
    Experiment,
    IterativeExperiment,
    MendingExperiment,
    Params,
)
from flowmend.stages import train
from flowmend.stages.build import Model, build_network, load_model, load_network
from flowmend.stages.evaluate_tasks import edge_inpainter
from flowmend.stages.layout import SHARDS, Layout
from flowmend.stages.problems import build_opponent, build_problem, training_clips
from flowmend.types import Clip
from training_clips import FRAMES, SHAPES, SIZE, in_memory, rough_flow, write_shard

SCALE, WIDTH, REFINEMENT_STEPS = "smoke", 4, 2
# In its first step no refinement step counts yet, and in its last the rate is zero.
REFINEMENT = {"steps": 3, "batch": 2, "width": 8, "refinement_steps": REFINEMENT_STEPS}
SHIPPED = schema.load(Path(__file__).resolve().parents[1] / "params.yaml").experiments
ADVERSARIAL = ["discriminator_loss", "discriminator_accuracy", "true_score", "false_score"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Path:
    """A project with four training shards of one clip and every shipped experiment."""
    folder = tmp_path_factory.mktemp("experiments")
    loaded = yaml.safe_load((project / "params.yaml").read_text())
    block = loaded["scales"][SCALE]
    block["data"] |= {"height_px": SIZE, "width_px": SIZE}
    block["holes"] |= {"shapes": list(SHAPES), "min_side_px": 5, "max_side_px": 8}
    block["train"] |= {"steps": 2, "batch": 2, "width": WIDTH, "seeds": [0]}
    block["train"]["refinement"] |= REFINEMENT
    loaded["scales"] = {SCALE: block}
    loaded["scale"] = SCALE
    (folder / "params.yaml").write_text(yaml.safe_dump(loaded))
    layout = Layout(SCALE)
    for k in SHARDS:
        kinds = (layout.flow, layout.holes, layout.fills, layout.edges)
        write_shard(*(folder / kind("train", k) for kind in kinds), [f"clip_{k}"])
    return folder


@pytest.fixture
def loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(folder)
    return schema.load()


def _clip() -> Clip:
    clips = training_clips(Layout(SCALE), FRAMES)
    flow, hole = torch.from_numpy(clips.flow[0]), torch.from_numpy(clips.holes[0, 0])
    return Clip(flow[:, 0], flow[:, 1], hole.expand(FRAMES, SIZE, SIZE), "clip_0")


def _width(block: Experiment) -> int:
    return REFINEMENT["width"] if isinstance(block, IterativeExperiment) else WIDTH


@pytest.mark.parametrize("name", SHIPPED)
class TestShipped:
    def test_is_trained_and_loaded_again(self, loaded: Params, name: str) -> None:
        block = loaded.experiment(name)
        train.run(loaded, SCALE, name)
        path = Layout(SCALE).weights(name, 0)
        model = load_network(path)
        assert (model.name, model.seed, model.experiment) == (name, 0, block)
        assert (model.frames, model.size_px, model.sides_px) == (FRAMES, (SIZE, SIZE), (5, 8))
        fresh = build_network(block, FRAMES, _width(block), seed=0)
        changed = [
            not torch.equal(own, before)
            for own, before in zip(model.network.state_dict().values(), fresh.state_dict().values())
        ]
        assert any(changed)
        assert not model.network.training
        self._does_its_task(model, path)

    def _does_its_task(self, model, path: Path) -> None:
        clip = _clip()
        if isinstance(model.experiment, MendingExperiment):
            assert isinstance(load_model(path), Model)
            completion = model.inpainter(clip)
            hole = clip.hole[:, None].expand_as(clip.forward)
            assert torch.equal(completion.forward[~hole], clip.forward[~hole])
            assert completion.forward.isfinite().all()
            refines = isinstance(model.experiment, IterativeExperiment)
            assert (completion.confidence is not None) == refines
            assert (completion.edges is not None) == getattr(model.experiment, "edges", False)
            return
        with pytest.raises(InputError, match=f"is of the task {model.experiment.task}"):
            load_model(path)
        if isinstance(model.experiment, BackwardFlowExperiment):
            assert model.network(clip.forward).shape == clip.forward.shape
        elif isinstance(model.experiment, EdgesExperiment):
            drawn = edge_inpainter(model)(clip)
            assert drawn.shape == clip.hole.shape
            assert drawn.min() >= 0
            assert drawn.max() <= 1
        else:
            moved = model.network(clip.forward[:, :1], clip.forward)
            assert moved.shape == clip.forward[:, :1].shape

    def test_its_curves_have_the_documented_columns(self, loaded: Params, name: str) -> None:
        train.run(loaded, SCALE, name)
        curves = pd.read_csv(Layout(SCALE).curves(name, 0))
        block = loaded.experiment(name)
        if isinstance(block, IterativeExperiment):
            self._has_columns_of_each_step(curves, block)
            return
        terms = [loss for loss in block.losses if loss not in ADVERSARIES]
        watched = ["l1"] if isinstance(block, BackwardFlowExperiment) else []
        adversarial = [loss for loss in block.losses if loss in ADVERSARIES]
        balance = [*adversarial, *(ADVERSARIAL if adversarial else [])]
        balance += ["gradient_penalty"] if "wgan_gp" in adversarial else []
        expected = ["step", "loss", *terms, *watched, *balance, "learning_rate"]
        assert list(curves.columns) == expected
        assert len(curves) == 2
        weighted = sum(weight * curves[str(loss)] for loss, weight in block.losses.items())
        assert curves["loss"].to_numpy() == pytest.approx(weighted.to_numpy(), rel=1e-5)

    def _has_columns_of_each_step(self, curves: pd.DataFrame, block: IterativeExperiment) -> None:
        columns = [*block.losses, "mu", "confidence"]
        of_steps = [f"{c}_{t}" for t in range(1, REFINEMENT_STEPS + 1) for c in columns]
        places = ["first", "second"]
        if block.architecture == 2:
            places = ["first_0", "first_1", "first_2", "second"]
        letters = {"power_mean": "p", "polynomial": "ab"}.get(block.rule, "")
        letters = "" if block.convolution == "gated" else letters
        rule = [f"{letter}_{place}" for place in places for letter in letters]
        assert list(curves.columns) == [
            *("step", "loss", "decoder", *of_steps, *rule, "learning_rate")
        ]
        expected = curves["decoder"] + sum(
            curves[f"mu_{t}"] * weight * curves[f"{loss}_{t}"]
            for loss, weight in block.losses.items()
            for t in range(1, REFINEMENT_STEPS + 1)
        )
        assert curves["loss"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-5)
        assert len(curves) == REFINEMENT["steps"]

    def test_the_file_holds_the_generator_alone(self, loaded: Params, name: str) -> None:
        train.run(loaded, SCALE, name)
        block = loaded.experiment(name)
        own = build_network(block, FRAMES, _width(block), seed=0).state_dict()
        found = load_network(Layout(SCALE).weights(name, 0)).network.state_dict()
        assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in own.items()}


class TestOpponents:
    def test_those_with_an_adversarial_loss_have_one(self, loaded: Params) -> None:
        for block in loaded.experiments.values():
            opponent = build_opponent(block, FRAMES, WIDTH, seed=0)
            names = [loss for loss in block.losses if loss in ADVERSARIES]
            assert ([opponent.name] if opponent else []) == names
            if opponent:
                assert opponent.steps == getattr(block, "critic_steps", 1)

    def test_the_seed_is_that_of_the_weights(self, loaded: Params) -> None:
        for name in ("edge_gan", "joint_edges"):
            block = loaded.experiment(name)
            weights = [
                next(build_opponent(block, FRAMES, WIDTH, seed).network.parameters())
                for seed in (0, 0, 1)
            ]
            assert torch.equal(weights[0], weights[1])
            assert not torch.equal(weights[0], weights[2])


class TestKnownEdges:
    """What training tells a network is what the trained one is told when it mends."""

    @pytest.fixture(scope="class")
    def clips(self) -> ClipSet:
        """Holes so large that a window is a whole frame."""
        maps = np.zeros((2, 2, SIZE, SIZE), bool)
        maps[0, :, 3:11, 4:11] = maps[1, :, 5:10, 3:12] = True
        return in_memory(3 * np.stack([rough_flow(n) for n in range(2)]), maps)

    def test_of_flow_and_edges(self, loaded: Params, clips: ClipSet) -> None:
        train.run(loaded, SCALE, "joint_edges")
        inpainter = load_model(Layout(SCALE).weights("joint_edges", 0)).inpainter
        problem = build_problem(loaded.experiment("joint_edges"), loaded.at(SCALE), clips, seed=0)
        agree = []
        for batch in problem.between(0, 40):
            assert batch.known_edges.any()
            clip = Clip(batch.truth[:, :, 0], batch.truth[:, :, 1], batch.hole)
            told = inpainter(clip).edges * ~batch.hole
            agree.append((batch.known_edges == told).float().mean().item())
        assert max(agree) == 1  # mirrored, cv2.Canny finds 1 or 2 pixels in 1000 otherwise
        assert min(agree) > 0.99

    def test_of_edges_alone(self, loaded: Params, clips: ClipSet) -> None:
        train.run(loaded, SCALE, "edge_gan")
        inpainter = edge_inpainter(load_network(Layout(SCALE).weights("edge_gan", 0)))
        problem = build_problem(loaded.experiment("edge_gan"), loaded.at(SCALE), clips, seed=0)
        told = set()
        for flow, hole in zip(map(torch.from_numpy, clips.flow), torch.from_numpy(clips.holes)):
            around = hole[0].expand(FRAMES, SIZE, SIZE)
            known = inpainter(Clip(flow[:, 0], flow[:, 1], around)) * ~around
            for side in (known, known.mT):
                told |= {
                    frame.numpy().tobytes() for k in range(4) for frame in side.rot90(k, (1, 2))
                }
        for batch in problem.between(0, 20):
            assert batch.known.any()
            assert {frame.numpy().tobytes() for frame in batch.known} <= told
