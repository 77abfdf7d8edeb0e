"""Policy gradient (Espeholt et al. 2018, IMPALA, arXiv:1802.01561, section 4.2)."""
from __future__ import annotations

import torch

from learners.masked import masked_mean


def policy_gradient_loss(log_prob: torch.Tensor, advantage: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """`-advantage * log pi(a|x)`, mean over the valid rows (scalar). All `[T, B]`.

    advantage: of V-trace, importance ratio included; taken as a constant.
    """
    return masked_mean(-advantage.detach() * log_prob, valid)
