"""UnrollAssembler against a plain record of every decision."""
from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.registry import make
from native.game import Game
from native.unroll import UnrollAssembler
from native.vector import VectorGame


@dataclass(eq=False)
class Decision:
    """One row as the definition has it."""

    observation: Any
    legal: Any = None
    action: Any = 0         # [H]
    log_prob: Any = 0.0
    reward: float = 0.0
    discount: float = 0.0
    valid: int = 1
    version: int = 0
    open: bool = True


@dataclass
class Record:
    """Decisions per lane, written down step by step as DESIGN's "seats and streams" says."""

    discount: float
    lanes: dict[int, list[Decision]] = field(default_factory=lambda: defaultdict(list))

    def decide(self, lane: int, decision: Decision) -> None:
        if self.lanes[lane] and self.lanes[lane][-1].open:
            self.lanes[lane][-1].discount = self.discount
            self.lanes[lane][-1].open = False
        self.lanes[lane].append(decision)

    def settle(self, lane: int, reward: float, terminal: bool, truncated: bool, final: Any) -> None:
        last = self.lanes[lane][-1] if self.lanes[lane] else None
        if last is None or not last.open:
            return
        last.reward += reward
        if terminal:
            last.open = False
        elif truncated:
            last.discount, last.open = self.discount, False
            self.lanes[lane].append(Decision(final, valid=0, version=last.version, open=False))

    def unrolls(self, length: int) -> list[list[Decision]]:
        """Every full unroll of every lane: rows k T .. k T + T, the last one belonging to both neighbours."""
        return [
            decisions[first : first + length + 1]
            for decisions in self.lanes.values()
            for first in range(0, len(decisions) - length, length)
        ]


def play(
    game: Game, steps: int, seed: int, length: int, batch: int, games: int, time_limit: int, reload_at: int = -1
) -> tuple[list[dict[str, Any]], Record]:
    """Random play through both; only lane-carrying seats are recorded, and of these all that have a legal action."""
    vector = VectorGame(game, games, seed, time_limit=time_limit)
    players = game.num_players
    assembler = UnrollAssembler(game, games * players, length, batch, 0.9)
    record = Record(0.9)
    random = np.random.default_rng(seed)
    lanes = random.permutation(games * players).astype(np.int32).reshape(games, players)
    lanes[random.random((games, players)) < 0.2] = -1
    actions = np.zeros((*vector.num_legal.shape, len(game.head_sizes)), np.int32)
    sealed = []
    for step in range(steps):
        vector.random_actions(actions)
        seats = np.indices(lanes.shape)[1] if game.simultaneous else vector.to_act[:, None]
        rows, places = np.nonzero(
            (np.take_along_axis(lanes, seats, 1) >= 0) & (vector.num_legal.reshape(games, -1) > 0)
        )
        at = (rows, places) if game.simultaneous else (rows,)
        mine = lanes[rows, seats[rows, places]]
        log_probs = random.standard_normal((rows.size, len(game.head_sizes))).astype(np.float32)
        assembler.record(mine, vector.observations[at], vector.legal[at], actions[at], log_probs, step)
        for place, lane in enumerate(mine.tolist()):
            one = tuple(index[place] for index in at)
            record.decide(lane, Decision(
                vector.observations[one].copy(), vector.legal[one].copy(), actions[one].copy(), log_probs[place],
                version=step,
            ))
        vector.step(actions)
        rewards = random.integers(-2, 3, (games, players)).astype(np.float32)
        assembler.settle(lanes, rewards, vector.terminal, vector.truncated, vector.final_observations)
        for row, seat in np.argwhere(lanes >= 0):
            record.settle(
                int(lanes[row, seat]), float(rewards[row, seat]), bool(vector.terminal[row]),
                bool(vector.truncated[row]), vector.final_observations[row, seat].copy(),
            )
        if step == reload_at:
            saved = assembler.save()
            assembler = UnrollAssembler(game, games * players, length, batch, 0.9)
            assembler.load(saved)
        while len(assembler):
            sealed.append(assembler.take())
    return sealed, record


def same_row(columns: dict[str, Any], t: int, b: int, row: Decision, is_last: bool, num_actions: int) -> bool:
    seen = bool((columns["observation"][t, b] == row.observation).all())
    legal = np.unpackbits(columns["legal"][t, b], bitorder="little")[:num_actions]
    expected_legal = np.ones(num_actions) if row.legal is None else row.legal
    if is_last:
        rest = columns["valid"][t, b] == 0 and columns["reward"][t, b] == 0 and columns["discount"][t, b] == 0
    else:
        rest = (
            bool((columns["action"][t, b] == row.action).all())
            and bool((columns["log_prob"][t, b] == row.log_prob).all())
            and columns["reward"][t, b] == row.reward
            and columns["discount"][t, b] == np.float32(row.discount)
            and columns["valid"][t, b] == row.valid
            and columns["version"][t, b] == row.version
        )
    return seen and bool((legal == expected_legal).all()) and bool(rest)


