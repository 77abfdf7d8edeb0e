"""What is learned from unrolls: policy gradients (V-trace, UPGO, PPO), value, entropy, nearness to a reference.

Returns and advantages are computed once for an update, from what the network says before its first step; the terms
themselves are means over rows, so an update may take its rows in several epochs of minibatches. Letters: T transitions,
B streams, N rows (T B of them, or a minibatch), H action heads, A mask bytes.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce

import numpy as np
import torch

from learners.action_heads import entropy, head_log_probs, log_policy
from learners.batch import Batch
from learners.device import moved
from learners.forward import Forward
from learners.gae import gae
from learners.masked import masked_mean, masked_means
from learners.objective_config import POLICY_TERMS, Objective, VTrace
from learners.policy_loss import policy_gradient_loss
from learners.ppo_loss import normalise, ppo_loss
from learners.ranks import ALONE, Ranks, share
from learners.reference_kl import reference_kl
from learners.schedule import at
from learners.td_lambda import td_lambda
from learners.terms import Terms, weighted
from learners.truncation import neutralise
from learners.upgo import upgo
from learners.value_loss import clipped_value_loss, quartic_value_loss, squared_value_loss
from learners.vtrace import vtrace

MAX_LOG_RHO = 20.0      # exp stays finite; far above every clip
KL_SLACK = 1.5          # times target_kl, as OpenAI's Spinning Up stops

Columns = dict[str, torch.Tensor]


class UnrollObjective:
    """Makes the gradient steps of an update from a batch of unrolls."""

    def __init__(
        self, config: Objective, head_sizes: Sequence[int], *, epochs: int = 1, minibatch_rows: int | None = None,
        reference: Forward | None = None,
    ) -> None:
        """minibatch_rows: None: all rows at once. reference: the network that term kl_reference names."""
        self._config, self._heads = config, tuple(head_sizes)
        self._epochs, self._minibatch_rows, self._reference = epochs, minibatch_rows, reference

    def steps(
        self, forward: Forward, batch: Batch, progress: float, draws: Callable[[], np.random.Generator],
        ranks: Ranks = ALONE
    ) -> Iterator[Terms]:
        """The terms of one gradient step after another; each is to be made before the next is asked for.

        progress: share of the budget used, for schedules. draws: gives what draws the minibatches,
        asked only if there are any. Stops early where PPO's
        target_kl says so, on all ranks at once. Raises ValueError for term kl_reference without a reference.
        """
        rows = batch.valid.numel()
        size = self._minibatch_rows or rows
        seen = batch.observation.flatten(0, 1)
        done = batch.action.flatten(0, 1)
        action = done[:rows]        # the last row of a stream only lends its value
        once = self._epochs == 1 and size >= rows
        with torch.set_grad_enabled(once):
            said = forward(seen, done)
            legal = batch.legal.flatten(0, 1)[:rows]
            log_p = log_policy(said.logits[:rows], legal, self._heads)
            log_prob = head_log_probs(log_p, action, self._heads)
        columns, facts = self._targets(batch, log_prob.detach(), said.value.detach())
        columns |= {"legal": legal, "action": action}
        if self._reference is not None:
            with torch.no_grad():
                columns["reference"] = log_policy(self._reference(seen[:rows], action).logits, legal, self._heads)
        if once:
            yield self._terms(log_p, log_prob, said.value[:rows], columns, facts, progress, ranks)
            return
        columns["observation"], rng = seen[:rows], draws()
        for epoch in range(self._epochs):
            order = moved(rng.permutation(rows), seen.device)
            for number, picked in enumerate(torch.tensor_split(order, max(1, round(rows / size)))):
                mine = {name: column.index_select(0, picked) for name, column in columns.items()}
                said = forward(mine["observation"], mine["action"])
                log_p = log_policy(said.logits, mine["legal"], self._heads)
                log_prob = head_log_probs(log_p, mine["action"], self._heads)
                if epoch and not number and self._is_far(log_prob.detach(), mine, ranks):
                    return
                yield self._terms(log_p, log_prob, said.value, mine, facts, progress, ranks)

    def _targets(
        self, batch: Batch, log_prob: torch.Tensor, value: torch.Tensor
    ) -> tuple[Columns, dict[str, torch.Tensor]]:
        """Advantages, value targets and what else stays the same through all steps, `[N, ...]`; and metrics.

        log_prob: `[N, H]` of the actions taken. value: `[(T + 1) B]`. Neither has a gradient.
        """
        config, (steps, streams), valid = self._config, batch.valid.shape, batch.valid
        value = value.view(steps + 1, streams)
        now, bootstrap = value[:-1], value[-1]
        log_rho = (log_prob.view(batch.log_prob.shape) - batch.log_prob).clamp(-MAX_LOG_RHO, MAX_LOG_RHO)
        joint = log_rho.sum(-1).clamp(-MAX_LOG_RHO, MAX_LOG_RHO)
        rho = joint.exp()
        ratio, discount, reward = neutralise(valid, rho, batch.discount, batch.reward, now)
        by_head = log_rho.exp()     # of rows without a decision as well, where nothing is left to correct
        columns = {"behaviour": batch.log_prob, "valid": valid, "old_value": now}

        clips = config.vtrace or VTrace()
        bars = {"rho_bar": clips.rho_bar, "c_bar": clips.c_bar, "rho_pg_bar": clips.rho_pg_bar, "lam": clips.lam}
        corrected = None
        if config.value.target == "vtrace" or (config.vtrace is not None and not config.vtrace.per_head):
            corrected, columns["vtrace"] = vtrace(ratio, discount, reward, now, bootstrap, **bars)
        if config.vtrace is not None and config.vtrace.per_head:
            columns["vtrace"] = vtrace(by_head, discount, reward, now, bootstrap, **bars)[1]
        if config.upgo is not None:
            columns["upgo"] = upgo(by_head if config.upgo.per_head else ratio, discount, reward, now, bootstrap,
                                   rho_bar=config.upgo.rho_bar)
        if config.ppo is not None:
            columns["ppo"] = gae(discount, reward, now, bootstrap, lam=config.ppo.lam)
        target = corrected if corrected is not None and config.value.target == "vtrace" else td_lambda(
            discount, reward, now, bootstrap, lam=config.value.lam)
        columns["target"] = target

        means = masked_means({
            # KL(mu || pi), estimated on mu's actions without bias and never below 0 (Schulman 2020, "Approximating KL")
            "kl_behaviour": rho - 1 - joint,
            "rho_mean": rho,
            "rho_clip_share": (rho > clips.rho_bar).to(rho.dtype),
            "value_mean": now,
            "target": target,
        }, valid)
        centred = masked_means({
            "value": (now - means["value_mean"]) ** 2,
            "target": (target - means["target"]) ** 2,
            "error": (target - now - (means.pop("target") - means["value_mean"])) ** 2,
        }, valid)
        return {name: column.flatten(0, 1) for name, column in columns.items()}, means | {
            "value_std": centred["value"].sqrt(),
            "explained_variance": torch.where(centred["target"] > 0, 1 - centred["error"] / centred["target"], 0),
        }

    def _terms(
        self, log_p: torch.Tensor, log_prob: torch.Tensor, value: torch.Tensor, rows: Columns,
        facts: dict[str, torch.Tensor], progress: float, ranks: Ranks,
    ) -> Terms:
        """log_p `[N, A]`, log_prob `[N, H]` and value `[N]` are of these rows, as the network is now."""
        config, valid = self._config, rows["valid"]
        joint = log_prob.sum(-1)
        metrics = dict(facts)
        losses: dict[str, tuple[float, torch.Tensor]] = {}
        for name, term in (("vtrace", config.vtrace), ("upgo", config.upgo)):
            if term is not None:
                loss = policy_gradient_loss(log_prob if term.per_head else joint, rows[name], valid)
                losses[name] = at(term.weight, progress), loss
        if config.ppo is not None:
            advantage = normalise(rows["ppo"], valid, ranks.sum) if config.ppo.normalise else rows["ppo"]
            loss, more = ppo_loss(joint, rows["behaviour"].sum(-1), advantage, valid, clip=config.ppo.clip)
            losses["ppo"] = at(config.ppo.weight, progress), loss
            metrics |= {"ppo_clip_share": more["clip_share"], "ppo_kl": more["approx_kl"]}
        clip = config.value.clip
        losses["value"] = at(config.value.weight, progress), (
            squared_value_loss(value, rows["target"], valid) if clip is None
            else clipped_value_loss(value, rows["old_value"], rows["target"], valid, clip=clip)
        )
        if config.value_quartic is not None:
            weight = at(config.value_quartic.weight, progress)
            losses["value_quartic"] = weight, quartic_value_loss(value, rows["target"], valid)
        spread = masked_mean(entropy(log_p, rows["legal"]), valid)
        losses["entropy"] = at(config.entropy.weight, progress), -spread
        if config.kl_reference is not None:
            if "reference" not in rows:
                raise ValueError("objective.kl_reference needs a reference network, got none")
            near = reference_kl(log_p, rows["reference"], rows["legal"], valid)
            losses["kl_reference"] = at(config.kl_reference.weight, progress), near
        metrics |= {f"loss_{name}": loss for name, (_, loss) in losses.items()} | {"entropy": spread}
        metrics["loss_policy"] = reduce(torch.add, [loss for name, (_, loss) in losses.items() if name in POLICY_TERMS])
        return Terms(
            weighted(losses, share(valid.sum(), ranks)),
            {name: metric.detach() for name, metric in metrics.items()},
        )

    def _is_far(self, log_prob: torch.Tensor, rows: Columns, ranks: Ranks) -> bool:
        """Whether PPO's policy has gone so far from the behaviour policy that no further epoch is made."""
        ppo = self._config.ppo
        if ppo is None or ppo.target_kl is None:
            return False
        log_ratio = (log_prob - rows["behaviour"]).sum(-1).clamp(-MAX_LOG_RHO, MAX_LOG_RHO)
        kl = masked_mean(log_ratio.exp() - 1 - log_ratio, rows["valid"])
        part = share(rows["valid"].sum(), ranks)
        return bool(ranks.sum(part * kl) / ranks.size > KL_SLACK * ppo.target_kl)

