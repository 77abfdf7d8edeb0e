"""Connect Four from its rules: a stone dropped into a column falls as far as it can; four stones in a line win."""
from __future__ import annotations

COLUMNS, ROWS = 7, 6
DIRECTIONS = [(0, 1), (1, 0), (1, 1), (1, -1)]


class ConnectFour:
    """`columns[c]` lists the owners of its stones from the bottom up; player 0 begins; an action is a column."""

    def __init__(self) -> None:
        self.columns: list[list[int]] = [[] for _ in range(COLUMNS)]
        self.player = 0
        self.winner: int | None = None
        self.over = False

    def legal(self) -> list[int]:
        if self.over:
            return []
        return [column for column in range(COLUMNS) if len(self.columns[column]) < ROWS]

    def owner(self, row: int, column: int) -> int | None:
        """Whose stone lies there; None for nobody's, or outside the board."""
        if 0 <= column < COLUMNS and 0 <= row < len(self.columns[column]):
            return self.columns[column][row]
        return None

    def play(self, action: int) -> None:
        self.columns[action].append(self.player)
        for row in range(ROWS):
            for column in range(COLUMNS):
                for up, right in DIRECTIONS:
                    if all(self.owner(row + i * up, column + i * right) == self.player for i in range(4)):
                        self.winner = self.player
        self.over = self.winner is not None or all(len(column) == ROWS for column in self.columns)
        if not self.over:
            self.player = 1 - self.player

    def observation(self, player: int) -> list[list[list[int]]]:
        return [
            [[int(self.owner(row, column) == owner) for column in range(COLUMNS)] for row in range(ROWS)]
            for owner in (player, 1 - player)
        ]

    def returns(self) -> list[int]:
        if self.winner is None:
            return [0, 0]
        return [1, -1] if self.winner == 0 else [-1, 1]
