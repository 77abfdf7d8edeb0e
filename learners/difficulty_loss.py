"""Difficulty: how much a search will change the network's policy in a position, between 0 and 1. Letter: N rows."""
from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

WHOLE_SURPRISE = 2.0    # nats from which on a position is as difficult as can be (Razzle Dazzle's training)


def difficulty_loss(difficulty: torch.Tensor, surprise: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of the logits `difficulty` to `min(1, surprise / 2)`, mean over the rows (scalar).

    surprise: KL(search || network) in nats, of the network that was searched with; a constant. Both `[N]`.
    """
    target = (surprise.detach() / WHOLE_SURPRISE).clamp(max=1)
    return binary_cross_entropy_with_logits(difficulty, target)
