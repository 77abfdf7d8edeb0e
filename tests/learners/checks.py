"""Checks of each loss module against its definition, written for any module of that interface.

The tests run them on the real modules, `mutants.py` on broken ones, which must fail. Float64, tolerance 1e-12.
"""
from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners import td_lambda, vtrace
from learners.config import Loss
from tests.learners import definitions, search_checks
from tests.learners.samples import random_batch, random_legal

Array = npt.NDArray[Any]
CLIPS = definitions.Clips(rho_bar=1.3, c_bar=0.9, rho_pg_bar=0.7)
HEADS = ((9,), (3, 5, 4))


def same(found: torch.Tensor, expected: Any) -> None:
    """Raises AssertionError unless both are equal to 1e-12."""
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def recursion_inputs(seed: int) -> tuple[Array, Array, Array, Array, Array]:
    """`(rho, discount, reward, value, bootstrap)` with T = 6, B = 4, ratios on both sides of each clip, some ends."""
    rng = np.random.default_rng(seed)
    lead = (6, 4)
    return (np.exp(rng.normal(0, 0.8, lead)), rng.choice([0.0, 0.8, 1.0], lead, p=[0.2, 0.4, 0.4]),
            rng.normal(size=lead), rng.normal(size=lead), rng.normal(size=lead[1]))


def check_masked(module: ModuleType, seed: int) -> None:
    """Mean and variance over the rows of mask 1; 0 for an empty mask."""
    rng = np.random.default_rng(seed)
    x, mask = rng.normal(2, 1, (5, 3)), (rng.random((5, 3)) < 0.6).astype(np.float64)
    mask[0, 0], mask[1, 1], mask[2, 2] = 1, 1, 0
    same(module.masked_mean(torch.tensor(x), torch.tensor(mask)), x[mask == 1].mean())
    same(module.masked_variance(torch.tensor(x), torch.tensor(mask)), x[mask == 1].var())
    poisoned = torch.tensor(np.where(mask == 1, x, np.nan))
    same(module.masked_mean(poisoned, torch.tensor(mask)), x[mask == 1].mean())
    same(module.masked_mean(torch.tensor(x), torch.zeros(5, 3)), 0.0)


def check_vtrace(module: ModuleType, seed: int) -> None:
    """Both the native route and the scan agree with equation (1); nothing carries a gradient."""
    inputs = recursion_inputs(seed)
    for lam in (1.0, 0.6):
        expected = definitions.vtrace(*inputs, clips=CLIPS, lam=lam)
        for function in (module.vtrace, module.scan_vtrace):
            found = function(*(torch.tensor(x) for x in inputs), **CLIPS._asdict(), lam=lam)
            for one, other in zip(found, expected, strict=True):
                same(one, other)
    tracked = [torch.tensor(x, requires_grad=True) for x in inputs]
    assert not any(x.requires_grad for x in module.vtrace(*tracked, **CLIPS._asdict(), lam=1.0))
    strided = [torch.stack([torch.tensor(x)] * 2, -1)[..., 0] for x in inputs]
    same(module.vtrace(*strided, **CLIPS._asdict(), lam=0.6)[0], expected[0])


def check_td_lambda(module: ModuleType, seed: int) -> None:
    """Both the native route and the scan agree with the mean of n-step returns; no gradient."""
    inputs = recursion_inputs(seed)[1:]
    for lam in (0.0, 0.7, 1.0):
        expected = definitions.td_lambda(*inputs, lam=lam)
        for function in (module.td_lambda, module.scan_td_lambda):
            same(function(*(torch.tensor(x) for x in inputs), lam=lam), expected)
    tracked = [torch.tensor(x, requires_grad=True) for x in inputs]
    assert not module.td_lambda(*tracked, lam=0.7).requires_grad


def check_truncation(module: ModuleType, seed: int) -> None:
    """With neutral rows the recursion over the whole stream equals the definition applied to each game alone."""
    rho, discount, reward, value, bootstrap = recursion_inputs(seed)
    valid = np.random.default_rng(seed + 1).random(rho.shape) < 0.7
    rows = module.neutralise(*(torch.tensor(x) for x in (valid.astype(np.float64), rho, discount, reward, value)))
    v, advantage, target = definitions.by_game(
        valid, rho, discount, reward, value, bootstrap, clips=CLIPS, vtrace_lam=0.8, lam=0.7)
    ratio, discounts, rewards = rows
    V, V_T = torch.tensor(value), torch.tensor(bootstrap)
    found_v, found_advantage = vtrace.vtrace(
        ratio, discounts, rewards, V, V_T, **CLIPS._asdict(), lam=0.8)
    found_target = td_lambda.td_lambda(discounts, rewards, V, V_T, lam=0.7)
    for found, expected in ((found_v, v), (found_advantage, advantage), (found_target, target)):
        same(found[torch.tensor(valid)], expected[valid])
    same(found_v[torch.tensor(~valid)], value[~valid])
    same(ratio[torch.tensor(~valid)], 1.0)


