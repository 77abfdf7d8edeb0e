"""The registry finds games, says what is wrong with a name or an option, and tells the truth in its entries."""
from __future__ import annotations

import pytest

from envs import registry
from tests.envs.variants import VARIANTS


def test_names_are_sorted_and_complete() -> None:
    assert registry.names() == sorted(registry.GAMES)
    assert {"connect_four", "tic_tac_toe"} <= set(registry.names())


def test_unknown_game_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"unknown game 'conect_four'.*tic_tac_toe.*did you mean 'connect_four'\?"):
        registry.make("conect_four")


def test_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="connect_four has no option 'width'; it has none"):
        registry.make("connect_four", width=8)


@pytest.mark.parametrize("name", registry.names())
def test_entries(name: str) -> None:
    """A game bears its registered name, keeps only declared options, and each option is tried by a variant."""
    entry, game = registry.entry(name), registry.make(name)
    assert game.name == name
    assert game.module == f"{entry.folder}.rules"
    assert entry.summary
    assert "\n" not in entry.summary
    assert all(entry.options.values())
    assert set(game.options) <= set(entry.options)
    assert registry.make(name, **game.options) == game
    tried = {option for options in VARIANTS.get(name, []) for option in options}
    assert tried == set(entry.options), "every option appears in tests/envs/variants.py, and no other"
