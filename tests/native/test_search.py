"""The tree search against its definition, and what it promises about seeds, batches, budgets and noise."""
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import native.search
from envs import registry
from native.game import Game, State
from native.search import Search
from native.search_settings import SearchSettings
from tests.native.search_checks import NAMES, VARIANTS, check_kept, check_search, drive, some_states
from tests.native.search_definition import evaluate


def rows_of(states: list[State]) -> npt.NDArray[np.uint8]:
    return np.stack([np.frombuffer(state.to_bytes(), np.uint8) for state in states])


def seeds_of(count: int, first: int = 0) -> npt.NDArray[np.uint64]:
    return np.arange(first, first + count, dtype=np.uint64)


def started(game: Game, count: int, **settings: Any) -> Search:
    """A search begun at the start of `count` games."""
    search = Search(game, count, SearchSettings(**settings))
    search.begin(rows_of([game.new_state(seed) for seed in range(count)]), seeds_of(count))
    return search


@pytest.mark.parametrize("seed", range(len(NAMES) * len(VARIANTS)))
def test_trees_are_those_of_the_definition(seed: int) -> None:
    check_search(native.search, seed)


@pytest.mark.parametrize("seed", range(12))
def test_kept_trees(seed: int) -> None:
    check_kept(native.search, seed)


NOISY: tuple[dict[str, Any], ...] = (
    {"simulations": 40, "dirichlet_fraction": 0.25, "forced_playouts": 2.0, "fast_simulations": 10,
     "full_fraction": 0.5, "root_temperature": 1.2},
    {"simulations": 24, "root": "gumbel"},
)


def played_out(name: str, seeds: list[int], together: bool, settings: dict[str, Any]) -> list[list[Any]]:
    """What rollouts find from one state per seed, in one search or in one each."""
    states = [some_states(name, 1, seed)[0] for seed in seeds]
    batches = [(states, seeds)] if together else [([state], [seed]) for state, seed in zip(states, seeds, strict=True)]
    found: list[list[Any]] = []
    search = Search(states[0].game, len(batches[0][0]), SearchSettings(**settings))
    for batch, of in batches:
        search.begin(rows_of(batch), np.array(of, np.uint64))
        search.run_rollouts()
        found += map(list, zip(
            search.visits.tolist(), search.root_values.tolist(), search.policy().tolist(), search.full.tolist(),
            search.actions().tolist(), search.actions(1.0).tolist(), strict=True,
        ))
    return found


@pytest.mark.parametrize("settings", NOISY)
@pytest.mark.parametrize("name", ["connect_four", "beasty_bar"])
def test_a_batch_changes_nothing(name: str, settings: dict[str, Any]) -> None:
    """The same seeds give the same trees, alone, together, in another order, and again."""
    seeds = list(range(20))
    together = played_out(name, seeds, True, settings)
    assert played_out(name, seeds, False, settings) == together
    assert played_out(name, seeds[::-1], True, settings) == together[::-1]
    assert played_out(name, [seed + 100 for seed in seeds], True, settings) != together


def test_budgets_are_spent_exactly() -> None:
    for simulations in (1, 2, 7, 100):
        for root in ("puct", "gumbel"):
            search = started(registry.make("connect_four"), 3, simulations=simulations, root=root)
            search.run_uniform()
            assert search.visits.sum(axis=1).tolist() == [simulations] * 3
            assert search.num_nodes.max() <= simulations + 1


def test_few_rows_of_a_larger_search() -> None:
    """Rows that are not begun are left out, and do not come back with their old trees."""
    game = registry.make("tic_tac_toe")
    search = started(game, 5, simulations=10)
    search.run_uniform()
    search.begin(rows_of([game.new_state(), game.new_state()]), seeds_of(2))
    assert search.select()[0].shape == (2, 2, 3, 3)
    assert search.rows.tolist() == [0, 1]
    assert search.num_active == 2


def test_leaves_are_seen_by_the_seat_that_decides() -> None:
    """The first leaves are the roots; the second ones one action further, from the other side."""
    game = registry.make("connect_four")
    state = game.new_state()
    state.apply(3)
    search = Search(game, 1, SearchSettings(simulations=4))
    search.begin(rows_of([state]), seeds_of(1))
    observations, legal = search.select()
    assert observations.tolist() == [state.observe().tolist()]
    assert legal.tolist() == [state.legal().tolist()]
    logits = np.zeros((1, 7), np.float32)
    logits[0, 5] = 3
    search.expand(logits, np.zeros(1, np.float32))
    state.apply(5)
    assert search.select()[0].tolist() == [state.observe(0).tolist()]