def check_action_heads(module: ModuleType, seed: int) -> None:
    """Log-probabilities, joint log-probability, entropy, gradients and unpacking, for one head and for three."""
    rng = np.random.default_rng(seed)
    for sizes in HEADS:
        action, legal = random_legal(rng, (4, 3), sizes)
        logits = torch.tensor(rng.normal(0, 2, (4, 3, sum(sizes))), requires_grad=True)
        packed = torch.tensor(np.packbits(legal, axis=-1, bitorder="little"))
        unpacked = module.unpack_legal(packed, sum(sizes))
        assert torch.equal(unpacked, torch.tensor(legal).bool())

        expected = definitions.log_policy(logits.detach().numpy(), legal, sizes)
        log_p = module.log_policy(logits, unpacked, sizes)
        same(log_p[unpacked], expected[legal == 1])
        assert torch.all(log_p[~unpacked].exp() == 0)
        assert torch.isfinite(log_p).all()
        joint = module.joint_log_prob(log_p, torch.tensor(action), sizes)
        same(joint, definitions.joint_log_prob(expected, action, sizes))

        entropy = module.entropy(log_p, unpacked)
        same(entropy, definitions.entropy(expected))
        weight = torch.tensor(rng.normal(size=(4, 3)))
        (gradient,) = torch.autograd.grad((entropy * weight).sum(), logits, retain_graph=True)
        same(gradient, definitions.entropy_gradient(expected, sizes) * weight.numpy()[..., None])
        (gradient,) = torch.autograd.grad(joint.sum(), logits)
        assert torch.all(gradient[~unpacked] == 0)
        assert torch.any(gradient[unpacked] != 0)

    nothing_legal = module.log_policy(torch.randn(2, 9), torch.zeros(2, 9, dtype=torch.bool), (9,))
    torch.testing.assert_close(nothing_legal.exp(), torch.full((2, 9), 1 / 9))


def check_policy_loss(module: ModuleType, seed: int) -> None:
    """Value and gradient of the masked policy gradient."""
    rng = np.random.default_rng(seed)
    log_prob = torch.tensor(-rng.random((5, 3)), requires_grad=True)
    advantage = torch.tensor(rng.normal(size=(5, 3)), requires_grad=True)
    valid = (rng.random((5, 3)) < 0.7).astype(np.float64)
    valid[0, 0], valid[1, 1] = 1, 0
    loss = module.policy_gradient_loss(log_prob, advantage, torch.tensor(valid))
    product = log_prob.detach().numpy() * advantage.detach().numpy()
    same(loss, -(product * valid).sum() / valid.sum())
    loss.backward()
    assert log_prob.grad is not None
    same(log_prob.grad, -advantage.detach().numpy() * valid / valid.sum())
    assert advantage.grad is None


def check_value_loss(module: ModuleType, seed: int) -> None:
    """Values and gradients of the masked squared error and of its square."""
    rng = np.random.default_rng(seed)
    valid = (rng.random((5, 3)) < 0.7).astype(np.float64)
    valid[0, 0], valid[1, 1] = 1, 0
    for function, power in ((module.squared_value_loss, 2), (module.quartic_value_loss, 4)):
        value = torch.tensor(rng.normal(size=(5, 3)), requires_grad=True)
        target = torch.tensor(rng.normal(size=(5, 3)), requires_grad=True)
        loss = function(value, target, torch.tensor(valid))
        error = value.detach().numpy() - target.detach().numpy()
        same(loss, (error**power * valid).sum() / valid.sum())
        loss.backward()
        assert value.grad is not None
        same(value.grad, power * error**(power - 1) * valid / valid.sum())
        assert target.grad is None


