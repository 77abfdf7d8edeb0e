"""Distillation of search: games played with search, supervised training on them, and again with the better network.

An iteration makes a dataset (guided by random play at first, then by the network), learns from it until the loss on
held-out games no longer falls, goes back to the best epoch, and is evaluated on games that are the same every time.
Expert iteration (Anthony, Tian & Barber 2017, arXiv:1705.08439) in large steps.

What is finished stays: datasets, and a checkpoint after every epoch and every evaluation. A run that was cut short goes
on after the last of them and ends as if nothing had happened; a dataset under construction after its last part.
"""
from __future__ import annotations

import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from actors.policy import NetworkPolicy
from league.config import RunConfig
from league.counters import Means
from league.distill_config import Distill
from league.evaluation import Score
from league.examiner import Examiner
from league.generation import Prior, check_made, generate, how, self_play_worker
from league.held_out import measure
from league.run_directory import TRAINING, WINDOWS, RunDirectory
from league.solo import play_alone
from league.store import RunStore
from league.wishes import Emit, Ended, Wishes
from learners.dataset import as_chunk, load, read_facts
from learners.dataset_split import Columns, join, numbered_apart, split_by_game, take
from learners.learner import Learner
from native.game import Game

STATE_FORMAT = 1        # of a checkpoint's run.json
PROGRESS_S = 1.0        # between two reports of progress
GENERATE, SPLIT = range(2)      # what seeds are for


@dataclass
class Progress:
    """What a run has done; continued exactly by a resumed one."""

    iteration: int = 0          # finished ones
    epoch: int = 0              # finished ones of the running iteration
    best: str = ""              # folder of its best epoch, below the run
    best_epoch: int = 0
    best_loss: float | None = None      # on held-out games
    epochs: int = 0             # of all iterations
    updates: int = 0
    env_steps: int = 0          # decisions learned from, every epoch counts
    elapsed_s: float = 0.0      # of work; pauses not counted


