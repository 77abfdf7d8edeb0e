"""Who plays whom: players of the league, assignment of matches, results counted once.

A plain class over the run store; `league.coordinator_actor` puts it into a process of its own. Killed at any moment it
goes on from the store: what was acknowledged is there, what was not is reported again.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from actors.match import BOT_PREFIX, Match, MatchResult
from league.sections import League
from league.store import RunStore

MAIN = "main"
SNAPSHOT_PREFIX = "snapshot:"
DOCUMENT = "coordinator"


def snapshot_id(version: int) -> str:
    """Policy id of the learner frozen at `version`."""
    return f"{SNAPSHOT_PREFIX}{version:08d}"


class Coordinator:
    """One main player against itself, its frozen past and scripted players.

    Each match's opponent is drawn in proportion to the shares of `settings` from a generator that depends on (seed,
    number of the match) alone. `temperature` goes into every match from then on.
    """

    def __init__(
        self, run_id: str, settings: League, store: RunStore, *, num_players: int, seed: int, temperature: float
    ) -> None:
        self._run_id, self._settings, self._store = run_id, settings, store
        self._num_players, self._seed = num_players, seed
        self._temperature = temperature
        known = store.load_document(run_id, DOCUMENT) or {}
        self._snapshots: list[str] = list(known.get("snapshots", []))
        self._retired: list[str] = list(known.get("retired", []))
        self._assigned = int(known.get("assigned", 0))
        # matches of a former life may still be reported: theirs and ours must not share an id
        self._life = int(known.get("life", 0)) + 1
        self._save()

    def list_snapshots(self) -> list[str]:
        """Frozen players that are assigned, oldest first."""
        return list(self._snapshots)

    def assign(self, worker: str) -> Match:
        """The next match for a worker."""
        number = self._assigned
        self._assigned += 1
        opponent = self._draw(number)
        return Match(
            match_id=f"{self._life}-{number}",
            learner=MAIN,
            seats=(MAIN, *[opponent] * (self._num_players - 1)),
            num_games=self._settings.match_games,
            temperature=self._temperature,
        )

    def _draw(self, number: int) -> str:
        shares = {MAIN: self._settings.self_play}
        for bot, share in self._settings.bots.items():
            shares[BOT_PREFIX + bot] = share
        for snapshot in self._snapshots:
            shares[snapshot] = self._settings.snapshots / len(self._snapshots)
        weights = np.array(list(shares.values()))
        generator = np.random.default_rng((self._seed, number))
        return str(generator.choice(list(shares), p=weights / weights.sum()))

    def report(self, result: MatchResult) -> bool:
        """Counts a result; False if it was counted before. Durable when it returns."""
        tallies = [tally.as_row() for tally in result.tallies]
        counted = self._store.commit_result(
            self._run_id, result.match_id, {"worker": result.worker, "games": result.games}, tallies
        )
        self._save()
        return counted

    def add_snapshot(self, policy: str) -> list[str]:
        """Makes a frozen player part of the league; answers whose weights nobody needs any more.

        Beyond `max_snapshots` the oldest retire, except the first: it tells whether the main player forgets what it
        once beat. A retired player is not assigned, but matches against it may be under way: it is needed until as
        many others have retired after it.
        """
        most = self._settings.max_snapshots
        if policy not in self._snapshots:
            self._snapshots.append(policy)
        while len(self._snapshots) > most:
            self._retired.append(self._snapshots.pop(min(1, len(self._snapshots) - 1)))
        left, self._retired = self._retired[:-most], self._retired[-most:]
        self._save()
        return left

    def set_temperature(self, temperature: float) -> None:
        """Sampling temperature of the matches assigned from now on."""
        self._temperature = temperature

    def dump(self) -> dict[str, Any]:
        """State of the league for a checkpoint."""
        self._save()
        return league_state(self._store, self._run_id)

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to what `dump` gave, results included."""
        self._store.replace_payoff(self._run_id, state["payoff"])
        self._snapshots, self._retired = list(state["snapshots"]), list(state["retired"])
        self._assigned = int(state["assigned"])
        self._save()

    def _save(self) -> None:
        self._store.save_document(
            self._run_id,
            DOCUMENT,
            {
                "snapshots": self._snapshots,
                "retired": self._retired,
                "assigned": self._assigned,
                "life": self._life,
            },
        )


EMPTY: dict[str, Any] = {"snapshots": [], "retired": [], "assigned": 0, "payoff": []}
"""State of a league in which nobody has played."""


def league_state(store: RunStore, run_id: str) -> dict[str, Any]:
    """State of the league as the store has it: nobody needs to ask a coordinator that may be restarting."""
    known = store.load_document(run_id, DOCUMENT) or EMPTY
    return {name: known[name] for name in EMPTY if name != "payoff"} | {"payoff": store.payoff(run_id)}


def players(snapshots: Sequence[str], payoff: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Everybody in the league with the main player's record against them; a row per player, JSON-ready."""
    rows = []
    for name in (MAIN, *snapshots, *sorted({row["opponent"] for row in payoff} - {MAIN, *snapshots})):
        mine = [row for row in payoff if row["player"] == MAIN and row["opponent"] == name]
        totals = {key: sum(int(row[key]) for row in mine) for key in ("games", "wins", "draws", "losses")}
        rows.append({"player": name, **totals})
    return rows

