"""Checks of what is learned from unrolls against the definitions; see `tests/learners/checks.py`.

Float64, tolerance 1e-12. Letters: T transitions, B streams, N = T B rows, A actions, H heads.
"""
from __future__ import annotations

from itertools import chain
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners.objective_config import Objective
from learners.output import Output
from learners.schedule import at
from learners.terms import Terms
from tests.learners import definitions
from tests.learners.samples import random_batch

Array = npt.NDArray[Any]
STEPS, STREAMS, PROGRESS = 5, 3, 0.25
CLIPS = {"rho_bar": 1.3, "c_bar": 0.9, "rho_pg_bar": 0.7}
OBJECTIVES: list[dict[str, Any]] = [
    {"vtrace": {"weight": 1.5, "lam": 0.8, **CLIPS}, "value": {"weight": 0.7, "lam": 0.7}, "entropy": 0.3},
    {"vtrace": {"weight": {"linear": [1.0, 3.0]}, "lam": 0.8, "per_head": True, **CLIPS}, "value_quartic": 0.2,
     "value": {"weight": 0.7, "target": "vtrace"}, "entropy": {"cosine": [0.5, 0.1]}},
    {"upgo": {"weight": 0.6, "rho_bar": 1.2}, "value": {"weight": 0.5, "lam": 0.6}, "entropy": 0.0},
    {"upgo": {"per_head": True}, "ppo": {"weight": 0.8, "clip": 0.3, "lam": 0.9}, "value": {"clip": 0.2},
     "kl_reference": 0.4},
    {"ppo": {"normalise": False, "lam": 0.5}, "value": 0.0, "value_quartic": 0.0},
]


def same(found: torch.Tensor | None, expected: Any) -> None:
    """Raises AssertionError unless both are equal to 1e-12."""
    assert found is not None
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-11, atol=1e-12)


def check_unroll_objective(module: ModuleType, seed: int) -> None:
    """The whole loss, its gradient at every logit and value, and every metric, in one step and in minibatches."""
    for given in OBJECTIVES:
        for sizes in ((9,), (3, 5, 4)):
            one = _Case(module, Objective.model_validate(given), sizes, seed)
            one.check_whole()
            one.check_minibatches(seed)
    _check_target_kl(module, seed)


