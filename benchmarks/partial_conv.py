"""How fast the partial convolution is, forward and backward, against a straightforward one.

The straightforward one follows the published code ([11], ``multi_channel``): every channel has a
confidence map of its own, which an all-ones kernel of the weight's shape is convolved over. Beside
it, the same with an all-ones kernel for a single output channel, and the bare convolution that
both contain. All gradients are taken: of features, confidences and parameters. Same result to
1e-5, or the script fails; the rule, which both share, is ``clip``. One thread, medians of CPU time
in ms, the contestants in turn.

    python benchmarks/partial_conv.py              # writes docs/benchmarks/partial_conv.csv
    python benchmarks/partial_conv.py --repeats 2  # only to see that it runs
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from flowmend.networks.confidence_rules import RULES
from flowmend.networks.partial_conv import PartialConv

TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "partial_conv.csv"
# Images, channels of each source, output channels, height and width in px.
CASES: list[tuple[int, tuple[int, ...], int, int, int]] = [
    (48, (16, 22, 22), 24, 32, 32),
    (48, (16, 16, 16), 24, 32, 32),
    (48, (24,), 16, 32, 32),
    (48, (32, 38, 38), 48, 32, 32),
    (6, (16, 22, 22), 24, 64, 64),
    (6, (16, 22, 22), 24, 256, 448),
]
TOLERANCE, REPEATS, SECONDS = 1e-5, 40, 12.0
COLUMNS = [
    *("images", "channels", "out_channels", "height_px", "width_px"),
    *("straightforward_ms", "one_output_ms", "convolution_ms", "ours_ms"),
    *("ratio", "ratio_one_output", "over_convolution", "difference"),
]
Run = Callable[[], list[Tensor]]


def straightforward(
    layer: PartialConv, features: Sequence[Tensor], confidence: Tensor, ones: Tensor
) -> tuple[Tensor, Tensor]:
    """Confidences repeated over the channels, then convolved with ``ones`` (1 or out, in, k, k)."""
    known = torch.cat([confidence[:, i : i + 1].expand_as(f) for i, f in enumerate(features)], 1)
    padding = layer.conv.padding
    out = functional.conv2d(
        torch.cat(list(features), 1) * known, layer.conv.weight, None, 1, padding
    )
    total = functional.conv2d(known, ones, None, 1, padding)
    anything = (total > 0).to(out.dtype)
    whole = layer.conv.weight[0].numel()
    out = out * (whole / total.clamp(min=layer.least * whole)) * anything
    out = out + layer.conv.bias[:, None, None] * anything
    new = layer.rule(confidence, confidence.new_ones(confidence.shape[:2]))
    return out, new


def contestants(
    images: int, channels: tuple[int, ...], out: int, height: int, width: int
) -> dict[str, Run]:
    """Forward and backward each; the outputs and the gradients, in one order."""
    torch.manual_seed(0)
    size = height, width
    layer = PartialConv(channels, out, RULES["clip"](len(channels)))
    layer = layer.to(memory_format=torch.channels_last)
    features = [torch.randn(images, c, *size) for c in channels]
    features = [f.contiguous(memory_format=torch.channels_last).requires_grad_() for f in features]
    present = torch.ones(images, len(channels))
    confidence = hole(images, len(channels), *size).requires_grad_()
    asked = [*features, confidence, *layer.conv.parameters()]
    push = torch.randn(images, out, *size).contiguous(memory_format=torch.channels_last)
    kernel = torch.ones_like(layer.conv.weight)

    def timed(run: Callable[[], tuple[Tensor, ...]]) -> Run:
        def both_ways() -> list[Tensor]:
            found = run()
            pushes = [push, torch.ones_like(found[-1])][: len(found)]
            gradients = torch.autograd.grad(found, asked, pushes, allow_unused=True)
            return [*found, *(g for g in gradients if g is not None)]

        return both_ways

    stacked = lambda: torch.cat(features, 1)  # noqa: E731
    return {
        "straightforward": timed(lambda: straightforward(layer, features, confidence, kernel)),
        "one_output": timed(lambda: straightforward(layer, features, confidence, kernel[:1])),
        "convolution": timed(lambda: (layer.conv(stacked()),)),
        "ours": timed(lambda: layer(features, confidence, present)),
    }


def hole(images: int, sources: int, height: int, width: int) -> Tensor:
    """Confidence as it is half-way: 1 around a hole of half the frame's side, less inside."""
    confidence = torch.ones(images, sources, height, width)
    inside = confidence[..., height // 4 : -height // 4, width // 4 : -width // 4]
    inside.copy_(torch.rand_like(inside).mul(2).sub(1).clamp(min=0))
    inside[..., 4:-4, 4:-4] = 0
    return confidence


def medians_ms(runs: dict[str, Run], repeats: int) -> dict[str, float]:
    """Median time of each, taken in turn so that a busy machine slows all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    begin = time.perf_counter()
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            if repeat:
                seconds[name].append(time.process_time() - start)
        if repeat > 4 and time.perf_counter() - begin > SECONDS:
            break
    return {name: 1e3 * statistics.median(taken) for name, taken in seconds.items()}


def difference(runs: dict[str, Run]) -> float:
    """Largest between both outputs and gradients, as a part of the largest value of each."""
    pairs = list(zip(runs["straightforward"](), runs["ours"](), strict=True))
    return max(((a - b).abs().max() / a.abs().max()).item() for a, b in pairs)


def compare(case: tuple[int, tuple[int, ...], int, int, int], repeats: int) -> list:
    """One row of the table."""
    images, channels, *rest = case
    runs = contestants(*case)
    off = difference(runs)
    if off > TOLERANCE:
        raise SystemExit(f"{case}: results differ by {off:.2g}, more than {TOLERANCE:g}")
    ms = medians_ms(runs, repeats)
    ours = ms["ours"]
    ratios = ms["straightforward"] / ours, ms["one_output"] / ours, ours / ms["convolution"]
    return [images, "+".join(map(str, channels)), *rest, *ms.values(), *ratios, off]


def main() -> None:
    """Time every case, print the table, write it when the repeats are the full ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    rows = []
    for case in CASES:
        cells = compare(case, repeats)
        rows.append([f"{cell:.3g}" if isinstance(cell, float) else cell for cell in cells])
        print(dict(zip(COLUMNS, rows[-1], strict=True)), flush=True)
    if repeats == REPEATS:
        with TABLE.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
