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

from tests.learners import definitions, objective_checks, scan_checks, search_checks
from tests.learners.samples import random_legal

Array = npt.NDArray[Any]
HEADS = ((9,), (20,), (3, 17, 4))


def same(found: torch.Tensor, expected: Any) -> None:
    """Raises AssertionError unless both are equal to 1e-12."""
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def check_masked(module: ModuleType, seed: int) -> None:
    """Means over the rows of mask 1; 0 for an empty mask; other rows may hold anything."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(2, 1, (2, 5, 3))
    mask = (rng.random((5, 3)) < 0.6).astype(np.float64)
    mask[0, 0], mask[1, 1], mask[2, 2] = 1, 1, 0
    poisoned, whole = torch.tensor(np.where(mask == 1, first, np.nan)), torch.tensor(second)
    same(module.masked_mean(poisoned, torch.tensor(mask)), first[mask == 1].mean())
    same(module.masked_mean(whole, torch.zeros(5, 3)), 0.0)
    columns = {"first": poisoned, "second": whole}
    found = module.masked_means(columns, torch.tensor(mask))
    same(found["first"], first[mask == 1].mean())
    same(found["second"], second[mask == 1].mean())
    assert [one.item() for one in module.masked_means(columns, torch.zeros(5, 3)).values()] == [0, 0]


def check_terms(module: ModuleType, seed: int) -> None:
    """Weights and part multiply; terms of weight 0 do not count unless all are; shares are norms of gradients."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(1, 3, 2)
    x, y = (torch.tensor(values, requires_grad=True) for values in (rng.normal(size=3), rng.normal(size=2)))
    first, second, endless = a * (x ** 2).sum(), b * y.sum(), x.sum() + torch.inf
    terms = module.Terms(module.weighted({"a": (2.0, first), "b": (-3.0, second), "c": (0.0, endless)}, 0.5), {})
    same(terms.loss, (first - 1.5 * second).item())
    norms = {"a": 2 * a * float(x.detach().norm()), "b": 1.5 * b * 2**0.5}
    for name, share in terms.gradient_shares([x, y]).items():
        same(share, norms[name.removeprefix("gradient_share_")] / sum(norms.values()))
        assert not share.requires_grad
    terms.loss.backward()
    assert x.grad is not None
    same(x.grad, 2 * a * x.detach().numpy())
    constant = second.detach()
    nothing = module.Terms(module.weighted({"a": (0.0, x.sum()), "b": (0.0, constant)}, 0.5), {})
    same(nothing.loss, 0.0)
    assert nothing.loss.requires_grad
    assert [float(share) for share in nothing.gradient_shares([x, y]).values()] == [0, 0]


def check_action_heads(module: ModuleType, seed: int) -> None:
    """Log-probabilities, joint log-probability, entropy, gradients and unpacking, for one head and for three."""
    rng = np.random.default_rng(seed)
    for sizes in HEADS:
        action, legal = random_legal(rng, (4, 3), sizes)
        logits = torch.tensor(rng.normal(0, 2, (4, 3, sum(sizes))), requires_grad=True)
        packed = torch.tensor(np.packbits(legal, axis=-1, bitorder="little"))
        unpacked = module.unpack_legal(packed, sum(sizes))
        for found in (unpacked, module.shift_out(packed, sum(sizes))):
            assert torch.equal(found, torch.tensor(legal).bool())

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


def random_valid(rng: np.random.Generator) -> Array:
    """A mask `[5, 3]` with at least one row that counts and one that does not."""
    valid = (rng.random((5, 3)) < 0.7).astype(np.float64)
    valid[0, 0], valid[1, 1] = 1, 0
    return valid


def check_policy_loss(module: ModuleType, seed: int) -> None:
    """Value and gradient of the masked policy gradient, of one head and of several."""
    rng = np.random.default_rng(seed)
    valid = random_valid(rng)
    for heads in ((), (4,)):
        log_prob = torch.tensor(-rng.random((5, 3, *heads)), requires_grad=True)
        advantage = torch.tensor(rng.normal(size=(5, 3, *heads)), requires_grad=True)
        loss = module.policy_gradient_loss(log_prob, advantage, torch.tensor(valid))
        weight = valid.reshape(5, 3, *(1 for _ in heads)) / valid.sum()
        same(loss, -(log_prob.detach().numpy() * advantage.detach().numpy() * weight).sum())
        loss.backward()
        assert log_prob.grad is not None
        same(log_prob.grad, -advantage.detach().numpy() * weight)
        assert advantage.grad is None


def check_value_loss(module: ModuleType, seed: int) -> None:
    """Values and gradients of the masked squared error, of its square, and of the clipped one."""
    rng = np.random.default_rng(seed)
    valid = random_valid(rng)
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

    value, old, target = (torch.tensor(rng.normal(size=(5, 3)), requires_grad=True) for _ in range(3))
    loss = module.clipped_value_loss(value, old, target, torch.tensor(valid), clip=0.5)
    expected, slope = 0.0, np.zeros((5, 3))
    for at in np.ndindex(5, 3):
        v, v_old, g = (x[at].item() for x in (value, old, target))
        held = min(max(v, v_old - 0.5), v_old + 0.5)
        expected += float(valid[at]) / valid.sum() * max((v - g) ** 2, (held - g) ** 2)
        if held == v or (v - g) ** 2 > (held - g) ** 2:
            slope[at] = valid[at] / valid.sum() * 2 * (v - g)
    same(loss, expected)
    loss.backward()
    assert value.grad is not None
    same(value.grad, slope)
    assert old.grad is None
    assert target.grad is None


