"""A self-play worker: plays N games at once, a search for every decision, and seals what the searches found.

A plain class; `actors.search_actor` puts it into a process of its own. A decision is learned from once its game is
over. Games that reach the game's time limit count with the return they have by then.

`surprise` of a row is KL(search || network) in nats over the actions that the search would play, the network's policy
being its softmax over all actions, illegal ones too (razzle's difficulty target is min(1, surprise / 2)).
Letters: N games, A actions, P seats, n rows.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from actors.config import SelfPlay
from actors.draws import draw, uniform
from actors.game_records import GameRecords
from actors.match import BOT_PREFIX, MatchResult
from actors.parts import flat, nested
from actors.rollout import Coordination, WeightSource
from actors.searcher import Searcher
from actors.seating import Seating
from learners.chunk import Chunk, seal
from learners.dataset_split import Columns, join, tightened
from native.game import Game
from native.vector import VectorGame

MAX_SEARCHERS = 8
"""Policies whose searchers a worker keeps, the learner's among them; the one unused for longest goes first."""

RATE, WEIGHT = "_rate", "turns"
"""A game's metrics that end so are added up times that one, where it has it: rates are pooled over games."""

# What a draw is for.
SEARCH, HELD_OUT, OPENS, OPENING, CHECKS, RESTART = range(6)


