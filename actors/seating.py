"""Which policy sits where in each of N running games, which lane records it, and what the finished games count.

Games take their seats from one match after another: a running game keeps its match to its end, so changing opponents
never cuts a game short. Letters: N games, P seats.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from actors.match import Match, Tally, match_from_row, opponent_of

NOT_RECORDED = -1
OUTCOMES = 3    # wins, draws, losses


@dataclass
class _Running:
    """A match with the counts of its games so far; every array has one entry per seat of the player counted."""

    match: Match
    rotations: npt.NDArray[np.int32]    # [P, P]: numbers of the policies in the seats of game j, at j modulo P
    learner: int                    # number of the learner's policy
    started: int
    finished: int
    outcomes: npt.NDArray[np.int64] = field(repr=False)
    return_sum: npt.NDArray[np.float64] = field(repr=False)
    length_sum: npt.NDArray[np.int64] = field(repr=False)


class FreeLanes:
    """Lanes that record nobody, the one that has waited longest first; all of them at the beginning."""

    def __init__(self, num_lanes: int) -> None:
        self._ring = np.arange(num_lanes, dtype=np.int32)
        self._first, self._count = 0, num_lanes

    def take(self, count: int) -> npt.NDArray[np.int32]:
        """The `count` longest waiting lanes, which are then no longer free."""
        if count > self._count:
            raise ValueError(f"{count} lanes wanted, {self._count} are free")
        lanes = self._ring[self._places(0, count)]
        self._first = (self._first + count) % len(self._ring)
        self._count -= count
        return lanes

    def give(self, lanes: npt.NDArray[np.int32]) -> None:
        """Makes `lanes` free, in this order."""
        self._ring[self._places(self._count, len(lanes))] = lanes
        self._count += len(lanes)

    def waiting(self) -> npt.NDArray[np.int32]:
        """All free lanes in order."""
        return self._ring[self._places(0, self._count)]

    def _places(self, after: int, count: int) -> npt.NDArray[np.int64]:
        return np.arange(self._first + after, self._first + after + count) % len(self._ring)


class Seating:
    """Seats of `num_games` games with `num_players` seats each.

    Nobody sits anywhere until `seat_all`. `next_match` is asked whenever the latest match has no game left to begin.
    `policy[i, s]` is the place in `policies` of who sits there (the learner's policy is number 0); `lane[i, s]` is the
    lane that records it, or -1.
    """

    def __init__(self, num_games: int, num_players: int, learner: str, next_match: Callable[[], Match]) -> None:
        self.policies = [learner]
        self.policy = np.zeros((num_games, num_players), np.int32)
        self.lane = np.full((num_games, num_players), NOT_RECORDED, np.int32)
        self.num_lanes = num_games * num_players
        self._next_match = next_match
        self._free = FreeLanes(self.num_lanes)
        self._place = np.zeros(num_games, np.int64)     # the running match of each game, by its place in _running
        self._running: dict[int, _Running] = {}
        self._latest = -1
        self._in_play: list[int] = []

    @property
    def temperature(self) -> float:
        """Of the match that began last."""
        return self._running[self._latest].match.temperature

    @property
    def latest_match(self) -> Match:
        return self._running[self._latest].match

    @property
    def in_play(self) -> list[int]:
        """Places in `policies` of all that may have to act now, ascending."""
        return self._in_play

    def seat_all(self, rows: npt.NDArray[np.int64]) -> None:
        """Gives every seat of games that begin to the policies of the matches at hand. `finish` does it for others."""
        begun = 0
        while begun < len(rows):
            running = self._running.get(self._latest)
            if running is None or running.started == running.match.num_games:
                running = self._begin(self._next_match())
            these = rows[begun : begun + running.match.num_games - running.started]
            turns = np.arange(running.started, running.started + len(these)) % len(running.rotations)
            policies = running.rotations[turns]
            recorded = policies == running.learner
            lanes = np.full(policies.shape, NOT_RECORDED, np.int32)
            lanes[recorded] = self._free.take(int(recorded.sum()))
            self.policy[these], self.lane[these], self._place[these] = policies, lanes, self._latest
            running.started += len(these)
            begun += len(these)

    def finish(
        self, rows: npt.NDArray[np.int64], returns: npt.NDArray[np.float32], lengths: npt.NDArray[np.int32]
    ) -> list[tuple[str, tuple[Tally, ...]]]:
        """Counts the games of `rows` that ended, frees their lanes, seats their successors.

        returns: `[n, P]`; lengths: `[n]`. Gives `(match_id, tallies)` of each match whose last game this was.
        """
        complete = []
        places = self._place[rows]
        different = set(places.tolist())
        for place in different:
            here = slice(None) if len(different) == 1 else np.flatnonzero(places == place)
            running = self._running[place]
            self._count(running, rows[here], returns[here], lengths[here])
            running.finished += len(rows[here])
            if running.finished == running.match.num_games:
                complete.append((running.match.match_id, self._tallies(running)))
                if place != self._latest:
                    self._forget(place)
        lanes = self.lane[rows]
        self._free.give(lanes[lanes != NOT_RECORDED])
        self.seat_all(rows)
        return complete

    def _count(
        self,
        running: _Running,
        rows: npt.NDArray[np.int64],
        returns: npt.NDArray[np.float32],
        lengths: npt.NDArray[np.int32],
    ) -> None:
        # the learner's first seat speaks for it: the only one against others, the first one against itself
        seats = (self.policy[rows] == running.learner).argmax(axis=1)
        mine = returns[np.arange(len(rows)), seats]
        outcome = 1 - np.sign(mine).astype(np.int64)
        players = self.policy.shape[1]
        running.outcomes += np.bincount(OUTCOMES * seats + outcome, minlength=OUTCOMES * players).reshape(-1, OUTCOMES)
        running.return_sum += np.bincount(seats, mine, players)
        running.length_sum += np.bincount(seats, lengths, players).astype(np.int64)

    def _tallies(self, running: _Running) -> tuple[Tally, ...]:
        match = running.match
        return tuple(
            Tally(
                player=match.learner,
                opponent=opponent_of(match.seats, match.learner),
                seat=seat,
                games=int(running.outcomes[seat].sum()),
                wins=int(running.outcomes[seat, 0]),
                draws=int(running.outcomes[seat, 1]),
                losses=int(running.outcomes[seat, 2]),
                return_sum=float(running.return_sum[seat]),
                length_sum=int(running.length_sum[seat]),
            )
            for seat in range(len(running.outcomes))
            if running.outcomes[seat].sum()
        )

    def _begin(self, match: Match) -> _Running:
        players = self.policy.shape[1]
        if len(match.seats) != players:
            raise ValueError(f"match {match.match_id!r} has seats {match.seats}, the game has {players}")
        previous = self._running.get(self._latest)
        if previous is not None and previous.finished == previous.match.num_games:
            self._forget(self._latest)
        self._latest += 1
        self._running[self._latest] = self._new(match, 0, 0)
        self._look_around()
        return self._running[self._latest]

    def _new(self, match: Match, started: int, finished: int) -> _Running:
        players = len(match.seats)
        numbers = np.array([self._number(policy) for policy in match.seats], np.int32)
        rotations = np.stack([np.roll(numbers, -shift) for shift in range(players)])
        return _Running(
            match, rotations, self._number(match.learner), started, finished,
            np.zeros((players, OUTCOMES), np.int64), np.zeros(players), np.zeros(players, np.int64),
        )

    def _forget(self, place: int) -> None:
        del self._running[place]
        self._look_around()

    def _look_around(self) -> None:
        self._in_play = sorted({int(one) for running in self._running.values() for one in running.rotations[0]})

    def _number(self, policy: str) -> int:
        if policy not in self.policies:
            self.policies.append(policy)
        return self.policies.index(policy)

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Arrays and plain data from which `load` goes on exactly."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "policy": self.policy.copy(), "lane": self.lane.copy(), "place": self._place.copy()
        }
        running = {
            str(place): {
                "match": asdict(one.match),
                "started": one.started,
                "finished": one.finished,
                "outcomes": one.outcomes.tolist(),
                "return_sum": one.return_sum.tolist(),
                "length_sum": one.length_sum.tolist(),
            }
            for place, one in self._running.items()
        }
        return arrays, {
            "policies": self.policies, "free": self._free.waiting().tolist(), "latest": self._latest, "running": running
        }

    def load(self, arrays: dict[str, npt.NDArray[Any]], data: dict[str, Any]) -> None:
        """Goes on from what `save` gave."""
        self.policy, self.lane, self._place = (arrays[name].copy() for name in ("policy", "lane", "place"))
        self.policies, self._latest = list(data["policies"]), data["latest"]
        self._free = FreeLanes(self.num_lanes)
        self._free.take(self.num_lanes)
        self._free.give(np.array(data["free"], np.int32))
        self._running = {}
        for place, one in data["running"].items():
            running = self._new(match_from_row(one["match"]), one["started"], one["finished"])
            running.outcomes[:] = one["outcomes"]
            running.return_sum[:] = one["return_sum"]
            running.length_sum[:] = one["length_sum"]
            self._running[int(place)] = running
        self._look_around()
