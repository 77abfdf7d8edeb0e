"""Recorded scripted players: what they saw and did, whole games, the same however often it was interrupted."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.config import SelfPlay
from envs import registry
from league.generation import generate
from league.recording import KNOWN, Recorder, how
from learners.dataset import load, read_facts
from learners.dataset_split import Columns
from native.game import Game

TIC_TAC_TOE = registry.make("tic_tac_toe")
PLAY = SelfPlay(games=6, chunk_rows=16)
LINES = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]]


class Killed(Exception):
    pass


def record(
    path: Path, *, game: Game = TIC_TAC_TOE, bot: str = "one_ply", opponents: tuple[str, ...] = (),
    play: SelfPlay = PLAY, decisions: int = 150, die_at: int = 1 << 30,
) -> Columns:
    def on_chunk(rows: int) -> None:
        if rows >= die_at:
            raise Killed

    generate(game, lambda: Recorder(game, bot, opponents, play, 7), path, how(play, 7, bot, opponents), decisions,
             on_chunk=on_chunk, known=KNOWN)
    return load(path, game)


def wins(own: Any, other: Any) -> set[int]:
    """Squares that complete a line."""
    return {square for line in LINES for square in line
            if not other[line].any() and own[line].sum() == 2 and not own[square]}


def test_games_against_itself_are_recorded_whole(tmp_path: Path) -> None:
    columns = record(tmp_path / "data.parquet")
    assert len(columns["outcome"]) >= 150
    for episode in np.unique(columns["episode"]):
        rows = np.flatnonzero(columns["episode"] == episode)
        rows = rows[np.argsort(columns["ply"][rows])]
        assert columns["ply"][rows].tolist() == list(range(len(rows)))
        state, returns, seats = TIC_TAC_TOE.new_state(), np.zeros(2), []
        for row in rows:
            np.testing.assert_array_equal(columns["observation"][row], state.observe())
            np.testing.assert_array_equal(
                np.unpackbits(columns["legal"][row], count=9, bitorder="little"), state.legal() != 0)
            seats.append(state.to_act())
            state.apply(int(columns["action"][row, 0]))
            returns += state.rewards()
        assert state.is_terminal
        assert columns["outcome"][rows].tolist() == returns[seats].tolist()
    np.testing.assert_array_equal(columns["target_action"], columns["action"])
    assert (columns["target_prob"] == 1).all()
    facts = read_facts(tmp_path / "data.parquet")
    assert facts.known == ("outcome",)
    assert (facts.made["bot"], facts.made["opponents"], facts.made["seed"]) == ("one_ply", [], 7)


def test_against_others_it_sits_everywhere_and_only_its_own_moves_count(tmp_path: Path) -> None:
    columns = record(tmp_path / "data.parquet", opponents=("random",), decisions=400)
    seats, taken = list[int](), 0
    for episode in np.unique(columns["episode"]):
        parity = set((columns["ply"][columns["episode"] == episode] % 2).tolist())
        assert len(parity) == 1
        seats += parity
    assert 0.4 < np.mean(seats) < 0.6
    for seen, action in zip(columns["observation"].reshape(-1, 2, 9), columns["action"][:, 0], strict=True):
        if winning := wins(*seen):
            assert action in winning        # as one_ply plays, and random play does not
            taken += 1
    assert taken > 30
    assert columns["outcome"].mean() > 0.3


def test_opponents_are_mixed_and_itself_among_them_is_recorded(tmp_path: Path) -> None:
    columns = record(tmp_path / "data.parquet", opponents=("random", "one_ply"), decisions=600)
    both = [len(set((columns["ply"][columns["episode"] == episode] % 2).tolist())) == 2
            for episode in np.unique(columns["episode"])]
    assert 0.3 < np.mean(both) < 0.7


def test_random_openings_are_played_and_not_recorded(tmp_path: Path) -> None:
    play = PLAY.model_copy(update={"opening_share": 0.5, "opening_moves": 3})
    columns = record(tmp_path / "data.parquet", play=play, decisions=600)
    first = np.array([columns["ply"][columns["episode"] == one].min() for one in np.unique(columns["episode"])])
    shares = [(first == ply).mean() for ply in range(4)]
    assert first.max() == 3
    assert 0.4 < shares[0] < 0.6
    assert min(shares[1:]) > 0.08


@pytest.mark.parametrize(("game", "bot", "opponents", "options"), [
    ("tic_tac_toe", "one_ply", (), {}),
    ("beasty_bar", "outcome_heuristic", ("random", "heuristic"), {"players": 3}),
    ("connect_four", "random", (), {}),
])
def test_killed_at_any_part_it_goes_on_to_the_same_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, game: str, bot: str, opponents: tuple[str, ...],
    options: dict[str, Any],
) -> None:
    monkeypatch.setattr("league.generation.PART_ROWS", 40)
    play = PLAY.model_copy(update={"opening_share": 0.5, "opening_moves": 2})
    some: dict[str, Any] = {"game": registry.make(game, **options), "bot": bot, "opponents": opponents, "play": play}
    whole = record(tmp_path / "whole.parquet", **some)
    for die_at in (0, 30, 90, 149):
        with pytest.raises(Killed):
            record(tmp_path / f"{die_at}.parquet", **some, die_at=die_at)
        again = record(tmp_path / f"{die_at}.parquet", **some)
        for name, column in whole.items():
            np.testing.assert_array_equal(again[name], column, name)


@pytest.mark.parametrize(("game", "bot", "opponents", "sentence"), [
    ("tic_tac_toe", "two_ply", (), "tic_tac_toe has no bot 'two_ply'"),
    ("tic_tac_toe", "one_ply", ("random", "nobody"), "tic_tac_toe has no bot 'nobody'"),
    ("arena", "utility", (), "arena is not played one action at a time"),
    ("prospector", "random", ("random",), "prospector has one seat: random cannot play against random"),
])
def test_who_cannot_be_recorded_is_named(game: str, bot: str, opponents: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Recorder(registry.make(game), bot, opponents, PLAY, 0)
