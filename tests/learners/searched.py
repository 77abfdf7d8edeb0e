"""Decisions of small searched games, for tests of what is made of them."""
from __future__ import annotations

import numpy as np

from learners.chunk import Chunk
from learners.dataset import as_chunk
from learners.dataset_split import Columns, join
from native.game import Game
from native.search import Search
from native.search_settings import SearchSettings


def searched_columns(game: Game, games: int, seed: int, simulations: int = 16) -> Columns:
    """All decisions of `games` games that a search guided by random play plays against itself."""
    rng = np.random.default_rng(seed)
    search = Search(game, 1, SearchSettings(simulations=simulations))
    rows = []
    for episode in range(games):
        state, so_far = game.new_state(int(rng.integers(1 << 32))), np.zeros(game.num_players)
        of_game: list[tuple[int, float, Columns]] = []
        while not state.is_terminal:
            seeds = rng.integers(1 << 62, size=1, dtype=np.uint64)
            search.begin(np.frombuffer(state.to_bytes(), np.uint8)[None], seeds)
            search.run_rollouts()
            targets, action, seat = search.targets(), search.actions(1.0)[:, None], state.to_act()
            of_game.append((seat, float(so_far[seat]), {
                "observation": state.observe()[None],
                "legal": np.packbits(state.legal() != 0, bitorder="little")[None],
                "action": action,
                "target_action": targets[0],
                "target_prob": targets[1],
                "root_value": search.root_values,
                "surprise": search.surprise(),
                "episode": np.array([episode]),
                "ply": np.array([len(of_game)], np.int32),
                "version": np.array([seed], np.int32),
            }))
            state.apply(int(action[0, 0]))
            so_far = so_far + state.rewards()
        rows += [
            columns | {"outcome": np.array([so_far[seat] - before], np.float32)} for seat, before, columns in of_game
        ]
    return join(rows)


def searched_chunks(game: Game, games: int, seed: int) -> list[Chunk]:
    """The same in two chunks."""
    columns = searched_columns(game, games, seed)
    middle = int(np.flatnonzero(columns["episode"] == games // 2)[0])
    return [
        as_chunk({name: column[part] for name, column in columns.items()}, game, "searched", number)
        for number, part in enumerate((slice(middle), slice(middle, None)))
    ]
