"""The best network of each setup against the classical fills, in a sentence."""

import pandas as pd

from flowmend.report.claims.findings import SMALLEST_EFFECT
from flowmend.report.numbers import interval


def against_classical(summary: pd.DataFrame) -> list[str]:
    """One sentence a setup: the best network against the best classical fill there.

    The best has the smallest ratio to the biharmonic fill: experiments differ in their holes, so
    that their errors in px do not rank them.

    Args:
        summary: rows of ``summary.csv``.
    """
    sentences = []
    for setup, rows in summary.groupby("setup", sort=False):
        networks = rows[rows["kind"] == "network"].dropna(subset=["ratio_biharmonic"])
        if not networks.empty:
            best = networks.sort_values(["ratio_biharmonic", "method"]).iloc[0]
            sentences.append(_sentence(str(setup), best))
    return sentences


def _sentence(setup: str, best: pd.Series) -> str:
    gain = interval(best["gain_px"], best["gain_low"], best["gain_high"], "+")
    return (
        f"{setup}: the best network, {best['method']} ({best['epe_hole_px']:.3f} px), "
        f"{_verb(best)} the best classical fill, {best['best_classical']}: gain {gain} px."
    )


def _verb(best: pd.Series) -> str:
    if not (best["gain_low"] > 0 or best["gain_high"] < 0):
        return "cannot be told from"
    if abs(best["gain_px"]) < SMALLEST_EFFECT * best["epe_hole_px"]:
        return f"is within {SMALLEST_EFFECT:.0%} of".replace("%", "\u00a0%")
    return "beats" if best["gain_px"] > 0 else "loses to"
