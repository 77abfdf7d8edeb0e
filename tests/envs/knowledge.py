"""Conformance checks on who knows what: keys, information keys, and dealing anew what a seat cannot know."""
from __future__ import annotations

import numpy as np

from native.game import State
from tests.envs.play import deciding, random_action
from tests.envs.sample import Sample, seats, seen


def same_future(one: State, other: State, actions: int = 200) -> bool:
    """Whether no function tells the two apart, now and along one random continuation."""
    one, other, rng = one.clone(), other.clone(), np.random.default_rng(4)
    for _ in range(actions):
        if one.to_act() != other.to_act() or any(seen(one, p) != seen(other, p) for p in seats(one.game)):
            return False
        if one.is_terminal:
            return True
        action = random_action(one, rng)
        one.apply(action)
        other.apply(action)
        if one.rewards().tolist() != other.rewards().tolist():
            return False
    return True


def key_equal_iff_state_equal(sample: Sample) -> None:
    """Equal states have equal keys; states with equal keys differ at most in bytes that no function can tell apart."""
    by_key: dict[int, State] = {}
    for play in sample.plays:
        for state in play.states:
            key = state.key()
            assert state.clone().key() == key
            first = by_key.setdefault(key, state)
            assert first == state or same_future(first, state), "two different states share a key"
    assert len(by_key) > 1


def information_keys(sample: Sample) -> None:
    """A seat that is shown different things has different information keys; without secrets the key will do."""
    for player in seats(sample.game):
        by_key: dict[int, tuple[bytes, bytes]] = {}
        for state in sample.states:
            shown = seen(state, player)
            assert by_key.setdefault(state.information_key(player), shown) == shown


def redeterminize_keeps_what_is_known(sample: Sample) -> None:
    """The seat notices nothing, its bots neither; what it cannot know does change; a seed fixes the outcome."""
    game, changed = sample.game, 0
    for i, state in enumerate(sample.states):
        for player in seats(game):
            other = state.clone()
            other.redeterminize(player, i)
            again = state.clone()
            again.redeterminize(player, i)
            assert other == again
            assert other.to_act() == state.to_act()
            assert seen(other, player) == seen(state, player), f"seat {player} sees what it cannot know"
            assert other.information_key(player) == state.information_key(player)
            changed += other.key() != state.key()
            if player in deciding(state):
                for bot in game.bot_names:
                    mine, theirs = state.bot_action(bot, i, player), other.bot_action(bot, i, player)
                    assert mine[0].tolist() == theirs[0].tolist(), f"{bot} plays by what its seat cannot know"
            if not (game.hidden or game.stochastic):
                assert other == state
    if game.hidden:
        assert changed, "a game with hidden information that redeterminize never changes"


def redeterminized_games_end(sample: Sample) -> None:
    """Play goes on by the rules from every redeterminized state."""
    rng = np.random.default_rng(5)
    if not (sample.game.hidden or sample.game.stochastic):
        return
    for i, state in enumerate(sample.running[:: max(1, len(sample.running) // sample.budget.futures)]):
        state = state.clone()
        state.redeterminize(deciding(state)[0], i)
        for _ in range(min(sample.budget.actions, sample.game.max_length)):
            if state.is_terminal:
                break
            state.apply(random_action(state, rng))
        assert state.is_terminal or sample.budget.actions < sample.game.max_length
