"""HED, holistically-nested edge detection (Xie and Tu, ICCV 2015; report [21], 2.6.1).

The convolutions of VGG-16 with a side output after each of its five levels, and their weighted sum.
Tensors are named as in the public PyTorch weights, a conversion of the authors' own:
https://github.com/sniklaus/pytorch-hed (older copies say ``module`` for ``net``).
"""

import numpy as np
import torch
from jaxtyping import Float, Num, UInt8
from scipy.ndimage import gaussian_filter, map_coordinates
from torch import Tensor, nn
from torch.nn import functional

LEVELS = {"One": (64, 2), "Two": (128, 2), "Thr": (256, 3), "Fou": (512, 3), "Fiv": (512, 3)}
"""Channels and convolutions of each level, by the name that the public weights give it."""

MEANS_BGR = (104.00698793, 116.66876762, 122.67891434)  # of ImageNet, as in Caffe's VGG-16
SHORTEST_SIDE_PX = 16
LIKELY = 0.5
_RIDGE_SIGMA_PX = 1.0
_TIE = 1e-9  # far above rounding, far below any step of a map
_STRAIGHT = 1e-6


class HED(nn.Module):
    """Probability that a pixel lies on an edge; 38 tensors, 14,716,171 parameters."""

    means: Tensor

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        for name, (width, convolutions) in LEVELS.items():
            self.add_module(f"netVgg{name}", _level(channels, width, convolutions))
            channels = width
        for name, (width, _) in LEVELS.items():
            self.add_module(f"netScore{name}", nn.Conv2d(width, 1, 1))
        self.netCombine = nn.Sequential(nn.Conv2d(len(LEVELS), 1, 1), nn.Sigmoid())
        means = torch.tensor(MEANS_BGR)[:, None, None]
        self.register_buffer("means", means, persistent=False)

    def forward(self, image: Num[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 h w"]:
        """Edge probability in [0, 1] of every pixel.

        Args:
            image: RGB, 0–255, uint8 or float; H and W at least 16.

        Raises:
            ValueError: the picture is smaller.
        """
        size = image.shape[-2:]
        if min(size) < SHORTEST_SIDE_PX:
            raise ValueError(f"HED takes {SHORTEST_SIDE_PX} px or more, got {tuple(size)}")
        features = image.flip(-3).to(self.means.dtype) - self.means
        sides = []
        for name in LEVELS:
            features = self.get_submodule(f"netVgg{name}")(features)
            side = self.get_submodule(f"netScore{name}")(features)
            sides.append(functional.interpolate(side, size, mode="bilinear", align_corners=False))
        return self.netCombine(torch.cat(sides, dim=1))


def _level(channels: int, width: int, convolutions: int) -> nn.Sequential:
    """All levels but the first begin by halving the grid."""
    layers: list[nn.Module] = [] if channels == 3 else [nn.MaxPool2d(2, 2)]
    for k in range(convolutions):
        layers += [nn.Conv2d(width if k else channels, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


@torch.inference_mode()
def hed_edges(image: UInt8[np.ndarray, "3 h w"], network: HED) -> Float[np.ndarray, "h w"]:
    """Edge probability of one picture, float32 in [0, 1], on the network's own device.

    Args:
        image: RGB, 16 px or more each way.
        network: with weights.
    """
    picture = torch.from_numpy(np.ascontiguousarray(image))[None]
    return network(picture.to(network.means.device))[0, 0].float().cpu().numpy()


def thinned(probability: Float[np.ndarray, "h w"]) -> np.ndarray:
    """Edge map of a probability map: bool (H, W), lines about one pixel wide.

    Non-maximum suppression, which the authors apply before they threshold: of the pixels with a
    probability of 0.5 or more those stay that are a ridge of the map, smoothed by a Gaussian of
    1 px, across its direction of greatest curvature. Smoothing gives a plateau one ridge; of two
    pixels of the same height side by side the right (or lower) one stays.
    """
    smooth = gaussian_filter(probability.astype(np.float64), _RIDGE_SIGMA_PX, mode="nearest")
    across_y, across_x = _across(smooth)
    y, x = np.indices(smooth.shape)
    before, after = (
        map_coordinates(smooth, [y + k * across_y, x + k * across_x], order=1, mode="nearest")
        for k in (-1, 1)
    )
    return (probability >= LIKELY) & (smooth >= before - _TIE) & (smooth > after + _TIE)


def _across(smooth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vector (y, x) along which a map curves down most, to the right or straight down."""
    d_y, d_x = np.gradient(smooth)
    (yy, xy), xx = np.gradient(d_y), np.gradient(d_x, axis=1)
    angle = np.arctan2(-2 * xy, yy - xx) / 2
    straight_up = angle < _STRAIGHT - np.pi / 2  # one direction a line: it says who wins a tie
    return np.sin(np.where(straight_up, np.pi / 2, angle)), np.cos(angle)
