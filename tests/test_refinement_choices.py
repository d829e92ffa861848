"""What an iterative experiment can ask for is what there is, and it reaches the network."""

from typing import Any

import pytest

from flowmend.losses.refined import REFINEMENT_LOSSES
from flowmend.networks.confidence_rules import RULES
from flowmend.networks.gated_conv import GatedConv
from flowmend.networks.neighbours import NEIGHBOURS
from flowmend.networks.partial_conv import PartialConv
from flowmend.networks.update import ARCHITECTURES
from flowmend.params import EXPERIMENT, IterativeExperiment
from flowmend.schedules import SCHEDULES
from flowmend.stages.build import build_network
from flowmend.stages.layout import FILLS

REGISTRIES: dict[str, Any] = {
    **{"rule": RULES, "neighbours": NEIGHBOURS, "architecture": ARCHITECTURES},
    **{"schedule": SCHEDULES, "losses": REFINEMENT_LOSSES, "fill": FILLS},
}
BLOCK: dict[str, Any] = {
    **{"study": "x", "task": "iterative", "fill": "smooth", "setup": "all_frames"},
    **{"rule": "mean", "neighbours": "warped", "schedule": "eq4"},
    **{"losses": {"inpaint_l1": 1.0}, "backpropagation": "per_step"},
}


@pytest.mark.parametrize("key", REGISTRIES)
def test_the_schema_takes_what_the_registry_has(key: str) -> None:
    field = IterativeExperiment.model_json_schema()["properties"][key]
    taken = field.get("propertyNames", field)["enum"]
    assert set(taken) == set(REGISTRIES[key])
    assert len(taken) == len(REGISTRIES[key])


def _built(**changes: Any):
    return build_network(EXPERIMENT.validate_python(BLOCK | changes), frames=6, width=12, seed=0)


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_stands_in_both_layers(rule: str) -> None:
    update = _built(rule=rule).update
    assert isinstance(update.first.rule, RULES[rule])
    assert isinstance(update.second.rule, RULES[rule])


@pytest.mark.parametrize("number", ARCHITECTURES)
def test_the_architecture_is_that_of_its_number(number: int) -> None:
    assert type(_built(architecture=number).update) is ARCHITECTURES[number]


@pytest.mark.parametrize(("name", "kind"), [("partial", PartialConv), ("gated", GatedConv)])
def test_the_convolution_is_that_of_its_name(name: str, kind: type) -> None:
    update = _built(convolution=name).update
    assert type(update.first) is type(update.second) is kind


@pytest.mark.parametrize("name", NEIGHBOURS)
@pytest.mark.parametrize("further", [False, True])
def test_neighbours_and_switches(name: str, further: bool) -> None:
    network = _built(neighbours=name, differences=further, persistent=not further)
    assert network.neighbours == name
    assert (network.differences, network.persistent) == (further, not further)
    assert network.update.first.channels == (9, 18 + 6 * further, 18 + 6 * further)


def test_the_seed_is_that_of_the_weights() -> None:
    block = EXPERIMENT.validate_python(BLOCK)
    one, same, other = (
        build_network(block, frames=6, width=12, seed=seed).encoder.residual.first.weight
        for seed in (3, 3, 4)
    )
    assert (one == same).all()
    assert (one != other).any()
