"""A worker's chunks are what its matches say, its counts are its games, and it continues exactly."""
from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pytest

from actors.config import Rollout
from actors.match import BOT_PREFIX, Match
from actors.rollout import RolloutWorker
from actors.weight_store import WeightStore
from envs.registry import make
from learners.chunk import Chunk, validate
from learners.networks import build_network, digest, read_weights
from tests.actors.stage import NETWORK, Plan, store, weights, worker
from tests.native.splitmix import derive
from tests.native.test_unroll import Decision, Record
from tests.native.vector_definition import Row

OPPONENTS = ("main", "past", "bot:one_ply", "bot:random")
W = TypeVar("W", bound=RolloutWorker)
AT_ONCE: dict[str, Any] = {"players": 4, "team_size": 2, "duration": 20, "frame_skip": 15, "shape_damage": 0.5}
"""An arena of 40 decisions at most, in which team mates outlive each other."""


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


def goes_on_exactly(one: RolloutWorker, plan: Plan, other: RolloutWorker, again: Plan) -> None:
    """What `one` saves is all that `other` needs to give the same chunks and results."""
    other.load(*one.save())
    again.assigned = plan.assigned
    plan.results.clear()
    again.results.clear()
    for ours, theirs in zip(chunks(one, 12), chunks(other, 12), strict=True):
        assert ours.header == theirs.header
        for name, column in ours.columns.items():
            np.testing.assert_array_equal(column, theirs.columns[name])
    assert plan.results == again.results


@pytest.mark.parametrize("games", [6, 64])     # 64: one step seals several batches, which wait to be taken
def test_saved_and_loaded_it_goes_on_exactly(games: int) -> None:
    plan, again = Plan(OPPONENTS), Plan(OPPONENTS)
    one = worker(plan, store(past=1), games=games)
    chunks(one, 5)
    while games > 6 and not len(one._assembler):
        one.next_chunk()
    goes_on_exactly(one, plan, worker(again, store(past=1), seed=99, games=games), again)


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


class Many(Plan):
    """The same with the opponent in all seats but one."""

    def assign(self, worker: str) -> Match:
        match = super().assign(worker)
        seats = ("main", *[match.seats[1]] * (AT_ONCE["players"] - 1))
        return Match(match.match_id, "main", seats, self.num_games, self.temperature)


def at_once(
    plan: Plan, kind: type[W], *, seed: int = 5, games: int = 3, chunk_unrolls: int = 8
) -> W:
    """A worker of this class that plays the arena, with policies `main` and `past`."""
    game, held = make("arena", **AT_ONCE), WeightStore()
    for number, policy in enumerate(("main", "past")):
        held.publish(policy, number, read_weights(build_network(NETWORK, game, number)))
    return kind(
        "w", game, NETWORK, Rollout(games=games, unroll=3, chunk_unrolls=chunk_unrolls), discount=0.9, seed=seed,
        learner="main", coordination=plan, weights=held,
    )


