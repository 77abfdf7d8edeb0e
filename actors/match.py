"""What a coordinator asks a worker to play, and what the worker answers."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

BOT_PREFIX = "bot:"
"""Policy ids of scripted players begin with this: `bot:one_ply`."""


@dataclass(frozen=True)
class Match:
    """`num_games` games between the policies of `seats`.

    Game `j` gives seat `s` to `seats[(s + j) % P]`, so that every policy sits everywhere equally often. `learner` is
    the policy whose decisions become training data.
    """

    match_id: str
    learner: str
    seats: tuple[str, ...]
    num_games: int
    temperature: float

    def __post_init__(self) -> None:
        if self.num_games < 1:
            raise ValueError(f"match {self.match_id!r} has {self.num_games} games, expected at least 1")
        if self.learner not in self.seats:
            raise ValueError(f"match {self.match_id!r}: learner {self.learner!r} has no seat in {self.seats}")


@dataclass(frozen=True)
class Tally:
    """Finished games of one policy against one other from one seat; a mirror match counts its first seat only."""

    player: str
    opponent: str
    seat: int
    games: int
    wins: int
    draws: int
    losses: int
    return_sum: float
    length_sum: int

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class MatchResult:
    """All games of one match; reported once, counted once."""

    match_id: str
    worker: str
    tallies: tuple[Tally, ...]

    @property
    def games(self) -> int:
        return sum(tally.games for tally in self.tallies)


def opponent_of(seats: tuple[str, ...], learner: str) -> str:
    """Name of what the learner plays against: itself, or the others joined by `+`."""
    others = sorted({policy for policy in seats if policy != learner})
    return "+".join(others) or learner


def match_from_row(row: Mapping[str, Any]) -> Match:
    """The match that `dataclasses.asdict` wrote."""
    return Match(**{**row, "seats": tuple(row["seats"])})
