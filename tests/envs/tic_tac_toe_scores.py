"""Solves tic-tac-toe on plain tuples, without the game in envs/, and writes `tests/data/tic_tac_toe_scores.csv.gz`.

    python -m tests.envs.tic_tac_toe_scores

One line per unfinished position that play can reach, 4520 of them, in the form of `league/positions.py`: the set is the
number of stones, the moves are the first that lead there, the scores 1, 0, -1 for a win, a draw, a loss of who moves.
"""
from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "data" / "tic_tac_toe_scores.csv.gz"
LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))

Board = tuple[int, ...]     # nine squares: 0 empty, 1 of who moves, -1 of the other


def after(board: Board, square: int) -> Board:
    """The board as the other sees it once `square` is taken."""
    return tuple(-1 if at == square else -stone for at, stone in enumerate(board))


def lost(board: Board) -> bool:
    """Whether the other has a line."""
    return any(all(board[square] == -1 for square in line) for line in LINES)


@cache
def value(board: Board) -> int:
    """Result of best play to who moves."""
    if lost(board):
        return -1
    return max((-value(after(board, square)) for square in range(9) if not board[square]), default=0)


def reachable() -> dict[Board, tuple[int, ...]]:
    """Unfinished boards and the first moves that lead to them, in lexical order, by number of stones."""
    level: dict[Board, tuple[int, ...]] = {(0,) * 9: ()}
    found: dict[Board, tuple[int, ...]] = {}
    for _ in range(9):
        found |= level
        below: dict[Board, tuple[int, ...]] = {}
        for board, moves in level.items():
            for square in range(9):
                if not board[square] and not lost(after(board, square)):
                    below.setdefault(after(board, square), (*moves, square))
        level = {board: moves for board, moves in below.items() if 0 in board}
    return found


def table() -> str:
    """The file's text."""
    lines = ["set,moves,scores"]
    for board, moves in reachable().items():
        scores = ["." if stone else str(-value(after(board, square))) for square, stone in enumerate(board)]
        lines.append(f"stones_{len(moves)},{' '.join(map(str, moves))},{' '.join(scores)}")
    return "\n".join(lines) + "\n"


def main() -> None:
    PATH.write_bytes(gzip.compress(table().encode(), mtime=0))


if __name__ == "__main__":
    main()
