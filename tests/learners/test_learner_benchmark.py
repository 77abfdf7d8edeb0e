"""`ludus bench learner` records what it says, of the smallest networks, and needs no Ray for it."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from envs import registry
from learners.chunk import validate
from learners.config import Learning
from learners.network_config import Network
from learners.networks import build_network
from tests.benchmarks import learner
from tests.benchmarks.learner import Case, Passes, in_turns, like_size, measured, searched, unrolled

CPU = torch.device("cpu")
UNITS = {"": "rows/s", "/passes_share": "share", "/rate": "GFLOP/s", "/matmul": "GFLOP/s", "/of_matmul": "share"}
SMALLEST = {
    "mlp": (Case(Network(hidden=(4,)), layout="unroll"), 256),
    "tower": (Case(Network(kind="residual", channels=2, blocks=1)), 8),
}


@pytest.mark.parametrize("name", SMALLEST)
def test_a_case_is_measured(name: str) -> None:
    case, rows = SMALLEST[name]
    records = {str(one["case"]): one for one in measured(name, case, rows, CPU, repeats=2, seconds=0.0)}
    precision = next(iter(records)).rsplit("/", 1)[1]
    title = f"connect_four/{name}_{rows}/cpu/{precision}"
    assert {case: one["unit"] for case, one in records.items()} == {title + what: unit for what, unit in UNITS.items()}
    for one in records.values():
        assert one["repeats"] == 2
        assert isinstance(one["value"], float)
        assert one["value"] > 0


def test_it_needs_no_ray() -> None:
    code = """
import dataclasses, sys; sys.modules["ray"] = None
from serve import cli
from tests.benchmarks import learner
from tests.learners.test_learner_benchmark import SMALLEST
learner.CASES = {"mlp": dataclasses.replace(SMALLEST["mlp"][0], rows=(256,), quick=True)}
learner.REPEATS, learner.SECONDS = 1, 0.0
cli.bench("learner", peers=False, device="cpu", network=None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert [json.loads(line)["bench"] for line in done.stdout.splitlines()] == ["learner"] * len(UNITS), done.stderr


def test_what_cannot_be_measured_is_said_before_anything_is() -> None:
    with pytest.raises(ValueError, match="unknown network 'huge', expected one of mlp, small, medium, large"):
        learner.run(False, "cpu", ["mlp", "huge"])
    with pytest.raises(ValueError, match="unknown device 'abacus'"):
        learner.run(False, "abacus")


def test_chunks_fit_the_game_and_have_all_rows() -> None:
    game = registry.make("connect_four")
    for chunks, rows in ((unrolled(game, 512), 512), (searched(game, 64), 64)):
        assert sum(chunk.header.rows for chunk in chunks) == rows
        assert len({chunk.header.chunk_id for chunk in chunks}) == len(chunks)
        for chunk in chunks:
            validate(chunk, game)


def test_passes_change_the_weights_by_the_gradients_given() -> None:
    torch.set_num_threads(1)
    game = registry.make("connect_four")
    settings = Learning(network=Network(hidden=(4,)))
    passes = Passes(game, settings, CPU, np.ones((3, *game.observation_shape), game.observation_dtype))
    before = build_network(settings.network, game, seed=0)
    passes()
    moved = [not torch.equal(one, other) for one, other in zip(
        passes.network.parameters(), before.parameters(), strict=True)]
    assert all(moved)


def test_a_convolution_is_a_product_of_its_size() -> None:
    game = registry.make("connect_four")
    assert like_size(Network(kind="residual", channels=8), game, 5) == (5 * 42, 72, 8)
    assert like_size(Network(hidden=(16, 32)), game, 5) == (5, 16, 32)


def test_parts_run_in_turns() -> None:
    order: list[str] = []
    turns = in_turns([lambda: order.append("a"), lambda: order.append("b")], CPU, 0.001)
    assert turns.shape[1] == 2
    assert ((turns > 0) & (turns < 1)).all()
    assert {"a", "b"} == set(order)
