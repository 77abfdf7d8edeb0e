"""Games for calibration: who judges what, which outcome belongs to it, and what is written of it."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest

from envs import registry
from league.calibrate import (
    SIDE_BY_SIDE,
    Temperature,
    check_outcomes,
    network_judge,
    play,
    report,
    search_judge,
    write_report,
)
from league.positions import Positions, load_positions
from learners.calibration import Sample
from native.search import Search
from native.search_settings import SearchSettings
from native.vector import VectorGame
from tests.envs.tic_tac_toe_scores import PATH

Array = npt.NDArray[Any]


def flat(observations: Array) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A network without opinions, for any game: it has as many actions as tic-tac-toe."""
    n = len(observations)
    return np.zeros((n, 9), np.float32), np.full(n, 0.25, np.float32)


class Oracle:
    """Plays tic-tac-toe perfectly, a random best move, and knows each position's value."""

    def __init__(self, positions: Positions) -> None:
        self.rng = np.random.default_rng(0)
        self.classes = {board.tobytes(): row for board, row in
                        zip(positions.observations, positions.classes, strict=True)}

    def __call__(
        self, games: VectorGame, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int32], dict[str, Array]]:
        classes = np.stack([self.classes[board.tobytes()] for board in games.observations[rows]])
        best = classes.max(axis=1)
        ties = (classes == best[:, None]) * self.rng.random(classes.shape)
        return ties.argmax(axis=1).astype(np.int32), {"truth": best, "opposite": -best}


def test_perfect_players_know_how_their_games_end() -> None:
    """With random beginnings there are wins of both seats; the truth has no error, its opposite the greatest."""
    game = registry.make("tic_tac_toe")
    played = play(game, Oracle(load_positions(PATH, game)), 600, random_moves=3, seed=1)
    truth, opposite = played.samples["truth"], played.samples["opposite"]
    np.testing.assert_array_equal(truth.value, truth.outcome)
    assert truth.ply.min() == 3
    assert played.games == 600
    assert 50 < played.distinct < 600
    assert truth.games == 600
    for side in (-1, 0, 1):
        assert (truth.outcome[truth.ply == 3] == side).mean() > 0.1
    assert report(truth)["error"] == 0
    decided = opposite.take(opposite.outcome != 0)
    assert report(decided)["error"] == 2


def test_every_row_plays_as_many_games() -> None:
    """Nothing depends on how long games are: as many of each length as in games played out one by one."""
    game = registry.make("tic_tac_toe")
    asked = 2 * SIDE_BY_SIDE + 2
    played = play(game, network_judge(flat, Temperature(), 5), asked, seed=3)
    each, rows = 3, -(-asked // 3)
    assert played.games == each * rows >= asked
    sample = played.samples["network"]
    assert sample.games == played.games
    ply = np.array([sample.ply[sample.episode == number].max() + 1 for number in range(played.games)])
    for number in range(played.games):
        assert np.sort(sample.ply[sample.episode == number]).tolist() == list(range(ply[number]))
    first = sample.outcome[sample.ply == 0]
    # random play: the first seat wins 58.5 % and loses 28.8 %; 4.5 standard errors
    assert abs((first > 0).mean() - 0.585) < 4.5 * (0.25 / len(first)) ** 0.5
    assert abs((first < 0).mean() - 0.288) < 4.5 * (0.25 / len(first)) ** 0.5


def test_seats_are_not_told_by_turns() -> None:
    """Razzle has turns of several actions: all outcomes of a seat are alike, and the two are opposite."""
    game = registry.make("razzle")
    def judge(games: VectorGame, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], dict[str, Array]]:
        actions = np.zeros((games.num_games, 1), np.int32)
        games.random_actions(actions)
        return actions[rows, 0], {"seat": games.to_act[rows].copy()}

    sample = play(game, judge, 20, seed=2).samples["seat"]
    for number in range(20):
        rows = sample.episode == number
        by_seat = [set(sample.outcome[rows & (sample.value == seat)].tolist()) for seat in (0, 1)]
        assert sorted(by_seat, key=min) == [{-1.0}, {1.0}]


def test_outcomes_are_what_is_still_to_come() -> None:
    """In a game with rewards on the way, what has come and what comes add up to the same in all rows of a game."""
    game = registry.make("prospector")

    def judge(games: VectorGame, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], dict[str, Array]]:
        actions = np.zeros((games.num_games, 1), np.int32)
        games.bot_actions("shuttle", rows, actions)
        return actions[rows, 0], {"so far": games.returns[rows, 0].copy()}

    sample = play(game, judge, 3).samples["so far"]
    for number in range(3):
        rows = sample.episode == number
        total = (sample.value + sample.outcome)[rows]
        assert len(set(sample.outcome[rows].tolist())) > 1
        np.testing.assert_allclose(total, total[0], rtol=1e-4, atol=1e-3)


