"""Behaviour cloning: the network learns what somebody played (Pomerleau 1991, Neural Computation 3(1), 88-97).

For actions of one or several heads, where nobody knows which ones were legal. Letters: N rows, A actions, H heads.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch

from learners.action_heads import joint_log_prob, log_policy


def cloning_loss(logits: torch.Tensor, action: torch.Tensor, head_sizes: Sequence[int]) -> torch.Tensor:
    """`- sum_h log p_h(a_h)` in nats, mean over the rows (scalar): the heads are independent, each of them counts.

    logits: `[N, A]`, the heads one after another. action: `[N, H]`, a class of each head.
    """
    every = torch.ones_like(logits, dtype=torch.bool)
    return -joint_log_prob(log_policy(logits, every, head_sizes), action, head_sizes).mean()