def check_actor_critic(module: ModuleType, seed: int) -> None:
    """The whole loss, its gradient at every logit and value, and every metric."""
    config = Loss(policy_weight=1.5, value_weight=0.7, lam=0.7, vtrace_lambda=0.8, **CLIPS._asdict())
    entropy_weight = 0.3
    for sizes in HEADS:
        batch = random_batch(sizes, 5, 3, seed)
        rng = np.random.default_rng(seed + 1)
        logits = torch.tensor(rng.normal(size=(6, 3, sum(sizes))), requires_grad=True)
        value = torch.tensor(rng.normal(size=(6, 3)), requires_grad=True)
        loss, metrics = module.actor_critic_loss(logits, value, batch, sizes, config, entropy_weight)
        loss.backward()

        V, legal, action = value.detach().numpy(), batch.legal[:-1].numpy(), batch.action.numpy()
        valid, n = batch.valid.numpy(), batch.valid.numpy().sum()
        acted = valid == 1
        log_p = definitions.log_policy(logits.detach().numpy()[:-1], legal, sizes)
        log_prob = definitions.joint_log_prob(log_p, action, sizes)
        log_rho = log_prob - batch.log_prob.numpy().sum(-1)
        rho = np.exp(log_rho)
        _, advantage, target = definitions.by_game(
            acted, rho, batch.discount.numpy(), batch.reward.numpy(), V[:-1], V[-1],
            clips=CLIPS, vtrace_lam=0.8, lam=0.7)
        loss_policy = -(advantage * log_prob)[acted].mean()
        loss_value = ((V[:-1] - target)[acted] ** 2).mean()
        entropy = definitions.entropy(log_p)[acted].mean()
        total = 1.5 * loss_policy + 0.7 * loss_value - entropy_weight * entropy
        same(loss, total)

        chosen = np.zeros_like(log_p)
        np.put_along_axis(chosen, action + np.cumsum([0, *sizes[:-1]]), 1, -1)
        by_logit = -1.5 * advantage[..., None] * (chosen - np.exp(log_p))
        by_logit -= entropy_weight * definitions.entropy_gradient(log_p, sizes)
        assert logits.grad is not None
        assert value.grad is not None
        same(logits.grad[:-1], by_logit * valid[..., None] / n)
        same(value.grad[:-1], 1.4 * (V[:-1] - target) * valid / n)
        assert torch.all(logits.grad[-1] == 0)
        assert torch.all(value.grad[-1] == 0)
        assert torch.all(logits.grad[:-1][~batch.legal[:-1]] == 0)

        expected = {
            "loss_total": total, "loss_policy": loss_policy, "loss_value": loss_value, "entropy": entropy,
            "kl_behaviour": (rho - 1 - log_rho)[acted].mean(), "rho_mean": rho[acted].mean(),
            "rho_clip_share": (rho > 1.3)[acted].mean(), "value_mean": V[:-1][acted].mean(),
            "value_std": V[:-1][acted].std(),
            "explained_variance": 1 - (target - V[:-1])[acted].var() / target[acted].var(),
        }
        assert metrics.keys() == expected.keys()
        for name, metric in metrics.items():
            assert not metric.requires_grad
            same(metric, expected[name])


def check_cloning_loss(module: ModuleType, seed: int) -> None:
    """Value and gradient: minus the log of the softmax of what was played, added over the heads."""
    rng = np.random.default_rng(seed)
    for sizes in HEADS:
        logits = torch.tensor(rng.normal(0, 2, (5, sum(sizes))), requires_grad=True)
        action = np.stack([rng.integers(0, size, 5) for size in sizes], -1).astype(np.int32)
        expected, slope, begin = 0.0, np.zeros((5, sum(sizes))), 0
        for head, size in enumerate(sizes):
            odds = np.exp(logits.detach().numpy()[:, begin:begin + size])
            p = odds / odds.sum(axis=1, keepdims=True)
            for row in range(5):
                expected -= np.log(p[row, action[row, head]]) / 5
                slope[row, begin:begin + size] = p[row] / 5
                slope[row, begin + action[row, head]] -= 1 / 5
            begin += size
        loss = module.cloning_loss(logits, torch.tensor(action), sizes)
        same(loss, expected)
        loss.backward()
        assert logits.grad is not None
        same(logits.grad, slope)


CHECKS: dict[str, Callable[[ModuleType, int], None]] = {
    "masked": check_masked,
    "vtrace": check_vtrace,
    "td_lambda": check_td_lambda,
    "truncation": check_truncation,
    "action_heads": check_action_heads,
    "policy_loss": check_policy_loss,
    "value_loss": check_value_loss,
    "actor_critic": check_actor_critic,
    "cloning_loss": check_cloning_loss,
    **search_checks.CHECKS,
}
"""Module of learners/ and its check."""
