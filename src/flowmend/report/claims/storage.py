"""C22: the report's way to store flow, from the benchmark's table."""

from flowmend.report.claims.evidence import Evidence
from flowmend.report.claims.findings import Finding, State, Verdict
from flowmend.report.claims.ledger import CLAIMS

REPORTS_WAY = "report"
"""8-bit images with the range of their values."""
SMALL_PERCENT = 10
"""Of the .flo file: an order of magnitude."""
NEGLIGIBLE_PX = 0.1
"""What is about zero in C2, too."""
MEASURED_ON = (
    "Measured on estimated flow (DIS) of real clips at 480×854 px, at every scale the same."
)
OTHERS = ("fast", "small")
ERROR = "max_error_px"


def compact(evidence: Evidence) -> Verdict:
    """C22: size and largest error. A file has one size: there is no interval."""
    if evidence.storage.empty:
        return Verdict(CLAIMS["C22"], ())
    rows = evidence.storage.set_index("codec")[["share_percent", "worst_share_percent", ERROR]]
    sizes = {str(codec): tuple(map(float, row)) for codec, row in zip(rows.index, rows.to_numpy())}
    if REPORTS_WAY not in sizes:
        return Verdict(CLAIMS["C22"], ())
    asides = (_beside(codec, *sizes[codec]) for codec in OTHERS if codec in sizes)
    return Verdict(CLAIMS["C22"], _findings(*sizes[REPORTS_WAY]), (MEASURED_ON, *asides))


def _findings(share: float, worst: float, error_px: float) -> tuple[Finding, ...]:
    return (
        Finding(
            f"an image with the range of its values takes {share:.2f}\u00a0% of the .flo file, "
            f"{worst:.2f}\u00a0% at worst (expected below {SMALL_PERCENT}\u00a0%; sizes of files, "
            "no interval)",
            _side(worst, SMALL_PERCENT),
        ),
        Finding(
            f"its largest error is {error_px:g}\u00a0px (expected below {NEGLIGIBLE_PX:g}\u00a0px)",
            _side(error_px, NEGLIGIBLE_PX),
        ),
    )


def _side(value: float, bound: float) -> State:
    return "supported" if value < bound else "refuted"


def _beside(codec: str, share: float, worst: float, error_px: float) -> str:
    return (
        f"Steps of one size instead of a range (codec {codec} of the archive) take "
        f"{share:.2f}\u00a0%, {worst:.2f}\u00a0% at worst, and err by {error_px:g}\u00a0px at most."
    )
