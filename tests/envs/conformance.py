"""What every game owes everything that runs it: one function per promise, each over the same sample of random play.

`tests/envs/test_conformance.py` runs all of them on all games; `conform` serves a game under construction. The checks
on keys and secrets are in `knowledge`.
"""
from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest

from envs.audit import audit
from native.game import Game, State
from tests.envs.knowledge import (
    information_keys,
    key_equal_iff_state_equal,
    redeterminize_keeps_what_is_known,
    redeterminized_games_end,
)
from tests.envs.play import SIMULTANEOUS, TERMINAL, Action, deciding, heads, random_action, replay
from tests.envs.sample import Sample, examine, seats
from tests.envs.variants import Budget

MAX_HEADS = 8
MAX_SCALED = 2      # of a scaled observation: what networks are initialised for
REFUSALS = 40       # illegal values tried per head and state


def refused(state: State, action: object) -> None:
    """`action` raises a sentence that names the game, and leaves the state as it was."""
    before = state.to_bytes()
    with pytest.raises(ValueError, match=state.game.name):
        state.apply(action)
    assert state.to_bytes() == before, f"refusing {action} changed the state"


def declared_facts(sample: Sample) -> None:
    """The sizes, flags and names that a game declares hang together."""
    game = sample.game
    assert 1 <= len(game.head_sizes) <= MAX_HEADS
    assert sum(game.head_sizes) == game.num_actions
    assert min(game.head_sizes) >= 1
    assert 1 <= len(game.observation_shape) <= 4
    assert min(game.observation_shape) >= 1
    assert game.num_players >= 1
    assert game.max_length >= 1
    assert game.time_limit >= 0
    assert game.rules_version >= 1
    assert len(set(game.bot_names)) == len(game.bot_names)
    assert len(set(game.metric_names)) == len(game.metric_names)


def native_memory(sample: Sample) -> None:
    """Nothing is written outside its place or left unwritten, and reading changes nothing: see `envs/audit.pyx`."""
    rng = np.random.default_rng(1)
    for state in sample.states:
        before = state.to_bytes()
        assert audit(state, None if state.is_terminal else random_action(state, rng)) == []
        for player in seats(sample.game):
            state.information_key(player)
        assert state.to_bytes() == before


def shapes_and_types(sample: Sample) -> None:
    """Observations and masks have the declared shape and type, from every seat, in every state, the last included."""
    game = sample.game
    for state in sample.states:
        for player in seats(game):
            observation, mask = state.observe(player), state.legal(player)
            assert observation.shape == game.observation_shape
            assert observation.dtype == game.observation_dtype
            assert np.isfinite(observation).all()
            if game.observation_scale is not None:
                assert game.observation_scale.shape == game.observation_shape
                assert np.abs(observation * game.observation_scale).max() <= MAX_SCALED
            assert mask.shape == (game.num_actions,)
            assert mask.dtype == np.uint8
            assert mask.max() <= 1
        assert state.rewards().shape == (game.num_players,)
        assert np.isfinite(state.rewards()).all()


def turn_order(sample: Sample) -> None:
    """Whoever decides has a legal value in every head; anybody else has none."""
    game = sample.game
    for state in sample.states:
        assert state.to_act() in (TERMINAL, *seats(game), *([SIMULTANEOUS] if game.simultaneous else []))
        assert state.is_terminal or deciding(state)
        for player in seats(game):
            if player in deciding(state):
                assert all(part.any() for part in heads(game, state.legal(player)))
            else:
                assert not state.legal(player).any(), f"seat {player} does not decide but has legal actions"


def one_value_changed(action: Action, state: State, player: int, head: int, value: int) -> Action:
    """`action` with another value for one head of one seat."""
    changed = np.array(action, np.int64)
    changed[(player, head) if state.to_act() == SIMULTANEOUS else head] = value
    found: Action = changed.tolist()
    return found