class _Case:
    """A random batch, a network of free logits and values, and the definitions of all that is made of them."""

    def __init__(self, module: ModuleType, config: Objective, sizes: tuple[int, ...], seed: int) -> None:
        self.module, self.config, self.sizes = module, config, sizes
        self.batch = random_batch(sizes, STEPS, STREAMS, seed)
        rng = np.random.default_rng(seed + 1)
        rows = (STEPS + 1) * STREAMS
        self.logits = torch.tensor(rng.normal(size=(rows, sum(sizes))), requires_grad=True)
        self.value = torch.tensor(rng.normal(size=rows), requires_grad=True)
        self.other = rng.normal(size=(rows, sum(sizes)))
        self.asked = 0

    def forward(self, observation: torch.Tensor, action: torch.Tensor) -> Output:
        """The observation of a row is its number."""
        self.asked += 1
        assert action.shape == (len(observation), len(self.sizes))
        picked = observation[:, 0]
        return Output(self.logits[picked], self.value[picked])

    def reference(self, observation: torch.Tensor, action: torch.Tensor) -> Output:
        picked = observation[:, 0]
        return Output(torch.tensor(self.other)[picked], torch.zeros(len(picked)))

    def objective(self, **settings: Any) -> Any:
        reference = None if self.config.kl_reference is None else self.reference
        return self.module.UnrollObjective(self.config, self.sizes, reference=reference, **settings)

    def expected(self, rows: Array | None = None) -> tuple[dict[str, float], Array, Array, dict[str, float]]:
        """`(terms, gradient [N, A] at logits, gradient [N] at values, facts)` of some of the N rows, weights included.

        What is said of targets is of the whole batch; gradients are 0 for other rows.
        """
        config, batch, sizes = self.config, self.batch, self.sizes
        total, n_all = STEPS * STREAMS, (STEPS, STREAMS)
        value = self.value.detach().numpy().reshape(STEPS + 1, STREAMS)
        now, bootstrap = value[:-1], value[-1]
        legal = batch.legal[:-1].numpy()
        log_p = definitions.log_policy(self.logits.detach().numpy()[:total].reshape(*n_all, -1), legal, sizes)
        action = batch.action[:-1].numpy()
        chosen = np.zeros_like(log_p)
        np.put_along_axis(chosen, action + np.cumsum([0, *sizes[:-1]]), 1, -1)
        of_head = np.stack([_picked(log_p, action, sizes, head) for head in range(len(sizes))], -1)
        log_rho = of_head - batch.log_prob.numpy()
        rho, by_head = np.exp(log_rho.sum(-1)), np.exp(log_rho)
        valid = batch.valid.numpy() == 1
        mine = valid.ravel().copy()
        if rows is not None:
            mine &= np.isin(np.arange(total), rows)
        mine = mine.reshape(n_all)
        n = mine.sum()

        def advantages(kind: str, ratio: Array, **settings: Any) -> Array:
            return _by_game(kind, valid, ratio, batch.discount.numpy(), batch.reward.numpy(), now, bootstrap, settings)

        terms: dict[str, float] = {}
        by_logit, by_value = np.zeros_like(log_p), np.zeros(n_all)
        grad_log_p = chosen - np.where(legal, np.exp(log_p), 0)

        def policy_gradient(name: str, weight: float, advantage: Array) -> None:
            if advantage.ndim == 3:
                spread = np.repeat(advantage, sizes, axis=-1)
                terms[name] = weight * -(advantage * of_head).sum(-1)[mine].mean()
            else:
                spread = advantage[..., None]
                terms[name] = weight * -(advantage * of_head.sum(-1))[mine].mean()
            by_logit[mine] -= weight * (spread * grad_log_p)[mine] / n

        vtrace, upgo, ppo = config.vtrace, config.upgo, config.ppo
        clips = {"clips": definitions.Clips(**CLIPS) if vtrace else definitions.Clips(1.0, 1.0, 1.0),
                 "lam": vtrace.lam if vtrace else 1.0}
        if vtrace is not None:
            heads = [advantages("vtrace", by_head[..., h], **clips) for h in range(len(sizes))]
            policy_gradient("vtrace", at(vtrace.weight, PROGRESS),
                            np.stack(heads, -1) if vtrace.per_head else advantages("vtrace", rho, **clips))
        if upgo is not None:
            heads = [advantages("upgo", by_head[..., h], rho_bar=upgo.rho_bar) for h in range(len(sizes))]
            policy_gradient("upgo", at(upgo.weight, PROGRESS),
                            np.stack(heads, -1) if upgo.per_head else advantages("upgo", rho, rho_bar=upgo.rho_bar))
        facts: dict[str, float] = {}
        if ppo is not None:
            advantage = advantages("gae", rho, lam=ppo.lam)
            if ppo.normalise:
                advantage = (advantage - advantage[mine].mean()) / (advantage[mine].std() + 1e-8)
            low, high = 1 - ppo.clip, 1 + ppo.clip
            gain = np.minimum(rho * advantage, np.clip(rho, low, high) * advantage)
            weight = at(ppo.weight, PROGRESS)
            terms["ppo"] = weight * -gain[mine].mean()
            held = np.where(advantage > 0, rho > high, rho < low)
            by_logit[mine] -= (weight * np.where(held, 0, rho * advantage)[..., None] * grad_log_p)[mine] / n
            facts |= {"ppo_clip_share": ((rho < low) | (rho > high))[mine].mean(),
                      "ppo_kl": (rho - 1 - log_rho.sum(-1))[mine].mean()}
        if config.value.target == "vtrace":
            target = advantages("vtrace_target", rho, **clips)
        else:
            target = advantages("td_lambda", rho, lam=config.value.lam)
        weight, error = at(config.value.weight, PROGRESS), now - target
        # the value of now is also the old one, so its clip never holds
        terms["value"] = weight * (error**2)[mine].mean()
        by_value[mine] += weight * 2 * error[mine] / n
        if config.value_quartic is not None:
            weight = at(config.value_quartic.weight, PROGRESS)
            terms["value_quartic"] = weight * (error**4)[mine].mean()
            by_value[mine] += weight * 4 * error[mine]**3 / n
        weight = at(config.entropy.weight, PROGRESS)
        entropy = definitions.entropy(log_p)
        terms["entropy"] = -weight * entropy[mine].mean()
        by_logit[mine] -= weight * definitions.entropy_gradient(log_p, sizes)[mine] / n
        if config.kl_reference is not None:
            weight = at(config.kl_reference.weight, PROGRESS)
            other = definitions.log_policy(self.other[:total].reshape(*n_all, -1), legal, sizes)
            p, q = np.where(legal, np.exp(other), 0), np.where(legal, np.exp(log_p), 0)
            apart = (p * (np.where(legal, other, 0) - np.where(legal, log_p, 0))).sum(-1)
            terms["kl_reference"] = weight * apart[mine].mean()
            by_logit[mine] += weight * (q - p)[mine] / n
        bar = vtrace.rho_bar if vtrace else 1.0
        facts |= {
            "entropy": entropy[mine].mean(), "kl_behaviour": (rho - 1 - log_rho.sum(-1))[valid].mean(),
            "rho_mean": rho[valid].mean(), "rho_clip_share": (rho > bar)[valid].mean(),
            "value_mean": now[valid].mean(), "value_std": now[valid].std(),
            "explained_variance": 1 - (target - now)[valid].var() / target[valid].var(),
        }
        return terms, by_logit.reshape(total, -1), by_value.ravel(), facts

    def check(self, terms: Terms, rows: Array | None = None) -> None:
        """Loss, metrics and gradients."""
        loss = terms.loss
        gradients = torch.autograd.grad(loss, (self.logits, self.value), materialize_grads=True)
        wanted, by_logit, by_value, facts = self.expected(rows)
        same(loss, sum(wanted.values()))
        assert terms.weighted.keys() == {name for name, term in wanted.items() if term}
        for name, term in terms.weighted.items():
            same(term, wanted[name])
        unweighted = {name.removeprefix("loss_") for name in terms.metrics if name.startswith("loss_")}
        assert unweighted == {*wanted, "policy"}
        assert terms.metrics.keys() - {f"loss_{name}" for name in unweighted} == facts.keys()
        for name, fact in facts.items():
            same(terms.metrics[name], fact)
        for name in terms.weighted:
            weight = at(getattr(self.config, name).weight, PROGRESS)
            same(terms.metrics[f"loss_{name}"], wanted[name] / weight)
        policy = [terms.metrics[f"loss_{name}"] for name in ("vtrace", "upgo", "ppo") if name in wanted]
        same(terms.metrics["loss_policy"], sum(one.item() for one in policy))
        assert not any(metric.requires_grad for metric in terms.metrics.values())
        total = STEPS * STREAMS
        for grad, expected in zip(gradients, (by_logit, by_value), strict=True):
            same(grad[:total], expected)
            assert torch.all(grad[total:] == 0)

    def check_whole(self) -> None:
        """One step with all rows needs one forward pass."""
        rng = np.random.default_rng(0)
        steps = list(self.objective().steps(self.forward, self.batch, PROGRESS, lambda: rng))
        assert len(steps) == self.asked == 1
        self.check(steps[0])

    def check_minibatches(self, seed: int) -> None:
        """Two epochs of three minibatches: every row once in each, targets as before the first step."""
        seen: list[list[int]] = []

        def forward(observation: torch.Tensor, action: torch.Tensor) -> Output:
            seen.append(observation[:, 0].tolist())
            return self.forward(observation, action)

        steps = self.objective(epochs=2, minibatch_rows=5).steps(
            forward, self.batch, PROGRESS, lambda: np.random.default_rng(seed))
        for number, terms in enumerate(steps):
            rows = np.array(seen[number + 1])
            if self.batch.valid.flatten()[rows].sum() > 1:
                self.check(terms, rows)
        every = list(range(STEPS * STREAMS))
        assert [len(rows) for rows in seen] == [(STEPS + 1) * STREAMS, *[5] * 6]
        epochs = [[*chain(*seen[1:4])], [*chain(*seen[4:])]]
        assert [sorted(epoch) for epoch in epochs] == [every, every]
        assert epochs[0] != epochs[1]


