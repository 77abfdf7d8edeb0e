"""Positions whose every move has an exact score, and how often a player gives the result away in them.

A file is CSV, gzipped where its name ends in .gz, of one of two kinds:

    set,moves,scores            moves: actions from the game's start, divided by spaces; scores: one per action in the
                                order of their numbers, divided by spaces, "." where the action is illegal
    set,moves,pons_score,c1..   moves: digits, action 0 being 1; c1, c2 ...: score of each action, empty where illegal

A score is above, at or below 0 for a move to a win, a draw or a loss of the seat that decides; its size does not
matter. A chosen move is an error if its class (win, draw, loss) is below that of the best one. Where all moves are of
one class nothing can go wrong: such positions are trivial, and errors are also given as a share of the others.
Letters: M positions, A actions.
"""
from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from league.statistics import wilson
from native.game import Game, State
from native.search import Search
from native.search_settings import SearchSettings

Array = npt.NDArray[Any]
Evaluate = Callable[[Array], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
"""Observations `[n, *shape]` to logits `[n, A]` and values `[n]`, as `NetworkPolicy.evaluate` and engines do."""
SearchStates = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.uint64]], Search]
"""States `[n, state_bytes]` and seeds `[n]` to a finished search, as `Searcher.search` does."""

ILLEGAL = -2
BATCH = 256
ROLLOUT_SETTINGS = SearchSettings(simulations=600, c_init=2.0, fpu_reduction=0.0)
"""Of the yardstick: plain tree search with games of random play, as OpenSpiel's."""


@dataclass(frozen=True)
class Positions:
    """M unfinished positions of one game."""

    game: Game
    sets: tuple[str, ...]           # [M], the set that each belongs to
    states: npt.NDArray[np.uint8]   # [M, state_bytes]
    observations: Array             # [M, *shape]
    classes: npt.NDArray[np.int8]   # [M, A]: 1 win, 0 draw, -1 loss, ILLEGAL

    def __len__(self) -> int:
        return len(self.sets)

    @property
    def best(self) -> npt.NDArray[np.int8]:
        """Class of the best move, which is the position's own. Shape `[M]`."""
        best: npt.NDArray[np.int8] = self.classes.max(axis=1)
        return best

    @property
    def nontrivial(self) -> npt.NDArray[np.bool_]:
        """Whether there is a legal move of a lower class than the best. Shape `[M]`."""
        worse: Array = (self.classes > ILLEGAL) & (self.classes < self.best[:, None])
        return np.asarray(worse.any(axis=1))

    def of(self, sets: Collection[str] | None) -> Positions:
        """Those of the given sets, None: all. Raises ValueError, naming what there is, if one does not exist."""
        if sets is None:
            return self
        unknown = set(sets) - set(self.sets)
        if unknown or not sets:
            raise ValueError(f"no set {', '.join(sorted(unknown)) or 'is named'}; there are "
                             f"{', '.join(dict.fromkeys(self.sets))}")
        rows = np.array([name in sets for name in self.sets])
        return Positions(self.game, tuple(name for name in self.sets if name in sets), self.states[rows],
                         self.observations[rows], self.classes[rows])


@dataclass(frozen=True)
class Choices:
    """What a player does in M positions: actions `[M]` and, where it says so, expected returns `[M]`."""

    actions: Array
    values: Array | None = None


