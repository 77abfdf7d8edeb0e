"""What is imitated: recorded decisions, split by game into those to learn from and those to measure on.

`Decisions` are datasets in layout "rows": of one action head, with legal actions and perhaps outcomes. `Steps` are the
arena's: several heads, nothing but what was seen and done. Letters: N rows, A actions, H heads.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from league.held_out import measure
from league.imitation_source import check_source, knows_outcomes, schema_of
from learners.agreement import share_by_game
from learners.config import Learning
from learners.dataset import as_chunk, load
from learners.dataset_split import held_out_rows, numbered_apart, split_by_game, take
from learners.importers import steps as steps_files
from learners.learner import Learner
from native.game import Game

Array = npt.NDArray[Any]

OF_VALUES = ("value_", "confidence_accuracy", "held_out_value")
"""How the names of figures begin that mean nothing where no outcome is known."""


class Examples(Protocol):
    """Recorded decisions, `rows` of them to learn from."""

    rows: int

    def learn(self, learner: Learner, rows: npt.NDArray[np.int64], progress: float) -> dict[str, float]:
        """One update with these of the rows; returns its metrics."""

    def measure(self, learner: Learner) -> dict[str, float]:
        """What the learner makes of the held-out games.

        held_out_loss: cross-entropy of what was played, in nats, added over the heads. agreement: share of decisions in
        which the most probable action was played, in all heads at once; agreement_low, agreement_high: its 95 %
        interval by game. measured_rows, measured_games.
        """


class Decisions:
    """Rows of a dataset of one action head; see `learners/dataset.py`. What they know of outcomes, values learn."""

    def __init__(
        self, path: Path, game: Game, learning: Learning, share: float, seed: int, faults: list[str] | None = None
    ) -> None:
        """share: of the games, held out by `seed`. faults: see `learners.dataset.read`.

        Raises ValueError for what cannot be read, is of another game, or does not know what `learning` would learn.
        """
        check_source(path, game, learning)
        self._game = game
        self._train, self._held_out = split_by_game(load(path, game, faults), share, seed)
        self._outcomes = knows_outcomes(path)
        self.rows = len(self._train["outcome"])

    def learn(self, learner: Learner, rows: npt.NDArray[np.int64], progress: float) -> dict[str, float]:
        """See `Examples`."""
        chunk = as_chunk(take(self._train, rows), self._game, "dataset", learner.version)
        figures = learner.update([chunk], progress)
        return {name: figure for name, figure in figures.items() if name != "data_lag_mean"}     # nobody's data is late

    def measure(self, learner: Learner) -> dict[str, float]:
        """See `Examples`. Also all of `league.held_out.measure`, and agreement_of_choices, where there was a choice.

        Where a row's target is of several actions, the most probable one counts as played.
        """
        figures, said = measure(learner, self._held_out)
        if not self._outcomes:
            figures = {name: figure for name, figure in figures.items() if not name.startswith(OF_VALUES)}
        columns = self._held_out
        legal = np.unpackbits(columns["legal"], axis=1, count=self._game.num_actions, bitorder="little") != 0
        best = columns["target_prob"].argmax(axis=1)[:, None]
        played = np.take_along_axis(columns["target_action"], best, axis=1)[:, 0]
        hits = np.where(legal, said["logits"], -np.inf).argmax(axis=1) == played
        choice = legal.sum(axis=1) > 1
        if choice.any():
            figures["agreement_of_choices"] = float(hits[choice].mean())
        return figures | {"held_out_loss": figures["policy_cross_entropy"]} | _agreement(hits, columns["episode"])


class Steps:
    """Steps of several action heads; see `learners/importers/steps.py`. The value does not learn."""

    def __init__(self, path: Path, game: Game, share: float, seed: int) -> None:
        """Raises ValueError for what cannot be read, or holds no steps of `game` with its options."""
        schema = schema_of(path, game)
        parts = numbered_apart([
            {name: column for name, column in columns.items() if name in ("observation", "action", "episode")}
            for columns in (_whole(one, schema) for one in steps_files.of_schema(path, schema))
        ])
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        columns["observation"] = columns["observation"].reshape(-1, *game.observation_shape)
        held_out = held_out_rows(columns["episode"], share, seed)
        self._train, self._held_out = take(columns, np.flatnonzero(~held_out)), take(columns, np.flatnonzero(held_out))
        self._heads = steps_files.read_facts(steps_files.of_schema(path, schema)[0]).heads
        self.rows = len(self._train["episode"])

    def learn(self, learner: Learner, rows: npt.NDArray[np.int64], progress: float) -> dict[str, float]:
        """See `Examples`."""
        picked = take(self._train, rows)
        return learner.clone(picked["observation"], picked["action"], progress)

    def measure(self, learner: Learner) -> dict[str, float]:
        """See `Examples`. Also agreement_<head> for every head."""
        columns = self._held_out
        logits = learner.predict(columns["observation"], columns["action"]).logits.astype(np.float64)
        every, loss, figures = np.ones(len(logits), bool), 0.0, dict[str, float]()
        heads = np.split(logits, np.cumsum(list(self._heads.values()))[:-1], axis=1)
        for name, head, played in zip(self._heads, heads, columns["action"].T, strict=True):
            hits = head.argmax(axis=1) == played
            every &= hits
            figures[f"agreement_{name}"] = float(hits.mean())
            shifted = head - head.max(axis=1, keepdims=True)
            log_p = shifted[np.arange(len(head)), played] - np.log(np.exp(shifted).sum(axis=1))
            loss -= float(log_p.mean())
        return figures | {
            "held_out_loss": loss, **_agreement(every, columns["episode"]),
            "measured_rows": float(len(every)), "measured_games": float(len(np.unique(columns["episode"]))),
        }


def load_examples(
    path: Path, game: Game, learning: Learning, share: float, seed: int, faults: list[str] | None = None
) -> Examples:
    """The dataset `path`, of either kind."""
    if steps_files.is_steps(path):
        return Steps(path, game, share, seed)
    return Decisions(path, game, learning, share, seed, faults)


def _whole(path: Path, schema: str) -> dict[str, Array]:
    parts = list(steps_files.read(path, schema))
    if not parts:
        raise ValueError(f"{path} holds no step")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _agreement(hits: npt.NDArray[np.bool_], episode: npt.NDArray[np.int64]) -> dict[str, float]:
    return dict(zip(("agreement", "agreement_low", "agreement_high"), share_by_game(hits, episode), strict=True))