class DistillTrainer:
    """Runs the iterations of `settings`; section budget does not count."""

    def __init__(
        self,
        config: RunConfig,
        game: Game,
        learner: Learner,
        *,
        settings: Distill,
        run_id: str,
        directory: RunDirectory,
        store: RunStore,
        emit: Emit,
        interrupt: threading.Event,
    ) -> None:
        self._config, self._game, self._learner, self._settings = config, game, learner, settings
        self._run_id, self._directory, self._store, self._emit = run_id, directory, store, emit
        self._wishes = Wishes(run_id, directory, store, emit, interrupt)
        self._progress = Progress()
        self._windows: list[dict[str, Any]] = []
        self._scores: list[Score] = []
        self._examiner = Examiner(config, game)
        self._policy = NetworkPolicy(game, config.learning.network)
        self._means: dict[str, float] = {}      # of the latest whole epoch
        self._of_report = Means()
        self._speed = 0.0       # decisions made per second in the latest dataset
        self._clock = self._reported_s = 0.0

    @property
    def scores(self) -> list[Score]:
        """Of the latest evaluation."""
        return self._scores

    # -- life ---------------------------------------------------------------------------------------------------------

    def resume(self, checkpoint: Path, state: dict[str, Any]) -> None:
        """Goes back to a checkpoint. Raises ValueError for one of another kind of run."""
        if state.get("format") != STATE_FORMAT or state.get("method") != "distill":
            raise ValueError(f"{checkpoint} is of method {state.get('method')} in format {state.get('format')}, "
                             f"this run reads distill in format {STATE_FORMAT}")
        self._learner.restore(checkpoint / "learner")
        self._progress = Progress(**state["progress"])
        self._windows = list(state["windows"])
        self._means = dict(state["means"])
        self._scores = [Score(**row) for row in state["scores"]]
        done = self._progress
        self._directory.rewind(WINDOWS, lambda row: row["window"] <= done.iteration, self._windows)
        self._directory.rewind(TRAINING, lambda row: row["updates"] <= done.updates, [])

    def begin_anew(self) -> None:
        """Forgets what a former life measured before its first checkpoint; its datasets stay, they would be equal."""
        for name in (WINDOWS, TRAINING):
            self._directory.rewind(name, lambda row: False, [])

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
            self._checkpoint()
        self._listen()
        self._learner.restore(self._directory.path / done.best)
        self._evaluate(held_out)
        done.iteration += 1
        done.epoch, done.best, done.best_epoch, done.best_loss = 0, "", 0, None
        self._checkpoint()

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
            self._report("playing", 0.5 * min(1.0, rows / decisions))

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
        weights = self._config.learning.search_loss
        if "outcome" not in read_facts(path).known and weights.value_weight + weights.quartic_weight > 0:
            raise ValueError(f"{path} knows no outcomes: expected learning.search_loss.value_weight and quartic_weight "
                             f"0, got {weights.value_weight} and {weights.quartic_weight}")

    def _seed(self, purpose: int, iteration: int) -> int:
        sequence = np.random.SeedSequence((self._config.seed, purpose, iteration))
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))

    # -- learning -----------------------------------------------------------------------------------------------------

    def _learn(self, train: Columns) -> None:
        """One epoch: every row once, in an order that depends on seed, iteration and epoch alone."""
        done, rows = self._progress, len(train["outcome"])
        order = np.random.default_rng((self._config.seed, done.iteration, done.epoch)).permutation(rows)
        batches = np.array_split(order, max(1, round(rows / self._settings.update_rows)))
        of_epoch = Means()
        updates, env_steps = done.updates, done.env_steps
        for number, batch in enumerate(batches, start=1):
            self._listen()
            figures = self._learner.update([as_chunk(take(train, batch), self._game, "dataset", number)])
            of_epoch.add(figures)
            self._of_report.add(figures)
            done.updates, done.env_steps = updates + number, done.env_steps + len(batch)
            share = (done.epoch + number / len(batches)) / self._settings.epochs
            self._report("learning", 0.5 + 0.5 * share)
        done.updates, done.env_steps = updates + len(batches), env_steps + rows
        done.epoch += 1
        done.epochs += 1
        self._means = of_epoch.take()

    def _judge(self, held_out: Columns) -> None:
        """Keeps the epoch if it is the best of its iteration."""
        done = self._progress
        loss = measure(self._learner, held_out)[0]["held_out_loss"]
        if done.best_loss is not None and not loss < done.best_loss:
            return
        done.best_loss, done.best_epoch = loss, done.epoch
        done.best = f"best/iteration_{done.iteration:04d}_epoch_{done.epoch:04d}"
        self._learner.save(self._directory.path / done.best)

    def _evaluate(self, held_out: Columns) -> None:
        settings, done = self._config.evaluation, self._progress
        for examined in (self._examiner, self._policy):
            examined.load(self._learner.version, self._learner.published())
        self._scores, positions = self._examiner.scores(), self._examiner.position_errors()
        alone = play_alone(self._game, self._policy, games=settings.games, seed=settings.seed)
        results = [score.as_row() for score in self._scores]
        self._tick()
        self._emit({"kind": "evaluation", "updates": done.updates, "env_steps": done.env_steps,
                    "elapsed_s": done.elapsed_s, "results": results, "positions": positions})
        row: dict[str, Any] = {
            "window": done.iteration + 1,
            "step": done.env_steps,
            "epoch": done.epochs,
            "loss": self._means.get("loss_total"),
            "win_rate": self._scores[0].score if self._scores else alone["alone_won"],
            "decisions_per_sec": self._speed,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "elapsed_s": done.elapsed_s,
            "simulations": self._settings.simulations_of(done.iteration),
            "best_epoch": done.best_epoch,
            **self._means,
            **measure(self._learner, held_out)[0],
            **alone,
            "evaluation": results,
            "positions": positions,
        }
        self._windows.append(row)
        self._directory.append(WINDOWS, row)
        self._directory.update_metadata(latest_window=done.iteration + 1, env_steps=done.env_steps)

    # -- reports ------------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Obeys what people want. Raises Ended."""
        end = self._wishes.listen(self._tick, self._restart_clock)
        if end is not None:
            raise Ended(*end)

    def _tick(self) -> None:
        now = time.monotonic()
        self._progress.elapsed_s += now - self._clock
        self._clock = now

    def _restart_clock(self) -> None:
        self._clock = time.monotonic()

    def _say(self, text: str) -> None:
        self._emit({"kind": "message", "text": text})

    def _report(self, stage: str, share: float) -> None:
        if time.monotonic() - self._reported_s < PROGRESS_S:
            return
        self._tick()
        done = self._progress
        row: dict[str, Any] = {
            **asdict(done),
            **self._of_report.take(),
            "stage": stage,
            "decisions_per_sec": self._speed,
            "fraction": (done.iteration + share) / self._settings.iterations,
            "timestamp": time.time(),
        }
        self._directory.append(TRAINING, row)
        self._store.heartbeat(self._run_id)
        self._emit({"kind": "progress", **row})
        self._reported_s = time.monotonic()

    def _checkpoint(self) -> None:
        def fill(folder: Path) -> None:
            self._learner.save(folder / "learner")

        self._tick()
        done = self._progress
        name = f"ckpt_{done.iteration:06d}_{done.epoch:09d}"
        state = {
            "format": STATE_FORMAT,
            "method": "distill",
            "progress": asdict(done),
            "windows": self._windows,
            "means": self._means,
            "scores": [score.as_row() for score in self._scores],
        }
        self._directory.write_checkpoint(name, fill, state, self._config.windows.keep_checkpoints)
        for folder in (self._directory.path / "best").glob("iteration_*"):
            if f"best/{folder.name}" != done.best:
                shutil.rmtree(folder)
        self._directory.update_metadata(latest_checkpoint=f"checkpoints/{name}", updates=done.updates)
