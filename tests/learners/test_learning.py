"""A corridor, seen through tic-tac-toe's observations: the whole way from chunks to a better policy.

Nine cells in a row; action 0 goes left, 1 goes right, the others are illegal. Reaching the right end pays 1 and ends
the game; after 24 steps it is truncated. Letters: T transitions, B streams.
"""
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners.chunk import Chunk, seal
from learners.config import Learning, Optimiser
from learners.learner import Learner
from learners.network_config import Network
from learners.networks import Weights, build_network, write_weights
from learners.objective_config import Objective, Value
from tests.learners.samples import tic_tac_toe

Array = npt.NDArray[Any]
GAME = tic_tac_toe()
T, B, CELLS, LIMIT, GAMMA = 16, 32, 9, 24, 0.95
LEGAL = np.packbits(np.array([1, 1, 0, 0, 0, 0, 0, 0, 0], np.uint8), bitorder="little")
CONFIG = Learning(
    network=Network(hidden=(32,)), discount=GAMMA, objective=Objective(value=Value(lam=0.9)),
    optimiser=Optimiser(learning_rate=5e-3), device="cpu",
)


class Walkers:
    """B walkers that act with a copy of the network which may be older than the learner's."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.network = build_network(CONFIG.network, GAME, seed)
        self.version = 0
        self.cell = np.zeros(B, int)
        self.steps = np.zeros(B, int)
        self.ended = np.zeros(B, bool)      # truncated: the row at hand holds a last observation
        self.sequence = 0
        self.goals = self.games = 0

    def load(self, weights: Weights, version: int) -> None:
        write_weights(self.network, weights)
        self.version = version

    def observe(self) -> Array:
        observation = np.zeros((B, 18), np.uint8)
        observation[np.arange(B), self.cell] = 1
        return observation.reshape(B, 2, 3, 3)

    def chunk(self) -> Chunk:
        """T more transitions of every walker."""
        lead = (T + 1, B)
        columns: dict[str, Array] = {
            "observation": np.zeros((*lead, 2, 3, 3), np.uint8), "legal": np.broadcast_to(LEGAL, (*lead, 2)).copy(),
            "action": np.zeros((*lead, 1), np.int32), "log_prob": np.zeros((*lead, 1), np.float32),
            "reward": np.zeros(lead, np.float32), "discount": np.zeros(lead, np.float32),
            "valid": np.zeros(lead, np.uint8), "version": np.zeros(lead, np.int32),
        }
        for t in range(T):
            self.step({name: column[t] for name, column in columns.items()})
        columns["observation"][T] = self.observe()
        self.sequence += 1
        return seal(columns, chunk_id=f"walkers-{self.sequence}", producer="walkers", sequence=self.sequence,
                    match_id="corridor", player="main", game=GAME)

    def step(self, row: dict[str, Array]) -> None:
        row["observation"][:] = self.observe()
        with torch.inference_mode():
            logits, *_ = self.network(torch.from_numpy(row["observation"]))
        log_p = logits[:, :2].log_softmax(-1).numpy()
        right = self.rng.random(B) < np.exp(log_p[:, 1])
        acts = ~self.ended
        moved = np.clip(self.cell + np.where(right, 1, -1), 0, CELLS - 1)
        goal = acts & (moved == CELLS - 1)
        self.steps += acts
        row["valid"][:] = acts
        row["action"][:, 0] = right * acts
        row["log_prob"][:, 0] = np.where(right, log_p[:, 1], log_p[:, 0]) * acts
        row["reward"][:] = goal
        row["discount"][:] = GAMMA * (acts & ~goal)
        row["version"][:] = self.version
        truncated = acts & ~goal & (self.steps >= LIMIT)
        restart = goal | self.ended
        self.goals += int(goal.sum())
        self.games += int((goal | truncated).sum())
        self.cell = np.where(restart, 0, np.where(acts, moved, self.cell))
        self.steps[restart] = 0
        self.ended = truncated


def share_of_goals(learner: Learner, walkers: Walkers, updates: int, lag: int) -> float:
    """Trains on `updates` chunks made with weights `lag` updates old; the share of games that reached the goal."""
    walkers.goals = walkers.games = 0
    history = [(learner.weights(), learner.version)]
    for _ in range(updates):
        walkers.load(*history[0])
        learner.update([walkers.chunk()])
        history = [*history[-lag:], (learner.weights(), learner.version)]
    return walkers.goals / walkers.games


def test_the_walkers_learn_to_go_right_from_old_data() -> None:
    learner, walkers = Learner(GAME, CONFIG, seed=1), Walkers(seed=1)
    first = share_of_goals(learner, walkers, updates=5, lag=3)
    share_of_goals(learner, walkers, updates=120, lag=3)
    last = share_of_goals(learner, walkers, updates=10, lag=3)
    assert first < 0.5
    assert last > 0.98

    cells = np.zeros((CELLS - 1, 18), np.uint8)
    cells[np.arange(CELLS - 1), np.arange(CELLS - 1)] = 1
    with torch.inference_mode():
        value = learner.network(torch.from_numpy(cells.reshape(-1, 2, 3, 3))).value
    expected = GAMMA ** np.arange(CELLS - 2, -1, -1)    # of walking straight to the goal
    np.testing.assert_allclose(value.numpy(), expected, atol=0.15)


def test_the_same_seeds_learn_the_same() -> None:
    ends = []
    for _ in range(2):
        learner, walkers = Learner(GAME, CONFIG, seed=2), Walkers(seed=2)
        share_of_goals(learner, walkers, updates=5, lag=1)
        ends.append({name: array.tobytes() for name, array in learner.weights().items()})
    assert ends[0] == ends[1]
