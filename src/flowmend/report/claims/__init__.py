"""The claims ledger: every claim of the report, judged by the tables and curves.

A claim is *supported* (*refuted*) when every comparison that decides it has its whole 95 % interval
on the claimed (other) side, by at least 1 % of what is compared or past a bound that the sentence
states; *inconclusive* otherwise, and *not tested* where a scale has no such comparison.
"""

from flowmend.report.claims import (
    adversarial,
    choices,
    consistency,
    edges,
    learned_rules,
    refinement,
    refinement_losses,
    storage,
)
from flowmend.report.claims.evidence import Evidence
from flowmend.report.claims.findings import Verdict

RULES = (
    choices.supervision,
    consistency.round_trip,
    consistency.sanity_check,
    consistency.minimiser,
    consistency.same_edges,
    adversarial.balance,
    choices.architecture,
    choices.initial_fill,
    choices.warping_module,
    choices.coordinates,
    edges.joint_inpainting,
    edges.edge_sources,
    edges.edge_gan,
    learned_rules.departure,
    refinement.last_step_only,
    refinement.weighted_by_confidence,
    consistency.smaller_round_trip,
    refinement_losses.smaller_round_trip,
    refinement.forgotten_steps,
    refinement_losses.total_variation,
    choices.convolution,
    storage.compact,
)


def judge(evidence: Evidence) -> list[Verdict]:
    """Judge every claim, C1 first."""
    return [rule(evidence) for rule in RULES]
