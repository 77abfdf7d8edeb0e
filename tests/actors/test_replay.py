"""Replay: tables against plain lists, budgets, staleness, and the reason when there is nothing."""
from __future__ import annotations

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.config import Replay as Settings
from actors.replay import Replay
from learners.chunk import Header

MIB = 1 << 20


def header(number: int, version: int = 0, size: int = 100, split: str = "train") -> Header:
    return Header(f"c{number}", "w", number, "m", "main", version, version, "tic_tac_toe", 1, "unroll", split, 10, size)


class QueueAgainstDeque(RuleBasedStateMachine):
    """Each chunk once, in order, none beyond the capacity, stale ones dropped."""

    @initialize(batch=st.integers(1, 3), room=st.integers(0, 4), max_lag=st.integers(1, 5))
    def create(self, batch: int, room: int, max_lag: int) -> None:
        self.batch, self.capacity, self.max_lag = batch, 2 * batch + room, max_lag
        self.replay = Replay(Settings(capacity=self.capacity, max_lag=max_lag), batch)
        self.model: deque[tuple[int, int]] = deque()
        self.next = self.version = self.dropped = 0

    @rule()
    def insert(self) -> None:
        assert self.replay.can_insert() == (len(self.model) < self.capacity)
        if self.replay.can_insert():
            self.replay.insert(header(self.next, self.version), f"payload {self.next}", float(self.next))
            self.model.append((self.next, self.version))
            self.next += 1

    @rule(by=st.integers(1, 3))
    def learn(self, by: int) -> None:
        self.version += by

    @rule()
    def sample(self) -> None:
        fresh = deque(one for one in self.model if self.version - one[1] <= self.max_lag)
        dropped = len(self.model) - len(fresh)
        self.dropped += dropped
        self.model = fresh
        reason = self.replay.why_not(self.version)
        if len(fresh) < self.batch:
            assert reason == ("no_fresh" if dropped else "below_min")
            return
        assert reason is None
        batch = self.replay.sample()
        expected = [fresh.popleft() for _ in range(self.batch)]
        assert [item.payload for item in batch] == [f"payload {number}" for number, _ in expected]

    @invariant()
    def agree(self) -> None:
        if hasattr(self, "replay"):
            assert len(self.replay) == len(self.model)
            assert self.replay.bytes == 100 * len(self.model)
            assert self.replay.dropped_stale == self.dropped


class UniformKeepsTheNewest(RuleBasedStateMachine):
    """At most `capacity` chunks, the newest ones; samples only of what is held; the ratio is bounded."""

    @initialize(capacity=st.integers(2, 6), spi=st.sampled_from([0.5, 1.0, 3.0]))
    def create(self, capacity: int, spi: float) -> None:
        self.capacity, self.spi = capacity, spi
        chosen = Settings(
            table="uniform", capacity=capacity, min_size=2, samples_per_insert=spi, error_buffer=8, max_lag=1000
        )
        self.replay = Replay(chosen, 2, seed=1)
        self.held: deque[int] = deque(maxlen=capacity)
        self.next = 0

    @precondition(lambda self: self.replay.can_insert())
    @rule()
    def insert(self) -> None:
        self.replay.insert(header(self.next), self.next, 0.0)
        self.held.append(self.next)
        self.next += 1

    @rule()
    def sample(self) -> None:
        if (reason := self.replay.why_not(0)) is None:
            assert {item.payload for item in self.replay.sample()} <= set(self.held)
        else:
            assert reason == ("below_min" if len(self.held) < 2 else "limiter")

    @invariant()
    def bounded(self) -> None:
        if hasattr(self, "replay"):
            assert len(self.replay) == len(self.held)
            assert self.replay.evicted == self.next - len(self.held)
            if self.next >= 2:
                assert abs(self.replay.limiter.error - 2 * self.spi) <= 8


TestQueue = QueueAgainstDeque.TestCase
TestUniform = UniformKeepsTheNewest.TestCase
TestQueue.settings = TestUniform.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_a_queue_waits_for_bytes() -> None:
    replay = Replay(Settings(capacity=8, max_bytes=MIB), 1)
    replay.insert(header(0, size=MIB), None, 0.0)
    assert not replay.can_insert()
    replay.sample()
    assert replay.can_insert()


