"""The claims of the report's part 1: where they stand, what they say, what a test of them takes."""

from dataclasses import dataclass

SECTIONS = {
    "2.1": "Implementation details",
    "2.2": "Losses",
    "2.4": "Architecture discussion",
    "2.5": "Warping",
    "2.6": "Flow and edges",
}


@dataclass(frozen=True)
class Claim:
    """Something that the report says, in words that a number can contradict.

    Attributes:
        number: in the claims ledger.
        section: of the report.
        words: the claim.
        needs: what a test of it takes, for scales that lack it.
    """

    number: str
    section: str
    words: str
    needs: str

    @property
    def group(self) -> str:
        """The section of :data:`SECTIONS` that it stands in."""
        return ".".join(self.section.split(".")[:2])


_PAIR = "two experiments that differ in this choice alone"

CLAIMS = {
    claim.number: claim
    for claim in (
        Claim("C1", "2.2.1", "L1 is a better supervision than L2.", _PAIR),
        Claim(
            "C2",
            "2.2.2",
            "The forward–backward error is about zero except in occlusions, when flows agree.",
            "exact flow with its occlusions",
        ),
        Claim(
            "C3",
            "2.2.3",
            "Minimising the forward–backward error alone copies the silhouette instead of warping "
            "it where motion is large.",
            "a network that predicts backward flow, on clips of different speed",
        ),
        Claim(
            "C4",
            "2.2.4",
            "The minimiser of the round trip interpolates linearly at an occlusion and copies at "
            "a disocclusion.",
            "the minimiser in one dimension",
        ),
        Claim(
            "C5",
            "2.2.6",
            "The spatio-temporal error carries the same edges as the gradient of the "
            "forward–backward error.",
            "both maps of the true flow",
        ),
        Claim(
            "C6",
            "2.2.7",
            "The discriminator overpowers the inpainter.",
            "the curves of an adversarial training",
        ),
        Claim("C7", "2.4", "ResNet reaches a lower error than U-Net.", _PAIR),
        Claim("C8", "2.1.2", "The smooth initial fill beats zeros.", _PAIR),
        Claim(
            "C9",
            "2.5.2",
            "The warping module does not help the U-Net.",
            "a U-Net with and without it, all else being equal",
        ),
        Claim(
            "C10",
            "2.5.1",
            "Coordinates as input (CoordConv) do not teach a network to warp.",
            "a network with and without them, all else being equal",
        ),
        Claim(
            "C11",
            "2.6.2",
            "Adversarial inpainting of flow and edges together gives sharper flow edges.",
            "an adversarial experiment with and without edges, and the truth's motion boundaries",
        ),
        Claim(
            "C12",
            "2.6.1",
            "Edges from the flow match its discontinuities better than edges from the "
            "segmentation or the image.",
            "edges of the three sources and the truth's motion boundaries",
        ),
        Claim(
            "C13",
            "2.6.4",
            "A GAN on single frames continues edges, but hallucinates shapes.",
            "an edge GAN and the truth's motion boundaries in the hole",
        ),
    )
}
