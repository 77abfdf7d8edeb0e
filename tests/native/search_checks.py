"""The tree search against its definition: each function checks one seed's worth, for the suite and for the mutants."""
from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from envs import registry
from native.game import State
from native.search_settings import SearchSettings
from tests.native.search_definition import Definition, evaluate


def drive(search: Any, states: list[State], seeds: list[int], begin: bool = True) -> None:
    """Runs a search of all `states`, evaluated by `evaluate`."""
    game = states[0].game
    if begin:
        rows = np.stack([np.frombuffer(state.to_bytes(), np.uint8) for state in states])
        search.begin(rows, np.array(seeds, np.uint64))
    while True:
        observations, _ = search.select()
        if not len(observations):
            return
        answers = [evaluate(game, observation) for observation in observations]
        search.expand(np.stack([logits for logits, _ in answers]), np.array([value for _, value in answers]))


def some_states(name: str, count: int, seed: int, **options: Any) -> list[State]:
    """Unfinished states on the way of random games."""
    rng, game, found = np.random.default_rng(seed), registry.make(name, **options), list[State]()
    while len(found) < count:
        state = game.new_state(int(rng.integers(2**63)))
        for _ in range(rng.integers(0, 2 + game.max_length // 2)):
            after = state.clone()
            after.apply(int(rng.choice(state.legal_actions())))
            if after.is_terminal:
                break
            state = after
        found.append(state)
    return found


def after(state: State, action: int) -> State:
    end = state.clone()
    end.apply(action)
    return end


VARIANTS = (
    {"simulations": 60},
    {"simulations": 60, "solver": False, "fpu_reduction": 0.0, "c_init": 0.6, "c_base": 50.0},
    {"simulations": 45, "forced_playouts": 2.0, "root_fpu_reduction": 0.1, "discount": 0.9},
    {"simulations": 32, "root": "gumbel"},
    {"simulations": 21, "root": "gumbel", "max_considered": 5, "c_visit": 20.0, "c_scale": 0.3, "gumbel_scale": 0.5},
)
NAMES = ("connect_four", "tic_tac_toe", "kuhn_poker", "leduc_poker", "razzle", "beasty_bar")


def check_search(module: ModuleType, seed: int) -> None:
    """One game and one variant, chosen by `seed`: the trees of three states are those of the definition."""
    name, settings = NAMES[seed % len(NAMES)], SearchSettings(**VARIANTS[seed // len(NAMES) % len(VARIANTS)])
    states, seeds = some_states(name, 3, seed), [seed, 2**63 + seed, 7]
    search = module.Search(states[0].game, 3, settings)
    drive(search, states, seeds)
    visits, policy = search.visits, search.policy()
    for row, state in enumerate(states):
        wanted = Definition(state, seeds[row], settings)
        actions = wanted.root.actions
        assert visits[row, actions].tolist() == [wanted.root.visits(k) for k in range(len(actions))]
        assert visits[row].sum() == visits[row, actions].sum()
        assert search.proven[row] == (wanted.root.settled is not None)
        assert search.num_nodes[row] == len(wanted.nodes)
        np.testing.assert_allclose(search.root_values[row], wanted.root.value(), atol=2e-5)
        np.testing.assert_allclose(policy[row, actions], wanted.policy(), atol=2e-4)
        assert abs(policy[row].sum() - 1) < 1e-5
        q = [wanted.root.q(k) if wanted.root.visits(k) else 0 for k in range(len(actions))]
        np.testing.assert_allclose(search.q[row, actions], q, atol=2e-5)
        check_choice(int(search.actions()[row]), wanted)


def check_choice(action: int, wanted: Definition) -> None:
    """`action` is among the best of the search."""
    k, root = wanted.root.actions.index(action), wanted.root
    weights = wanted.weights()
    if root.settled is not None:
        assert root.proof[k] == root.settled
    elif wanted.settings.root == "gumbel":
        scores = wanted.gumbel + wanted.improved()
        scores[weights < weights.max()] = -np.inf
        assert k == scores.argmax()
    else:
        ties = np.flatnonzero(weights == weights.max()).tolist()
        assert k == max(ties, key=root.q)


def check_kept(module: ModuleType, seed: int) -> None:
    """After `advance` the new root has the visits and values of the old one's child, and its budget counts them."""
    name = ("connect_four", "tic_tac_toe", "razzle")[seed % 3]
    settings = SearchSettings(simulations=40, solver=seed % 2 == 0)
    states = some_states(name, 3, seed)
    search = module.Search(states[0].game, 3, settings)
    drive(search, states, [1, 2, 3])
    wanted = [Definition(state, i, settings) for i, state in enumerate(states, 1)]
    going_on = [
        [action for action in state.legal_actions() if not after(state, action).is_terminal] for state in states
    ]
    if not all(going_on):
        return
    actions = np.array([
        max(options, key=definition.interest) for options, definition in zip(going_on, wanted, strict=True)
    ], np.int32)
    ends = [after(state, action) for state, action in zip(states, actions.tolist(), strict=True)]
    search.advance(actions)
    rows = np.stack([np.frombuffer(end.to_bytes(), np.uint8) for end in ends])
    search.begin(rows, np.arange(3, dtype=np.uint64))
    for row, definition in enumerate(wanted):
        child = definition.nodes.get((int(actions[row]),))
        assert search.kept[row] == (child.total() - 1 if child else 0)
    drive(search, ends, [5, 6, 7], begin=False)
    for row, definition in enumerate(wanted):
        definition.advance(int(actions[row]))
        root, legal = definition.root, ends[row].legal_actions()
        assert search.visits[row, legal].tolist() == [root.visits(k) for k in range(len(legal))]
        assert search.num_nodes[row] == len(definition.nodes)
        np.testing.assert_allclose(search.priors[row, legal], root.prior, atol=1e-6)
        np.testing.assert_allclose(search.root_values[row], root.value(), atol=2e-5)
    search.begin(rows, np.arange(3, dtype=np.uint64))       # without `advance` the trees are new
    assert search.kept.tolist() == [0, 0, 0]
    drive(search, states, [1, 2, 3])
    search.advance(actions)
    drive(search, states, [1, 2, 3])                        # so they are for another state
    assert search.kept.tolist() == [0, 0, 0]
