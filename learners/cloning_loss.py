"""Behaviour cloning: the network learns what somebody played (Pomerleau 1991, Neural Computation 3(1), 88-97).

For actions of one or several heads, where nobody knows which ones were legal. Letters: `[...]` any leading axes, A
actions, H heads.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch

from learners.action_heads import head_log_probs, log_policy


def cloning_loss(logits: torch.Tensor, action: torch.Tensor, head_sizes: Sequence[int]) -> torch.Tensor:
    """`- sum_h log p_h(a_h)` in nats, mean over the rows (scalar): each head counts, and they are added.

    logits: `[..., A]`, the heads one after another. action: `[..., H]`, a class of each head.
    """
    every = torch.ones_like(logits, dtype=torch.bool)
    log_prob = head_log_probs(log_policy(logits, every, head_sizes), action, head_sizes)
    return -log_prob.sum(-1).mean()
