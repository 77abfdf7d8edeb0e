"""Every loss module agrees with its definition, for Hypothesis' seeds."""
from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.batch import Batch, Staging
from learners.objective_config import Objective
from learners.output import Output
from learners.terms import Terms
from learners.unroll_objective import UnrollObjective
from tests.learners.checks import CHECKS
from tests.learners.samples import random_batch, random_chunk, tic_tac_toe


@pytest.mark.parametrize("name", CHECKS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 2))
def test_agrees_with_its_definition(name: str, seed: int) -> None:
    CHECKS[name](importlib.import_module(f"learners.{name}"), seed)


def terms(batch: Batch, logits: torch.Tensor, value: torch.Tensor) -> Terms:
    """One step of a network of free logits and values; `batch` has one action head of 9."""
    config = Objective.model_validate({"vtrace": {}, "upgo": {}, "ppo": {}, "value": {"target": "vtrace"}})

    def forward(observation: torch.Tensor, action: torch.Tensor) -> Output:
        return Output(logits, value)

    [only] = UnrollObjective(config, (9,)).steps(forward, batch, 0.0, lambda: np.random.default_rng(0))
    return only


def test_a_batch_without_a_decision_has_loss_and_gradient_zero() -> None:
    batch = random_batch((9,), 4, 3, seed=0)
    batch.valid.zero_()
    batch.discount.zero_()
    logits = torch.randn(15, 9, dtype=torch.float64, requires_grad=True)
    value = torch.randn(15, dtype=torch.float64, requires_grad=True)
    found = terms(batch, logits, value)
    found.loss.backward()  # type: ignore[no-untyped-call]
    assert found.loss.item() == 0
    assert logits.grad is not None
    assert value.grad is not None
    assert torch.all(logits.grad == 0)
    assert torch.all(value.grad == 0)
    assert all(torch.isfinite(metric) for metric in found.metrics.values())


def test_a_huge_ratio_stays_finite() -> None:
    batch = random_batch((9,), 4, 3, seed=0)
    batch.log_prob.fill_(-2000.0)
    logits = torch.randn(15, 9, dtype=torch.float64, requires_grad=True)
    found = terms(batch, logits, torch.randn(15, dtype=torch.float64))
    assert torch.isfinite(found.loss)
    assert all(torch.isfinite(metric) for metric in found.metrics.values())


def test_batch_and_loss_never_wait_for_the_device() -> None:
    """On torch's meta device tensors have no values, so reading one, or falling back to native code, would raise."""
    game = tic_tac_toe()
    batch = Staging(game, torch.device("meta")).collate([random_chunk(game, (6, 4), 0), random_chunk(game, (6, 3), 1)])
    logits = torch.empty(42, 9, device="meta", requires_grad=True)
    found = terms(batch, logits, torch.empty(42, device="meta", requires_grad=True))
    assert found.loss.device.type == "meta"
    assert all(metric.shape == () for metric in found.metrics.values())
