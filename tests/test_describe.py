"""``flowmend describe``: every experiment, and sums that leave nothing out."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from flowmend import params
from flowmend.errors import InputError
from flowmend.networks import NETWORKS
from flowmend.networks.partial_conv import PartialConv
from flowmend.stages.describe import cost, describe, networks
from flowmend.stages.network_parts import parts

PARAMS = params.load(Path(__file__).resolve().parents[1] / "params.yaml")
CLIP = (6, 64, 64)
WIDTH = 16


def _literal(network: nn.Module, inputs: list[torch.Tensor]) -> int:
    """Multiply-adds by the closed formula, layer by layer, from a pass with numbers."""
    counted = []

    def count(layer: nn.Module, _: object, out: Any) -> None:
        if isinstance(layer, PartialConv):  # takes its convolution's weights, but does not call it
            counted.append(out[0].numel() * layer.conv.weight[0].numel())
        elif isinstance(layer, nn.Conv2d):
            height, width = layer.kernel_size
            counted.append(out.numel() * layer.in_channels * height * width)
        elif isinstance(layer, nn.Linear):
            counted.append(out.numel() * layer.in_features)

    for layer in network.modules():
        layer.register_forward_hook(count)
    network(*(torch.zeros(x.shape, dtype=x.dtype) for x in inputs))
    return sum(counted)


class TestParts:
    def test_counts_a_convolution_by_the_closed_formula(self) -> None:
        network = nn.Sequential(nn.Conv2d(3, 8, (3, 5), stride=2, padding=(1, 2)))
        (part,) = parts(network, [torch.zeros(1, 3, 20, 30)])
        assert part == ("0", "Conv2d", (8, 10, 15), 8 * 3 * 15 + 8, 8 * 10 * 15 * 3 * 15)

    def test_counts_a_fully_connected_layer(self) -> None:
        (part,) = parts(nn.Sequential(nn.Flatten(), nn.Linear(12, 5)), [torch.zeros(1, 3, 4)])
        assert part == ("1", "Linear", (5,), 65, 60)

    def test_a_residual_block_is_one_part(self) -> None:
        kinds = [p.kind for p in parts(NETWORKS["resnet"](3, 2, 4), [torch.zeros(1, 3, 16, 16)])]
        assert kinds == ["Conv2d", *["ResidualBlock"] * 5, "Conv2d"]

    def test_leaves_the_network_as_it_was(self) -> None:
        network = NETWORKS["unet"](3, 2, 4)
        parts(network, [torch.zeros(1, 3, 16, 16)])
        assert network(torch.zeros(1, 3, 16, 16)).device.type == "cpu"
        assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("name", PARAMS.experiments)
class TestEveryExperiment:
    def test_totals_are_those_of_the_whole_network(self, name: str) -> None:
        for _, network, inputs in networks(PARAMS.experiment(name), WIDTH, CLIP):
            rows = parts(network, inputs)
            assert sum(row.parameters for row in rows) == sum(
                p.numel() for p in network.parameters()
            )
            assert sum(row.multiply_adds for row in rows) == _literal(network, inputs) > 0
            assert len({row.name for row in rows}) == len(rows)

    def test_prints_within_a_terminal(
        self, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        describe(name, None, PARAMS)
        printed = capsys.readouterr().out
        rival = {"patchgan", "wgan_gp"} & set(PARAMS.experiment(name).losses)
        assert printed.count("total") == 1 + bool(rival)
        assert "64×64 px" in printed
        assert max(map(len, printed.splitlines())) <= 80
        assert "…" not in printed


def test_cost_of_a_refinement_step_is_the_refiners_own() -> None:
    ((_, one_step, inputs),) = networks(PARAMS.experiment("refine"), WIDTH, CLIP)
    refiner = one_step.trunk
    start, twice = (_literal(_Refining(refiner, steps), inputs) for steps in (0, 2))
    said = cost(parts(one_step, inputs), steps=2)
    assert f"the start (encoder, decoder): {start:,};" in said
    assert f"(update, decoder): {(twice - start) // 2:,} multiply-adds" in said
    assert f"with 2 steps: {twice:,}." in said


class _Refining(nn.Module):
    """A copy of a refiner that takes a fixed number of steps."""

    def __init__(self, refiner: nn.Module, steps: int) -> None:
        super().__init__()
        self.refiner, self.steps = copy.deepcopy(refiner), steps

    def forward(self, filled: torch.Tensor, hole: torch.Tensor) -> Any:
        return self.refiner(filled, hole, self.steps)


def test_takes_the_width_of_its_own_budget(capsys: pytest.CaptureFixture[str]) -> None:
    describe("refine", "laptop", PARAMS)
    assert f"width {PARAMS.at('laptop').train.refinement.width};" in capsys.readouterr().out


def test_takes_width_and_frame_from_the_scale(capsys: pytest.CaptureFixture[str]) -> None:
    describe("joint_edges", "paper", PARAMS)
    printed = capsys.readouterr().out
    assert "256×448 px" in printed
    assert "64×128×224" in printed


@pytest.mark.parametrize(("experiment", "scale"), [("unet_smoth", None), ("unet_smooth", "huge")])
def test_says_what_does_not_exist(experiment: str, scale: str | None) -> None:
    with pytest.raises(InputError, match="choose one of"):
        describe(experiment, scale, PARAMS)
