"""Fig. 6, the balance of adversarial trainings, and the diagram of Fig. 10."""

import numpy as np
import pytest
import torch
from torch import nn

from drawn_text import cut_off, overlapping, texts
from flowmend.figures.adversarial import Contest, draw_balance, draw_loss_terms, running_mean
from flowmend.figures.diagrams import trace
from flowmend.figures.warping import draw_warping_module
from flowmend.networks.unet_warp import UNetWarp


def _noisy(level: float) -> np.ndarray:
    return level * (1 + 0.1 * np.random.default_rng(5).random((2, 60)))


def _contest(words: str, is_critic: bool = False) -> Contest:
    return Contest(words, is_critic, *map(_noisy, (0.8, 0.7, 0.2, 1.5)))


def test_running_mean_is_over_seeds_and_time() -> None:
    values = np.stack([np.full(40, 1.0), np.full(40, 3.0)])
    np.testing.assert_allclose(running_mean(values), 2.0)
    step = np.repeat([[0.0, 1.0]], 50, axis=1).reshape(1, -1)
    assert running_mean(step).shape == (100,)


def test_fig06_has_one_panel_a_term_with_each_seed_and_their_mean() -> None:
    terms = {"L1": _noisy(1.0), "forward–backward": _noisy(0.5)}
    figure = draw_loss_terms(terms, {"forward–backward": 0.3})
    assert [axes.get_title() for axes in figure.axes] == list(terms)
    for axes, values in zip(figure.axes, terms.values()):
        lines = [np.asarray(line.get_ydata()) for line in axes.lines]
        np.testing.assert_array_equal(lines[:2], values)
        np.testing.assert_array_equal(lines[2], running_mean(values))
        assert axes.get_ylabel() == "loss (px)"
    assert len(figure.axes[1].lines) == 4
    assert any("0.3 px" in text for text in texts(figure))
    assert not cut_off(figure)
    assert not overlapping(figure)


def test_balance_has_one_column_a_training() -> None:
    contests = [_contest("λ = (1, 1, 0.1)"), _contest("flow and edges"), _contest("edges", True)]
    figure = draw_balance(contests)
    axes = np.array(figure.axes).reshape(3, 3)
    assert [panel.get_title() for panel in axes[0]] == [c.words for c in contests]
    np.testing.assert_allclose(axes[0, 0].lines[0].get_ydata(), 100 * contests[0].accuracy[0])
    assert axes[1, 0].get_ylim() == axes[1, 1].get_ylim() == (0, 1.02)
    assert axes[2, 0].get_ylim() == axes[2, 1].get_ylim()
    assert "no unit" in axes[1, 2].get_ylabel()
    assert not cut_off(figure)
    assert not overlapping(figure)


def test_last_is_the_mean_over_the_last_tenth() -> None:
    values = np.concatenate([np.full((2, 90), 5.0), np.full((2, 10), 1.0)], axis=1)
    assert _contest("x").last(values) == 1.0


def test_trace_sees_layers_in_order_with_shapes_and_parameters() -> None:
    module = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.LeakyReLU(), nn.Flatten())
    layers = trace(module, torch.zeros(1, 3, 8, 8))
    assert list(layers) == ["0", "1", "2", ""]
    assert layers["0"].output == (5, 4, 4)
    assert layers["0"].words == "conv 3×3\nstride 2"
    assert layers["0"].parameters == 3 * 5 * 9 + 5
    assert (layers[""].inputs, layers[""].output) == ((3, 8, 8), (80,))
    assert not module[0]._forward_hooks


@pytest.mark.parametrize("width", [8, 12])
def test_diagram_says_what_the_module_is(width: int) -> None:
    network = UNetWarp(30, 24, width)
    layers = trace(network, torch.zeros(1, 30, 32, 48))
    module = next(layer for layer in layers.values() if layer.kind == "WarpingModule")
    figure = draw_warping_module(network, 30, 32, 48)
    found = texts(figure)
    shape = "×".join(map(str, module.output))
    assert f"f beside its copy\n{shape}" in found
    assert f"translations\n{width} × (x, y)" in found
    assert any(f"{module.parameters:,} parameters" in text for text in found)
    for layer in layers.values():
        if layer.path.startswith(module.path + ".") and layer.kind == "Conv2d":
            assert layer.words in found
            assert "×".join(map(str, layer.output)) in found
    assert not cut_off(figure)
    assert not overlapping(figure)


def test_diagram_follows_a_change_of_the_module() -> None:
    network = UNetWarp(30, 24, 8)
    parts = dict(network.named_modules())
    module = next(name for name, part in parts.items() if type(part).__name__ == "WarpingModule")
    own = [name for name in parts if name.startswith(module + ".")]
    last = [name for name in own if isinstance(parts[name], nn.Conv2d)][-1]
    assert "conv 5×5\nstride 3" not in texts(draw_warping_module(network, 30, 32, 32))
    old = parts[last]
    network.set_submodule(last, nn.Conv2d(old.in_channels, old.out_channels, 5, 3, 2))
    assert "conv 5×5\nstride 3" in texts(draw_warping_module(network, 30, 32, 32))