class SelfPlayWorker:
    """Plays the matches that `coordination` assigns and gives chunks of the learner's decisions in layout "rows".

    `make_searcher` gives a searcher of its own to every policy that plays. `seed` fixes every game, search and draw,
    given the weights and matches that arrive. Raises ValueError for a game in which several seats move at once.
    """

    def __init__(
        self,
        name: str,
        game: Game,
        settings: SelfPlay,
        *,
        seed: int,
        learner: str,
        coordination: Coordination,
        weights: WeightSource,
        make_searcher: Callable[[str], Searcher],
    ) -> None:
        if game.simultaneous or len(game.head_sizes) > 1:
            raise ValueError(f"{game.name} is not played one action at a time; a search needs that")
        if settings.resign_below is not None and (game.num_players != 2 or not game.zero_sum):
            raise ValueError(f"resign_below needs a zero-sum game of two seats, which {game.name} is not")
        self.name, self.game, self.settings = name, game, settings
        self._coordination, self._weights, self._make_searcher = coordination, weights, make_searcher
        self._seed = seed
        self._games = VectorGame(game, settings.games, seed)
        self._seating = Seating(settings.games, game.num_players, learner, self._assign)
        self._searchers: dict[str, Searcher] = {learner: make_searcher(learner)}
        self._records = GameRecords(settings.games)
        self._episode = np.arange(settings.games, dtype=np.int64)     # the running game of each row
        self._begun = settings.games
        self._opening = self._opening_lengths(self._episode)
        self._resigned = np.full(settings.games, -1, np.int64)        # who has just given up
        self._would_resign = np.full(settings.games, -1, np.int64)    # who first would have, in games that check it
        self._every_row = np.arange(settings.games)
        self._actions = np.zeros((settings.games, 1), np.int32)
        self._waiting: dict[str, list[Columns]] = {"train": [], "held_out": []}
        self._ready: deque[Chunk] = deque()
        self._sequence = 0
        self._seated = False
        self._moves = 0
        self.elapsed_s = 0.0        # at play
        self._batches: dict[str, int] = {}  # that policies had evaluated in a former life
        self._retired_forward_s = 0.0   # of searchers that are gone
        self.totals: dict[str, float] = dict.fromkeys(
            ("games", "plies", "decisions", "resignations", "resign_checks", "resign_mistakes"), 0.0
        )
        self.totals |= {f"game_{metric}": 0.0 for metric in game.metric_names}

    @property
    def version(self) -> int:
        """Of the learner's weights that act now; -1 before the first."""
        return self._main.version

    @property
    def forward_s(self) -> float:
        """Seconds of `elapsed_s` inside networks' forward passes."""
        return self._retired_forward_s + sum(searcher.forward_s for searcher in self._searchers.values())

    @property
    def steps(self) -> int:
        """Rises while it plays: moves of all games together, and forward passes."""
        return self._moves + sum(searcher.batches for searcher in list(self._searchers.values()))

    @property
    def note(self) -> str:
        """What people should know: the engine that evaluates for the learner's policy, and why."""
        return self._main.note

    @property
    def _main(self) -> Searcher:
        return self._searchers[self._seating.policies[0]]

    @property
    def ready(self) -> int:
        """Chunks that `next_chunk` gives without playing on: held-out games come after those they were played with."""
        return len(self._ready)

    def next_chunk(self) -> Chunk:
        """Plays on until a chunk is full. Weights are looked up once per chunk."""
        start = perf_counter()
        if not self._ready:
            self._refresh()
            if not self._seated:
                self._seating.seat_all(self._every_row)
                self._seated = True
            while not self._ready:
                self._step()
        self.elapsed_s += perf_counter() - start
        return self._ready.popleft()

    def _assign(self) -> Any:
        return self._coordination.assign(self.name)

    def _refresh(self) -> None:
        learner = self._seating.policies[0]
        pulled = self._weights.pull(learner, self._main.version)
        if pulled is not None:
            self._main.load(*pulled)
        elif self._main.version < 0:
            raise RuntimeError(f"worker {self.name!r} got no weights for {learner!r}")

    def _searcher(self, policy: str) -> Searcher:
        """Of the learner or of a frozen policy."""
        if policy in self._searchers:
            self._searchers[policy] = self._searchers.pop(policy)   # the one used last is the last
        else:
            pulled = self._weights.pull(policy, -1)
            if pulled is None:
                raise RuntimeError(f"worker {self.name!r} got no weights for {policy!r}")
            searcher = self._make_searcher(policy)
            searcher.load(*pulled)
            searcher.batches = self._batches.pop(policy, 0)
            self._searchers[policy] = searcher
            if len(self._searchers) > MAX_SEARCHERS:
                oldest = next(one for one in self._searchers if one not in (self._seating.policies[0], policy))
                self._retired_forward_s += self._searchers.pop(oldest).forward_s
        return self._searchers[policy]

    def _step(self) -> None:
        games, seating = self._games, self._seating
        policy = seating.policy[self._every_row, games.to_act]
        opening = self._openings()
        for number in seating.in_play:
            rows = np.flatnonzero((policy == number) & ~opening)
            if rows.size == 0:
                continue
            name = seating.policies[number]
            if name.startswith(BOT_PREFIX):
                games.bot_actions(name.removeprefix(BOT_PREFIX), rows, self._actions)
            else:
                self._decide(name, number == 0, rows)
        games.step(self._actions)
        self._moves += 1
        self._end()

    def _openings(self) -> npt.NDArray[np.bool_]:
        """Rows that play a random move now, which is put into `_actions`."""
        opening: npt.NDArray[np.bool_] = self._games.lengths < self._opening
        if opening.any():
            actions = np.empty_like(self._actions)
            self._games.random_actions(actions)
            self._actions[opening] = actions[opening]
        return opening

    def _opening_lengths(self, episodes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """How many random moves these games begin with."""
        share, most = self.settings.opening_share, self.settings.opening_moves
        if share == 0 or most == 0:
            return np.zeros(len(episodes), np.int64)
        length = (draw(self._seed, OPENING, episodes) % np.uint64(most)).astype(np.int64) + 1
        return np.where(uniform(self._seed, OPENS, episodes) < share, length, 0)

    def _decide(self, policy: str, recorded: bool, rows: npt.NDArray[np.int64]) -> None:
        settings, games = self.settings, self._games
        searcher = self._searcher(policy)
        plies = games.lengths[rows]
        search = searcher.search(
            games.states[rows], draw(self._seed, SEARCH, self._episode[rows], plies.astype(np.int64))
        )
        late = np.float32(settings.temperature_late)
        self._actions[rows, 0] = search.actions(
            np.where(plies < settings.temperature_moves, np.float32(settings.temperature), late)
        )
        self._consider_resigning(rows, search.root_values)
        self.totals["decisions"] += len(rows)
        if not recorded:
            return
        seats = games.to_act[rows]
        learned = np.flatnonzero(search.full)
        rows, seats = rows[learned], seats[learned]
        target_action, target_prob = search.targets()
        self._records.add(rows, {
            "observation": games.observations[rows],
            "legal": np.packbits(games.legal[rows], axis=-1, bitorder="little"),
            "action": self._actions[rows],
            "target_action": target_action[learned],
            "target_prob": target_prob[learned],
            "root_value": search.root_values[learned],
            "surprise": search.surprise()[learned],
            "ply": games.lengths[rows],
            "version": np.full(len(rows), searcher.version, np.int32),
            "seat": seats,
            "return": games.returns[rows, seats],
        })

    def _consider_resigning(self, rows: npt.NDArray[np.int64], values: npt.NDArray[np.float32]) -> None:
        below = self.settings.resign_below
        if below is None:
            return
        hopeless = rows[values < below]
        checking = uniform(self._seed, CHECKS, self._episode[hopeless]) < self.settings.resign_checks
        first = hopeless[checking & (self._would_resign[hopeless] < 0)]
        self._would_resign[first] = self._games.to_act[first]
        giving_up = hopeless[~checking]
        self._resigned[giving_up] = self._games.to_act[giving_up]

    def _end(self) -> None:
        """Counts and replaces the games that are over."""
        games = self._games
        over = (games.terminal | games.truncated) != 0
        gave_up = (self._resigned >= 0) & ~over
        self._resigned[over] = -1
        ended = np.flatnonzero(over | gave_up)
        if not ended.size:
            return
        returns, lengths = games.episode_returns[ended].copy(), games.episode_lengths[ended].copy()
        for place in np.flatnonzero(gave_up[ended]):
            row = int(ended[place])
            returns[place] = np.where(np.arange(2) == self._resigned[row], -1, 1)
            lengths[place] = games.lengths[row]
            games.set_state(row, self.game.new_state(int(draw(self._seed, RESTART, int(self._episode[row]))[0])))
        self._count(ended, returns, lengths, over[ended])
        self._collect(ended, returns)
        self._resigned[ended] = self._would_resign[ended] = -1
        self._episode[ended] = np.arange(self._begun, self._begun + len(ended))
        self._opening[ended] = self._opening_lengths(self._episode[ended])
        self._begun += len(ended)
        for match_id, tallies in self._seating.finish(ended, returns, lengths):
            self._coordination.report(MatchResult(match_id, self.name, tallies))

    def _count(
        self, ended: npt.NDArray[np.int64], returns: npt.NDArray[np.float32], lengths: npt.NDArray[np.int32],
        played_out: npt.NDArray[np.bool_],
    ) -> None:
        totals = self.totals
        totals["games"] += len(ended)
        totals["plies"] += float(lengths.sum())
        totals["resignations"] += float((~played_out).sum())
        checked = np.flatnonzero(self._would_resign[ended] >= 0)
        totals["resign_checks"] += len(checked)
        totals["resign_mistakes"] += float((returns[checked, self._would_resign[ended[checked]]] >= 0).sum())
        names, metrics = self.game.metric_names, self._games.metrics[ended[played_out]]
        for at, metric in enumerate(names):
            weight = metrics[:, names.index(WEIGHT)] if metric.endswith(RATE) and WEIGHT in names else 1.0
            totals[f"game_{metric}"] += float((metrics[:, at] * weight).sum())

    def _collect(self, ended: npt.NDArray[np.int64], returns: npt.NDArray[np.float32]) -> None:
        """Takes the decisions of these games, now that their outcome is known; seals chunks that are full."""
        places, columns = self._records.take(ended)
        if not columns:
            return
        episode = self._episode[ended][places]
        columns["outcome"] = returns[places, columns.pop("seat")] - columns.pop("return")
        columns["episode"] = episode
        held_out = uniform(self._seed, HELD_OUT, episode) < self.settings.held_out
        for split, rows in (("train", ~held_out), ("held_out", held_out)):
            if rows.any():
                self._waiting[split].append({name: column[rows] for name, column in columns.items()})
        if self._is_full(self._waiting["train"]):
            for split, parts in self._waiting.items():
                if parts:
                    self._seal(split, join(parts))
                    parts.clear()

    def _is_full(self, parts: list[Columns]) -> bool:
        if self.settings.chunk_games is not None:
            return len({one for part in parts for one in part["episode"].tolist()}) >= self.settings.chunk_games
        return sum(len(part["outcome"]) for part in parts) >= self.settings.chunk_rows

    def _seal(self, split: str, columns: Columns) -> None:
        self._ready.append(seal(
            tightened(columns),
            chunk_id=f"{self.name}-{self._sequence}",
            producer=self.name,
            sequence=self._sequence,
            match_id=self._seating.latest_match.match_id,
            player=self._seating.policies[0],
            game=self.game,
            layout="rows",
            split=split,
        ))
        self._sequence += 1

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Arrays and plain data from which `load` goes on exactly, given the weights. Call when no chunk is ready."""
        seating, data = self._seating.save()
        parts = {
            "games": self._games.save(),
            "records": self._records.save(),
            "seating": seating,
            "own": {"episode": self._episode.copy(), "would_resign": self._would_resign.copy()},
            **{split: join(waiting) for split, waiting in self._waiting.items() if waiting},
        }
        batches = self._batches | {policy: searcher.batches for policy, searcher in self._searchers.items()}
        return flat(parts), {
            "seating": data, "sequence": self._sequence, "begun": self._begun, "totals": self.totals,
            "batches": batches, "seated": self._seated,
        }

    def load(self, arrays: Mapping[str, npt.NDArray[Any]], data: Mapping[str, Any]) -> None:
        """Goes on from what `save` gave."""
        parts = nested(arrays)
        self._games.load(parts["games"])
        self._records.load(parts["records"])
        self._episode, self._would_resign = (parts["own"][name].copy() for name in ("episode", "would_resign"))
        self._opening = self._opening_lengths(self._episode)
        self._seating.load(parts["seating"], data["seating"])
        for split, waiting in self._waiting.items():
            waiting[:] = [parts[split]] if split in parts else []
        self._sequence, self._begun, self.totals = int(data["sequence"]), int(data["begun"]), dict(data["totals"])
        self._batches = {policy: int(batches) for policy, batches in data["batches"].items()}
        self._main.batches = self._batches.pop(self._seating.policies[0], 0)
        self._seated = bool(data["seated"])
