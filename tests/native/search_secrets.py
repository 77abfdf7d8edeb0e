"""What a search must not know: two states that its seat cannot tell apart get the same distribution of decisions."""
from __future__ import annotations

from types import ModuleType

import numpy as np
import numpy.typing as npt

from native.game import State
from native.search_settings import SearchSettings
from tests.native.search_checks import drive, some_states


def look_alike(state: State, seed: int) -> State:
    """Another state that the seat to act cannot tell from `state`."""
    other = state.clone()
    other.redeterminize(state.to_act(), seed)
    return other


def repeated(module: ModuleType, state: State, seeds: list[int], settings: SearchSettings) -> npt.NDArray[np.float64]:
    """Policies of rollouts from `state`, one row per seed. Shape `[len(seeds), A]`."""
    search = module.Search(state.game, len(seeds), settings)
    rows = np.tile(np.frombuffer(state.to_bytes(), np.uint8), (len(seeds), 1))
    search.begin(rows, np.array(seeds, np.uint64))
    search.run_rollouts()
    found: npt.NDArray[np.float64] = search.policy().astype(np.float64)
    return found


def check_exact(module: ModuleType, seed: int) -> None:
    """In the poker games what is dealt anew does not depend on what was hidden: trees are equal, not just alike."""
    for name in ("kuhn_poker", "leduc_poker"):
        state = some_states(name, 1, seed)[0]
        others = [look_alike(state, i) for i in range(6)]
        for root in ("puct", "gumbel"):
            settings = SearchSettings(simulations=50, root=root)
            trees = [repeated(module, other, [seed, seed + 1], settings).tolist() for other in others]
            assert all(tree == trees[0] for tree in trees)
            search = module.Search(state.game, 6, settings)
            drive(search, others, [seed] * 6)
            assert (search.visits == search.visits[0]).all()


def check_alike(module: ModuleType, seed: int) -> None:
    """Mean policies over many seeds differ by no more than luck (Beasty Bar: hands, and the order of draws)."""
    state = some_states("beasty_bar", 1, seed)[0]
    settings = SearchSettings(simulations=60)
    one = repeated(module, state, list(range(300)), settings)
    other = repeated(module, look_alike(state, seed + 1), list(range(1000, 1300)), settings)
    deviation = np.sqrt((one.var(axis=0) + other.var(axis=0)) / 300)
    assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) <= 5 * deviation + 1e-9).all()


def check_secrets(module: ModuleType, seed: int) -> None:
    if seed < 10:
        check_exact(module, seed)
        check_alike(module, seed)
