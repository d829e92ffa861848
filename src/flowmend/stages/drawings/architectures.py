"""Fig. 16: the architectures of the iterative refinement (3.3)."""

from flowmend.errors import InputError
from flowmend.figures.architectures import draw_architectures
from flowmend.networks.refinement import Refiner
from flowmend.stages.build import build_network
from flowmend.stages.drawings.drawing import Drawing, Study

BY_ARCHITECTURE = ("refine", "refine_architecture2")


def architectures(study: Study) -> Drawing:
    """Fig. 16: encoder, decoder and both updates in the networks of this scale.

    Raises:
        InputError: there are no such experiments.
    """
    scale = study.params.at(study.scale)
    first, second = (_refiner(study, name) for name in BY_ARCHITECTURE)
    budget = scale.train.refinement
    caption = (
        "The networks that refine the flow, at this scale. (a) Flow2Feature makes features of a "
        "frame's forward and backward flow, Feature2Flow makes flow of features. (b, c) A "
        "refinement step: every frame's features F and confidence κ meet those of its two "
        f"neighbours ({first.neighbours}, with the decoded flow), which come with how they differ "
        "from the frame's own Fₜ. In architecture 1 one partial "
        "convolution sees all three; in architecture 2, which the report's text does not describe, "
        "each has its own before they are merged. A leaky ReLU follows the first layer. Each "
        "convolution names the rule that makes its new confidence. The correction ΔF is added by "
        f"the report's weighted sum; the step is repeated {budget.refinement_steps} times. Sizes "
        "are channels × height × width; all is read off a pass through the networks."
    )
    return Drawing(
        draw_architectures(first, second, scale.data.height_px, scale.data.width_px),
        draw_architectures,
        "Architectures of encoder, decoder and update",
        "16",
        caption,
        experiments=BY_ARCHITECTURE,
    )


def _refiner(study: Study, name: str) -> Refiner:
    block = study.params.experiment(name)
    width = study.params.at(study.scale).train.refinement.width
    network = build_network(block, study.frames, width, seed=0)
    if not isinstance(network, Refiner):
        raise InputError(f"params.yaml: experiments.{name}", "does not refine", "restore it")
    return network
