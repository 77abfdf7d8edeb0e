"""The evaluation cache: it changes no tree, whatever its size; and what a search tells of its roots."""
from __future__ import annotations

import numpy as np
import pytest

import native.search
from envs import registry
from native.evaluation_cache import EvaluationCache
from native.search import Search
from native.search_settings import SearchSettings
from tests.native.search_cache_checks import (
    GAMES,
    VARIANTS,
    check_cache,
    check_eviction,
    check_game,
    check_readings,
    divergence,
    for_seats,
    run,
)
from tests.native.test_search import rows_of, seeds_of, started


@pytest.mark.parametrize("seed", range(2 * len(GAMES) * len(VARIANTS)))
def test_trees_are_those_without(seed: int) -> None:
    check_cache(native.search, seed)


@pytest.mark.parametrize("seed", range(10))
def test_games_with_one_cache(seed: int) -> None:
    check_game(native.search, seed)


@pytest.mark.parametrize("seed", range(9))
def test_what_is_read_off(seed: int) -> None:
    check_readings(native.search, seed)


@pytest.mark.parametrize("seed", range(5))
def test_the_longest_unused_gives_way(seed: int) -> None:
    check_eviction(native.search, seed)


def test_games_at_one_position_share_a_row() -> None:
    """All games begin at the empty board: one row, whatever number there are, and one more for each new position."""
    game = registry.make("connect_four")
    cache = EvaluationCache(game, 100_000)
    search = Search(game, 64, SearchSettings(simulations=16), cache)
    search.begin(rows_of([game.new_state()] * 64), seeds_of(64))
    observations, legal = search.select()
    assert (len(observations), legal.tolist(), search.rows.tolist()) == (1, [[1] * 7], [0])
    assert (cache.hits, cache.misses) == (63, 1)
    search.expand(*for_seats(game, observations))
    while len(observations := search.select()[0]):
        assert len(observations) == 1       # without noise all trees are the same
        search.expand(*for_seats(game, observations))
    assert (search.visits == search.visits[0]).all()
    assert search.visits.sum() == 64 * 16


def test_nothing_is_shared_without_a_cache() -> None:
    search = started(registry.make("connect_four"), 5, simulations=4)
    assert search.cache is None
    assert len(search.select()[0]) == 5
    assert search.rows.tolist() == [0, 1, 2, 3, 4]


def test_positions_of_many_actions_are_not_remembered() -> None:
    """A prospector may have 69; a root with more than 64 legal ones is asked for again, another is not."""
    for name, remembered in (("prospector", False), ("razzle", True)):
        game = registry.make(name)
        state = game.new_state(1)
        assert (len(state.legal_actions()) <= 64) == remembered
        search = Search(game, 1, SearchSettings(simulations=1), EvaluationCache(game, 64))
        assert run(search, [state], [1], for_seats) == 2
        assert (run(search, [state], [1], for_seats) == 0) == remembered


def test_surprise_without_a_network() -> None:
    """Uniform priors over the legal actions are what the search is compared with."""
    search = started(registry.make("tic_tac_toe"), 3, simulations=50)
    search.run_rollouts()
    policy = search.policy()
    for row, state in enumerate([search.game.new_state()] * 3):
        wanted = divergence(state, np.zeros(9, np.float32), policy[row])
        np.testing.assert_allclose(search.surprise()[row], wanted, atol=1e-5)
        assert wanted > 0.01


@pytest.mark.parametrize("name", ["tic_tac_toe", "razzle"])
def test_illegal_logits_may_be_anything(name: str) -> None:
    """NaN and -infinity are no mass, +infinity is nearly all of it; the tree does not see them."""
    game = registry.make(name)
    state = game.new_state(0)
    state.apply(state.legal_actions()[0])
    legal = state.legal().astype(bool)
    found = []
    for illegal in (np.nan, -np.inf, np.inf):
        search = Search(game, 1, SearchSettings(simulations=1))
        search.begin(rows_of([state]), seeds_of(1))
        for _ in range(2):
            observations, mask = search.select()
            logits = np.where(mask, np.float32(0), np.float32(illegal))
            search.expand(logits, np.zeros(len(observations), np.float32))
        found.append(float(search.surprise()[0]))
        assert search.visits.sum() == 1
    np.testing.assert_allclose(found[:2], np.log(legal.sum()), rtol=1e-5)
    np.testing.assert_allclose(found[2], -np.log(1e-8), rtol=1e-5)


def test_what_is_wrong_is_said() -> None:
    game = registry.make("connect_four")
    for entries in (0, 2**32 + 1):
        with pytest.raises(ValueError, match=f"entries must be from 1 to 2\\*\\*32, got {entries}"):
            EvaluationCache(game, entries)
    with pytest.raises(ValueError, match=r"cache is for .*tic_tac_toe.*, the search for .*connect_four"):
        Search(game, 1, SearchSettings(simulations=1), EvaluationCache(registry.make("tic_tac_toe"), 4))
    search = started(game, 2, simulations=3)
    for method in (search.targets, search.surprise):
        with pytest.raises(ValueError, match="row 0 has no tree"):
            method()
    search.run_uniform()
    with pytest.raises(ValueError, match=r"temperature must be float32 \[2\], got float32 \[3\]"):
        search.actions(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="row 1: temperature must be 0 or above, got nan"):
        search.actions(np.array([0, np.nan], np.float32))
