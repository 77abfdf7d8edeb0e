"""Calibration of a model: plays games with itself that nobody has learned from, and asks how its values came true.

Values are win probabilities against this way of playing: a model that plays at a high temperature loses games that it
had won, and its values count as too optimistic for it. Letters: N games, n rows of one call.
"""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from actors.draws import draw
from league.positions import Evaluate, SearchStates
from league.reliability_svg import reliability_svg
from learners import dataset
from learners.calibration import BINS, Sample, by_phase, calibrate
from learners.recalibration import recalibrate
from native.game import Game
from native.sampling import sample
from native.vector import VectorGame

Array = npt.NDArray[Any]

SIDE_BY_SIDE = 256
HELD_OUT_SEED = 30_001      # apart from the games of training and of evaluation
VALUE = "value "
ROUNDING = 1e-5             # of returns, which are sums in float32

Judge = Callable[[VectorGame, npt.NDArray[np.int64]], tuple[npt.NDArray[np.int32], dict[str, Array]]]
"""Actions `[n]` for the games `rows [n]`, and by name what they are thought to be worth to who decides, `[n]` each."""


@dataclass(frozen=True)
class Temperature:
    """At which moves are drawn: `first` in the first `moves` decisions of a game, `later` after them; 0: the best."""

    first: float = 1.0
    moves: int = 30
    later: float = 0.0

    def of(self, plies: Array) -> npt.NDArray[np.float32]:
        """For decisions `plies [n]`."""
        return np.where(plies < self.moves, self.first, self.later).astype(np.float32)


@dataclass(frozen=True)
class Played:
    """One sample per name of a value. Where few of the games are `distinct`, their number says less than it seems."""

    samples: dict[str, Sample]
    games: int
    distinct: int


def network_judge(evaluate: Evaluate, temperature: Temperature, seed: int) -> Judge:
    """Moves and values of the network alone."""
    rng = np.array([seed], np.uint64)

    def judge(games: VectorGame, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], dict[str, Array]]:
        logits, values = evaluate(games.observations[rows])
        legal, at = games.legal[rows], temperature.of(games.lengths[rows])
        actions = np.empty(len(rows), np.int32)
        for one in np.unique(at):
            places = np.flatnonzero(at == one)
            actions[places] = sample(logits[places], legal[places], float(one), rng)[0][:, 0]
        return actions, {"network": values}

    return judge


def search_judge(search: SearchStates, temperature: Temperature, seed: int) -> Judge:
    """Moves of a search; values of the network at its root, and of the search."""

    def judge(games: VectorGame, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], dict[str, Array]]:
        plies = games.lengths[rows]
        found = search(games.states[rows], draw(seed, rows, games.episodes[rows], plies.astype(np.int64)))
        return found.actions(temperature.of(plies)), {"network": found.raw_values, "search": found.root_values}

    return judge


def check_game(game: Game) -> None:
    """Raises ValueError for a game that `play` cannot play: more than one action at a time, or without states."""
    if game.simultaneous or len(game.head_sizes) > 1:
        raise ValueError(f"{game.name} is not played one action at a time, which this needs")
    if not game.state_bytes:
        raise ValueError(f"calibration needs a game with states; environments of {game.name} have none")


def check_outcomes(game: Game, samples: Mapping[str, Sample]) -> None:
    """Raises ValueError unless all outcomes are from -1 to 1, as those of games that are won or lost."""
    for one in samples.values():
        low, high = float(one.outcome.min()), float(one.outcome.max())
        if max(-low, high) > 1 + ROUNDING:
            raise ValueError(f"values of {game.name} cannot be judged: calibration needs outcomes from -1 to 1, "
                             f"these go from {low:.6g} to {high:.6g}")


