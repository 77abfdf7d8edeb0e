"""What is learned from searched decisions (Silver et al. 2017, AlphaZero, arXiv:1712.01815, equation 1).

Policy distillation and value error, with terms that Razzle Dazzle's training added: quartic value error, difficulty,
illegal mass. Letters: N rows, A actions.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from learners.action_heads import entropy, log_policy
from learners.difficulty_loss import difficulty_loss
from learners.distillation_loss import distillation_loss
from learners.illegal_mass import illegal_mass
from learners.objective_config import SearchObjective, Term
from learners.output import Output
from learners.ranks import ALONE, Ranks, share
from learners.reference_kl import reference_kl
from learners.rows import RowBatch, Rows, RowStaging
from learners.schedule import at
from learners.terms import Terms, weighted
from learners.value_loss import quartic_value_loss, squared_value_loss
from learners.wdl_loss import wdl_loss


class SearchSteps:
    """Makes the gradient steps of an update from searched decisions."""

    def __init__(
        self, config: SearchObjective, staging: RowStaging, *, epochs: int = 1, minibatch_rows: int,
        reference: Callable[[torch.Tensor], Output] | None = None,
    ) -> None:
        """reference: the network that term kl_reference names."""
        self._config, self._staging = config, staging
        self._epochs, self._minibatch_rows = epochs, minibatch_rows
        self._reference = reference

    def steps(
        self, forward: Callable[[torch.Tensor], Output], rows: Rows, progress: float,
        draws: Callable[[], np.random.Generator], ranks: Ranks = ALONE,
    ) -> Iterator[Terms]:
        """The terms of one gradient step after another, every row once in each epoch. draws: gives what draws these.

        Raises ValueError for term kl_reference without a reference.
        """
        rng = draws()
        for _ in range(self._epochs):
            for batch in self._staging.minibatches(rows, self._minibatch_rows, rng):
                part = share(torch.ones_like(batch.outcome).sum(), ranks)
                near = None if self._reference is None else self._reference(batch.observation).logits
                yield search_terms(forward(batch.observation), batch, self._config, progress, part, near)


def search_terms(
    output: Output, batch: RowBatch, config: SearchObjective, progress: float = 0.0, part: torch.Tensor | float = 1.0,
    reference: torch.Tensor | None = None,
) -> Terms:
    """The terms of one minibatch. part: see `learners.ranks.share`. reference: its logits `[N, A]`, for kl_reference.

    Where the network has win, draw and loss, the value learns from their cross-entropy to the outcome alone,
    loss_value_wdl, and loss_value is only measured. loss_difficulty is there where the network has that head. A term of
    weight 0 has no gradient. Raises ValueError for term kl_reference without a reference.
    """
    def weight(term: Term | None) -> float:
        return 0.0 if term is None else at(term.weight, progress)

    legal_log_p = log_policy(output.logits, batch.legal, (output.logits.shape[1],))
    log_p = legal_log_p if config.distillation.softmax == "legal" else output.logits.log_softmax(1)
    mix = config.value.root_value_share
    target = (1 - mix) * batch.outcome + mix * batch.root_value
    every = torch.ones_like(target)

    illegal = weight(config.illegal)
    losses = {
        "policy": (weight(config.distillation), distillation_loss(log_p, batch.target_action, batch.target_prob)),
        "value": (0.0 if output.wdl is not None else weight(config.value),
                  squared_value_loss(output.value, target, every)),
        "value_quartic": (weight(config.value_quartic), quartic_value_loss(output.value, target, every)),
        "illegal_penalty": (illegal, illegal_mass(output.logits if illegal else output.logits.detach(), batch.legal)),
    }
    if output.wdl is not None:
        losses["value_wdl"] = weight(config.value), wdl_loss(output.wdl, batch.outcome)
    if output.difficulty is not None:
        losses["difficulty"] = weight(config.difficulty), difficulty_loss(output.difficulty, batch.surprise)
    if config.kl_reference is not None:
        if reference is None:
            raise ValueError("search_objective.kl_reference needs a reference network, got none")
        near = log_policy(reference, batch.legal, (reference.shape[1],))
        losses["kl_reference"] = weight(config.kl_reference), reference_kl(legal_log_p, near, batch.legal, every)
    value = output.value.detach()
    metrics = {
        **{f"loss_{name}": loss.detach() for name, (_, loss) in losses.items()},
        "policy_entropy": entropy(legal_log_p.detach(), batch.legal).mean(),
        "value_mean": value.mean(),
        "value_std": value.std(correction=0),
    }
    return Terms(weighted(losses, part), metrics)