def mask_is_legal_set(sample: Sample) -> None:
    """Values in the mask are accepted; all others, and those out of range, are refused with the state unchanged."""
    rng = np.random.default_rng(2)
    for state in sample.running:
        action = random_action(state, rng)
        for player in deciding(state):
            for head, part in enumerate(heads(sample.game, state.legal(player))):
                for value in np.flatnonzero(part).tolist():
                    state.clone().apply(one_value_changed(action, state, player, head, value))
                illegal = np.flatnonzero(part == 0)
                some = rng.choice(illegal, min(REFUSALS, len(illegal)), replace=False).tolist()
                for value in [-1, len(part), 2**31 - 1, -(2**31), *some]:
                    refused(state, one_value_changed(action, state, player, head, value))
        refused(state, [])
        refused(state, np.array([action, action]).reshape(-1))


def idle_seats_are_ignored(sample: Sample) -> None:
    """When all decide at once, nothing that is played for a seat without a legal action changes what happens."""
    rng = np.random.default_rng(6)
    for state in sample.running:
        idle = [player for player in seats(sample.game) if player not in deciding(state)]
        if state.to_act() != SIMULTANEOUS or not idle:
            continue
        action = np.array(random_action(state, rng))
        expected = state.clone()
        expected.apply(action)
        for value in (-1, 1, 2**31 - 1):
            other = state.clone()
            action[idle] = value
            other.apply(action)
            assert other == expected


def end_is_the_end(sample: Sample) -> None:
    """A finished game takes no action; a game that may end within the budget does, within `max_length`."""
    game = sample.game
    for play in sample.plays:
        last = play.states[-1]
        assert len(play.actions) <= game.max_length
        assert last.is_terminal or sample.budget.actions < game.max_length, "the game did not end"
        if last.is_terminal:
            refused(last, [0] * len(game.head_sizes))
    assert any(play.states[-1].is_terminal for play in sample.plays), "no game ended: a larger Budget.actions?"


def reward_rules(sample: Sample) -> None:
    """No reward before the first action; if declared zero-sum, rewards add up to 0 after every action."""
    for play in sample.plays:
        assert not play.states[0].rewards().any()
        if sample.game.zero_sum:
            for state in play.states:
                assert abs(state.rewards().sum()) < 1e-5


def clone_is_independent(sample: Sample) -> None:
    """Neither of a state and its clone notices what is done to the other."""
    rng = np.random.default_rng(3)
    for state in sample.running:
        before, twin = state.to_bytes(), state.clone()
        assert twin == state
        twin.apply(random_action(twin, rng))
        assert state.to_bytes() == before
        second, moved = state.clone(), twin.to_bytes()
        state.clone().apply(random_action(state, rng))
        assert (second.to_bytes(), twin.to_bytes()) == (before, moved)


def bytes_round_trip(sample: Sample) -> None:
    """A state is its bytes: it comes back from them and from pickle; another length is refused."""
    game = sample.game
    for state in sample.states:
        data = state.to_bytes()
        assert len(data) == game.state_bytes
        assert game.from_bytes(data) == state
        assert pickle.loads(pickle.dumps(state)) == state
        for wrong in (b"", data[:-1], data + b"\0"):
            with pytest.raises(ValueError, match=game.name):
                game.from_bytes(wrong)


def pickles_by_name(sample: Sample) -> None:
    """A pickled game is its module and options, nothing native."""
    data = pickle.dumps(sample.game)
    again = pickle.loads(data)
    assert again == sample.game
    assert hash(again) == hash(sample.game)
    assert again.max_length == sample.game.max_length
    assert again.new_state(3).to_bytes() == sample.game.new_state(3).to_bytes(), "an option did not reach new_game"
    assert sample.game.module.encode() in data
    assert len(data) < 500 + 50 * len(sample.game.options)


def same_seed_same_game(sample: Sample) -> None:
    """Seed and actions fix every byte, also from the middle on; without chance the seed says nothing."""
    for play in sample.plays:
        assert replay(sample.game, play.seed, play.actions) == play.states
        middle = len(play.actions) // 2
        state = sample.game.from_bytes(play.states[middle].to_bytes())
        for action in play.actions[middle:]:
            state.apply(action)
        assert state == play.states[-1]
    if sample.game.stochastic:
        assert len({sample.game.new_state(seed).to_bytes() for seed in range(10)}) > 1
    else:
        assert len({sample.game.new_state(seed).to_bytes() for seed in range(10)}) == 1


