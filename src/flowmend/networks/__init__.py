"""Networks that mend flow; constructors take numbers, never a config."""

from collections.abc import Callable

from flowmend.networks.resnet import ResNet
from flowmend.networks.unet import UNet
from flowmend.networks.unet_warp import UNetWarp

# (in_channels, out_channels, width) -> a trunk (B, in, H, W) -> (B, out, H, W), any H and W.
NETWORKS: dict[str, Callable[[int, int, int], UNet | ResNet]] = {
    "unet": UNet,
    "resnet": ResNet,
    "unet_warp": UNetWarp,
}

__all__ = ["NETWORKS", "ResNet", "UNet", "UNetWarp"]