class Watched(RolloutWorker):
    """Plays the arena once more, row by row through `State`, and writes down what every recorded seat decides."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        seed = int(self._games.save()["seed"][0])
        self.rows = [Row(self.game, derive(seed, row), 0) for row in range(self._games.num_games)]
        self.record = Record(0.9)
        self.late_rewards = 0       # given to seats that had nothing to decide any more

    def _step(self) -> None:
        lanes = self._seating.lane.copy()
        living = [[bool(row.state.legal(seat).any()) for seat in range(lanes.shape[1])] for row in self.rows]
        seen = [(row.view("observations"), row.view("legal")) for row in self.rows]
        scripted = [self.scripted(row, names) for row, names in zip(self.rows, self._seating.policy, strict=True)]
        super()._step()
        for number, row in enumerate(self.rows):
            for seat, action in scripted[number].items():
                assert self._actions[number, seat].tolist() == action
            row.step(self._actions[number])
            for seat, lane in enumerate(lanes[number].tolist()):
                if lane < 0:
                    continue
                if living[number][seat]:
                    observation, legal = (one[seat] for one in seen[number])
                    self.record.decide(lane, Decision(observation, legal, self._actions[number, seat].copy()))
                self.late_rewards += not living[number][seat] and row.rewards[seat] != 0
                self.record.settle(lane, row.rewards[seat], bool(row.terminal), False, None)

    def scripted(self, row: Row, policies: npt.NDArray[np.int32]) -> dict[int, list[int]]:
        """What scripted players do in their seats of a row."""
        actions = {}
        for seat, number in enumerate(policies.tolist()):
            name = self._seating.policies[number]
            if name.startswith(BOT_PREFIX) and row.state.legal(seat).any():
                chosen, row.bot_rng = row.state.bot_action(name.removeprefix(BOT_PREFIX), row.bot_rng, seat)
                actions[seat] = chosen.tolist()
        return actions


def as_bytes(rows: list[dict[str, npt.NDArray[Any]]]) -> bytes:
    return b"".join(column.tobytes() for row in rows for column in row.values())


def arrived(chunk: Chunk) -> bytes:
    columns = chunk.columns
    names = ("observation", "legal", "action", "reward", "discount", "valid")
    return as_bytes([{name: columns[name][t, 0] for name in names} for t in range(len(columns["valid"]))])


def defined(unroll: list[Decision]) -> bytes:
    """What arrives of an unroll; of its last row only what was seen and what was legal."""
    rows = []
    for t, one in enumerate(unroll):
        last = t == len(unroll) - 1
        rows.append({
            "observation": one.observation,
            "legal": np.packbits(one.legal, bitorder="little"),
            "action": np.zeros_like(one.action) if last else one.action,
            "reward": np.float32(0 if last else one.reward),
            "discount": np.float32(0 if last else one.discount),
            "valid": np.uint8(not last),
        })
    return as_bytes(rows)


@pytest.mark.parametrize("opponents", [("main",), ("bot:rule", "past", "bot:utility")])
def test_every_decision_of_a_living_seat_is_recorded_once(opponents: tuple[str, ...]) -> None:
    one = at_once(Many(opponents, num_games=3), Watched, chunk_unrolls=1)
    made = chunks(one, 250 if opponents == ("main",) else 120)
    while len(one._assembler):
        made += chunks(one, 1)
    assert Counter(arrived(chunk) for chunk in made) == Counter(map(defined, one.record.unrolls(3)))
    assert one.late_rewards > 0
    for chunk in made[:5]:
        validate(chunk, one.game)


def test_seats_that_decide_at_once_are_counted_once_in_every_seat() -> None:
    plan = Many(("bot:rule", "main"), num_games=8)
    one = at_once(plan, RolloutWorker, games=5)
    while len(plan.results) < 4:
        one.next_chunk()
    assert {result.tallies[0].opponent for result in plan.results} == {"bot:rule", "main"}
    for result in plan.results:
        seats = {tally.seat: tally.games for tally in result.tallies}
        assert seats == ({0: 8} if result.tallies[0].opponent == "main" else dict.fromkeys(range(4), 2))


def test_actions_of_seven_heads_are_drawn_as_their_log_probs_say() -> None:
    one = at_once(Many(("bot:rule",), temperature=0.5), RolloutWorker)
    columns, sizes = one.next_chunk().columns, one.game.head_sizes
    observations = columns["observation"][:-1].reshape(-1, *one.game.observation_shape)
    legal = np.unpackbits(columns["legal"][:-1].reshape(len(observations), -1), axis=-1, bitorder="little")
    logits = one._learner.evaluate(observations)[0].astype(np.float64)
    scaled = np.where(legal[:, :logits.shape[1]] == 1, logits / 0.5, -np.inf)
    heads = np.split(scaled, np.cumsum(sizes)[:-1], axis=1)
    actions = columns["action"][:-1].reshape(-1, len(sizes))
    expected = [
        (head - np.log(np.exp(head).sum(axis=1, keepdims=True)))[np.arange(len(head)), actions[:, number]]
        for number, head in enumerate(heads)
    ]
    np.testing.assert_allclose(columns["log_prob"][:-1].reshape(-1, len(sizes)), np.stack(expected, 1), atol=1e-5)


def test_seats_that_decide_at_once_go_on_exactly_from_what_was_saved() -> None:
    plan, again = (Many(("main", "bot:rule", "past")) for _ in range(2))
    one = at_once(plan, RolloutWorker, games=6)
    while len(plan.results) < 2 or (one._games.num_legal > 0).all():    # until somebody is out
        one.next_chunk()
    goes_on_exactly(one, plan, at_once(again, RolloutWorker, games=6, seed=99), again)
