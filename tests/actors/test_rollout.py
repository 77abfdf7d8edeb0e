"""A worker's chunks are what its matches say, its counts are its games, and it continues exactly."""
from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from actors.match import Match
from actors.rollout import RolloutWorker
from envs.registry import make
from learners.chunk import Chunk, validate
from learners.networks import digest, read_weights
from tests.actors.stage import Plan, store, weights, worker

OPPONENTS = ("main", "past", "bot:one_ply", "bot:random")


def chunks(one: RolloutWorker, count: int) -> list[Chunk]:
    return [one.next_chunk() for _ in range(count)]


def test_chunks_are_valid_and_numbered() -> None:
    game = make("tic_tac_toe")
    made = chunks(worker(Plan(OPPONENTS), store(past=1)), 12)
    for number, chunk in enumerate(made):
        validate(chunk, game)
        assert (chunk.header.sequence, chunk.header.rows, chunk.header.layout) == (number, 32, "unroll")
        assert chunk.columns["observation"].shape == (5, 8, 2, 3, 3)


def test_log_probs_are_those_of_the_tempered_policy() -> None:
    one = worker(Plan(("main",), temperature=0.5), store())
    columns = one.next_chunk().columns
    network = one._learner
    observations = columns["observation"][:-1].reshape(-1, 2, 3, 3)
    legal = np.unpackbits(columns["legal"][:-1], axis=-1, bitorder="little")[..., :9].reshape(-1, 9)
    logits = network.evaluate(observations)[0].astype(np.float64)
    scaled = np.where(legal == 1, logits / 0.5, -np.inf)
    log_policy = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    chosen = np.take_along_axis(log_policy, columns["action"][:-1].reshape(-1, 1), axis=1)
    np.testing.assert_allclose(columns["log_prob"][:-1].reshape(-1, 1), chosen, atol=1e-5)


def test_games_are_counted_once_in_every_seat() -> None:
    plan = Plan(OPPONENTS, num_games=8)
    chunks(worker(plan, store(past=1)), 40)
    assert len({result.match_id for result in plan.results}) == len(plan.results) > 20
    opponents = Counter(tally.opponent for result in plan.results for tally in result.tallies)
    assert set(opponents) == set(OPPONENTS)
    for result in plan.results:
        assert result.games == 8
        seats = {tally.seat: tally.games for tally in result.tallies}
        mirror = result.tallies[0].opponent == "main"
        assert seats == ({0: 8} if mirror else {0: 4, 1: 4})
        for tally in result.tallies:
            assert tally.wins + tally.draws + tally.losses == tally.games
            assert tally.return_sum == tally.wins - tally.losses
            assert 5 * tally.games <= tally.length_sum <= 9 * tally.games


def test_only_the_learner_is_recorded_and_its_rewards_are_its_results() -> None:
    plan = Plan(("bot:one_ply",), num_games=1)
    one = worker(plan, store(), games=1, unroll=3, chunk_unrolls=1)
    made = chunks(one, 60)
    # every game is one lane's: its rewards add up to the returns that were counted
    ends = sum(int((chunk.columns["discount"][:-1] == 0).sum()) for chunk in made)
    total = sum(float(chunk.columns["reward"].sum()) for chunk in made)
    counted = sum(tally.return_sum for result in plan.results[:ends] for tally in result.tallies)
    assert ends > 30
    assert total == counted


def test_weights_are_looked_up_once_per_chunk_and_versions_tell() -> None:
    held = store()
    one = worker(Plan(("main",)), held)
    assert one.next_chunk().header.version_max == 0
    held.publish("main", 7, weights(seed=3))
    later = chunks(one, 3)[-1]
    assert (later.header.version_min, later.header.version_max) == (7, 7)


def test_a_game_keeps_its_opponent_to_its_end() -> None:
    plan = Plan(("bot:random", "main"), num_games=3)
    one = worker(plan, store(), games=4)
    one.next_chunk()
    seen: dict[int, tuple[int, ...]] = {}
    for _ in range(200):
        before = one._games.episodes.copy()
        for row in range(4):
            seats = tuple(one._seating.policy[row].tolist())
            assert seen.setdefault(row, seats) == seats
        one._step()
        for row in np.flatnonzero(one._games.episodes != before).tolist():
            del seen[row]


@pytest.mark.parametrize("games", [6, 64])     # 64: one step seals several batches, which wait to be taken
def test_saved_and_loaded_it_goes_on_exactly(games: int) -> None:
    plan, again = Plan(OPPONENTS), Plan(OPPONENTS)
    one = worker(plan, store(past=1), games=games)
    chunks(one, 5)
    while games > 6 and not len(one._assembler):
        one.next_chunk()
    arrays, data = one.save()
    other = worker(again, store(past=1), seed=99, games=games)
    other.load(arrays, data)
    again.assigned = plan.assigned
    plan.results.clear()
    again.results.clear()
    for ours, theirs in zip(chunks(one, 12), chunks(other, 12), strict=True):
        assert ours.header == theirs.header
        for name, column in ours.columns.items():
            np.testing.assert_array_equal(column, theirs.columns[name])
    assert plan.results == again.results


def test_same_seed_same_chunks_other_seed_others() -> None:
    first, second, third = (worker(Plan(OPPONENTS), store(past=1), seed=seed).next_chunk() for seed in (5, 5, 6))
    assert first.columns["action"].tobytes() == second.columns["action"].tobytes()
    assert first.columns["action"].tobytes() != third.columns["action"].tobytes()


def test_missing_weights_are_named() -> None:
    with pytest.raises(RuntimeError, match="got no weights for 'past'"):
        chunks(worker(Plan(("past",)), store()), 1)


def test_a_match_of_the_wrong_size_is_refused() -> None:
    class Wrong(Plan):
        def assign(self, worker: str) -> Match:
            return Match("odd", "main", ("main", "main", "main"), 4, 1.0)

    with pytest.raises(ValueError, match=r"match 'odd' has seats .* the game has 2"):
        worker(Wrong(("main",)), store()).next_chunk()


def test_match_needs_games_and_its_learner() -> None:
    with pytest.raises(ValueError, match="has 0 games"):
        Match("m", "main", ("main", "main"), 0, 1.0)
    with pytest.raises(ValueError, match="learner 'main' has no seat"):
        Match("m", "main", ("a", "b"), 1, 1.0)


def test_the_network_that_acts_is_the_one_that_was_published() -> None:
    held = store(past=8)
    one = worker(Plan(("past",)), held)
    one.next_chunk()
    for policy, network in (("main", one._learner), ("past", one._network("past"))):
        pulled = held.pull(policy, -1)
        assert pulled is not None
        for name, array in read_weights(network.module).items():
            np.testing.assert_array_equal(array, pulled[1][name])
    held.publish("main", 1, weights(seed=4))
    one.next_chunk()
    assert digest(read_weights(one._learner.module)) == digest(weights(seed=4))


def test_lanes_of_games_that_ended_are_continued_in_order() -> None:
    one = worker(Plan(("bot:one_ply",)), store(), games=8)
    one.next_chunk()
    waiting = one._seating._free.waiting().tolist()
    freed: list[int] = []
    for _ in range(60):
        lanes, episodes = one._seating.lane.copy(), one._games.episodes.copy()
        one._step()
        ended = lanes[one._games.episodes != episodes]
        freed += ended[ended >= 0].tolist()
    # each game takes one lane and gives one back: what waits now is what was freed last
    assert len(freed) > len(waiting)
    assert one._seating._free.waiting().tolist() == (waiting + freed)[-len(waiting):]
