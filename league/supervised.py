"""What the methods share that learn datasets in epochs: epochs that are kept or not, wishes, reports, checkpoints."""
from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from league.config import RunConfig
from league.counters import Means
from league.evaluation import Score
from league.examiner import Examiner
from league.learner_files import LearnerFiles
from league.run_context import RunContext
from league.run_directory import TRAINING
from league.window_log import WindowLog
from league.wishes import Ended, Wishes
from learners.learner import Learner
from native.game import Game

STATE_FORMAT = 1        # of a checkpoint's run.json
PROGRESS_S = 1.0        # between two reports of progress


@dataclass
class Epochs:
    """What a run has done; continued exactly by a resumed one."""

    epoch: int = 0              # finished ones
    best: str = ""              # folder of the best one, below the run
    best_epoch: int = 0
    best_loss: float | None = None      # on held-out games
    updates: int = 0
    env_steps: int = 0          # decisions learned from, every epoch counts
    elapsed_s: float = 0.0      # of work; pauses not counted


Done = TypeVar("Done", bound=Epochs)


class SupervisedTrainer(Generic[Done]):
    """One process that learns datasets. `method` names it in configs and checkpoints; section budget does not count."""

    method: ClassVar[str]

    def __init__(self, config: RunConfig, game: Game, learner: Learner, context: RunContext, done: Done) -> None:
        self._config, self._game, self._learner, self._progress = config, game, learner, done
        self._run_id, self._directory = context.run_id, context.directory
        self._store, self._emit = context.store, context.emit
        self._wishes = Wishes(context)
        self._log = WindowLog(config, game, context)
        self._learner_files = LearnerFiles(config.windows, learner)
        self._windows: list[dict[str, Any]] = []
        self._scores: list[Score] = []
        self._examiner = Examiner(config, game)
        self._means: dict[str, float] = {}      # of the latest whole epoch
        self._of_report = Means()
        self._clock = self._reported_s = 0.0

    @property
    def scores(self) -> list[Score]:
        """Of the latest evaluation."""
        return self._scores

    def resume(self, checkpoint: Path, state: dict[str, Any]) -> None:
        """Goes back to a checkpoint. Raises ValueError for one of another kind of run."""
        if state.get("format") != STATE_FORMAT or state.get("method") != self.method:
            raise ValueError(f"{checkpoint} is of method {state.get('method')} in format {state.get('format')}, "
                             f"this run reads {self.method} in format {STATE_FORMAT}")
        self._learner.restore(checkpoint / "learner")
        self._progress = type(self._progress)(**state["progress"])
        self._windows, self._means = list(state["windows"]), dict(state["means"])
        self._scores = [Score(**row) for row in state["scores"]]
        self._log.rewind(len(self._windows), self._windows)
        self._directory.rewind(TRAINING, lambda row: row["updates"] <= self._progress.updates, [])

    def begin_anew(self) -> None:
        """Forgets what a former life measured before its first checkpoint; datasets stay, they would be equal."""
        self._log.rewind(0, [])
        self._directory.rewind(TRAINING, lambda row: False, [])

    def _epoch(
        self, rows: int, update_rows: int, order: tuple[int, ...],
        learn: Callable[[npt.NDArray[np.int64], int, float], dict[str, float]], told: Callable[[float], None],
    ) -> None:
        """Every row once, in an order that depends on `order` alone.

        learn: takes the rows of an update, its number in the epoch from 1 on, and the share of the epoch done before
        it; returns its figures. told: hears after each update what share of the epoch is done.
        """
        done = self._progress
        batches = np.array_split(np.random.default_rng(order).permutation(rows), max(1, round(rows / update_rows)))
        of_epoch, updates, env_steps = Means(), done.updates, done.env_steps
        for number, batch in enumerate(batches, start=1):
            self._listen()
            figures = learn(batch, number, (number - 1) / len(batches))
            of_epoch.add(figures)
            self._of_report.add(figures)
            done.updates, done.env_steps = updates + number, done.env_steps + len(batch)
            told(number / len(batches))
        done.updates, done.env_steps = updates + len(batches), env_steps + rows
        done.epoch += 1
        self._means = of_epoch.take()

    def _keep(self, loss: float, folder: str) -> bool:
        """Keeps the weights below the run if their loss is the lowest so far; whether it is."""
        done = self._progress
        if done.best_loss is not None and not loss < done.best_loss:
            return False
        done.best_loss, done.best_epoch, done.best = loss, done.epoch, folder
        self._learner.save(self._directory.path / folder)
        return True

    def _examine(self) -> dict[str, Any]:
        """Evaluates the learner's weights; what a window says of it."""
        done = self._progress
        self._examiner.load(self._learner.version, self._learner.published())
        self._scores, positions = self._examiner.scores(), self._examiner.position_errors()
        results = [score.as_row() for score in self._scores]
        self._tick()
        self._emit({"kind": "evaluation", "updates": done.updates, "env_steps": done.env_steps,
                    "elapsed_s": done.elapsed_s, "results": results, "positions": positions})
        return {"win_rate": self._scores[0].score if self._scores else None, "evaluation": results,
                "positions": positions}

    def _add_window(self, epoch: int, figures: dict[str, Any], checkpoint: str) -> None:
        """Adds a row of metrics and the replays of the learner's weights, which `checkpoint` is about to keep."""
        self._tick()
        done = self._progress
        row: dict[str, Any] = {
            "window": len(self._windows) + 1,
            "step": done.env_steps,
            "epoch": epoch,
            "loss": figures.get("loss_total"),
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "elapsed_s": done.elapsed_s,
            **figures,
        }
        self._examiner.load(self._learner.version, self._learner.published())
        row = self._log.record(self._examiner.player, checkpoint, row, self._learner.version)
        self._windows.append(row)
        self._log.add(row)

    def _checkpoint(self, name: str, keep: str) -> None:
        """Writes a checkpoint; of the best epochs only the folder `keep` stays."""
        self._tick()
        state = {
            "format": STATE_FORMAT,
            "method": self.method,
            "progress": asdict(self._progress),
            "windows": self._windows,
            "means": self._means,
            "scores": [score.as_row() for score in self._scores],
        }
        self._directory.write_checkpoint(name, self._learner_files.write, state)
        for folder in (self._directory.path / "best").glob("*_*"):
            if f"best/{folder.name}" != keep:
                shutil.rmtree(folder)
        self._log.checkpointed(name, window=len(self._windows), updates=self._progress.updates)

    def _seed(self, *purpose: int) -> int:
        sequence = np.random.SeedSequence((self._config.seed, *purpose))
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))

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

    def _report(self, stage: str, fraction: float, **more: float) -> None:
        if time.monotonic() - self._reported_s < PROGRESS_S:
            return
        self._tick()
        row: dict[str, Any] = {
            **asdict(self._progress), **self._of_report.take(), "stage": stage, **more, "fraction": fraction,
            "timestamp": time.time(),
        }
        self._directory.append(TRAINING, row)
        self._store.heartbeat(self._run_id)
        self._emit({"kind": "progress", **row})
        self._reported_s = time.monotonic()
