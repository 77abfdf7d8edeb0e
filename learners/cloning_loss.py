"""Behaviour cloning: the network learns what somebody played (Pomerleau 1991, Neural Computation 3(1), 88-97).

For actions of one or several heads, where nobody knows which ones were legal. Letters: `[...]` any leading axes, A
actions, H heads.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch

from learners.action_heads import head_log_probs, log_policy
from learners.masked import masked_mean


def cloning_loss(
    logits: torch.Tensor, action: torch.Tensor, head_sizes: Sequence[int], valid: torch.Tensor | None = None,
    total: torch.Tensor | None = None,
) -> torch.Tensor:
    """`- sum_h log p_h(a_h)` in nats, mean over the rows (scalar): the heads are independent, each of them counts.

    logits: `[..., A]`, the heads one after another. action: `[..., H]`, a class of each head. valid: `[...]`, the rows
    that count; None: all. total: see `masked_mean`.
    """
    every = torch.ones_like(logits, dtype=torch.bool)
    log_prob = head_log_probs(log_policy(logits, every, head_sizes), action, head_sizes).sum(-1)
    return masked_mean(-log_prob, torch.ones_like(log_prob) if valid is None else valid, total)
