"""Tic-tac-toe from its rules: two players take turns to mark a free square; three marks in a line win."""
from __future__ import annotations

LINES = [
    [(0, 0), (0, 1), (0, 2)],
    [(1, 0), (1, 1), (1, 2)],
    [(2, 0), (2, 1), (2, 2)],
    [(0, 0), (1, 0), (2, 0)],
    [(0, 1), (1, 1), (2, 1)],
    [(0, 2), (1, 2), (2, 2)],
    [(0, 0), (1, 1), (2, 2)],
    [(0, 2), (1, 1), (2, 0)],
]


class TicTacToe:
    """`board[row][column]` is None, 0 or 1; player 0 begins; an action is `3 * row + column`."""

    def __init__(self) -> None:
        self.board: list[list[int | None]] = [[None] * 3 for _ in range(3)]
        self.player = 0
        self.winner: int | None = None
        self.over = False

    def legal(self) -> list[int]:
        if self.over:
            return []
        return [3 * row + column for row in range(3) for column in range(3) if self.board[row][column] is None]

    def play(self, action: int) -> None:
        self.board[action // 3][action % 3] = self.player
        for line in LINES:
            if all(self.board[row][column] == self.player for row, column in line):
                self.winner = self.player
        self.over = self.winner is not None or all(square is not None for row in self.board for square in row)
        if not self.over:
            self.player = 1 - self.player

    def observation(self, player: int) -> list[list[list[int]]]:
        return [[[int(square == owner) for square in row] for row in self.board] for owner in (player, 1 - player)]

    def returns(self) -> list[int]:
        if self.winner is None:
            return [0, 0]
        return [1, -1] if self.winner == 0 else [-1, 1]