def play(game: Game, judge: Judge, games: int, *, random_moves: int = 0, seed: int = HELD_OUT_SEED) -> Played:
    """Plays at least `games` whole games of `judge` with itself, the first `random_moves` of each at random.

    Every row plays as many games as the others, so that long ones are not missing at the end. Games that reach the
    time limit count with the return they have by then. Raises ValueError as `check_game` does, and if no decision was
    left to judge.
    """
    check_game(game)
    each = -(-games // SIDE_BY_SIDE)
    vector = VectorGame(game, -(-games // each), seed)
    finished = np.zeros(vector.num_games, np.int64)
    actions = np.zeros((vector.num_games, 1), np.int32)
    decisions: list[dict[str, Array]] = []
    played: list[list[int]] = [[] for _ in range(vector.num_games)]
    ends: list[dict[str, Array]] = []
    distinct: set[tuple[int, ...]] = set()
    while (running := finished < each).any():
        rows = np.flatnonzero(running & (vector.lengths >= random_moves))
        if len(rows) < vector.num_games:
            vector.random_actions(actions)
        if len(rows):
            actions[rows, 0], values = judge(vector, rows)
            seats = vector.to_act[rows]
            decisions.append({
                "episode": finished[rows] * vector.num_games + rows, "ply": vector.lengths[rows], "seat": seats,
                "return": vector.returns[rows, seats], **{VALUE + name: value.copy() for name, value in values.items()},
            })
        for moves, action in zip(played, actions[:, 0].tolist(), strict=True):
            moves.append(action)
        vector.step(actions)
        over = np.flatnonzero((vector.terminal | vector.truncated).astype(bool))
        counted = over[running[over]]
        ends.append({
            "episode": finished[counted] * vector.num_games + counted, "returns": vector.episode_returns[counted]
        })
        distinct |= {tuple(played[row]) for row in counted}
        for row in over:
            played[row].clear()
        finished[over] += 1
    if not decisions:
        raise ValueError(f"no game of {game.name} was longer than the {random_moves} moves played at random")
    column = {name: np.concatenate([part[name] for part in decisions]) for name in decisions[0]}
    ended = {name: np.concatenate([part[name] for part in ends]) for name in ends[0]}
    place = np.argsort(ended["episode"])[column["episode"]]     # episodes are 0, 1, 2 ... without a gap
    outcome = ended["returns"][place, column["seat"]] - column["return"]
    samples = {
        name.removeprefix(VALUE): Sample(value, outcome, column["episode"], column["ply"])
        for name, value in column.items() if name.startswith(VALUE)
    }
    return Played(samples, len(ended["episode"]), len(distinct))


def stored(game: Game, evaluate: Evaluate, path: Path, batch: int) -> dict[str, Sample]:
    """What the network says of a dataset's decisions, `batch` at once, and what the search that made it said, if it
    did. Raises ValueError for a dataset that is not of this game or knows no outcomes."""
    known = dataset.read_facts(path).known
    if "outcome" not in known:
        raise ValueError(f"{path} knows no outcomes, which values are measured by")
    columns = dataset.load(path, game)
    seen = columns["observation"]
    value = np.concatenate([evaluate(seen[first : first + batch])[1] for first in range(0, len(seen), batch)])
    samples = {"network": Sample.of(value, columns)}
    if "root_value" in known:
        samples["search"] = Sample.of(columns["root_value"], columns)
    return samples


def report(sample: Sample, *, bins: int = BINS, seed: int = 0) -> dict[str, Any]:
    """Everything that is said of one sample, as plain values."""
    scaled = recalibrate(sample, seed=seed)
    return {
        **calibrate(sample, bins=bins, seed=seed).as_dict(),
        "error_equal_mass": calibrate(sample, bins=bins, mass="equal", seed=seed).error,
        "phases": {name: one.as_dict() for name, one in by_phase(sample, bins=bins, seed=seed).items()},
        "recalibration": None if scaled is None else scaled.as_dict(),
    }


def write_report(folder: Path, facts: Mapping[str, Any], reports: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    """Writes `calibration.json` (the facts, and the reports by name) and `reliability.svg`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "calibration.json": json.dumps({**facts, "values": dict(reports)}, indent=2) + "\n",
        "reliability.svg": reliability_svg(reports),
    }
    for name, text in texts.items():
        aside = folder / f".{name}.{os.getpid()}"
        aside.write_text(text)
        os.replace(aside, folder / name)
    return [folder / name for name in texts]
