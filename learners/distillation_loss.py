"""Policy distillation: the network learns the policy of a search (Silver et al. 2017, arXiv:1712.01815, equation 1).

Targets are sparse. Letters: N rows, A actions, K targets.
"""
from __future__ import annotations

import torch


def distillation_loss(
    log_p: torch.Tensor, target_action: torch.Tensor, target_prob: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy `- sum_k pi_k log p(a_k)` in nats, mean over the rows (scalar).

    log_p: `[N, A]`, log-probabilities, finite also where the probability is 0. target_action `[N, K]`, int64, and
    target_prob `[N, K]`: pi, taken as a constant; a place with probability 0 counts for nothing, whatever its action.
    """
    return -(target_prob.detach() * log_p.gather(1, target_action)).sum(1).mean()
