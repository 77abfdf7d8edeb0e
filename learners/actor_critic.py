"""The actor-critic loss: V-trace policy term, TD(lambda) value term, entropy bonus, each with its own metric.

Letters: T transitions, B streams, A mask bytes.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch

from learners.action_heads import entropy, joint_log_prob, log_policy
from learners.batch import Batch
from learners.config import Loss
from learners.masked import masked_mean, masked_variance
from learners.policy_loss import policy_gradient_loss
from learners.td_lambda import td_lambda
from learners.truncation import neutralise
from learners.value_loss import squared_value_loss
from learners.vtrace import vtrace

MAX_LOG_RHO = 20.0      # exp stays finite; far above every clip


def actor_critic_loss(
    logits: torch.Tensor, value: torch.Tensor, batch: Batch, head_sizes: Sequence[int], config: Loss,
    entropy_weight: float,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """`(loss, metrics)`, scalars; the loss carries the gradient, the metrics do not.

    logits `[T + 1, B, A]` and value `[T + 1, B]` are the network's outputs for all rows of the batch; the logits of
    row T are not used. The importance ratio is that of the joint action: the product over the heads.
    """
    log_p = log_policy(logits[:-1], batch.legal[:-1], head_sizes)
    log_prob = joint_log_prob(log_p, batch.action, head_sizes)
    log_rho = (log_prob.detach() - batch.log_prob.sum(-1)).clamp(-MAX_LOG_RHO, MAX_LOG_RHO)
    rho = log_rho.exp()

    fixed = value.detach()
    ratio, discount, reward = neutralise(batch.valid, rho, batch.discount, batch.reward, fixed[:-1])
    _, advantage = vtrace(ratio, discount, reward, fixed[:-1], fixed[-1], rho_bar=config.rho_bar, c_bar=config.c_bar,
                          rho_pg_bar=config.rho_pg_bar, lam=config.vtrace_lambda)
    target = td_lambda(discount, reward, fixed[:-1], fixed[-1], lam=config.lam)

    loss_policy = policy_gradient_loss(log_prob, advantage, batch.valid)
    loss_value = squared_value_loss(value[:-1], target, batch.valid)
    mean_entropy = masked_mean(entropy(log_p, batch.legal[:-1]), batch.valid)
    loss = config.policy_weight * loss_policy + config.value_weight * loss_value - entropy_weight * mean_entropy

    target_variance = masked_variance(target, batch.valid)
    residual_variance = masked_variance(target - fixed[:-1], batch.valid)
    explained = torch.where(target_variance > 0, 1 - residual_variance / target_variance, 0)
    metrics = {
        "loss_total": loss,
        "loss_policy": loss_policy,
        "loss_value": loss_value,
        "entropy": mean_entropy,
        # KL(mu || pi), estimated on mu's actions without bias and never below 0 (Schulman 2020, "Approximating KL")
        "kl_behaviour": masked_mean(rho - 1 - log_rho, batch.valid),
        "rho_mean": masked_mean(rho, batch.valid),
        "rho_clip_share": masked_mean((rho > config.rho_bar).to(rho.dtype), batch.valid),
        "value_mean": masked_mean(fixed[:-1], batch.valid),
        "value_std": masked_variance(fixed[:-1], batch.valid).sqrt(),
        "explained_variance": explained,
    }
    return loss, {name: metric.detach() for name, metric in metrics.items()}
