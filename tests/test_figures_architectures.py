"""Fig. 16 says what the refiners are, and follows them when they change."""

from pathlib import Path

import pytest
import torch
from torch import nn

from drawn_text import cut_off, overlapping, texts
from flowmend.errors import InputError
from flowmend.figures.architectures import draw_architectures
from flowmend.figures.diagrams import trace
from flowmend.networks.partial_conv import PartialConv
from flowmend.networks.refinement import Refiner
from flowmend.params import EXPERIMENT
from flowmend.stages.build import build_network
from flowmend.stages.drawings.architectures import architectures
from flowmend.stages.figures import FIGURES
from iterative_study import BASE, study


def _refiner(width: int = 8, **changes: object) -> Refiner:
    block = EXPERIMENT.validate_python(BASE | changes)
    network = build_network(block, 6, width, seed=0)
    assert isinstance(network, Refiner)
    return network


def _count(module: nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()):,} parameters"


def test_trace_sees_lists_of_sources_and_pairs_of_outputs() -> None:
    layer = PartialConv([3, 5], 4, nn.Identity())
    layer.rule = _First()
    features = [torch.zeros(2, 3, 8, 9), torch.zeros(2, 5, 8, 9)]
    layers = trace(layer, features, torch.zeros(2, 2, 8, 9), torch.ones(2, 2))
    assert layers[""].sources == ((3, 8, 9), (5, 8, 9))
    assert (layers[""].inputs, layers[""].output) == ((3, 8, 9), (4, 8, 9))
    assert layers[""].words == "partial conv\n3×3"
    assert "rule" in layers


class _First(nn.Module):
    def forward(self, confidence: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        return confidence[:, :1]


@pytest.mark.parametrize("width", [8, 20])
def test_every_size_and_count_is_the_networks_own(width: int) -> None:
    first, second = _refiner(width), _refiner(width, architecture=2)
    figure = draw_architectures(first, second, 16, 24)
    found = texts(figure)
    features = 3 * width // 4
    assert found.count(f"features F\n{features}×16×24") == 1
    assert found.count(f"F {features}×16×24") == 4  # the frame's own and the result, twice
    assert found.count(f"F, F − Fₜ: {2 * features}×16×24") == 4
    assert f"{width}×16×24" in found
    assert found.count(f"{width // 3}×16×24") == 3
    assert f"Flow2Feature, {_count(first.encoder)}" in found
    assert f"Feature2Flow, {_count(first.decoder)}" in found
    assert f"(b) update, architecture 1: {_count(first.update)}" in found
    assert f"(c) update, architecture 2: {_count(second.update)}" in found
    assert found.count("partial conv\n3×3\nκ: power mean") == 2 + 4
    assert not cut_off(figure)
    assert not overlapping(figure)


def test_diagram_follows_a_change() -> None:
    gated = _refiner(convolution="gated", neighbours="splatted", differences=True)
    figure = draw_architectures(gated, _refiner(architecture=2, rule="clip"), 16, 16)
    found = texts(figure)
    assert found.count("gated conv\n3×3\nκ: mean gate") == 2
    assert found.count("partial conv\n3×3\nκ: clip") == 4
    assert "frame t − 1,\nsplatted" in found
    assert found.count("F, F − Fₜ: 18×16×16") == 2
    assert not overlapping(figure)


def test_says_when_full_confidence_does_not_end_the_update() -> None:
    found = texts(draw_architectures(_refiner(persistent=True), _refiner(architecture=2), 16, 16))
    (beyond,) = [text for text in found if "in the hole" in text]
    assert "(1 − κ)" not in beyond


def test_stage_draws_the_networks_of_the_scale(project: Path) -> None:
    assert FIGURES["fig16"] is architectures
    given = study(project)
    scale = given.params.at(given.scale)
    drawing = architectures(given)
    features = 3 * scale.train.refinement.width // 4
    size = f"{features}×{scale.data.height_px}×{scale.data.width_px}"
    assert f"features F\n{size}" in texts(drawing.figure)
    assert drawing.number == "16"


def test_is_left_out_without_its_experiments(project: Path) -> None:
    with pytest.raises(InputError, match=r"^params.yaml: experiments"):
        architectures(study(project, ["refine"]))
