"""Checks of the shuffled, mirrored minibatches and of the averaged weights; see `tests/learners/checks.py`."""
from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import envs.registry
from learners.chunk import Chunk, seal
from native.game import Game
from tests.learners.samples import random_targets

Array = npt.NDArray[Any]
CPU = torch.device("cpu")
GAMES = {name: envs.registry.make(name) for name in ("tic_tac_toe", "connect_four")}


def played_chunk(game: Game, lines: list[list[int]], seed: int, *, targets: int = 3, number: int = 0) -> Chunk:
    """One row per line of play, decided after its moves; row i is known by its outcome `(number + i) / 1024`."""
    rng = np.random.default_rng(seed)
    states = [position(game, line) for line in lines]
    legal = np.stack([state.legal() for state in states])
    target_action, target_prob = random_targets(rng, legal, targets)
    rows = len(lines)
    return seal({
        "observation": np.stack([state.observe() for state in states]),
        "legal": np.packbits(legal, axis=-1, bitorder="little"),
        "action": np.array([[mask.argmax()] for mask in legal], np.int32),
        "target_action": target_action, "target_prob": target_prob.astype(np.float32),
        "root_value": rng.uniform(-1, 1, rows).astype(np.float32),
        "outcome": ((number + np.arange(rows)) / 1024).astype(np.float32),
        "surprise": rng.exponential(1, rows).astype(np.float32),
        "episode": np.arange(rows), "ply": np.array([len(line) for line in lines], np.int32),
        "version": np.full(rows, number, np.int32),
    }, chunk_id=f"played-{number}", producer="p", sequence=number, match_id="m", player="main", game=game,
        layout="rows")


def position(game: Game, line: list[int]) -> Any:
    """The state after the moves of `line`."""
    state = game.new_state(0)
    for move in line:
        state.apply(move)
    return state


def random_lines(game: Game, count: int, seed: int) -> list[list[int]]:
    """Beginnings of random games, none of them over."""
    rng = np.random.default_rng(seed)
    lines: list[list[int]] = []
    while len(lines) < count:
        line: list[int] = []
        state = game.new_state(0)
        for _ in range(rng.integers(0, 6)):
            line.append(int(rng.choice(state.legal_actions())))
            state.apply(line[-1])
            if state.is_terminal:
                break
        if not state.is_terminal:
            lines.append(line)
    return lines


def dense(batch: Any, row: int, num_actions: int) -> Array:
    """The target of one row over all actions."""
    out = np.zeros(num_actions, np.float32)
    for action, prob in zip(batch.target_action[row].tolist(), batch.target_prob[row].tolist(), strict=True):
        out[action] += prob
    return out


def check_rows(module: ModuleType, seed: int) -> None:
    """Every row once, and equal in all columns to the row of the game played in one of the symmetries, all of them."""
    for game in GAMES.values():
        lines = random_lines(game, 90, seed)
        chunks = [played_chunk(game, lines[:40], seed),
                  played_chunk(game, lines[40:], seed, targets=5, number=40)]
        plain = {name: np.concatenate([chunk.columns[name] for chunk in chunks])
                 for name in ("root_value", "surprise", "outcome")}
        targets = np.zeros((90, game.num_actions), np.float32)
        for chunk, begin in zip(chunks, (0, 40), strict=True):
            for row, (actions, probs) in enumerate(
                    zip(chunk.columns["target_action"], chunk.columns["target_prob"], strict=True)):
                np.add.at(targets[begin + row], actions, probs)
        for allowed in (True, False):
            staging = module.RowStaging(game, CPU, symmetries=allowed, wdl=False)
            staging.stage([played_chunk(game, lines, seed, targets=7)])     # leaves its rows in the memory
            rows = staging.stage(chunks)
            assert rows.rows == 90
            assert rows.mean_version == (0 * 40 + 40 * 50) / 90
            met: list[int] = []
            used = set()
            order = []
            for batch in staging.minibatches(rows, 32, np.random.default_rng(seed)):
                assert batch.target_prob.shape[1] == 5
                assert batch.legal.dtype == torch.bool
                assert batch.target_action.dtype == torch.int64
                order.append(len(batch.outcome))
                for row in range(len(batch.outcome)):
                    one = round(float(batch.outcome[row]) * 1024)
                    met.append(one)
                    assert float(batch.root_value[row]) == plain["root_value"][one]
                    assert float(batch.surprise[row]) == plain["surprise"][one]
                    used |= _symmetries_of(game, lines[one], targets[one], batch, row)
            assert order == [32, 32, 26]
            assert sorted(met) == list(range(90))
            assert met != sorted(met)
            assert used == (set(range(len(game.symmetries))) if allowed else {0})
            again = [batch.outcome for batch in staging.minibatches(rows, 32, np.random.default_rng(seed))]
            assert [round(x * 1024) for x in torch.cat(again).tolist()] == met
            for size, lengths in {90: [90], 200: [90], 61: [90], 60: [60, 30], 40: [40, 50], 1: [1] * 90}.items():
                cut = staging.minibatches(rows, size, np.random.default_rng(seed))
                assert [len(batch.outcome) for batch in cut] == lengths


