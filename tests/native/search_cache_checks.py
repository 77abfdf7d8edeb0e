"""The tree search with an evaluation cache against the same search without one, and what is read off both.

Each function checks one seed's worth, for the suite and for the mutants.
"""
from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from envs import registry
from native.game import Game, State
from native.search_settings import SearchSettings
from tests.native.search_checks import some_states
from tests.native.search_definition import evaluate

Answers = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Network = Callable[[Game, npt.NDArray[Any]], Answers]

GAMES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tic_tac_toe", {}), ("connect_four", {}), ("razzle", {}), ("beasty_bar", {"players": 3}), ("leduc_poker", {}),
)
VARIANTS: tuple[dict[str, Any], ...] = (
    {"simulations": 30, "dirichlet_fraction": 0.25, "root_temperature": 1.3, "forced_playouts": 2.0},
    {"simulations": 20, "root": "gumbel"},
    {"simulations": 25, "fast_simulations": 6, "full_fraction": 0.5},
)


def for_seats(game: Game, observations: npt.NDArray[Any]) -> Answers:
    """Logits `[k, A]` and values `[k, P]` that depend on each observation alone; no seat's value tells another's."""
    answers = [evaluate(game, observation) for observation in observations]
    values = [[value * (1 - p / 3) for p in range(game.num_players)] for _, value in answers]
    return np.stack([logits for logits, _ in answers]), np.array(values, np.float32)


def for_the_mover(game: Game, observations: npt.NDArray[Any]) -> Answers:
    logits, values = for_seats(game, observations)
    return logits, np.ascontiguousarray(values[:, 0])


def other_weights(game: Game, observations: npt.NDArray[Any]) -> Answers:
    logits, values = for_seats(game, observations)
    return -logits, -values


def cache_class(module: ModuleType) -> Any:
    """`EvaluationCache` as `module` was compiled with it."""
    try:
        return importlib.import_module(module.__name__.replace("search", "evaluation_cache", 1)).EvaluationCache
    except ModuleNotFoundError:
        return importlib.import_module("native.evaluation_cache").EvaluationCache


def run(search: Any, states: list[State], seeds: list[int], network: Network, positions: int = 0) -> int:
    """A search of all `states`; how many rows the network had to evaluate. positions: as many in the first call."""
    rows = np.stack([np.frombuffer(state.to_bytes(), np.uint8) for state in states])
    search.begin(rows, np.array(seeds, np.uint64))
    evaluated = 0
    while len(observations := search.select()[0]):
        assert (np.diff(search.rows) > 0).all()
        assert evaluated or positions in (0, len(observations))
        evaluated += len(observations)
        search.expand(*network(states[0].game, observations))
    return evaluated


def results(search: Any) -> list[Any]:
    """All that can be read off a search, exactly."""
    found = (search.visits, search.q, search.priors, search.policy(), *search.targets(), search.surprise(),
             search.root_values, search.raw_values, search.proven, search.full, search.num_nodes, search.actions(),
             search.actions(0.7))
    return [array.tolist() for array in found]


def divergence(state: State, logits: npt.NDArray[np.float32], policy: npt.NDArray[np.float32]) -> float:
    """KL(policy || softmax of the logits of all actions), both clipped."""
    weights = np.exp(logits.astype(np.float64) - float(logits.max()))
    network = np.clip(weights / weights.sum(), 1e-8, 1)
    taught = policy > 1e-8
    return float((policy[taught] * np.log(policy[taught] / network[taught])).sum())


