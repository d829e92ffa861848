"""Where autocast would cost accuracy."""

from contextlib import AbstractContextManager, nullcontext

import torch


def outside_autocast(device: torch.device) -> AbstractContextManager:
    """Autocast switched off on a device, whether or not it knows autocast (meta does not)."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
