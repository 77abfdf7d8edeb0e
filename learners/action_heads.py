"""Distributions over the legal actions of one or several heads.

The heads of an action lie one after another on the last axis. Letters: `[...]` any leading axes, H heads, A mask
bytes: the sum of the head sizes.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

ILLEGAL = -1e9
"""Logit of an illegal action: its probability is exactly 0 in float32, and no infinity meets a 0."""

SHORT = 16      # actions of a head: fewer do not fill the CPU's vectors


def unpack_legal(packed: torch.Tensor, num_actions: int) -> torch.Tensor:
    """The legal actions, bool `[..., A]`, of bits packed in little order: uint8 `[..., ceil(A / 8)]`."""
    if packed.device.type != "cpu":
        return shift_out(packed, num_actions)
    bits = np.unpackbits(packed.numpy(), axis=-1, count=num_actions, bitorder="little")     # a fifth of torch's time
    return _laid_out(torch.from_numpy(bits).view(torch.bool))


def shift_out(packed: torch.Tensor, num_actions: int) -> torch.Tensor:
    """`unpack_legal` in torch operations, for any device."""
    shifts = torch.arange(8, dtype=torch.uint8, device=packed.device)
    return (packed.unsqueeze(-1) >> shifts & 1).flatten(-2)[..., :num_actions].bool()


def _laid_out(x: torch.Tensor) -> torch.Tensor:
    """`x` `[..., A]`; on the CPU few actions come first in memory, that loops over rows may use whole vectors."""
    if x.device.type != "cpu" or x.shape[-1] >= SHORT:
        return x
    return x.movedim(-1, 0).contiguous().movedim(0, -1)


def log_policy(logits: torch.Tensor, legal: torch.Tensor, head_sizes: Sequence[int]) -> torch.Tensor:
    """Log-probabilities `[..., A]`: per head a log-softmax over the legal actions; no gradient reaches the others.

    A head without a legal action comes out uniform.
    """
    masked = torch.where(legal, _laid_out(logits), ILLEGAL)
    if len(head_sizes) == 1:
        return _log_softmax(masked)
    return torch.cat([_log_softmax(head) for head in torch.split(masked, list(head_sizes), -1)], -1)


def _log_softmax(x: torch.Tensor) -> torch.Tensor:
    laid_out = _laid_out(x)
    if laid_out.stride(-1) == 1:
        return laid_out.log_softmax(-1)
    return laid_out.movedim(-1, 0).log_softmax(0).movedim(0, -1)     # which keeps the layout


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