def _symmetries_of(game: Game, line: list[int], target: Array, batch: Any, row: int) -> set[int]:
    """Symmetries in which this row of a minibatch is that line of play; if there are several, only the unique one."""
    fitting = set()
    for number, (_, index) in enumerate(game.symmetries):
        place = {int(old): new for new, old in enumerate(index)}        # where the symmetry puts each action
        state = position(game, [place[move] for move in line])
        wanted = np.zeros_like(target)
        for action, prob in enumerate(target):
            wanted[place[action]] = prob
        if (np.array_equal(state.observe(), batch.observation[row].numpy())
                and np.array_equal(state.legal().astype(bool), batch.legal[row].numpy())
                and np.allclose(dense(batch, row, game.num_actions), wanted, atol=1e-6)):
            fitting.add(number)
    assert fitting
    return fitting if len(fitting) == 1 else set()


def check_weight_average(module: ModuleType, seed: int) -> None:
    """`sum of weight_k * parameter_k` with the weights written out, from the first parameters on; copies come back."""
    rng = np.random.default_rng(seed)
    for decay in (0.9, 0.3):
        history = rng.normal(size=(31, 4)).astype(np.float32)
        parameter = torch.tensor(history[0], requires_grad=True)
        average = module.WeightAverage({"w": parameter}, decay)
        for values in history[1:]:
            with torch.no_grad():
                parameter.copy_(torch.tensor(values))
            average.update(torch.tensor(1.0))
            average.update(torch.tensor(0.0))    # a step that was left out
        kept = [min(decay, (1 + n) / (10 + n)) for n in range(1, 31)]
        expected = np.prod(kept) * history[0].astype(np.float64)
        for n in range(1, 31):
            expected += (1 - kept[n - 1]) * np.prod(kept[n:]) * history[n].astype(np.float64)
        found = average.weights()
        np.testing.assert_allclose(found["w"], expected, rtol=2e-6, atol=2e-6)
        assert not average.tensors["w"].requires_grad
        assert average.steps == 30
        average.update(torch.tensor(1.0))
        np.testing.assert_allclose(found["w"], expected, rtol=2e-6, atol=2e-6)     # a copy

        twin = module.WeightAverage({"w": parameter}, decay)
        twin.load(average.weights(), average.steps)
        for one in (average, twin):
            one.update(torch.tensor(1.0))
        assert torch.equal(average.tensors["w"], twin.tensors["w"])
        average.begin_anew()
        assert torch.equal(average.tensors["w"], parameter.detach())
        assert average.steps == 0
        with pytest.raises(ValueError, match="averaged weights do not fit the network: no w; unknown v"):
            twin.load({"v": found["w"]}, 1)