def check_ppo_loss(module: ModuleType, seed: int) -> None:
    """Value and gradient row by row, on both sides of the clip, metrics, and normalised advantages."""
    rng = np.random.default_rng(seed)
    valid = random_valid(rng)
    old = torch.tensor(-1 - rng.random((5, 3)), requires_grad=True)
    now = torch.tensor(old.detach().numpy() + rng.normal(0, 0.4, (5, 3)), requires_grad=True)
    advantage = torch.tensor(rng.normal(size=(5, 3)), requires_grad=True)
    loss, metrics = module.ppo_loss(now, old, advantage, torch.tensor(valid), clip=0.2)
    expected, outside, distance, slope = 0.0, 0.0, 0.0, np.zeros((5, 3))
    for at in np.ndindex(5, 3):
        share = float(valid[at] / valid.sum())
        ratio, gain = float(np.exp(now[at].item() - old[at].item())), advantage[at].item()
        if (gain > 0 and ratio > 1.2) or (gain < 0 and ratio < 0.8):
            expected -= share * gain * (1.2 if gain > 0 else 0.8)
        else:
            expected -= share * gain * ratio
            slope[at] = -share * gain * ratio
        outside += share * (not 0.8 <= ratio <= 1.2)
        distance += share * float(ratio - 1 - np.log(ratio))
    same(loss, expected)
    loss.backward()
    assert now.grad is not None
    same(now.grad, slope)
    assert old.grad is None
    assert advantage.grad is None
    assert metrics.keys() == {"clip_share", "approx_kl"}
    assert not any(metric.requires_grad for metric in metrics.values())
    same(metrics["clip_share"], outside)
    same(metrics["approx_kl"], distance)

    far = torch.tensor([-1e9, 0.0, 1e9], dtype=torch.float64, requires_grad=True)
    every = torch.ones(3, dtype=torch.float64)
    loss, metrics = module.ppo_loss(far, far.detach().flip(0), -every, every, clip=0.2)
    loss.backward()
    assert far.grad is not None
    assert all(torch.isfinite(x).all() for x in (loss, far.grad, *metrics.values()))

    found = module.normalise(advantage, torch.tensor(valid))
    assert not found.requires_grad
    counted, raw = valid == 1, advantage.detach().numpy()
    same(found[torch.tensor(counted)], (raw[counted] - raw[counted].mean()) / (raw[counted].std() + 1e-8))
    hole = torch.tensor(np.where(counted, raw, np.nan))
    same(module.normalise(hole, torch.tensor(valid))[torch.tensor(counted)], found[torch.tensor(counted)])
    constant = torch.full((5, 3), 2.0, dtype=torch.float64)
    same(module.normalise(constant, torch.tensor(valid)), np.zeros((5, 3)))
    assert torch.isfinite(module.normalise(constant, torch.zeros(5, 3))).all()
    # two ranks with the same rows: the sums double, the statistics stay
    same(module.normalise(advantage, torch.tensor(valid), lambda x: 2 * x), found)


def check_reference_kl(module: ModuleType, seed: int) -> None:
    """Value and gradient, for one head and for three; whatever illegal actions hold."""
    rng = np.random.default_rng(seed)
    valid = random_valid(rng)
    for sizes in HEADS:
        _, legal = random_legal(rng, (5, 3), sizes)
        log_p, log_q = (definitions.log_policy(rng.normal(0, 2, legal.shape), legal, sizes) for _ in range(2))
        expected, slope = 0.0, np.zeros(legal.shape)
        for at in np.ndindex(*legal.shape):
            if legal[at]:
                expected += valid[at[:2]] * np.exp(log_q[at]) * (log_q[at] - log_p[at]) / valid.sum()
                slope[at] = -valid[at[:2]] * np.exp(log_q[at]) / valid.sum()
        for p, q in ((0.0, 0.0), (-np.inf, -np.inf), (-1e9, 0.0), (np.inf, np.nan)):
            policy = torch.tensor(np.where(legal, log_p, p), requires_grad=True)
            teacher = torch.tensor(np.where(legal, log_q, q), requires_grad=True)
            loss = module.reference_kl(policy, teacher, torch.tensor(legal).bool(), torch.tensor(valid))
            same(loss, expected)
            loss.backward()
            assert policy.grad is not None
            same(policy.grad, slope)
            assert teacher.grad is None
        same(module.reference_kl(teacher, teacher, torch.tensor(legal).bool(), torch.tensor(valid)), 0.0)
    certain = torch.tensor([[0.0, -torch.inf]]), torch.tensor([[True, True]]), torch.ones(1)
    same(module.reference_kl(torch.tensor([[0.5, 0.5]], dtype=torch.float64).log(), *certain), np.log(2))


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
    "action_heads": check_action_heads,
    "terms": check_terms,
    "policy_loss": check_policy_loss,
    "value_loss": check_value_loss,
    "ppo_loss": check_ppo_loss,
    "reference_kl": check_reference_kl,
    "cloning_loss": check_cloning_loss,
    **scan_checks.CHECKS,
    **search_checks.CHECKS,
    **objective_checks.CHECKS,
}
"""Module of learners/ and its check."""
