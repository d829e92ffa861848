"""On a GPU: every experiment trains, and says what the CPU says."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor, nn

from flowmend import params as schema
from flowmend.edges.hed import HED, hed_edges
from flowmend.estimators.flownet2 import NETWORKS
from flowmend.estimators.network import NetworkEstimator
from flowmend.fills import FILLS
from flowmend.geometry.splat import splat
from flowmend.geometry.warp import warp
from flowmend.inpainters.iterative import IterativeInpainter
from flowmend.stages import train
from flowmend.stages.build import build_network
from flowmend.stages.layout import Layout
from flowmend.training import session
from flowmend.types import Clip
from training_clips import holes, smooth_flow
from training_folder import SCALE, edit_params, forget_runs, make_training_folder, trained

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="NO GPU: nothing is tested on CUDA"
)

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
EXPERIMENTS = list(yaml.safe_load(PARAMS.read_text())["experiments"])
# Convolutions are TF32 on CUDA: ten bits of mantissa; bf16 has seven.
PRECISIONS = {"32-true": 0.01, "bf16-mixed": 0.06}
REFINEMENTS = [name for name in EXPERIMENTS if name.startswith("refine")]


@pytest.fixture
def _folder(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with four small training shards, one seed."""
    monkeypatch.chdir(tmp_path)
    make_training_folder(project)
    edit_params("      - 0\n      - 1\n", "      - 0\n")


def _curves(experiment: str) -> pd.DataFrame:
    trained(experiment)
    return pd.read_csv(Layout(SCALE).curves(experiment, 0))


def _move_to_gpu(precision: str) -> None:
    edit_params("device: cpu", "device: cuda")
    edit_params("precision: 32-true", f"precision: {precision}")


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_starts_as_on_the_cpu_and_stays_finite(
    experiment: str, precision: str
) -> None:
    on_cpu = _curves(experiment)
    _move_to_gpu(precision)
    on_gpu = _curves(experiment)
    first = on_cpu.loss[0]  # of a refinement 0: what it mends is compared further down
    assert on_gpu.loss[0] == pytest.approx(first, rel=PRECISIONS[precision], abs=1e-3)
    assert np.isfinite(on_gpu.to_numpy()).all()
    weights = load_file(Layout(SCALE).weights(experiment, 0))
    assert all(tensor.isfinite().all() for tensor in weights.values())
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize("experiment", ["unet_smooth_residual", "edge_gan", "refine_best_splat"])
def test_a_run_cut_off_is_taken_up(experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _move_to_gpu("32-true")
    whole = _curves(experiment)
    forget_runs()
    monkeypatch.setattr(session, "SAVE_EVERY_S", -1.0)

    def cut_off(step: int, _row: object) -> None:
        if step == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train.run(schema.load(), SCALE, experiment, lambda _metadata: cut_off)
    taken_up = _curves(experiment)
    assert taken_up.step.tolist() == whole.step.tolist()
    # Sums of splats come in any order on CUDA.
    np.testing.assert_allclose(taken_up.loss, whole.loss, rtol=0.01)


@pytest.mark.parametrize("experiment", REFINEMENTS)
def test_a_refinement_mends_as_on_the_cpu(experiment: str) -> None:
    block = schema.load(PARAMS).experiment(experiment)
    refiner = build_network(block, 6, 8, 0)
    with torch.no_grad():
        for parameter in refiner.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.02)
    flow = torch.from_numpy(smooth_flow(3, 24))
    hole = torch.from_numpy(holes(3, 24)[0]).expand(6, -1, -1)
    fill = FILLS["biharmonic"]
    clip = Clip(flow[:, 0], flow[:, 1], hole)
    traces = [
        [state.forward for state in IterativeInpainter(refiner, fill, 4, device).trace(clip)]
        for device in ("cpu", "cuda")
    ]
    moved = (traces[0][4] - traces[0][0]).abs().max()
    assert moved > 0.1
    assert (traces[0][4] - traces[1][4]).abs().max() < 0.05 * moved


class TestGeometry:
    """Warps and splats in double precision: what they give, and their gradients."""

    def _maps(self) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        maps = torch.randn(2, 3, 9, 7, generator=generator, dtype=torch.float64)
        return maps, 3 * torch.randn(2, 2, 9, 7, generator=generator, dtype=torch.float64)

    def test_splat_gives_what_the_cpu_gives(self) -> None:
        maps, flow = self._maps()
        torch.testing.assert_close(splat(maps.cuda(), flow.cuda()).cpu(), splat(maps, flow))

    def test_warp_gives_what_the_cpu_gives(self) -> None:
        maps, flow = self._maps()
        on_gpu, inside = warp(maps.cuda(), flow.cuda())
        expected, expected_inside = warp(maps, flow)
        torch.testing.assert_close(on_gpu.cpu(), expected)
        assert torch.equal(inside.cpu(), expected_inside)

    def test_splat_gradients(self) -> None:
        maps, flow = (each.cuda().requires_grad_() for each in self._maps())
        torch.autograd.gradcheck(splat, (maps, flow), nondet_tol=1e-10)


def _random_weights(build: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return build().eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_flow_networks_estimate_as_on_the_cpu(name: str) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 128), np.uint8)
    clip = SimpleNamespace(image=frames.__getitem__, name="clip", where="here")
    estimates = []
    for device in ("cpu", "cuda"):
        network = _random_weights(NETWORKS[name]).to(device)
        estimator = NetworkEstimator(network, torch.device(device), "32-true", 2)
        estimates.append(next(estimator(clip, [(0, 1)])))
    size = np.abs(estimates[0]).max()
    assert math.isfinite(size)
    np.testing.assert_allclose(estimates[1], estimates[0], atol=1e-3 * size)


def test_hed_draws_as_on_the_cpu() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 48, 64), np.uint8)
    network = _random_weights(HED)
    on_cpu = hed_edges(picture, network)
    np.testing.assert_allclose(hed_edges(picture, network.cuda()), on_cpu, atol=0.02)
