"""The claims of the report: where they stand, what they say, what a test of them takes."""

from dataclasses import dataclass

SECTIONS = {
    "2.1": "Implementation details",
    "2.2": "Losses",
    "2.4": "Architecture discussion",
    "2.5": "Warping",
    "2.6": "Flow and edges",
    "3.1": "Dataset of the refinement",
    "3.2": "Idea of the refinement",
    "3.3": "Refinement step",
    "3.4": "Losses of the refinement",
    "3.5": "Training scheme of the refinement",
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
        Claim(
            "C14",
            "3.3.4",
            "Learnable confidence rules leave the mean: p is not 1, (a, b) not (1/3, 2/3).",
            "a training with a learnable rule, and the same with another rule",
        ),
        Claim(
            "C15",
            "3.5",
            "Judged at the last step only, a network hallucinates large flows in the first steps.",
            "a refinement trained so, and one with the loss of eq.\u00a04, all else being equal",
        ),
        Claim(
            "C16",
            "3.4.1",
            "An L1 loss weighted by the confidence drives the confidence in the hole to 0.",
            "a refinement with and without the weight, all else being equal",
        ),
        Claim(
            "C17",
            "3.4.3",
            "The smaller of both round trips is high only at borders, the forward–backward error "
            "over whole occlusions.",
            "exact flow with its occlusions",
        ),
        Claim(
            "C18",
            "3.4.3",
            "The loss on the smaller round trip makes the reconstruction sharper and more "
            "consistent.",
            "a refinement with and without that loss, all else being equal",
        ),
        Claim(
            "C19",
            "3.5",
            "Trained by eq.\u00a03 the network forgets the early steps, by eq.\u00a04 it does not.",
            "a refinement trained by each, all else being equal",
        ),
        Claim(
            "C20",
            "3.4.2",
            "The total variation loss restores piecewise smoothness.",
            "a refinement with and without that loss, all else being equal",
        ),
        Claim(
            "C21",
            "3.2.2",
            "Partial convolutions serve the refinement better than gated ones.",
            _PAIR,
        ),
        Claim(
            "C22",
            "3.1",
            "Flow stored as images with the range of its values is much smaller than .flo files, "
            "at an error that does not matter.",
            "the benchmark of flow storage",
        ),
    )
}