def test_values_for_every_seat() -> None:
    """`[k, P]` values that say the same as `[k]` give the same trees; a third seat shares the opposite by default."""
    for name, options in (("connect_four", {}), ("beasty_bar", {"players": 3})):
        game = registry.make(name, **options)
        visits = []
        for every in (False, True):
            search = started(game, 4, simulations=30)
            while len(observations := search.select()[0]):
                answers = [evaluate(game, observation) for observation in observations]
                values = np.array([value for _, value in answers], np.float32)
                if every:
                    values = np.stack([seats_of(value, observation, game) for value, observation in
                                       zip(values, observations, strict=True)])
                search.expand(np.stack([logits for logits, _ in answers]), values)
            visits.append(search.visits.tolist())
        assert visits[0] == visits[1]


def seats_of(value: float, observation: npt.NDArray[Any], game: Game) -> npt.NDArray[np.float32]:
    """What every seat can expect if the seat that decides can expect `value`; that seat is told by the observation."""
    if game.name == "connect_four":
        seat = int(observation[0].sum() != observation[1].sum())
    else:       # cards left tell how many turns were played
        cards = observation[4 * 36 + 48 :][: 2 * 36].sum() + observation[: 4 * 36].sum()
        hand_and_deck = observation[-(3 * 4 + 3 * 8 + 3) : -3].sum()
        assert cards + hand_and_deck == 36
        seat = int((36 - hand_and_deck) % 3)
    found = np.full(game.num_players, -value / (game.num_players - 1), np.float32)
    found[seat] = value
    return found


def test_noise_is_dirichlet() -> None:
    """Priors are 3/4 of the tempered ones and 1/4 of draws with the mean and the variance of the distribution."""
    alpha, count = 0.5, 2000
    search = started(registry.make("connect_four"), count, simulations=1, dirichlet_alpha=alpha,
                     dirichlet_fraction=0.25, root_temperature=2.0)
    logits = np.arange(7, dtype=np.float32)
    search.select()
    search.expand(np.tile(logits, (count, 1)), np.zeros(count, np.float32))
    tempered = np.exp(logits / 2) / np.exp(logits / 2).sum()
    noise = (search.priors - 0.75 * tempered) / 0.25
    np.testing.assert_allclose(noise.sum(axis=1), 1, atol=1e-4)
    assert noise.min() > -1e-5
    variance = (1 / 7) * (6 / 7) / (7 * alpha + 1)
    np.testing.assert_allclose(noise.mean(axis=0), 1 / 7, atol=4 * (variance / count) ** 0.5)
    np.testing.assert_allclose(noise.var(axis=0), variance, rtol=0.15)


def test_playout_cap() -> None:
    """A quarter of the searches is full; the others are short and without noise."""
    search = started(registry.make("connect_four"), 800, simulations=50, fast_simulations=8, full_fraction=0.25,
                     dirichlet_fraction=0.5)
    search.run_uniform()
    assert 150 < search.full.sum() < 250
    assert (search.visits.sum(axis=1) == np.where(search.full, 50, 8)).all()
    uniform = np.isclose(search.priors, 1 / 7).all(axis=1)
    assert (uniform == ~search.full).all()


def test_temperature() -> None:
    """Drawn in proportion to visits ** (1 / T); 0 takes the most visited."""
    count = 4000
    search = started(registry.make("connect_four"), count, simulations=12)
    logits = np.log(np.array([4, 1, 1, 2, 1, 1, 2], np.float32))
    while len(observations := search.select()[0]):
        rows = len(observations)
        search.expand(np.tile(logits, (rows, 1)), np.zeros(rows, np.float32))
    visits = search.visits[0]
    assert (search.visits == visits).all()
    assert set(search.actions().tolist()) == {int(visits.argmax())}
    for temperature in (1.0, 0.5):
        wanted = visits ** (1 / temperature) / (visits ** (1 / temperature)).sum()
        drawn = np.bincount(search.actions(temperature), minlength=7) / count
        assert (np.abs(drawn - wanted) < 4.5 * np.sqrt(wanted * (1 - wanted) / count) + 1e-9).all()


def test_arenas_grow() -> None:
    """A game with more actions per node than the first estimate, in a small search."""
    search = started(registry.make("razzle"), 2, simulations=300)
    search.run_uniform()
    assert search.visits.sum(axis=1).tolist() == [300, 300]
    twice = started(registry.make("razzle"), 2, simulations=300)
    twice.run_uniform()
    assert twice.visits.tolist() == search.visits.tolist()


def test_kept_trees_are_cut_to_the_budget_and_new_states_get_new_trees() -> None:
    game = registry.make("connect_four")
    search = started(game, 2, simulations=200)
    search.run_rollouts()
    search.advance(np.array([3, 3], np.int32))
    after, other = game.new_state(), game.new_state()
    after.apply(3)
    other.apply(2)
    search.begin(rows_of([after, other]), seeds_of(2))
    assert search.kept[0] > 20
    assert search.kept[1] == 0
    search.run_rollouts()
    assert search.visits.sum(axis=1).tolist() == [200, 200]
    assert search.num_nodes.max() <= 201