def _check_target_kl(module: ModuleType, seed: int) -> None:
    """No further epoch once the first minibatch of an epoch is further from the behaviour policy than 1.5 targets."""
    batch = random_batch((9,), STEPS, STREAMS, seed)
    logits = torch.zeros(((STEPS + 1) * STREAMS, 9), dtype=torch.float64)
    legal = batch.legal.flatten(0, 1)
    uniform = -torch.log(batch.legal[:-1].sum(-1, keepdim=True).double())
    batch = type(batch)(**vars(batch) | {"log_prob": uniform - 0.5, "valid": torch.ones_like(batch.valid)})

    def forward(observation: torch.Tensor, action: torch.Tensor) -> Output:
        picked = observation[:, 0]
        return Output(logits[picked], torch.zeros(len(picked), dtype=torch.float64))

    def made(target: float) -> int:
        logits.zero_()
        objective = module.UnrollObjective(
            Objective.model_validate({"ppo": {"target_kl": target}}), (9,), epochs=4, minibatch_rows=8)
        count = 0
        for _ in objective.steps(forward, batch, 0.0, lambda: np.random.default_rng(seed)):
            count += 1
            logits.copy_(torch.where(legal.cumsum(1) == 1, 0.5 * count, 0.0) * legal)    # the first legal one
        return count

    assert made(1e-6) == 2      # the second epoch is far away from its first minibatch on, the first never is
    assert made(1e6) == 8


