"""A rollout worker: plays N games at once with one batched forward per step and seals what the learner's seats did.

A plain class; `actors.rollout_actor` puts it into a process of its own. Letters: N games, P seats, A actions, H heads,
D decisions that a step may bring: N, or N P in a game whose seats all decide at once.
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
from actors.parts import flat, nested
from actors.policy import NetworkPolicy
from actors.seating import Seating
from envs.adapters.vectors import make_vector
from learners.chunk import Chunk, seal
from learners.network_config import Network
from native.game import Game
from native.unroll import UnrollAssembler

NOBODY = -1
"""In place of a policy, where a seat has nothing to decide."""
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

    `seed` fixes every game and every sampled action, given the weights and matches that arrive. In a game whose seats
    decide all at once a seat that is out decides nothing: its lane waits for the end of the game, and what the seat is
    still given belongs to its last decision.
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
        self.name, self.game, self.network = name, game, network
        self._coordination, self._weights = coordination, weights
        self._games = make_vector(game, settings.games, seed)
        self._seating = Seating(settings.games, game.num_players, learner, self._assign)
        self._assembler = UnrollAssembler(
            game, self._seating.num_lanes, settings.unroll, settings.chunk_unrolls, discount
        )
        self._rng = np.array([seed], np.uint64)
        self._learner = NetworkPolicy(game, network)
        self._others: OrderedDict[str, NetworkPolicy] = OrderedDict()
        self._every_row = np.arange(settings.games)
        # who sits in seat s of game i is entry i * P + s of what Seating has in [N, P]
        self._first_seat = self._every_row * game.num_players
        self._every_seat = np.arange(settings.games * game.num_players)
        shown, heads = self._games.num_legal.shape, len(game.head_sizes)
        self._actions = np.zeros((*shown, heads), np.int32)
        # the same memory, a row for each of the D decisions
        self._action_rows = self._actions.reshape(-1, heads)
        self._observation_rows = self._games.observations.reshape(-1, *game.observation_shape)
        self._legal_rows = self._games.legal.reshape(-1, game.num_actions)
        self._sequence = 0
        self._seated = False
        self.elapsed_s = 0.0    # at play
        self.forward_s = 0.0    # of these, inside networks' forward passes
        self.totals: dict[str, float] = {}      # nothing besides what is reported by match
        self.note = ""
        self.steps = 0          # moves of all games together

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
        at_once = self.game.simultaneous
        seats = self._every_seat if at_once else self._first_seat + games.to_act
        policy = seating.policy.ravel()[seats]
        if at_once:
            policy[games.num_legal.ravel() == 0] = NOBODY
        for number in seating.in_play:
            chosen = np.flatnonzero(policy == number)
            if chosen.size == 0:
                continue
            name = seating.policies[number]
            if not name.startswith(BOT_PREFIX):
                self._decide(name, number == 0, chosen, seats)
            elif at_once:
                rows, players = np.divmod(chosen, self.game.num_players)
                games.bot_actions(name.removeprefix(BOT_PREFIX), rows, self._actions, players)
            else:
                games.bot_actions(name.removeprefix(BOT_PREFIX), chosen, self._actions)
        games.step(self._actions)
        self.steps += 1
        self._assembler.settle(
            seating.lane, games.rewards, games.terminal, games.truncated, games.final_observations
        )
        ended = np.flatnonzero(games.terminal | games.truncated)
        if ended.size:
            complete = seating.finish(ended, games.episode_returns[ended], games.episode_lengths[ended])
            for match_id, tallies in complete:
                self._coordination.report(MatchResult(match_id, self.name, tallies))

    def _decide(
        self, name: str, recorded: bool, chosen: npt.NDArray[np.int64], seats: npt.NDArray[np.int64]
    ) -> None:
        """One forward for the `chosen` of the D decisions, of which `seats` tells in whose seat each one is."""
        policy = self._learner if recorded else self._network(name)
        everywhere = len(chosen) == len(seats)
        observations = self._observation_rows if everywhere else self._observation_rows[chosen]
        legal = self._legal_rows if everywhere else self._legal_rows[chosen]
        actions = np.empty((len(chosen), self._actions.shape[-1]), np.int32)
        log_probs = np.empty_like(actions, np.float32)
        before_s = policy.forward_s
        policy.act(observations, legal, self._rng, self._seating.temperature, actions, log_probs)
        self.forward_s += policy.forward_s - before_s
        self._action_rows[chosen] = actions
        if recorded:
            lanes = self._seating.lane.ravel()[seats[chosen]]
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
        return flat(parts), {"seating": data, "sequence": self._sequence, "seated": self._seated}

    def load(self, arrays: Mapping[str, npt.NDArray[Any]], data: Mapping[str, Any]) -> None:
        """Goes on from what `save` gave."""
        parts = nested(arrays)
        self._games.load(parts["games"])
        self._assembler.load(parts["assembler"])
        self._rng = parts["sampler"]["rng"].copy()
        self._seating.load(parts["seating"], data["seating"])
        self._sequence = int(data["sequence"])
        self._seated = bool(data["seated"])