def check_cache(module: ModuleType, seed: int) -> None:
    """Roomy, tiny or none: trees are the same, bit for bit, also when it is used again and after new weights."""
    name, options = GAMES[seed % len(GAMES)]
    settings = SearchSettings(**VARIANTS[seed // len(GAMES) % len(VARIANTS)])
    some = some_states(name, 3, seed, **options)
    game = some[0].game
    states, seeds = [some[0], some[1], some[0], some[2], some[1], some[0]], [1, 2, 3, 4, 5, 1]
    networks = (for_seats, for_the_mover) if game.zero_sum else (for_seats,)
    plain = module.Search(game, 6, settings)
    positions = len({(state.observe().tobytes(), state.legal().tobytes()) for state in states})
    for network in networks:
        rows = run(plain, states, seeds, network)
        wanted = results(plain)
        roomy, tiny = cache_class(module)(game, 5000), cache_class(module)(game, 1)
        for cache in (roomy, tiny):
            search = module.Search(game, 6, settings, cache)
            evaluated = run(search, states, seeds, network, positions)
            assert results(search) == wanted
            assert 0 < evaluated < rows
            assert cache.misses == evaluated
            check_surprise(search, states, network)
        if game.num_actions <= 64:
            assert run(module.Search(game, 6, settings, roomy), states, seeds, network) == 0
        search = module.Search(game, 6, settings, roomy)
        run(search, states, seeds, network)
        assert results(search) == wanted
        roomy.clear()
        run(plain, states, seeds, other_weights)
        run(search, states, seeds, other_weights)
        assert results(search) == results(plain)


def check_surprise(search: Any, states: list[State], network: Network) -> None:
    """By its definition, from what the network says of each root; so what was said of the root."""
    policy, surprise, raw = search.policy(), search.surprise(), search.raw_values
    for row, state in enumerate(states):
        logits, values = network(state.game, state.observe()[None])
        np.testing.assert_allclose(surprise[row], divergence(state, logits[0], policy[row]), rtol=2e-5, atol=2e-5)
        assert raw[row] == (values[0, state.to_act()] if values.ndim == 2 else values[0])


def check_game(module: ModuleType, seed: int) -> None:
    """Two games played with one cache: roots that were leaves before are as good as new ones."""
    name, options = GAMES[seed % len(GAMES)]
    states = some_states(name, 2, seed, **options)
    game, settings = states[0].game, SearchSettings(simulations=30)
    cache = cache_class(module)(game, 5000)
    search, plain = module.Search(game, 2, settings, cache), module.Search(game, 2, settings)
    for move in range(4):
        run(search, states, [move, move + 1], for_seats)
        run(plain, states, [move, move + 1], for_seats)
        assert results(search) == results(plain)
        check_surprise(search, states, for_seats)
        for state, action in zip(states, search.actions().tolist(), strict=True):
            state.apply(action)
        if any(state.is_terminal for state in states):
            return


def check_readings(module: ModuleType, seed: int) -> None:
    """Targets are the policy, every row has a temperature of its own, and trees that go on know their root."""
    name = ("tic_tac_toe", "connect_four", "razzle")[seed % 3]
    settings = SearchSettings(simulations=40, solver=False)
    states = some_states(name, 5, seed)
    game = states[0].game
    search, again = (module.Search(game, 5, settings) for _ in range(2))
    run(search, states, [3] * 5, for_seats)
    run(again, states, [3] * 5, for_seats)
    policy, (actions, probabilities) = search.policy(), search.targets()
    legal = [state.legal_actions() for state in states]
    assert actions.shape == probabilities.shape == (5, max(map(len, legal)))
    for row, of_row in enumerate(legal):
        assert actions[row].tolist() == [*of_row, *[0] * (actions.shape[1] - len(of_row))]
        assert probabilities[row, : len(of_row)].tolist() == policy[row, of_row].tolist()
        assert not probabilities[row, len(of_row) :].any()
    warm = np.array([0, 1, 0, 3, 0.5], np.float32)
    one_by_one = [again.actions(temperature)[row] for row, temperature in enumerate([0.0] * 5)]
    drawn = search.actions(warm)
    assert drawn[[0, 2]].tolist() == [one_by_one[0], one_by_one[2]]
    assert drawn[[1, 3, 4]].tolist() == [drawn_alone(module, states[row], float(warm[row])) for row in (1, 3, 4)]
    best = search.actions()
    ends = [state.clone() for state in states]
    for end, action in zip(ends, best.tolist(), strict=True):
        end.apply(action)
    if any(end.is_terminal for end in ends):
        return
    search.advance(best)
    run(search, ends, [3] * 5, for_seats)
    if game.num_actions <= 64:
        check_surprise(search, ends, for_seats)
    else:
        assert np.isnan(search.surprise()).all()


def drawn_alone(module: ModuleType, state: State, temperature: float) -> int:
    search = module.Search(state.game, 1, SearchSettings(simulations=40, solver=False))
    run(search, [state], [3], for_seats)
    return int(search.actions(temperature)[0])


def check_eviction(module: ModuleType, seed: int) -> None:
    """Of four positions the one that was not used for longest gives way to a fifth; one square is left in each."""
    game, rng = registry.make("tic_tac_toe"), np.random.default_rng(seed)
    last: dict[bytes, State] = {}
    while len(last) < 5:
        state = game.new_state()
        while not state.is_terminal and len(state.legal_actions()) > 1:
            state.apply(int(rng.choice(state.legal_actions())))
        if not state.is_terminal:
            last[state.to_bytes()] = state
    cache = cache_class(module)(game, 3)
    assert cache.entries == 4
    search = module.Search(game, 1, SearchSettings(simulations=1), cache)
    states = list(last.values())
    order = [0, 1, 2, 3, 0, 4, 0, 2, 3, 4, 1]
    assert [run(search, [states[k]], [7], for_seats) for k in order] == [1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 1]
    assert (cache.hits, cache.misses) == (5, 6)


def check_with_cache(module: ModuleType, seed: int) -> None:
    check_cache(module, seed)
    check_game(module, seed)
    check_readings(module, seed)
    check_eviction(module, seed)
