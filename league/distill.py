"""Distillation of search: games played with search, supervised training on them, and again with the better network.

An iteration makes a dataset (guided by random play at first, then by the network), learns from it until the loss on
held-out games no longer falls, goes back to the best epoch, and is evaluated on games that are the same every time.
Expert iteration (Anthony, Tian & Barber 2017, arXiv:1705.08439) in large steps.

What is finished stays: datasets, and a checkpoint after every epoch and every evaluation. A run that was cut short goes
on after the last of them and ends as if nothing had happened; a dataset under construction after its last part.
"""
from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from actors.policy import NetworkPolicy
from league.config import RunConfig
from league.generation import Prior, check_made, generate, how, self_play_worker
from league.held_out import measure
from league.run_context import RunContext
from league.solo import play_alone
from league.supervised import Epochs, SupervisedTrainer
from league.wishes import Ended
from learners.dataset import as_chunk, load, read_facts
from learners.dataset_split import Columns, join, numbered_apart, split_by_game, take
from learners.learner import Learner
from native.game import Game

GENERATE, SPLIT = range(2)      # what seeds are for


@dataclass
class Progress(Epochs):
    """Epochs are those of the running iteration."""

    iteration: int = 0          # finished ones
    epochs: int = 0             # of all iterations


class DistillTrainer(SupervisedTrainer[Progress]):
    """Runs the iterations of `settings`."""

    method = "distill"

    def __init__(self, config: RunConfig, game: Game, learner: Learner, context: RunContext) -> None:
        super().__init__(config, game, learner, context, Progress())
        self._settings = config.distill
        self._policy = NetworkPolicy(game, config.learning.network)
        self._speed = 0.0       # decisions made per second in the latest dataset

    def run(self) -> tuple[str, str]:
        """Works; returns the final status (completed, stopped, interrupted) and the reason in words."""
        self._restart_clock()
        try:
            while self._progress.iteration < self._settings.iterations:
                self._iterate()
        except Ended as end:
            status, reason = end.args
            self._store.observe(self._run_id, "stopping", reason)
            return status, reason
        return "completed", f"{self._settings.iterations} iterations done"

    def _iterate(self) -> None:
        settings, done = self._settings, self._progress
        self._make_dataset(done.iteration)
        train, held_out = self._data(done.iteration)
        while done.epoch < settings.epochs and done.epoch - done.best_epoch < settings.patience:
            self._learn(train)
            self._judge(held_out)
            self._save()
        self._listen()
        self._learner.restore(self._directory.path / done.best)
        self._evaluate(held_out)
        done.iteration += 1
        done.epoch, done.best, done.best_epoch, done.best_loss = 0, "", 0, None
        self._save()

    # -- datasets -----------------------------------------------------------------------------------------------------

    def _dataset(self, iteration: int) -> Path:
        given = self._settings.first_dataset
        if iteration == 0 and given is not None:
            return given
        return self._directory.path / "datasets" / f"iteration_{iteration:04d}.parquet"

    def _make_dataset(self, iteration: int) -> None:
        """Unless it is there: a dataset gets its name when it is whole."""
        path = self._dataset(iteration)
        if path == self._settings.first_dataset:
            return
        settings = self._settings
        decisions, simulations = settings.decisions_of(iteration), settings.simulations_of(iteration)
        play = self._config.self_play_settings().model_copy(update={"simulations": simulations})
        seed = self._seed(GENERATE, iteration)
        prior = None
        if iteration or settings.first_prior == "network":
            prior = Prior(self._config.learning.network, self._learner.published(), self._learner.version)
        if path.exists():
            # the network may have learned from it since
            check_made(path, how(play, seed, prior), decisions, besides=("version", "weights"))
            return
        guide = "random play" if prior is None else "the network"
        self._say(f"iteration {iteration + 1} of {settings.iterations}: {decisions} decisions with {simulations} "
                  f"simulations, guided by {guide}")
        began, first = time.monotonic(), -1

        def on_chunk(rows: int) -> None:
            nonlocal first
            first = rows if first < 0 else first
            self._speed = (rows - first) / max(1e-9, time.monotonic() - began)
            self._listen()
            self._tell("playing", 0.5 * min(1.0, rows / decisions))

        generate(self._game, lambda: self_play_worker(self._game, play, seed, prior), path, how(play, seed, prior),
                 decisions, on_chunk=on_chunk)

    def _data(self, iteration: int) -> tuple[Columns, Columns]:
        """`(train, held_out)` of the newest datasets, each split by game for itself: held out once is held out."""
        trains, others = [], []
        for number in range(max(0, iteration - self._settings.datasets + 1), iteration + 1):
            path = self._dataset(number)
            faults: list[str] = []
            columns = load(path, self._game, faults)
            if faults:
                self._say(f"{path}: {len(faults)} rows or files left out, such as {faults[0]}")
            self._check_known(path)
            train, held_out = split_by_game(columns, self._settings.held_out, self._seed(SPLIT, number))
            trains.append(train)
            others.append(held_out)
        return join(numbered_apart(trains)), join(numbered_apart(others))

    def _check_known(self, path: Path) -> None:
        if "outcome" not in read_facts(path).known and self._config.learning.search_objective.learns_outcomes:
            raise ValueError(f"{path} knows no outcomes: expected learning.search_objective.value 0 and no "
                             "value_quartic")

    # -- learning -----------------------------------------------------------------------------------------------------

    def _learn(self, train: Columns) -> None:
        """One epoch, in an order that depends on seed, iteration and epoch alone."""
        settings, done = self._settings, self._progress

        def learn(rows: npt.NDArray[np.int64], number: int, share: float) -> dict[str, float]:
            return self._learner.update(
                [as_chunk(take(train, rows), self._game, "dataset", number)],
                (done.iteration + (done.epoch + share) / settings.epochs) / settings.iterations,
            )

        def told(share: float) -> None:
            self._tell("learning", 0.5 + 0.5 * (done.epoch + share) / settings.epochs)

        self._epoch(len(train["outcome"]), settings.update_rows, (self._config.seed, done.iteration, done.epoch),
                    learn, told)
        done.epochs += 1

    def _judge(self, held_out: Columns) -> None:
        """Keeps the epoch if it is the best of its iteration."""
        done = self._progress
        self._keep(measure(self._learner, held_out)[0]["held_out_loss"],
                   f"best/iteration_{done.iteration:04d}_epoch_{done.epoch:04d}")

    def _evaluate(self, held_out: Columns) -> None:
        evaluation, done = self._config.evaluation, self._progress
        self._policy.load(self._learner.version, self._learner.published())
        alone = play_alone(self._game, self._policy, games=evaluation.games, seed=evaluation.seed)
        examined = self._examine()
        if not self._scores:
            examined["win_rate"] = alone["alone_won"]
        self._add_window(done.epochs, {
            "decisions_per_sec": self._speed,
            "simulations": self._settings.simulations_of(done.iteration),
            "best_epoch": done.best_epoch,
            **self._means,
            **measure(self._learner, held_out)[0],
            **alone,
            **examined,
        }, _checkpoint_name(done.iteration + 1, 0))

    def _tell(self, stage: str, share: float) -> None:
        """Reports, `share` of the running iteration done."""
        self._report(stage, (self._progress.iteration + share) / self._settings.iterations,
                     decisions_per_sec=self._speed)

    def _save(self) -> None:
        done = self._progress
        self._checkpoint(_checkpoint_name(done.iteration, done.epoch), done.best)


def _checkpoint_name(iteration: int, epoch: int) -> str:
    """After so many finished iterations, and epochs of the next one."""
    return f"ckpt_{iteration:06d}_{epoch:09d}"
