"""Rounding to bfloat16: only where it is asked for, close to float32, and the same every time."""
from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

from envs.registry import make
from learners.config import Learning
from learners.learner import Learner
from learners.network_config import Network
from learners.networks import Weights
from learners.precision import autocast, has_bfloat16
from tests.learners.searched import searched_chunks

CPU = torch.device("cpu")


def product(precision: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.randn(32, 32, generator=generator) for _ in range(2))
    with autocast(precision, CPU):
        return left @ right


def test_what_each_setting_computes_with() -> None:
    exact, rounded = product("float32"), product("bfloat16")
    assert (exact.dtype, rounded.dtype) == (torch.float32, torch.bfloat16)
    assert 0 < float((rounded.float() - exact).abs().max()) < 0.1
    assert product("auto").dtype == (torch.bfloat16 if has_bfloat16(CPU) else torch.float32)


@pytest.mark.parametrize("network", [Network(hidden=(16,)), Network(kind="residual", channels=8, blocks=1)])
def test_an_update_in_bfloat16_is_close_and_repeats(network: Network) -> None:
    game = make("tic_tac_toe")
    chunks = searched_chunks(game, 12, seed=1)

    def learned(precision: Literal["float32", "bfloat16"]) -> tuple[dict[str, float], Weights]:
        learner = Learner(game, Learning(network=network, precision=precision, minibatch_rows=16), seed=1)
        return learner.update(chunks), learner.weights()

    exact, _ = learned("float32")
    (rounded, weights), (again, same) = learned("bfloat16"), learned("bfloat16")
    for name in ("loss_policy", "loss_value"):
        assert rounded[name] != exact[name]
        assert rounded[name] == pytest.approx(exact[name], rel=0.02)
    assert rounded == again
    assert all(np.array_equal(array, same[name]) and array.dtype == np.float32 for name, array in weights.items())
