"""Numbers of lines of play, as counted with the original engine."""
from __future__ import annotations

import pytest

from envs import registry
from envs.razzle.rules import from_string
from native.perft import perft, perft_turns

START = registry.make("razzle").new_state()


@pytest.mark.parametrize(("depth", "lines"), list(enumerate([1, 16, 228, 3_646, 57_416, 943_650])))
def test_actions(depth: int, lines: int) -> None:
    assert perft(START, depth) == lines


@pytest.mark.parametrize(("depth", "lines"), list(enumerate([1, 18, 324, 7_056, 153_476, 3_338_424])))
def test_turns(depth: int, lines: int) -> None:
    assert perft_turns(START, depth) == lines


def test_other_games() -> None:
    """Noughts and crosses: 9 * 8 * 7 * 6 * 5 lines of five stones; 127 872 games of nine (H. Bottomley's count)."""
    start = registry.make("tic_tac_toe").new_state()
    assert perft(start, 5) == 15_120 == perft_turns(start, 5)
    assert perft(start, 9) == 127_872


def test_finished_games_have_no_lines() -> None:
    won = from_string(registry.make("razzle"), "0200000000001e.7c000000000000.49.52.02000000000000.0.1.-1.9")
    assert won.is_terminal
    assert (perft(won, 0), perft(won, 1), perft_turns(won, 1)) == (1, 0, 0)


def test_negative_depth() -> None:
    with pytest.raises(ValueError, match="at least 0, got -1"):
        perft(START, -1)