def moved_action(game: Game, action_index: npt.NDArray[np.int32], action: Action) -> Action:
    """`action` in the transformed game, head by head: mask[index[i]] moves to mask[i], so `index[i]` becomes `i`."""
    starts = np.concatenate([[0], np.cumsum(game.head_sizes)[:-1]])
    found: Action = (np.argsort(action_index)[np.array(action) + starts] - starts).tolist()
    return found


def symmetries_commute(sample: Sample) -> None:
    """Each symmetry permutes within heads; a transformed game shows exactly the transformed observations and masks."""
    game = sample.game
    size = int(np.prod(game.observation_shape))
    found = [(observation.tolist(), action.tolist()) for observation, action in game.symmetries]
    assert found[0] == (list(range(size)), list(range(game.num_actions)))
    assert len({tuple(observation + action) for observation, action in found}) == len(found)
    for observation_index, action_index in game.symmetries:
        assert sorted(observation_index.tolist()) == list(range(size))
        for start, size_of_head in zip(np.cumsum((0, *game.head_sizes)).tolist(), game.head_sizes, strict=False):
            end = start + size_of_head
            assert sorted(action_index[start:end].tolist()) == list(range(start, end))
        if game.stochastic:
            continue        # chance events of one seed need not be images of one another
        for play in sample.plays[:5]:
            image = game.new_state(play.seed)
            for state, action in zip(play.states, [*play.actions, None], strict=True):
                assert image.to_act() == state.to_act()
                for player in seats(game):
                    flat = state.observe(player).reshape(-1)
                    assert (image.observe(player).reshape(-1) == flat[observation_index]).all()
                    assert (image.legal(player) == state.legal(player)[action_index]).all()
                assert image.rewards().tolist() == state.rewards().tolist()
                if action is not None:
                    image.apply(moved_action(game, action_index, action))


def metrics_of_finished_games(sample: Sample) -> None:
    """Every declared metric is there and finite."""
    for play in sample.plays:
        if play.states[-1].is_terminal:
            metrics = play.states[-1].metrics()
            assert tuple(metrics) == sample.game.metric_names
            assert all(np.isfinite(value) for value in metrics.values())


def bot_turns(sample: Sample) -> Iterator[tuple[str, State, int]]:
    """Every bot with every seat that decides in some of the states."""
    for bot in sample.game.bot_names:
        for state in sample.running:
            for player in deciding(state):
                yield bot, state, player


def bots_play_by_the_rules(sample: Sample) -> None:
    """Bots choose legal actions, leave the state alone, and depend on nothing but state, seat and generator."""
    for i, (bot, state, player) in enumerate(bot_turns(sample)):
        before = state.to_bytes()
        action, word = state.bot_action(bot, i, player)
        assert state.to_bytes() == before
        assert all(part[value] for part, value in zip(heads(sample.game, state.legal(player)), action, strict=True))
        again, same_word = state.clone().bot_action(bot, i, player)
        assert (again.tolist(), same_word) == (action.tolist(), word)


CHECKS: list[Callable[[Sample], None]] = [
    declared_facts,
    native_memory,
    shapes_and_types,
    turn_order,
    mask_is_legal_set,
    idle_seats_are_ignored,
    end_is_the_end,
    reward_rules,
    clone_is_independent,
    bytes_round_trip,
    pickles_by_name,
    same_seed_same_game,
    key_equal_iff_state_equal,
    information_keys,
    redeterminize_keeps_what_is_known,
    redeterminized_games_end,
    symmetries_commute,
    metrics_of_finished_games,
    bots_play_by_the_rules,
]


def conform(game: Game, budget: Budget | None = None) -> None:
    """Runs every check on `game`; what an author calls while writing it."""
    sample = examine(game, budget or Budget())
    for check in CHECKS:
        check(sample)
