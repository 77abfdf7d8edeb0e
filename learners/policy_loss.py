"""Policy gradient (Espeholt et al. 2018, IMPALA, arXiv:1802.01561, section 4.2)."""
from __future__ import annotations

import torch

from learners.masked import masked_mean


def policy_gradient_loss(log_prob: torch.Tensor, advantage: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """`-advantage * log pi(a|x)`, mean over the valid rows (scalar). All of the same shape.

    log_prob and advantage may have the heads of the action as one more axis, the last: they are added.
    advantage: of V-trace or UPGO, importance ratio included; taken as a constant.
    """
    gain = advantage.detach() * log_prob
    return masked_mean(-gain.sum(-1) if gain.ndim > valid.ndim else -gain, valid)
