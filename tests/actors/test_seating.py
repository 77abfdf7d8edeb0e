"""Seats turn with the games of a match; free lanes wait in line, so that no half-filled unroll is left behind."""
from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.match import Match
from actors.seating import FreeLanes, Seating


@given(lanes=st.integers(1, 9), moves=st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_lanes_come_back_in_the_order_they_were_given(lanes: int, moves: list[tuple[bool, int]]) -> None:
    free, model, held = FreeLanes(lanes), deque(range(lanes)), deque[int]()
    for take, most in moves:
        if take:
            count = min(most, len(model))
            expected = [model.popleft() for _ in range(count)]
            assert free.take(count).tolist() == expected
            held.extend(expected)
        else:
            given_back = [held.pop() for _ in range(min(most, len(held)))]
            free.give(np.array(given_back, np.int32))
            model.extend(given_back)
        assert free.waiting().tolist() == list(model)


def test_more_than_are_free_are_refused() -> None:
    free = FreeLanes(3)
    free.take(2)
    with pytest.raises(ValueError, match="2 lanes wanted, 1 are free"):
        free.take(2)


def test_everybody_sits_everywhere_and_every_seat_of_the_learner_has_a_lane_of_its_own() -> None:
    match = Match("m", "main", ("main", "bot:rule", "main", "past"), 8, 1.0)
    seating = Seating(8, 4, "main", lambda: match)
    seating.seat_all(np.arange(8))
    names = np.array(seating.policies)[seating.policy]
    for number, seats in enumerate(names.tolist()):
        assert seats == [match.seats[(seat + number) % 4] for seat in range(4)]
    assert ((seating.lane >= 0) == (names == "main")).all()
    recorded = seating.lane[seating.lane >= 0]
    assert len(set(recorded.tolist())) == len(recorded) == 16
