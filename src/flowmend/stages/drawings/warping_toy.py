"""The warping toy: can a network move a pattern by a given flow? (2.5, claims C9 and C10)"""

from collections.abc import Mapping

import numpy as np
import torch

from flowmend.errors import InputError
from flowmend.evaluation.moving_patterns import PatternTest, error_ratios, moved_by, pattern_test
from flowmend.figures.moving_patterns import (
    MovedPattern,
    RatiosByLength,
    draw_moving_patterns,
)
from flowmend.io.progress import tracked
from flowmend.params import MovePatternExperiment
from flowmend.stages.build import Trained, load_network
from flowmend.stages.drawings.drawing import Drawing, Study, rounded

EXAMPLES = ("uniform 2-4 px", "uniform 4-8 px", "object 2-4 px", "object 4-8 px")
TRUNKS = {"unet": "U-Net", "resnet": "ResNet", "unet_warp": "+ warping module"}


def warping_toy(study: Study) -> Drawing:
    """Patterns moved by a given flow: examples, and errors against the displacement.

    Raises:
        InputError: there is no such experiment, or its weights are damaged.
    """
    torch.set_num_threads(1)
    test = pattern_test()
    names = [n for n, b in study.params.experiments.items() if isinstance(b, MovePatternExperiment)]
    if not names:
        raise InputError("params.yaml: experiments", "none moves patterns", "restore one")
    seeds = study.params.at(study.scale).train.seeds
    files = {name: [study.layout.weights(name, seed) for seed in seeds] for name in names}
    moved: dict[str, np.ndarray] = {}
    for paths in tracked(list(files.values()), "warping toy"):
        models = [load_network(path) for path in paths]
        moved[_label(models[0])] = np.stack([moved_by(model.network, test) for model in models])
    ratios = {
        k: np.mean([error_ratios(m, test.patterns) for m in of], 0) for k, of in moved.items()
    }
    found = {label: _by_condition(test, values) for label, values in ratios.items()}
    caption = (
        "Networks are taught to draw a random pattern after a given flow has moved it: all of it "
        "(upper half), or an object over a background at rest (lower half). Left, the first test "
        "pattern of each condition; the outline holds the pixels that are judged, where something "
        "arrived that was in view before. Right, the mean error there over that of a pattern left "
        f"where it was, on {len(test.uniform)} test patterns: 0 is a perfect motion. Beyond 4 px: "
        f"everything moves, {_beyond(found, 'uniform')}; an object moves, "
        f"{_beyond(found, 'object')}. Bars are 95 % intervals over patterns; "
        f"{_seed_words(len(seeds))}."
    )
    conditions = [
        RatiosByLength(title, test.lengths_px[of], {k: v[of] for k, v in ratios.items()})
        for title, of in (("everything moves", test.uniform), ("an object moves", ~test.uniform))
    ]
    examples = [_example(test, condition, moved) for condition in EXAMPLES]
    return Drawing(
        draw_moving_patterns(examples, conditions),
        draw_moving_patterns,
        "Can the networks warp? A pattern moved by a given flow",
        "",
        caption,
        [path for paths in files.values() for path in paths],
        names,
        {"error_ratio": found},
    )


def _label(model: Trained) -> str:
    block = model.experiment
    assert isinstance(block, MovePatternExperiment)
    if block.coordinates:
        return "+ coordinates" if block.network == "unet" else f"{TRUNKS[block.network]}, coord."
    return TRUNKS[block.network]


def _by_condition(test: PatternTest, ratios: np.ndarray) -> dict[str, float]:
    of = np.array([test.condition(number) for number in range(len(ratios))])
    return {str(word): rounded(float(ratios[of == word].mean())) for word in np.unique(of)}


def _beyond(found: Mapping[str, Mapping[str, float]], kind: str) -> str:
    return ", ".join(f"{label} {values[f'{kind} 4-8 px']:.2f}" for label, values in found.items())


def _seed_words(seeds: int) -> str:
    if seeds == 1:
        return "they say nothing of another training seed, of which there is one"
    return f"errors are means over {seeds} training seeds"


def _example(test: PatternTest, condition: str, moved: Mapping[str, np.ndarray]) -> MovedPattern:
    """The first test pattern of a condition, as the first seed's networks draw it."""
    n = next(k for k in range(len(test.uniform)) if test.condition(k) == condition)
    of = test.patterns
    outputs = {label: pictures[0, n, 0] for label, pictures in moved.items()}
    shown = (of.before[n, 0], of.after[n, 0], of.flow[n], of.arrived[n, 0])
    return MovedPattern(condition, *shown, outputs)