def check(game: Game, sealed: list[dict[str, Any]], record: Record, length: int, batch: int) -> None:
    """Every full unroll has arrived once, but for those that wait in the batch that is not full yet."""
    expected = record.unrolls(length)
    arrived = [(columns, b) for columns in sealed for b in range(batch)]
    assert len(expected) - batch < len(arrived) <= len(expected)
    left = list(expected)
    for columns, b in arrived:
        match = next((
            one for one in left
            if all(same_row(columns, t, b, row, t == length, game.num_actions) for t, row in enumerate(one))
        ), None)
        assert match is not None
        left = [one for one in left if one is not match]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000), length=st.integers(1, 7), batch=st.integers(1, 5), games=st.integers(1, 5),
    time_limit=st.sampled_from([0, 3, 5]), reload_at=st.sampled_from([-1, 10, 33]),
)
def test_every_decision_arrives_once_and_as_defined(
    seed: int, length: int, batch: int, games: int, time_limit: int, reload_at: int
) -> None:
    game = make("tic_tac_toe")
    check(game, *play(game, 60, seed, length, batch, games, time_limit, reload_at), length, batch)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000), length=st.integers(1, 5), batch=st.integers(1, 5), games=st.integers(1, 4),
    time_limit=st.sampled_from([0, 3, 7]), reload_at=st.sampled_from([-1, 10]),
)
def test_seats_that_decide_at_once_and_seats_that_are_out(
    skirmish: Game, seed: int, length: int, batch: int, games: int, time_limit: int, reload_at: int
) -> None:
    check(skirmish, *play(skirmish, 40, seed, length, batch, games, time_limit, reload_at), length, batch)


def test_what_a_seat_gets_after_it_is_out_belongs_to_its_last_decision() -> None:
    game = make("tic_tac_toe")
    assembler = UnrollAssembler(game, 2, 1, 1, 0.9)
    lanes, going = np.array([[0, 1]], np.int32), np.zeros(1, np.uint8)
    final = np.zeros((1, 2, 2, 3, 3), np.uint8)

    def decide(*chosen: int) -> None:
        n = len(chosen)
        assembler.record(
            np.array(chosen, np.int32), np.zeros((n, 2, 3, 3), np.uint8), np.ones((n, 9), np.uint8),
            np.zeros((n, 1), np.int32), np.zeros((n, 1), np.float32), 0,
        )

    decide(0, 1)
    for reward in (1.0, 2.0, 4.0):      # lane 1 decides no more
        assembler.settle(lanes, np.array([[0.0, reward]], np.float32), going, going, final)
        decide(0)
    assembler.settle(lanes, np.array([[0.0, -8.0]], np.float32), np.ones(1, np.uint8), going, final)
    while len(assembler):
        assembler.take()
    decide(1)                           # in its next game, which completes the unroll
    columns = assembler.take()
    assert (columns["reward"][0, 0], columns["discount"][0, 0]) == (-1.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 4, 2, 0.9), "num_lanes must be at least 1, got 0"),
        ((1, 0, 2, 0.9), "unroll_length must be at least 1, got 0"),
        ((1, 4, 2, 1.5), "discount must be between 0 and 1, got 1.5"),
    ],
)
def test_bad_settings_are_named(arguments: tuple[int, int, int, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UnrollAssembler(make("tic_tac_toe"), *arguments)


def test_bad_rows_are_refused() -> None:
    assembler = UnrollAssembler(make("tic_tac_toe"), 2, 4, 2, 0.9)
    row = (np.zeros((1, 2, 3, 3), np.uint8), np.ones((1, 9), np.uint8), np.zeros((1, 1), np.int32))
    log_probs = np.zeros((1, 1), np.float32)
    with pytest.raises(ValueError, match="lanes run from 0 to 1, got 2"):
        assembler.record(np.array([2], np.int32), *row, log_probs, 0)
    with pytest.raises(ValueError, match="1 lanes, but 1 masks, 1 actions and 2 log-probabilities"):
        assembler.record(np.array([0], np.int32), *row, np.zeros((2, 1), np.float32), 0)
    with pytest.raises(ValueError, match="expected 9 mask bytes"):
        assembler.record(np.array([0], np.int32), row[0], np.ones((1, 8), np.uint8), row[2], log_probs, 0)
