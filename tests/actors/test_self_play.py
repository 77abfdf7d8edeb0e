"""Self-play with search: rows are what happened, held-out games stay apart, a saved worker goes on exactly."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from actors.config import SelfPlay
from actors.searcher import NetworkSearcher, RolloutSearcher, Searcher, exploring
from actors.self_play import SelfPlayWorker
from envs.registry import make
from learners.chunk import Chunk, validate
from learners.engines.torch_engine import TorchEngine
from tests.actors.stage import NETWORK, Plan, store

TIC_TAC_TOE = "tic_tac_toe"


class NoWeights:
    """For searchers that need none."""

    def pull(self, policy: str, have: int) -> None:
        return None


def worker(
    plan: Plan | None = None, *, game: str = TIC_TAC_TOE, seed: int = 5, network: bool = False, weights: Any = None,
    **changes: Any,
) -> SelfPlayWorker:
    settings = SelfPlay(**({"games": 6, "simulations": 12, "chunk_rows": 40, "cache": 64} | changes))
    rules = make(game)

    def searcher(policy: str) -> Searcher:
        if network:
            return NetworkSearcher(rules, settings.games, exploring(settings), TorchEngine(rules, NETWORK),
                                   cache=settings.cache, symmetries=settings.symmetries, seed=seed)
        return RolloutSearcher(rules, settings.games, exploring(settings))

    return SelfPlayWorker(
        "w", rules, settings, seed=seed, learner="main", coordination=plan or Plan(["main"]),
        weights=weights or (store() if network else NoWeights()), make_searcher=searcher,
    )


def chunks(one: SelfPlayWorker, count: int) -> list[Chunk]:
    return [one.next_chunk() for _ in range(count)]


def games(found: list[Chunk]) -> dict[int, list[dict[str, Any]]]:
    """Rows by game, in order of play."""
    by_episode: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for chunk in found:
        for row in range(chunk.header.rows):
            entry = {name: column[row] for name, column in chunk.columns.items()}
            by_episode[int(entry["episode"])].append(entry)
    for rows in by_episode.values():
        rows.sort(key=lambda one: int(one["ply"]))
    return by_episode


@pytest.mark.parametrize("game", [TIC_TAC_TOE, "connect_four", "kuhn_poker"])
def test_rows_replay_as_whole_games(game: str) -> None:
    found = chunks(worker(game=game), 6)
    rules = make(game)
    complete = games(found)
    assert len(complete) > 12
    for chunk in found:
        validate(chunk, rules)
    for rows in complete.values():
        assert [int(one["ply"]) for one in rows] == list(range(len(rows)))
        if rules.stochastic:
            continue
        state = rules.new_state()
        for one in rows:
            np.testing.assert_array_equal(one["observation"], state.observe())
            legal = np.unpackbits(one["legal"], bitorder="little")[: rules.num_actions]
            np.testing.assert_array_equal(legal, state.legal())
            one["seat"] = state.to_act()
            state.apply(one["action"])
        assert state.is_terminal
        for one in rows:
            assert one["outcome"] == state.rewards()[one["seat"]]


def test_a_search_that_sees_the_win_teaches_it() -> None:
    sharp = 0
    for rows in games(chunks(worker(simulations=60, solver=True, temperature=0.5), 8)).values():
        last = rows[-1]
        if last["outcome"] == 1 and last["root_value"] == 1:
            # 0 for actions that are proven worse: what is left wins at once
            assert last["target_prob"][last["target_action"] == last["action"][0]].sum() > 0
            sharp += 1
    assert sharp > 10


def test_held_out_games_are_whole_and_apart() -> None:
    found = chunks(worker(held_out=0.4), 30)
    parts = {split: games([one for one in found if one.header.split == split]) for split in ("train", "held_out")}
    assert not parts["train"].keys() & parts["held_out"].keys()
    held, every = len(parts["held_out"]), len(parts["train"]) + len(parts["held_out"])
    assert 0.25 < held / every < 0.55
    for rows in parts["held_out"].values():
        assert [int(one["ply"]) for one in rows] == list(range(len(rows)))


def test_openings_are_random_and_not_recorded() -> None:
    first = [int(rows[0]["ply"]) for rows in games(chunks(worker(opening_share=0.5, opening_moves=3), 12)).values()]
    shares = np.bincount(first, minlength=4) / len(first)
    assert first
    assert max(first) == 3
    assert abs(shares[0] - 0.5) < 0.15
    assert (shares[1:4] > 0.05).all()


def test_only_full_searches_are_learned_from() -> None:
    one = worker(fast_simulations=2, full_fraction=0.3)
    found = chunks(one, 10)
    recorded = sum(chunk.header.rows for chunk in found)
    assert recorded < 0.5 * one.totals["decisions"]


def test_temperature_falls_after_the_first_moves() -> None:
    def greedy_share(moves: int) -> float:
        rows = [one for game in games(chunks(worker(temperature_moves=moves, temperature_late=0.0,
                                                    dirichlet_fraction=0.0), 6)).values() for one in game]
        return float(np.mean([
            one["target_prob"][one["target_action"] == one["action"][0]].max() == one["target_prob"].max()
            for one in rows
        ]))

    assert greedy_share(0) == 1.0
    assert greedy_share(9) < 0.9


@pytest.mark.parametrize("network", [False, True])
def test_a_saved_worker_goes_on_exactly(network: bool) -> None:
    plans = Plan(["main"]), Plan(["main"])
    one, other = (worker(plan, network=network, opening_share=0.3, opening_moves=2, held_out=0.3) for plan in plans)
    for _ in range(5):
        one.next_chunk()
    while one.ready:
        one.next_chunk()
    arrays, plain = one.save()
    other.next_chunk()      # whatever it did before is forgotten
    while other.ready:
        other.next_chunk()
    other.load(arrays, plain)
    plans[1].assigned = plans[0].assigned
    if network:
        for each in (one, other):       # as a run does: newer weights after every update, which empty the cache
            each._weights.publish("main", 1, store_weights())   # type: ignore[attr-defined]
    for _ in range(4):
        expected, found = one.next_chunk(), other.next_chunk()
        assert expected.header == found.header
        for name, column in expected.columns.items():
            np.testing.assert_array_equal(column, found.columns[name])
    assert one.totals == other.totals


def store_weights() -> Mapping[str, npt.NDArray[Any]]:
    pulled = store().pull("main", -1)
    assert pulled is not None
    return pulled[1]    # type: ignore[no-any-return]


def test_every_game_is_reported_once_and_bots_are_not_recorded() -> None:
    plan = Plan(["main", "bot:one_ply"], num_games=5)
    one = worker(plan)
    found = chunks(one, 12)
    reported = sum(result.games for result in plan.results)
    assert reported <= one.totals["games"] < reported + 5 * 3
    alternating = [rows for rows in games(found).values() if int(rows[0]["ply"]) == 1 or (
        len(rows) > 1 and int(rows[1]["ply"]) == 2)]
    assert alternating      # against a bot only one seat's decisions are there


def test_resignation_ends_lost_games_as_losses_and_checks_itself() -> None:
    one = worker(resign_below=-0.5, resign_checks=0.5, simulations=40, game="connect_four", chunk_rows=300)
    found = games(chunks(one, 4))
    assert one.totals["resignations"] > 0
    assert one.totals["resign_checks"] > 0
    assert one.totals["resign_mistakes"] <= one.totals["resign_checks"]
    gave_up = [rows for rows in found.values() if rows[-1]["root_value"] < -0.5 and rows[-1]["outcome"] == -1]
    assert gave_up
    for rows in gave_up:    # outcomes alternate with the seats
        assert [float(one["outcome"]) for one in rows] == [-1.0 * (-1) ** (len(rows) - 1 - at)
                                                           for at in range(len(rows))]


def test_wrong_games_are_refused() -> None:
    with pytest.raises(ValueError, match="not played one action at a time"):
        worker(game="arena")
    with pytest.raises(ValueError, match="resign_below needs a zero-sum game of two seats"):
        worker(game="prospector", resign_below=-0.5)


def test_same_seed_same_chunks_other_seed_others() -> None:
    make_one: Callable[[int], list[Chunk]] = lambda seed: chunks(worker(network=True, seed=seed), 4)  # noqa: E731
    first, again, other = make_one(5), make_one(5), make_one(6)
    same = [np.array_equal(one.columns["action"], two.columns["action"]) for one, two in zip(first, again, strict=True)]
    assert all(same)
    assert not all(np.array_equal(one.columns["action"], two.columns["action"])
                   for one, two in zip(first, other, strict=True))
