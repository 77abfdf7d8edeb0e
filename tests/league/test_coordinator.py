"""Matches are drawn as the shares say, results count once, and a new life goes on from the store."""
from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from actors.match import MatchResult, Tally
from league.coordinator import Coordinator, players, snapshot_id
from league.sections import League
from serve.run_store import SqliteRunStore

SHARES = League(self_play=0.5, snapshots=0.3, bots={"one_ply": 0.2}, match_games=10, max_snapshots=3)


@pytest.fixture
def store(tmp_path: Path) -> SqliteRunStore:
    store = SqliteRunStore(tmp_path / "ludus.sqlite")
    store.create("r", tmp_path / "r", {"game": "tic_tac_toe"}, False)
    return store


def coordinator(store: SqliteRunStore, seed: int = 1) -> Coordinator:
    return Coordinator("r", SHARES, store, num_players=2, seed=seed, temperature=1.0)


def games(store: SqliteRunStore) -> int:
    return sum(row["games"] for row in store.payoff("r"))


def result(match_id: str, opponent: str = "bot:one_ply", wins: int = 6) -> MatchResult:
    return MatchResult(match_id, "w", (Tally("main", opponent, 0, 10, wins, 1, 9 - wins, 2.0 * wins - 9, 70),))


def test_shares_without_and_with_snapshots(store: SqliteRunStore) -> None:
    one = coordinator(store)
    before = Counter(one.assign("w").seats[1] for _ in range(3000))
    assert before["main"] / 3000 == pytest.approx(5 / 7, abs=0.03)
    assert before["bot:one_ply"] / 3000 == pytest.approx(2 / 7, abs=0.03)
    one.add_snapshot(snapshot_id(1))
    one.add_snapshot(snapshot_id(2))
    after = Counter(one.assign("w").seats[1] for _ in range(4000))
    assert after["main"] / 4000 == pytest.approx(0.5, abs=0.03)
    assert after[snapshot_id(1)] / 4000 == pytest.approx(0.15, abs=0.02)
    assert after[snapshot_id(2)] / 4000 == pytest.approx(0.15, abs=0.02)


def test_a_result_counts_once(store: SqliteRunStore) -> None:
    one = coordinator(store)
    assert one.report(result("1-0"))
    assert not one.report(result("1-0"))
    assert one.report(result("1-1", wins=4))
    assert games(store) == 20
    (row,) = store.payoff("r")
    assert (row["wins"], row["draws"], row["losses"], row["length_sum"]) == (10, 2, 8, 140)


def test_a_new_life_keeps_what_was_acknowledged_and_shares_no_match_id(store: SqliteRunStore) -> None:
    one = coordinator(store)
    ids = {one.assign("w").match_id for _ in range(5)}
    one.report(result(min(ids)))
    one.add_snapshot(snapshot_id(4))
    late = one.assign("w")                          # assigned, but the store never heard of it
    two = coordinator(store)
    assert two.list_snapshots() == [snapshot_id(4)]
    assert games(store) == 10
    assert {two.assign("w").match_id for _ in range(20)}.isdisjoint(ids | {late.match_id})
    assert not two.report(result(min(ids)))         # reported again, because the answer was lost
    assert two.report(result(late.match_id))        # played in the old life, reported in the new


def test_draws_depend_on_seed_and_number_alone(store: SqliteRunStore) -> None:
    first = [coordinator(store).assign("w").seats for _ in range(3)]
    assert len(set(first)) == 1
    sequences = [[one.assign("w").seats for _ in range(40)] for one in (coordinator(store), coordinator(store, 2))]
    assert sequences[0] != sequences[1]


def test_the_pool_is_bounded_keeps_its_first_and_serves_who_may_still_be_played(store: SqliteRunStore) -> None:
    one = coordinator(store)
    left: list[str] = []
    for version in range(9):
        under_way = {one.assign("w").seats[1] for _ in range(30)} - {"main", "bot:one_ply"}
        left += one.add_snapshot(snapshot_id(version))
        assert under_way.isdisjoint(left)
        assert len(one.list_snapshots()) <= 3
    assert one.list_snapshots() == [snapshot_id(version) for version in (0, 7, 8)]
    assert left == [snapshot_id(version) for version in (1, 2, 3)]
    assert one.add_snapshot(snapshot_id(8)) == []   # again changes nothing
    assert one.dump()["retired"] == [snapshot_id(version) for version in (4, 5, 6)]


def test_restored_it_is_as_it_was(store: SqliteRunStore) -> None:
    one = coordinator(store)
    one.report(result("1-0"))
    one.add_snapshot(snapshot_id(1))
    dump = one.dump()
    expected = [one.assign("w").seats for _ in range(10)]
    one.report(result("1-1"))
    one.add_snapshot(snapshot_id(2))
    one.restore(dump)
    assert games(store) == 10
    assert one.list_snapshots() == [snapshot_id(1)]
    assert [one.assign("w").seats for _ in range(10)] == expected
    assert one.report(result("1-1"))                # rolled back, so it counts now


def test_temperature_goes_into_matches(store: SqliteRunStore) -> None:
    one = coordinator(store)
    one.set_temperature(0.7)
    assert one.assign("w").temperature == 0.7


def test_players_table(store: SqliteRunStore) -> None:
    one = coordinator(store)
    one.report(result("1-0"))
    one.report(result("1-1", opponent=snapshot_id(1), wins=3))
    rows = {row["player"]: row for row in players([snapshot_id(1)], store.payoff("r"))}
    assert list(rows) == ["main", snapshot_id(1), "bot:one_ply"]
    assert (rows["bot:one_ply"]["wins"], rows[snapshot_id(1)]["wins"], rows["main"]["games"]) == (6, 3, 0)
