"""Distributions over the legal actions of one or several heads.

The heads of an action lie one after another on the last axis. Letters: `[...]` any leading axes, H heads, A mask
bytes: the sum of the head sizes.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch

ILLEGAL = -1e9
"""Logit of an illegal action: its probability is exactly 0 in float32, and no infinity meets a 0."""


def unpack_legal(packed: torch.Tensor, num_actions: int) -> torch.Tensor:
    """The legal actions, bool `[..., A]`, of bits packed in little order: uint8 `[..., ceil(A / 8)]`."""
    shifts = torch.arange(8, dtype=torch.uint8, device=packed.device)
    return (packed.unsqueeze(-1) >> shifts & 1).flatten(-2)[..., :num_actions].bool()


def log_policy(logits: torch.Tensor, legal: torch.Tensor, head_sizes: Sequence[int]) -> torch.Tensor:
    """Log-probabilities `[..., A]`: per head a log-softmax over the legal actions; no gradient reaches the others.

    A head without a legal action comes out uniform.
    """
    masked = torch.where(legal, logits, ILLEGAL)
    if len(head_sizes) == 1:
        return masked.log_softmax(-1)
    return torch.cat([head.log_softmax(-1) for head in torch.split(masked, list(head_sizes), -1)], -1)


def head_log_probs(log_p: torch.Tensor, action: torch.Tensor, head_sizes: Sequence[int]) -> torch.Tensor:
    """Log-probability `[..., H]` of what each head chose in `action` `[..., H]`."""
    if len(head_sizes) == 1:
        return log_p.gather(-1, action.long())
    heads = torch.split(log_p, list(head_sizes), -1)
    return torch.cat([one.gather(-1, action[..., head, None].long()) for head, one in enumerate(heads)], -1)


def joint_log_prob(log_p: torch.Tensor, action: torch.Tensor, head_sizes: Sequence[int]) -> torch.Tensor:
    """Log-probability `[...]` of `action` `[..., H]`: that of its heads, added."""
    return head_log_probs(log_p, action, head_sizes).sum(-1)


def entropy(log_p: torch.Tensor, legal: torch.Tensor) -> torch.Tensor:
    """Entropy `[...]` in nats of the policy, added over its heads; illegal actions contribute nothing."""
    finite = torch.where(legal, log_p, 0)       # before the exponential, which is slow where it underflows
    return -(finite.exp() * finite).sum(-1)
