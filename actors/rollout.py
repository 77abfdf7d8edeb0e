"""A rollout worker: plays N games at once with one batched forward per step and seals what the learner's seats did.

A plain class; `actors.rollout_actor` puts it into a process of its own. Letters: N games, A actions, H heads.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from actors.config import Rollout
from actors.match import BOT_PREFIX, Match, MatchResult
from actors.policy import NetworkPolicy
from actors.seating import Seating
from learners.chunk import Chunk, seal
from learners.config import Network
from native.game import Game
from native.unroll import UnrollAssembler
from native.vector import VectorGame

MAX_NETWORKS = 64
"""Networks of other policies that a worker keeps; the one unused for longest goes first."""

Weights = Mapping[str, npt.NDArray[Any]]


class Coordination(Protocol):
    """Where matches come from and results go."""

    def assign(self, worker: str) -> Match: ...

    def report(self, result: MatchResult) -> object: ...


class WeightSource(Protocol):
    """Where weights come from."""

    def pull(self, policy: str, have: int) -> tuple[int, Weights] | None:
        """`(version, weights)` if there is a version newer than `have`, else None."""


class RolloutWorker:
    """Plays the matches that `coordination` assigns and gives chunks of the learner's decisions.

    `seed` fixes every game and every sampled action, given the weights and matches that arrive.
    """

    def __init__(
        self,
        name: str,
        game: Game,
        network: Network,
        settings: Rollout,
        *,
        discount: float,
        seed: int,
        learner: str,
        coordination: Coordination,
        weights: WeightSource,
    ) -> None:
        if game.simultaneous:
            raise ValueError(f"{game.name} moves all seats at once; rollouts take games in which one seat decides")
        self.name, self.game, self.network = name, game, network
        self._coordination, self._weights = coordination, weights
        self._games = VectorGame(game, settings.games, seed)
        self._seating = Seating(settings.games, game.num_players, learner, self._assign)
        self._assembler = UnrollAssembler(
            game, self._seating.num_lanes, settings.unroll, settings.chunk_unrolls, discount
        )
        self._rng = np.array([seed], np.uint64)
        self._learner = NetworkPolicy(game, network)
        self._others: OrderedDict[str, NetworkPolicy] = OrderedDict()
        self._every_row = np.arange(settings.games)
        self._actions = np.zeros((settings.games, len(game.head_sizes)), np.int32)
        self._sequence = 0
        self._seated = False
        self.elapsed_s = 0.0    # at play
        self.forward_s = 0.0    # of these, inside networks' forward passes
        self.totals: dict[str, float] = {}      # nothing besides what is reported by match
        self.note = ""

    @property
    def version(self) -> int:
        """Of the learner's weights that act now; -1 before the first."""
        return self._learner.version

    @property
    def ready(self) -> int:
        """Chunks that `next_chunk` gives without playing on: none."""
        return 0

    def next_chunk(self) -> Chunk:
        """Plays on until a chunk is full. Weights are looked up once per chunk."""
        start = perf_counter()
        self._refresh()
        if not self._seated:
            self._seating.seat_all(self._every_row)
            self._seated = True
        while not len(self._assembler):
            self._step()
        chunk = seal(
            self._assembler.take(),
            chunk_id=f"{self.name}-{self._sequence}",
            producer=self.name,
            sequence=self._sequence,
            match_id=self._seating.latest_match.match_id,
            player=self._seating.policies[0],
            game=self.game,
        )
        self._sequence += 1
        self.elapsed_s += perf_counter() - start
        return chunk

    def _assign(self) -> Match:
        return self._coordination.assign(self.name)

    def _refresh(self) -> None:
        pulled = self._weights.pull(self._seating.policies[0], self._learner.version)
        if pulled is not None:
            self._learner.load(*pulled)
        elif self._learner.version < 0:
            raise RuntimeError(f"worker {self.name!r} got no weights for {self._seating.policies[0]!r}")

    def _network(self, policy: str) -> NetworkPolicy:
        """The frozen network `policy`; kept among the latest used."""
        if policy not in self._others:
            pulled = self._weights.pull(policy, -1)
            if pulled is None:
                raise RuntimeError(f"worker {self.name!r} got no weights for {policy!r}")
            self._others[policy] = NetworkPolicy(self.game, self.network)
            self._others[policy].load(*pulled)
            if len(self._others) > MAX_NETWORKS:
                self._others.popitem(last=False)
        self._others.move_to_end(policy)
        return self._others[policy]

    def _step(self) -> None:
        games, seating = self._games, self._seating
        acting = games.to_act
        policy = seating.policy[self._every_row, acting]
        for number in seating.in_play:
            rows = np.flatnonzero(policy == number)
            if rows.size == 0:
                continue
            name = seating.policies[number]
            if name.startswith(BOT_PREFIX):
                games.bot_actions(name.removeprefix(BOT_PREFIX), rows, self._actions)
            else:
                self._decide(name, number == 0, rows, acting)
        games.step(self._actions)
        self._assembler.settle(
            seating.lane, games.rewards, games.terminal, games.truncated, games.final_observations
        )
        ended = np.flatnonzero(games.terminal | games.truncated)
        if ended.size:
            complete = seating.finish(ended, games.episode_returns[ended], games.episode_lengths[ended])
            for match_id, tallies in complete:
                self._coordination.report(MatchResult(match_id, self.name, tallies))

    def _decide(
        self, name: str, recorded: bool, rows: npt.NDArray[np.int64], acting: npt.NDArray[np.int32]
    ) -> None:
        policy = self._learner if recorded else self._network(name)
        everywhere = len(rows) == len(self._every_row)
        observations = self._games.observations if everywhere else self._games.observations[rows]
        legal = self._games.legal if everywhere else self._games.legal[rows]
        actions = np.empty((len(rows), self._actions.shape[1]), np.int32)
        log_probs = np.empty_like(actions, np.float32)
        before_s = policy.forward_s
        policy.act(observations, legal, self._rng, self._seating.temperature, actions, log_probs)
        self.forward_s += policy.forward_s - before_s
        self._actions[rows] = actions
        if recorded:
            lanes = self._seating.lane[rows, acting[rows]]
            self._assembler.record(lanes, observations, legal, actions, log_probs, policy.version)

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Arrays and plain data from which `load` goes on exactly. Call between chunks."""
        seating, data = self._seating.save()
        parts = {
            "games": self._games.save(),
            "assembler": self._assembler.save(),
            "seating": seating,
            "sampler": {"rng": self._rng.copy()},
        }
        arrays = {f"{part}.{name}": array for part, saved in parts.items() for name, array in saved.items()}
        return arrays, {"seating": data, "sequence": self._sequence}

    def load(self, arrays: Mapping[str, npt.NDArray[Any]], data: Mapping[str, Any]) -> None:
        """Goes on from what `save` gave."""
        parts: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = array
        self._games.load(parts["games"])
        self._assembler.load(parts["assembler"])
        self._rng = parts["sampler"]["rng"].copy()
        self._seating.load(parts["seating"], data["seating"])
        self._sequence = int(data["sequence"])
        self._seated = True
