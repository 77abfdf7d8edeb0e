"""What stands where in a state of Razzle Dazzle, for drawing it. Square = 7 * row + column, row 0 is rank 1."""
from __future__ import annotations

from dataclasses import dataclass

from envs.razzle.rules import TURN_LIMIT, must_pass, outcome, to_string
from native.game import State

SEATS = "xo"
"""Letters of seat 0, which begins at the bottom, and seat 1; capital for the piece with the ball."""
COLUMNS = "abcdefg"


def square_name(square: int) -> str:
    """0 is "a1", 55 is "g8"."""
    return f"{COLUMNS[square % 7]}{square // 7 + 1}"


@dataclass(frozen=True)
class Position:
    """One state in plain numbers."""

    pieces: tuple[frozenset[int], frozenset[int]]
    ball: tuple[int, int]
    ineligible: frozenset[int]
    mover: int
    """Seat to act; at the end, who acts or would act."""
    has_passed: bool
    last_knight: int | None
    turns: int
    status: str
    """One line: who is to do what, or how the game ended."""

    @classmethod
    def of(cls, state: State) -> Position:
        """Raises ValueError for a state of another game."""
        parts = to_string(state).split(".")
        first, second, ineligible = (
            frozenset(square for square in range(56) if int(parts[k], 16) >> square & 1) for k in (0, 1, 4)
        )
        ball_0, ball_1, mover, has_passed, last_knight, turns = (int(parts[k]) for k in (2, 3, 5, 6, 7, 8))
        return cls(
            pieces=(first, second),
            ball=(ball_0, ball_1),
            ineligible=ineligible,
            mover=mover,
            has_passed=bool(has_passed),
            last_knight=None if last_knight < 0 else last_knight,
            turns=turns,
            status=_status(state, mover, bool(has_passed), turns),
        )

    def owner(self, square: int) -> int | None:
        """Seat whose piece stands on `square`."""
        return next((seat for seat in (0, 1) if square in self.pieces[seat]), None)


def _status(state: State, mover: int, has_passed: bool, turns: int) -> str:
    winner, reason = outcome(state)
    if reason is not None:
        why = {
            "goal": "the ball has reached the far row",
            "limit": f"{TURN_LIMIT} turns are over",
            "stuck": f"{SEATS[mover]} can do nothing",
        }
        return f"{'draw' if winner is None else SEATS[winner] + ' wins'}: {why[reason]}"
    duty = ", must pass" if must_pass(state) else ", passing" if has_passed else ""
    return f"{SEATS[mover]} to move{duty}; turn {turns + 1} of {TURN_LIMIT}"
