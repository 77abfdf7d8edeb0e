"""Connect Four against `tests/data/connect_four_scores.csv`: positions with the exact score of every move.

Columns: set, moves (columns 1-7 played from the empty board), pons_score (score of the best move), c1 .. c7 (score of
each move, empty where it is illegal). A score is positive for a win of the seat to act, and its size is 22 less the
stones that the winner has played by then, the last one included (Pons, "Solving Connect 4").
"""
from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from envs import registry
from native.game import State

PATH = Path(__file__).resolve().parent.parent / "data" / "connect_four_scores.csv"


@cache
def positions() -> list[tuple[State, list[int | None], int]]:
    """Each position with the scores of its columns and of the best one."""
    game = registry.make("connect_four")
    found = []
    with PATH.open(newline="") as file:
        for row in csv.DictReader(file):
            state = game.new_state()
            for digit in row["moves"]:
                state.apply(int(digit) - 1)
            scores = [int(row[f"c{column}"]) if row[f"c{column}"] else None for column in range(1, 8)]
            found.append((state, scores, int(row["pons_score"])))
    return found


def test_legal_sets() -> None:
    assert len(positions()) == 6000
    for state, scores, best in positions():
        assert state.legal_actions() == [column for column, score in enumerate(scores) if score is not None]
        assert best == max(score for score in scores if score is not None)


def test_moves_that_win_at_once() -> None:
    """No position has a move that wins at once; a move scores the heaviest loss just where the answer wins at once."""
    answered = 0
    for state, scores, _ in positions():
        mover, other = state.to_act(), 1 - state.to_act()
        heaviest_loss = -(22 - (int(state.observe()[1].sum()) + 1))
        for column in state.legal_actions():
            after = state.clone()
            after.apply(column)
            assert after.rewards()[mover] != 1
            wins = 0
            for answer in after.legal_actions():
                end = after.clone()
                end.apply(answer)
                wins += int(end.rewards()[other] == 1)
            assert (wins > 0) == (scores[column] == heaviest_loss < 0)      # 0: the board is full
            answered += int(wins > 0)
    assert answered > 1000