def test_temperatures_hold_for_their_moves() -> None:
    game = registry.make("tic_tac_toe")
    greedy = play(game, network_judge(flat, Temperature(0.0, 0, 0.0), 1), 600)
    assert (greedy.games, greedy.distinct) == (600, 1)
    opening = play(game, network_judge(flat, Temperature(1.0, 1, 0.0), 1), 50)
    assert 5 <= opening.distinct <= 9
    assert play(game, network_judge(flat, Temperature(1.0, 0, 1.0), 1), 50).distinct > 30
    assert Temperature(1.5, 2, 0.5).of(np.array([0, 1, 2, 9])).tolist() == [1.5, 1.5, 0.5, 0.5]


def test_a_search_is_judged_beside_its_network() -> None:
    game = registry.make("tic_tac_toe")
    trees = Search(game, 40, SearchSettings(simulations=40))

    def search(states: npt.NDArray[np.uint8], seeds: npt.NDArray[np.uint64]) -> Search:
        trees.begin(states, seeds)
        while len(observations := trees.select()[0]):
            trees.expand(*flat(observations))
        return trees

    once, twice = (play(game, search_judge(search, Temperature(moves=2), 7), 40, seed=1) for _ in range(2))
    assert set(once.samples) == {"network", "search"}
    assert set(once.samples["network"].value.tolist()) == {0.25}
    np.testing.assert_array_equal(once.samples["search"].value, twice.samples["search"].value)
    late = once.samples["search"].take(once.samples["search"].ply >= 6)
    assert np.mean((late.value - late.outcome) ** 2) < 0.05


def test_games_that_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="arena is not played one action at a time"):
        play(registry.make("arena"), network_judge(flat, Temperature(), 0), 2)
    with pytest.raises(ValueError, match="calibration needs a game with states; environments of gymnasium have none"):
        play(registry.make("gymnasium", id="CartPole-v1"), network_judge(flat, Temperature(), 0), 2)
    with pytest.raises(ValueError, match="no game of tic_tac_toe was longer than the 9 moves played at random"):
        play(registry.make("tic_tac_toe"), network_judge(flat, Temperature(), 0), 5, random_moves=9)


def test_outcomes_that_are_no_wins_and_losses_are_refused() -> None:
    game = registry.make("cartpole")

    def sample(*outcomes: float) -> Sample:
        return Sample(np.zeros(2), np.array(outcomes), np.arange(2), np.zeros(2))

    check_outcomes(game, {"network": sample(-1.0, 1.0), "search": sample(1 + 1e-6, 0.0)})
    for low, high in ((-1.5, 1.0), (0.0, 25.0)):
        with pytest.raises(ValueError, match=f"values of cartpole .* from -1 to 1, these go from {low:g} to {high:g}$"):
            check_outcomes(game, {"network": sample(0.0, 1.0), "search": sample(high, low)})


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    value = rng.uniform(-1, 1, 400)
    sample = Sample(value, rng.choice([-1, 0, 1], 400), rng.integers(0, 40, 400), rng.integers(0, 20, 400))
    reports = {"network": report(sample), "a < b & c": report(sample.take(np.abs(value) < 0.3))}
    paths = write_report(tmp_path / "new", {"model": "here"}, reports)
    assert [path.name for path in paths] == ["calibration.json", "reliability.svg"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["calibration.json", "reliability.svg"]
    written = json.loads(paths[0].read_text(), parse_constant=pytest.fail)
    assert written["model"] == "here"
    assert written["values"] == json.loads(json.dumps(reports))
    assert set(written["values"]["network"]["phases"]) == {"early", "middle", "late"}
    svg = ElementTree.fromstring(paths[1].read_text())
    points = [one for one in svg.iter() if one.tag.endswith("circle")]
    assert len(points) == 10 + len(reports["a < b & c"]["bins"])
    xs = [float(point.attrib["cx"]) for point in points[:10]]
    assert xs == sorted(xs)
    heights = [-float(point.attrib["cy"]) for point in points[:10]]
    outcomes = [one["mean_outcome"] for one in reports["network"]["bins"]]
    assert np.argsort(heights).tolist() == np.argsort(outcomes).tolist()
    words = [one.text for one in svg.iter() if one.tag.endswith("text")]
    second = reports["a < b & c"]
    assert f"a < b & c: {second['rows']} positions of {second['games']} games" in words
    places = [float(one.attrib[at]) for one in svg.iter() for at in ("cy", "y", "y1", "y2") if at in one.attrib]
    assert 0 <= min(places) <= max(places) <= float(svg.attrib["height"])
