"""Every loss module agrees with its definition, for Hypothesis' seeds."""
from __future__ import annotations

import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.actor_critic import actor_critic_loss
from learners.batch import Staging
from learners.config import Loss
from tests.learners.checks import CHECKS
from tests.learners.samples import random_batch, random_chunk, tic_tac_toe


@pytest.mark.parametrize("name", CHECKS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 2))
def test_agrees_with_its_definition(name: str, seed: int) -> None:
    CHECKS[name](importlib.import_module(f"learners.{name}"), seed)


def test_a_batch_without_a_decision_has_loss_and_gradient_zero() -> None:
    batch = random_batch((9,), 4, 3, seed=0)
    batch.valid.zero_()
    batch.discount.zero_()
    logits = torch.randn(5, 3, 9, dtype=torch.float64, requires_grad=True)
    value = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    loss, metrics = actor_critic_loss(logits, value, batch, (9,), Loss(), 0.01)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert logits.grad is not None
    assert value.grad is not None
    assert torch.all(logits.grad == 0)
    assert torch.all(value.grad == 0)
    assert all(torch.isfinite(metric) for metric in metrics.values())


def test_a_huge_ratio_stays_finite() -> None:
    batch = random_batch((9,), 4, 3, seed=0)
    batch.log_prob.fill_(-2000.0)
    logits = torch.randn(5, 3, 9, dtype=torch.float64, requires_grad=True)
    loss, metrics = actor_critic_loss(logits, torch.randn(5, 3, dtype=torch.float64), batch, (9,), Loss(), 0.01)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(metric) for metric in metrics.values())


def test_batch_and_loss_never_wait_for_the_device() -> None:
    """On torch's meta device tensors have no values, so reading one, or falling back to native code, would raise."""
    game = tic_tac_toe()
    batch = Staging(game, torch.device("meta")).collate([random_chunk(game, (6, 4), 0), random_chunk(game, (6, 3), 1)])
    logits = torch.empty(6, 7, 9, device="meta", requires_grad=True)
    value = torch.empty(6, 7, device="meta", requires_grad=True)
    loss, metrics = actor_critic_loss(logits, value, batch, (9,), Loss(), 0.01)
    assert loss.device.type == "meta"
    assert all(metric.shape == () for metric in metrics.values())