def test_nothing_is_kept_where_it_would_be_unsound() -> None:
    for name, root in (("leduc_poker", "puct"), ("connect_four", "gumbel")):
        game = registry.make(name)
        search = started(game, 1, simulations=50, root=root)
        search.run_uniform()
        search.advance(np.array([1], np.int32))
        state = game.new_state(0)
        state.apply(1)
        search.begin(rows_of([state]), seeds_of(1))
        assert search.kept.tolist() == [0]


def test_what_is_wrong_is_said(skirmish: Game) -> None:
    game = registry.make("tic_tac_toe")
    with pytest.raises(ValueError, match="one action at a time, skirmish has more"):
        Search(skirmish, 1, SearchSettings(simulations=1))
    with pytest.raises(ValueError, match="num_games must be at least 1, got 0"):
        Search(game, 0, SearchSettings(simulations=1))
    search = Search(game, 2, SearchSettings(simulations=5))
    with pytest.raises(ValueError, match="actions must be int32 \\[0\\]"):
        search.advance(np.zeros(2, np.int32))
    with pytest.raises(ValueError, match="no leaf waits"):
        search.expand(np.zeros((0, 9), np.float32), np.zeros(0, np.float32))
    state = game.new_state()
    with pytest.raises(ValueError, match="states must have 1 to 2 rows"):
        search.begin(rows_of([state] * 3), seeds_of(3))
    with pytest.raises(ValueError, match=r"seeds must be uint64 \[1\]"):
        search.begin(rows_of([state]), np.zeros(1, np.int64))
    for action in (0, 3, 1, 4, 2):
        state.apply(action)
    with pytest.raises(ValueError, match="tic_tac_toe, row 1: a finished state"):
        search.begin(rows_of([game.new_state(), state]), seeds_of(2))
    search.begin(rows_of([game.new_state()] * 2), seeds_of(2))
    with pytest.raises(ValueError, match="row 0 has no tree"):
        search.policy()
    search.select()
    for method in (search.select, search.run_uniform):
        with pytest.raises(ValueError, match="2 leaves of the latest select wait"):
            method()
    logits, values = np.zeros((2, 9), np.float32), np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="values must be finite, got nan"):
        search.expand(logits, np.array([0, np.nan], np.float32))
    with pytest.raises(ValueError, match=r"logits must be float32 \[2, 9\], got float64"):
        search.expand(logits.astype(np.float64), values)
    for bad in (np.nan, np.inf):
        logits[1, 4] = bad
        with pytest.raises(ValueError, match="leaf 1: legal logits"):
            search.expand(logits, values)
    logits[1, 4] = -np.inf
    search.expand(logits, values)
    with pytest.raises(ValueError, match="temperature must be 0 or above, got -1"):
        search.actions(-1.0)
    with pytest.raises(ValueError, match="tic_tac_toe, row 1: action 9 is illegal"):
        search.advance(np.array([0, 9], np.int32))
    assert search.priors[1, 4] == 0


@pytest.mark.parametrize(("name", "value", "said"), [
    ("root", "alpha", 'root must be "puct" or "gumbel"'),
    ("simulations", 0, "simulations must be at least 1"),
    ("fpu_reduction", -0.1, "fpu_reduction must be 0 or above"),
    ("dirichlet_alpha", 0.0, "dirichlet_alpha must be above 0"),
    ("discount", 1.5, "discount must be from 0 to 1"),
    ("c_init", float("nan"), "c_init must be 0 or above"),
])
def test_settings_are_checked(name: str, value: Any, said: str) -> None:
    settings = {"simulations": 8, name: value}
    with pytest.raises(ValueError, match=said):
        SearchSettings(**settings)


def test_two_phases_are_like_one() -> None:
    """A network that says nothing is the uniform evaluator."""
    game = registry.make("connect_four")
    states = some_states("connect_four", 6, 3)
    one, two = (Search(game, 6, SearchSettings(simulations=80)) for _ in range(2))
    one.begin(rows_of(states), seeds_of(6))
    two.begin(rows_of(states), seeds_of(6))
    one.run_uniform()
    while n := len(two.select()[0]):
        two.expand(np.zeros((n, 7), np.float32), np.zeros(n, np.float32))
    assert one.visits.tolist() == two.visits.tolist()
    assert one.root_values.tolist() == two.root_values.tolist()
    drive(one, states, [1, 2, 3, 4, 5, 6])
    assert one.visits.tolist() != two.visits.tolist()
