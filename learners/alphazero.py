"""What is learned from searched decisions (Silver et al. 2017, AlphaZero, arXiv:1712.01815, equation 1).

Policy distillation and value error, with terms that Razzle Dazzle's training added: quartic value error, difficulty,
illegal mass. Letters: N rows, A actions.
"""
from __future__ import annotations

import torch

from learners.action_heads import entropy, log_policy
from learners.config import SearchLoss
from learners.difficulty_loss import difficulty_loss
from learners.distillation_loss import distillation_loss
from learners.illegal_mass import illegal_mass
from learners.output import Output
from learners.rows import RowBatch
from learners.value_loss import quartic_value_loss, squared_value_loss
from learners.wdl_loss import wdl_loss


def alphazero_loss(
    output: Output, batch: RowBatch, config: SearchLoss
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """`(loss, metrics)`, scalars; the loss carries the gradient, the metrics do not.

    The metrics of the terms are without their weights; loss_total is with them. Where the network has win, draw and
    loss, the value learns from their cross-entropy to the outcome alone, loss_value_wdl, and loss_value is only
    measured. loss_difficulty is there where the network has that head. A term of weight 0 has no gradient.
    """
    legal_log_p = log_policy(output.logits, batch.legal, (output.logits.shape[1],))
    log_p = legal_log_p if config.softmax == "legal" else output.logits.log_softmax(1)
    share = config.root_value_share
    target = (1 - share) * batch.outcome + share * batch.root_value
    every = torch.ones_like(target)

    squared = squared_value_loss(output.value, target, every)
    terms = {
        "loss_policy": (config.policy_weight, distillation_loss(log_p, batch.target_action, batch.target_prob)),
        "loss_value": (0.0 if output.wdl is not None else config.value_weight, squared),
        "loss_value_quartic": (config.quartic_weight, quartic_value_loss(output.value, target, every)),
        "loss_illegal_penalty": (
            config.illegal_weight,
            illegal_mass(output.logits if config.illegal_weight else output.logits.detach(), batch.legal),
        ),
    }
    if output.wdl is not None:
        terms["loss_value_wdl"] = (config.value_weight, wdl_loss(output.wdl, batch.outcome))
    if output.difficulty is not None:
        terms["loss_difficulty"] = (config.difficulty_weight, difficulty_loss(output.difficulty, batch.surprise))
    loss = (0.0 * output.value).sum()       # something to derive where every weight is 0
    for weight, term in terms.values():
        if weight:                          # 0 times an overflow would be no number
            loss = loss + weight * term

    value = output.value.detach()
    metrics = {
        "loss_total": loss,
        **{name: term for name, (_, term) in terms.items()},
        "policy_entropy": entropy(legal_log_p.detach(), batch.legal).mean(),
        "value_mean": value.mean(),
        "value_std": value.std(correction=0),
    }
    return loss, {name: metric.detach() for name, metric in metrics.items()}