@dataclass(frozen=True)
class SetErrors:
    """Errors in one set, and in shares of all its positions and of its non-trivial ones with 95 % Wilson intervals.

    value_sign: share of won and lost positions whose value has the right sign; value_mse: mean squared difference of
    value and class over all positions; None where there are no values, or nothing to judge them by.
    """

    name: str
    positions: int
    nontrivial: int
    errors: int
    share: float
    low: float
    high: float
    nontrivial_share: float
    nontrivial_low: float
    nontrivial_high: float
    value_sign: float | None
    value_mse: float | None

    def as_row(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def load_positions(path: str | Path, game: Game) -> Positions:
    """Reads a file of exact scores. Raises ValueError with file, line and fault: illegal moves, scores that do not
    match the legal actions, a finished position, columns that are not there."""
    path = Path(path)
    try:
        text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    except (OSError, EOFError, UnicodeDecodeError) as fault:
        raise ValueError(f"cannot read the positions in {path}: {fault}") from None
    reader = csv.DictReader(text.splitlines())
    columns = set(reader.fieldnames or ())
    by_column = [f"c{number}" for number in range(1, game.num_actions + 1)]
    general = "scores" in columns
    missing = {"set", "moves", *(["scores"] if general else by_column)} - columns
    if missing:
        raise ValueError(f"{path} has no column {', '.join(sorted(missing)[:3])}; expected set, moves, scores "
                         f"or set, moves, c1 to c{game.num_actions}")
    sets, states, observations, classes = [], [], [], []
    for row in reader:
        where = f"{path} line {reader.line_num}"
        if None in row or None in row.values():
            raise ValueError(f"{where} has not as many fields as the first line")
        words = row["scores"].split() if general else ["." if row[name] == "" else row[name] for name in by_column]
        moves = _integers(where, row["moves"].split() if general else list(row["moves"]))
        state = _played(where, game, moves if general else [digit - 1 for digit in moves])
        classes.append(_classes(where, state, words))
        sets.append(row["set"])
        states.append(np.frombuffer(state.to_bytes(), np.uint8))
        observations.append(state.observe())
    if not sets:
        raise ValueError(f"{path} holds no position")
    return Positions(game, tuple(sets), np.stack(states), np.stack(observations), np.stack(classes))


def by_policy(positions: Positions, evaluate: Evaluate) -> Choices:
    """The most probable legal move and the value of one evaluation each; no search."""
    actions, values = [], []
    for rows in _batches(len(positions), BATCH):
        logits, value = evaluate(positions.observations[rows])
        actions.append(np.where(positions.classes[rows] > ILLEGAL, logits, -np.inf).argmax(axis=1))
        values.append(value.copy())
    return Choices(np.concatenate(actions), np.concatenate(values))


def by_search(
    positions: Positions, evaluate: Evaluate, settings: SearchSettings, *, games: int = BATCH, seed: int = 0
) -> Choices:
    """The best move and the root's value of a search each, `games` at once; without noise, if the settings say so.

    The same evaluations and seed give the same choices.
    """
    trees = Search(positions.game, games, settings)

    def search(states: Array, seeds: Array) -> Search:
        trees.begin(states, seeds)
        while len(observations := trees.select()[0]):
            trees.expand(*evaluate(observations))
        return trees

    return by_searcher(positions, search, games=games, seed=seed)


def by_rollouts(
    positions: Positions, settings: SearchSettings = ROLLOUT_SETTINGS, *, games: int = BATCH, seed: int = 0
) -> Choices:
    """The same with games of random play in place of a network: the yardstick."""
    trees = Search(positions.game, games, settings)

    def search(states: Array, seeds: Array) -> Search:
        trees.begin(states, seeds)
        trees.run_rollouts()
        return trees

    return by_searcher(positions, search, games=games, seed=seed)


def by_searcher(positions: Positions, search: SearchStates, *, games: int = BATCH, seed: int = 0) -> Choices:
    """The same by a search that is ready to be used, such as that of a `Searcher`, of up to `games` states at once."""
    actions, values = [], []
    for rows in _batches(len(positions), games):
        found = search(positions.states[rows], np.arange(rows.start, rows.stop, dtype=np.uint64) + np.uint64(seed))
        actions.append(found.actions(0.0))
        values.append(found.root_values)
    return Choices(np.concatenate(actions), np.concatenate(values))


def errors(positions: Positions, choices: Choices) -> list[SetErrors]:
    """One entry per set in order of appearance and, if there are several, "all" at the end.

    Raises ValueError for a choice that is illegal.
    """
    chosen = positions.classes[np.arange(len(positions)), choices.actions]
    if (chosen == ILLEGAL).any():
        row = int((chosen == ILLEGAL).argmax())
        raise ValueError(f"position {row} of set {positions.sets[row]}: action {choices.actions[row]} is illegal")
    names = np.array(positions.sets)
    groups = {name: names == name for name in dict.fromkeys(positions.sets)}
    if len(groups) > 1:
        groups["all"] = np.ones(len(names), bool)
    wrong, nontrivial = chosen < positions.best, positions.nontrivial
    return [
        _set_errors(name, wrong[rows], nontrivial[rows], positions.best[rows],
                    None if choices.values is None else choices.values[rows])
        for name, rows in groups.items()
    ]


def _set_errors(name: str, wrong: Array, nontrivial: Array, best: Array, values: Array | None) -> SetErrors:
    count, total, hard = int(wrong.sum()), len(wrong), int(nontrivial.sum())
    decided = best != 0
    sign = None if values is None or not decided.any() else float((np.sign(values) == best)[decided].mean())
    mse = None if values is None else float(((values.astype(np.float64) - best) ** 2).mean())
    return SetErrors(name, total, hard, count, count / total, *wilson(count, total),
                     count / hard if hard else 0.0, *wilson(count, hard), sign, mse)


def _batches(total: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, total)) for first in range(0, total, size)]


def _integers(where: str, words: list[str]) -> list[int]:
    for word in words:
        if not word.isdecimal():
            raise ValueError(f"{where}: move {word!r} is not a number")
    return [int(word) for word in words]


def _played(where: str, game: Game, moves: list[int]) -> State:
    state = game.new_state()
    for number, move in enumerate(moves, start=1):
        try:
            state.apply(move)
        except ValueError as fault:
            raise ValueError(f"{where}: move {number}: {fault}") from None
    if state.is_terminal:
        raise ValueError(f"{where}: the game is over after these moves")
    return state


def _classes(where: str, state: State, words: list[str]) -> npt.NDArray[np.int8]:
    """Class of each action, ILLEGAL where the word is "."."""
    try:
        classes = np.array([ILLEGAL if word == "." else np.sign(int(word)) for word in words])
    except ValueError:
        raise ValueError(f"{where}: scores must be whole numbers, got {' '.join(words)}") from None
    legal = np.flatnonzero(state.legal())
    if len(words) != state.game.num_actions or not np.array_equal(np.flatnonzero(classes != ILLEGAL), legal):
        raise ValueError(f"{where}: expected {state.game.num_actions} scores, of the legal actions {legal.tolist()} "
                         f"and no others, got {' '.join(words)}")
    return classes.astype(np.int8)
