"""Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347, section 3)."""
from __future__ import annotations

from collections.abc import Callable

import torch

from learners.masked import masked_mean

MAX_LOG_RATIO = 20.0    # exp stays finite; far outside every clip


def ppo_loss(
    log_prob: torch.Tensor, behaviour_log_prob: torch.Tensor, advantage: torch.Tensor, valid: torch.Tensor,
    *, clip: float,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """`(loss, metrics)`: minus equation 7, `min(r A, clamp(r, 1 - clip, 1 + clip) A)`, mean over the valid rows.

    Any equal shapes. log_prob: of the joint action now; behaviour_log_prob: when it was chosen, a constant like the
    advantage. Metrics, scalars without gradient: `clip_share`, the share of rows whose ratio
    r is outside the clip, and `approx_kl`, KL(behaviour || policy) estimated on the actions, without bias and never
    below 0 (Schulman 2020, "Approximating KL divergence").
    """
    log_ratio = (log_prob - behaviour_log_prob.detach()).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    ratio, gain = log_ratio.exp(), advantage.detach()
    surrogate = torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)
    fixed, log_fixed = ratio.detach(), log_ratio.detach()
    metrics = {
        "clip_share": masked_mean(((fixed - 1).abs() > clip).to(fixed.dtype), valid),
        "approx_kl": masked_mean(fixed - 1 - log_fixed, valid),
    }
    return masked_mean(-surrogate, valid), metrics


def normalise(
    advantage: torch.Tensor, valid: torch.Tensor, over_ranks: Callable[[torch.Tensor], torch.Tensor] | None = None
) -> torch.Tensor:
    """`(advantage - mean) / (std + 1e-8)` with mean and population std over the valid rows; same shape, no gradient.

    What comes out for other rows means nothing. over_ranks: adds a tensor over the ranks of a data-parallel learner, so
    that the statistics are those of the whole minibatch; called twice.
    """
    def add(x: torch.Tensor) -> torch.Tensor:
        return x if over_ranks is None else over_ranks(x)

    advantage, rows = advantage.detach(), valid.bool()
    sums = add(torch.stack([torch.where(rows, advantage, 0).sum(), rows.sum().to(advantage.dtype)]))
    count = sums[1].clamp(min=1)
    centred = advantage - sums[0] / count
    variance = add(torch.where(rows, centred, 0).square().sum()) / count
    return centred / (variance.sqrt() + 1e-8)