def test_a_uniform_table_lets_the_oldest_go_for_bytes() -> None:
    settings = Settings(table="uniform", capacity=8, max_bytes=2 * MIB, error_buffer=100)
    replay = Replay(settings, 1)
    for number in range(4):
        replay.insert(header(number, size=MIB), number, 0.0)
    assert (len(replay), replay.bytes, replay.evicted) == (2, 2 * MIB, 2)


def test_dropping_the_stale_does_not_block_inserts() -> None:
    replay = Replay(Settings(capacity=2, max_lag=1), 1)
    for number in range(2):
        replay.insert(header(number, version=0), None, 0.0)
    assert not replay.can_insert()
    assert replay.why_not(5) == "no_fresh"
    assert replay.can_insert()


def test_a_uniform_table_emptied_by_staleness_fills_again() -> None:
    chosen = Settings(table="uniform", capacity=4, samples_per_insert=32, max_lag=8)
    replay = Replay(chosen, 2)
    replay.insert(header(0, version=0), None, 0.0)
    while replay.why_not(0) is None:
        replay.sample()
    assert replay.why_not(20) == "no_fresh"
    assert replay.can_insert()
    replay.insert(header(1, version=20), None, 0.0)
    assert replay.why_not(20) in (None, "limiter")


def test_a_capacity_that_would_block_is_refused() -> None:
    with pytest.raises(ValueError, match=r"replay\.capacity is 3; a queue that gives 2 chunks at once"):
        Replay(Settings(capacity=3), 2)


def test_metrics_tell_the_age_of_the_oldest() -> None:
    replay = Replay(Settings(capacity=8), 2)
    replay.insert(header(0), None, 10.0)
    replay.insert(header(1), None, 12.0)
    figures = replay.metrics(15.0)
    assert (figures["queue_age_s"], figures["replay_chunks"], figures["replay_bytes"]) == (5.0, 2, 200)


def test_held_out_chunks_are_never_sampled_and_the_newest_stay() -> None:
    replay = Replay(Settings(capacity=4, held_out_rows=25), batch=1)
    for number in range(8):
        replay.insert(header(number, split="held_out"), number, 0.0)    # 10 rows each
    assert replay.why_not(0) == "below_min"
    assert [item.payload for item in replay.held_out()] == [5, 6, 7]
    replay.insert(header(8), 8, 0.0)
    assert [item.payload for item in replay.sample()] == [8]
    assert len(replay.held_out()) == 3


def test_a_window_grows_more_slowly_than_what_was_inserted() -> None:
    replay = Replay(Settings(table="uniform", capacity=60, window_start=10, samples_per_insert=0.5), batch=1)
    sizes = []
    for number in range(800):
        if not replay.can_insert():
            replay.sample()
        replay.insert(header(number), number, 0.0)
        sizes.append(len(replay))
    assert sizes[:10] == list(range(1, 11))
    # KataGo's formula at 100 and 400 chunks, and the capacity in the end
    assert sizes[99] == int(10 * (1 + 0.4 * (10**0.75 - 1) / 0.75)) == 34
    assert sizes[-1] == 60
    assert sorted(sizes) == sizes


def test_age_has_no_bound_in_a_uniform_table_unless_one_is_given() -> None:
    for bound, reason in ((None, None), (5, "no_fresh")):
        replay = Replay(Settings(table="uniform", capacity=4, max_lag=bound), batch=1)
        replay.insert(header(0), 0, 0.0)
        assert replay.why_not(10**6) == reason
    queue = Replay(Settings(capacity=4), batch=1)
    queue.insert(header(0), 0, 0.0)
    assert queue.why_not(10**6) == "no_fresh"


def test_saved_and_loaded_it_goes_on_the_same() -> None:
    def begin() -> Replay:
        return Replay(Settings(table="uniform", capacity=6, samples_per_insert=2.0), batch=2, seed=3)

    one, other = begin(), begin()
    for number in range(5):
        one.insert(header(number, split="held_out" if number == 2 else "train"), number, 0.0)
    one.sample()
    items, plain = one.save()
    other.load(items, plain)
    for replay in (one, other):
        replay.insert(header(9), 9, 0.0)
    assert [[item.payload for item in one.sample()] for _ in range(5)] == [
        [item.payload for item in other.sample()] for _ in range(5)
    ]
    assert one.metrics(1.0) == other.metrics(1.0)
    assert [item.payload for item in other.held_out()] == [2]
