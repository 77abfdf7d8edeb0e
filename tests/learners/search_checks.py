"""Checks of what is learned from searched decisions against the definitions; see `tests/learners/checks.py`.

Float64, tolerance 1e-12. Letters: N rows, A actions, K targets.
"""
from __future__ import annotations

from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners.objective_config import SearchObjective
from learners.output import Output
from learners.schedule import at
from tests.learners import definitions
from tests.learners.row_checks import check_rows, check_weight_average
from tests.learners.samples import random_row_batch

Array = npt.NDArray[Any]
ACTIONS, ROWS = 7, 6


def same(found: torch.Tensor | None, expected: Any) -> None:
    """Raises AssertionError unless both are equal to 1e-12."""
    assert found is not None
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def leaf(values: Array) -> torch.Tensor:
    """A tensor that gathers a gradient."""
    return torch.tensor(values, requires_grad=True)


def probabilities(logits: Array) -> Array:
    """Softmax along the last axis."""
    odds = np.exp(logits)
    shares: Array = odds / odds.sum(-1, keepdims=True)
    return shares


def dense(action: Array, prob: Array, num_actions: int) -> Array:
    """`[N, A]` of sparse targets."""
    out = np.zeros((len(action), num_actions))
    for row in range(len(action)):
        for place in range(action.shape[1]):
            out[row, action[row, place]] += prob[row, place]
    return out


def cross_entropy(target: Array, p: Array) -> float:
    """Mean over the rows of `- sum target log p`, 0 log 0 = 0."""
    return -sum(float(target[i] * np.log(p[i])) for i in np.ndindex(*target.shape) if target[i]) / len(target)


def check_distillation_loss(module: ModuleType, seed: int) -> None:
    """Value and gradient; unused places count for nothing, though their action is illegal; the target is constant."""
    rng = np.random.default_rng(seed)
    batch = random_row_batch(ACTIONS, ROWS, seed)
    target = dense(batch.target_action.numpy(), batch.target_prob.numpy(), ACTIONS)
    log_p = rng.uniform(-4, 0, (ROWS, ACTIONS))
    log_p[~batch.legal.numpy()] = -1e9
    given, prob = leaf(log_p), batch.target_prob.clone().requires_grad_()
    loss = module.distillation_loss(given, batch.target_action, prob)
    same(loss, cross_entropy(target, np.exp(log_p)))
    loss.backward()
    same(given.grad, -target / ROWS)
    assert prob.grad is None


def check_illegal_mass(module: ModuleType, seed: int) -> None:
    """Value and gradient `p_i (illegal_i - mass) / N`; 0 where everything is legal."""
    batch = random_row_batch(ACTIONS, ROWS, seed)
    logits = np.random.default_rng(seed).normal(0, 2, (ROWS, ACTIONS))
    given, illegal = leaf(logits), 1.0 - batch.legal.numpy()
    loss = module.illegal_mass(given, batch.legal)
    p = probabilities(logits)
    same(loss, (p * illegal).sum() / ROWS)
    loss.backward()
    same(given.grad, p * (illegal - (p * illegal).sum(1, keepdims=True)) / ROWS)
    same(module.illegal_mass(given, torch.ones_like(batch.legal)), 0.0)


def check_difficulty_loss(module: ModuleType, seed: int) -> None:
    """Value and gradient `(sigmoid(d) - target) / N`, surprises on both sides of 2 nats; the target is constant."""
    rng = np.random.default_rng(seed)
    logits, surprise = rng.normal(0, 2, ROWS), rng.uniform(0, 2, ROWS)
    surprise[:2] = 2.5, 30.0
    given, told = leaf(logits), leaf(surprise)
    loss = module.difficulty_loss(given, told)
    target = np.array([min(1.0, nats / 2) for nats in surprise])
    p = 1 / (1 + np.exp(-logits))
    same(loss, -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum() / ROWS)
    loss.backward()
    same(given.grad, (p - target) / ROWS)
    assert told.grad is None


def check_wdl_loss(module: ModuleType, seed: int) -> None:
    """Value and gradient; class 0 is won, 1 drawn, 2 lost."""
    rng = np.random.default_rng(seed)
    logits, outcome = rng.normal(0, 2, (ROWS, 3)), rng.permutation([1.0, 0.0, -1.0, 1.0, 1.0, 0.0])
    given = leaf(logits)
    loss = module.wdl_loss(given, torch.tensor(outcome))
    happened = np.stack([outcome == 1, outcome == 0, outcome == -1], 1).astype(float)
    same(loss, cross_entropy(happened, probabilities(logits)))
    loss.backward()
    same(given.grad, (probabilities(logits) - happened) / ROWS)


def check_search_objective(module: ModuleType, seed: int) -> None:
    """The whole loss, its gradient at every output of the network, and every metric, for all kinds of networks."""
    for softmax, wdl, difficulty in product(("legal", "all"), (False, True), (False, True)):
        _check_combination(module, SearchObjective.model_validate({
            "distillation": {"weight": 1.5, "softmax": softmax}, "value_quartic": 0.25, "difficulty": 0.6,
            "value": {"weight": {"linear": [0.3, 1.1]}, "root_value_share": 0.0 if wdl else 0.3}, "illegal": 0.9,
            "kl_reference": None if difficulty else 0.4,
        }), wdl=wdl, difficulty=difficulty, seed=seed)
    nothing = SearchObjective.model_validate({"distillation": 0.0, "value": 0.0, "difficulty": 0.0})
    _check_combination(module, nothing, wdl=True, difficulty=True, seed=seed)
    batch = random_row_batch(ACTIONS, ROWS, seed)
    huge = Output(torch.zeros(ROWS, ACTIONS), torch.full((ROWS,), 1e12))
    single = type(batch)(**{name: x.float() if x.is_floating_point() else x for name, x in vars(batch).items()})
    assert torch.isfinite(module.search_terms(huge, single, SearchObjective()).loss)     # the fourth power is not


