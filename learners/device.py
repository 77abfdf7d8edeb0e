"""Where the learner computes: cuda, else mps, else cpu; and how small arrays get there."""
from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch


def choose_device(name: str) -> torch.device:
    """The device called `name`, one of "auto", "cpu", "cuda", "mps".

    Raises ValueError for another name, RuntimeError for a device that this machine or this torch lacks.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, here in present.items() if here))
    if name not in present:
        raise ValueError(f"unknown device {name!r}, expected auto, {', '.join(sorted(present))}")
    if not present[name]:
        here = ", ".join(kind for kind, is_here in present.items() if is_here)
        raise RuntimeError(f"device {name!r} was asked for, but torch {torch.__version__} finds only {here} here")
    return torch.device(name)


def moved(array: npt.NDArray[Any], device: torch.device) -> torch.Tensor:
    """The array on the device, without waiting for what is under way there."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
