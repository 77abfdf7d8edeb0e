"""Where the learner computes: cuda, else mps, else cpu."""
from __future__ import annotations

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