def _check_combination(module: ModuleType, config: SearchObjective, *, wdl: bool, difficulty: bool, seed: int) -> None:
    rng = np.random.default_rng(seed + 1)
    batch = random_row_batch(ACTIONS, ROWS, seed)
    logits, value = rng.normal(0, 1, (ROWS, ACTIONS)), rng.uniform(-1, 1, ROWS)
    raw, doubt = rng.normal(size=(ROWS, 3)), rng.normal(size=ROWS)
    output = Output(leaf(logits), leaf(value), leaf(raw) if wdl else None, leaf(doubt) if difficulty else None)
    reference = rng.normal(0, 1, (ROWS, ACTIONS))
    terms = module.search_terms(output, batch, config, 0.5, reference=torch.tensor(reference))
    loss, metrics = terms.loss, terms.metrics
    loss.backward()

    policy, mix = at(config.distillation.weight, 0.5), config.value.root_value_share
    of_value, of_difficulty = at(config.value.weight, 0.5), at(config.difficulty.weight, 0.5)
    quartic, against_illegal = (0.0 if term is None else at(term.weight, 0.5)
                                for term in (config.value_quartic, config.illegal))
    legal, outcome = batch.legal.numpy(), batch.outcome.numpy()
    target = dense(batch.target_action.numpy(), batch.target_prob.numpy(), ACTIONS)
    full = probabilities(logits)
    q = np.where(legal, full, 0) / np.where(legal, full, 0).sum(1, keepdims=True)
    p = q if config.distillation.softmax == "legal" else full
    z = (1 - mix) * outcome + mix * batch.root_value.numpy()
    illegal = (full * ~legal).sum(1)
    expected = {
        "loss_policy": cross_entropy(target, p),
        "loss_value": ((value - z) ** 2).sum() / ROWS,
        "loss_value_quartic": ((value - z) ** 4).sum() / ROWS,
        "loss_illegal_penalty": illegal.sum() / ROWS,
        "policy_entropy": definitions.entropy(definitions.log_policy(logits, legal, (ACTIONS,))).sum() / ROWS,
        "value_mean": value.mean(), "value_std": value.std(),
    }
    weights = {"loss_policy": policy, "loss_value": 0.0 if wdl else of_value,
               "loss_value_quartic": quartic, "loss_illegal_penalty": against_illegal}
    happened = np.stack([outcome == 1, outcome == 0, outcome == -1], 1).astype(float)
    hard = np.minimum(1, batch.surprise.numpy() / 2)
    sure = 1 / (1 + np.exp(-doubt))
    if wdl:
        expected["loss_value_wdl"] = cross_entropy(happened, probabilities(raw))
        weights["loss_value_wdl"] = of_value
    if difficulty:
        expected["loss_difficulty"] = -(hard * np.log(sure) + (1 - hard) * np.log(1 - sure)).sum() / ROWS
        weights["loss_difficulty"] = of_difficulty
    teacher = np.where(legal, probabilities(reference), 0)
    teacher /= teacher.sum(1, keepdims=True)
    near = 0.0
    if config.kl_reference is not None:
        near = weights["loss_kl_reference"] = at(config.kl_reference.weight, 0.5)
        expected["loss_kl_reference"] = cross_entropy(teacher, q) - cross_entropy(teacher, teacher)
    same(loss, sum(weight * expected[name] for name, weight in weights.items()))
    kept = [name for name, weight in weights.items() if weight] or weights
    assert terms.weighted.keys() == {name.removeprefix("loss_") for name in kept}
    assert metrics.keys() == expected.keys()
    for name, metric in metrics.items():
        assert not metric.requires_grad
        same(metric, expected[name])

    by_logit = policy * (p - target) + against_illegal * full * (~legal - illegal[:, None]) + near * (q - teacher)
    same(_gradient(output.logits), by_logit / ROWS)
    if config.distillation.softmax == "legal" and not against_illegal:
        assert torch.all(_gradient(output.logits)[~batch.legal] == 0)
    same(_gradient(output.value),
         (2 * weights["loss_value"] * (value - z) + 4 * quartic * (value - z) ** 3) / ROWS)
    if output.wdl is not None:
        same(_gradient(output.wdl), of_value * (probabilities(raw) - happened) / ROWS)
    if output.difficulty is not None:
        same(_gradient(output.difficulty), of_difficulty * (sure - hard) / ROWS)


def _gradient(x: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x) if x.grad is None else x.grad


CHECKS = {
    "distillation_loss": check_distillation_loss,
    "illegal_mass": check_illegal_mass,
    "difficulty_loss": check_difficulty_loss,
    "wdl_loss": check_wdl_loss,
    "search_objective": check_search_objective,
    "rows": check_rows,
    "weight_average": check_weight_average,
}
"""Module of learners/ and its check."""