def _picked(log_p: Array, action: Array, sizes: tuple[int, ...], head: int) -> Array:
    """Log-probability `[T, B]` of what a head chose."""
    place = action[..., head] + sum(sizes[:head])
    picked: Array = np.take_along_axis(log_p, place[..., None], -1)[..., 0]
    return picked


def _by_game(
    kind: str, valid: Array, rho: Array, discount: Array, reward: Array, value: Array, bootstrap: Array,
    settings: dict[str, Any],
) -> Array:
    """Advantages or targets computed game by game, each with its own bootstrap; rows without a decision hold 0."""
    out = np.zeros_like(value)
    values = np.concatenate([value, bootstrap[None]])
    for b, begin, end, _ in definitions.games(valid, discount):
        rows, stream = slice(begin, end), slice(b, b + 1)
        pieces = (discount[rows, stream], reward[rows, stream], value[rows, stream], values[end, stream])
        if kind == "td_lambda":
            out[rows, stream] = definitions.td_lambda(*pieces, **settings)
        elif kind == "gae":
            out[rows, stream] = definitions.gae(*pieces, **settings)
        elif kind == "upgo":
            out[rows, stream] = definitions.upgo(rho[rows, stream], *pieces, **settings)
        else:
            both = definitions.vtrace(rho[rows, stream], *pieces, **settings)
            out[rows, stream] = both[kind == "vtrace"]
    return out


CHECKS = {"unroll_objective": check_unroll_objective}
"""Module of learners/ and its check."""
