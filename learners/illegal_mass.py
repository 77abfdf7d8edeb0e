"""Illegal mass: the probability that a policy over all actions gives to illegal ones. Letters: N rows, A actions."""
from __future__ import annotations

import torch


def illegal_mass(logits: torch.Tensor, legal: torch.Tensor) -> torch.Tensor:
    """`sum over illegal a of softmax(logits)_a`, mean over the rows (scalar). logits and legal (bool): `[N, A]`."""
    return torch.where(legal, 0, logits.softmax(1)).sum(1).mean()
