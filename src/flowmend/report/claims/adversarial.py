"""C6: the balance of discriminator and inpainter, from the curves of each adversarial training."""

import pandas as pd

from flowmend.report.claims.evidence import Evidence
from flowmend.report.claims.findings import Finding, Verdict, above, listed
from flowmend.report.claims.ledger import CLAIMS
from flowmend.report.claims.pairs import adding, completions

TERM = "patchgan"
OVERPOWERS = 0.9
"""Share of patches told right; 0.5 is chance."""
LAST = 0.1
BLOCK = 10
"""Steps in a row resemble each other: the bootstrap draws blocks of them."""
ABOUT = (
    "the share of patches that the discriminator tells right over the last tenth of the steps "
    "(0.5 is chance)"
)
INTERVALS = (
    f"These intervals are over the last tenth's steps, in blocks of {BLOCK}: what another training "
    "would have done is not in them."
)


def balance(evidence: Evidence) -> Verdict:
    """How often the discriminator is right at the end, and what the term does to the error."""
    findings = [
        _finding(evidence, name, evidence.curves[name])
        for name, block in evidence.experiments.items()
        if TERM in block["losses"] and _has_accuracy(evidence, name)
    ]
    if not findings:
        return Verdict(CLAIMS["C6"], ())
    pairs = completions(evidence, adding(evidence.experiments, TERM))
    asides = (INTERVALS, *listed(pairs, "What the adversarial term does to the result"))
    return Verdict(CLAIMS["C6"], tuple(findings), asides, ABOUT)


def _has_accuracy(evidence: Evidence, name: str) -> bool:
    return "discriminator_accuracy" in evidence.curves.get(name, ())


def last_tenth(curves: pd.DataFrame) -> pd.Series:
    """Discriminator accuracy over the last tenth of each seed's steps.

    Returns:
        values by ``clip``, which here is a seed and a block of ``BLOCK`` steps.
    """
    first = curves.groupby("seed")["step"].transform(lambda steps: steps.quantile(1 - LAST))
    late = curves[curves["step"] >= first]
    blocks = [f"{seed} {step // BLOCK}" for seed, step in zip(late["seed"], late["step"])]
    return pd.Series(
        late["discriminator_accuracy"].to_numpy(float), index=pd.Index(blocks, name="clip")
    )


def _finding(evidence: Evidence, name: str, curves: pd.DataFrame) -> Finding:
    return above(evidence.mean(last_tenth(curves).dropna()), OVERPOWERS, f"in {name} it")
