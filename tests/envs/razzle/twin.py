"""Razzle Dazzle in slow plain Python, written from the rules: sets of (row, column), nothing shared with the game."""
from __future__ import annotations

from dataclasses import dataclass, field

Square = tuple[int, int]
BOARD = {(row, column) for row in range(8) for column in range(7)}
KNIGHT = [(a, b) for a in (-2, -1, 1, 2) for b in (-2, -1, 1, 2) if abs(a) != abs(b)]
QUEEN = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
END = 3136


def number(square: Square) -> int:
    """Index of a square."""
    return 7 * square[0] + square[1]


@dataclass
class Twin:
    """One game, from its start."""

    limit_result: str = "upstream"
    forced_once: bool = False
    no_repetition: bool = False
    pieces: list[set[Square]] = field(
        default_factory=lambda: [{(0, column) for column in range(1, 6)}, {(7, column) for column in range(1, 6)}]
    )
    ball: list[Square] = field(default_factory=lambda: [(0, 3), (7, 3)])
    ineligible: set[Square] = field(default_factory=set)
    mover: int = 0
    has_passed: bool = False
    last_knight: Square | None = None
    turns: int = 0
    winner: int | None = None
    reason: str | None = None
    forbidden: int = 0
    """How many turns the rule against repetition took away so far."""
    seen: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen.append(self.position())

    def position(self) -> object:
        """What counts for repetition."""
        return frozenset(self.pieces[0]), frozenset(self.pieces[1]), self.ball[0], self.ball[1]

    def passes(self) -> list[Square]:
        """Receivers the ball can reach now."""
        found = []
        for down, right in QUEEN:
            row, column = self.ball[self.mover]
            for _ in range(8):
                row, column = row + down, column + right
                if (row, column) in self.pieces[0] | self.pieces[1]:
                    if (row, column) in self.pieces[self.mover] - self.ineligible:
                        found.append((row, column))
                    break
        return found

    def must_pass(self) -> bool:
        """Whether only passes are legal."""
        if self.last_knight is None or not self.passes() or (self.forced_once and self.has_passed):
            return False
        ball = self.ball[self.mover]
        return max(abs(self.last_knight[0] - ball[0]), abs(self.last_knight[1] - ball[1])) == 1

    def knights(self) -> list[tuple[Square, Square]]:
        """Knight moves on the board, whether a turn may be one now or not."""
        jumps = [
            (source, (source[0] + down, source[1] + right))
            for source in self.pieces[self.mover] - {self.ball[self.mover]}
            for down, right in KNIGHT
        ]
        return [(source, target) for source, target in jumps if target in BOARD - self.pieces[0] - self.pieces[1]]

    def new(self, source: Square | None, target: Square | None) -> bool:
        """Whether the turn may end with this knight move, or with None as things stand."""
        if not self.no_repetition:
            return True
        pieces = [set(own) for own in self.pieces]
        if source is not None and target is not None:
            pieces[self.mover] = pieces[self.mover] - {source} | {target}
        return (frozenset(pieces[0]), frozenset(pieces[1]), self.ball[0], self.ball[1]) not in self.seen

    def legal(self) -> list[int]:
        """Legal actions, ascending."""
        if self.reason is not None:
            return []
        actions = [56 * number(self.ball[self.mover]) + number(target) for target in self.passes()]
        if not self.must_pass():
            turns: list[tuple[Square | None, Square | None]] = [(None, None)] if self.has_passed else [*self.knights()]
            for source, target in turns:
                if not self.new(source, target):
                    self.forbidden += 1
                elif source is None or target is None:
                    actions.append(END)
                else:
                    actions.append(56 * number(source) + number(target))
        return sorted(actions)

    def apply(self, action: int) -> None:
        """Plays a legal action."""
        mover = self.mover
        if action == END:
            self._end_turn(None)
        else:
            source, target = divmod(action // 56, 7), divmod(action % 56, 7)
            if source == self.ball[mover]:
                self.ball[mover] = target
                self.ineligible |= {source, target}
                self.has_passed = True
            else:
                self.pieces[mover] = self.pieces[mover] - {source} | {target}
                self.ineligible -= {source}
                self._end_turn(target)
        if self.ball[0][0] == 7:
            self.winner, self.reason = 0, "goal"
        elif self.ball[1][0] == 0:
            self.winner, self.reason = 1, "goal"
        elif self.turns > 200:
            self.winner, self.reason = None if self.limit_result == "draw" else 1 - self.mover, "limit"
        elif not self.legal():
            self.winner, self.reason = 1 - self.mover, "stuck"

    def _end_turn(self, last_knight: Square | None) -> None:
        self.last_knight = last_knight
        self.has_passed = False
        self.mover = 1 - self.mover
        self.turns += 1
        self.seen.append(self.position())

    def rewards(self) -> list[float]:
        """Of the latest action."""
        return [0.0, 0.0] if self.winner is None else [1.0, -1.0] if self.winner == 0 else [-1.0, 1.0]

    def observation(self, seat: int) -> set[tuple[int, int, int, int]]:
        """The entries (plane, row, column, value) of what `seat` sees that are not 0."""
        planes: list[tuple[set[Square], int]] = [
            (self.pieces[seat], 1),
            ({self.ball[seat]}, 1),
            (self.pieces[1 - seat], 1),
            ({self.ball[1 - seat]}, 1),
            (self.ineligible, 1),
            (BOARD, seat == 0),
            (BOARD, self.has_passed),
            (BOARD, self.reason is None and self.must_pass()),
            (set() if self.last_knight is None else {self.last_knight}, 1),
            (BOARD, 201 - self.turns),
        ]
        return {
            (plane, row, column, int(value))
            for plane, (squares, value) in enumerate(planes)
            for row, column in squares
            if value
        }

    def to_string(self) -> str:
        """The state in the notation of the stored games."""
        sets = [f"{sum(1 << number(s) for s in squares):014x}" for squares in (*self.pieces, self.ineligible)]
        last = -1 if self.last_knight is None else number(self.last_knight)
        return ".".join(
            str(part)
            for part in (
                *sets[:2], number(self.ball[0]), number(self.ball[1]), sets[2],
                self.mover, int(self.has_passed), last, self.turns,
            )
        )
