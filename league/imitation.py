"""Imitation: supervised training on recorded decisions until the loss on held-out games no longer falls.

What comes out is `pi_sup`, a learner's folder below the run with the weights of the best epoch (AlphaStar's name for
the policy that human games gave, Vinyals et al. 2019, doi:10.1038/s41586-019-1724-z). After every epoch there is a
checkpoint: a run that was cut short goes on after the last of them and ends as if nothing had happened.
"""
from __future__ import annotations

import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from league.config import RunConfig
from league.counters import Means
from league.evaluation import Score
from league.examiner import Examiner
from league.generation import check_made, generate
from league.imitation_config import Imitation
from league.imitation_data import Examples, load_examples
from league.imitation_report import inspect, sentences
from league.recording import KNOWN, Recorder, how
from league.run_directory import TRAINING, WINDOWS, RunDirectory
from league.store import RunStore
from league.wishes import Emit, Ended, Wishes
from learners.learner import Learner
from native.game import Game

STATE_FORMAT = 1        # of a checkpoint's run.json
PROGRESS_S = 1.0        # between two reports of progress
PI_SUP = "pi_sup"       # folder of the best weights, below the run
REPORT = "dataset.json"     # what is in the dataset
RECORD, SPLIT, ORDER = range(3)     # what seeds are for


@dataclass
class Progress:
    """What a run has done; continued exactly by a resumed one."""

    epoch: int = 0              # finished ones
    best: str = ""              # folder of the best one, below the run
    best_epoch: int = 0
    best_loss: float | None = None      # on held-out games
    finished: bool = False      # with all epochs and the evaluation
    updates: int = 0
    env_steps: int = 0          # decisions learned from, every epoch counts
    elapsed_s: float = 0.0      # of work; pauses not counted


class ImitationTrainer:
    """Learns what `settings` names; section budget does not count."""

    def __init__(
        self,
        config: RunConfig,
        game: Game,
        learner: Learner,
        *,
        settings: Imitation,
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
        self._means: dict[str, float] = {}      # of the latest whole epoch
        self._of_report = Means()
        self._clock = self._reported_s = 0.0

    @property
    def scores(self) -> list[Score]:
        """Of the evaluation at the end."""
        return self._scores

    # -- life ---------------------------------------------------------------------------------------------------------

    def resume(self, checkpoint: Path, state: dict[str, Any]) -> None:
        """Goes back to a checkpoint. Raises ValueError for one of another kind of run."""
        if state.get("format") != STATE_FORMAT or state.get("method") != "imitate":
            raise ValueError(f"{checkpoint} is of method {state.get('method')} in format {state.get('format')}, "
                             f"this run reads imitate in format {STATE_FORMAT}")
        self._learner.restore(checkpoint / "learner")
        self._progress = Progress(**state["progress"])
        self._windows = list(state["windows"])
        self._scores = [Score(**row) for row in state["scores"]]
        done = self._progress
        self._directory.rewind(WINDOWS, lambda row: row["window"] <= len(self._windows), self._windows)
        self._directory.rewind(TRAINING, lambda row: row["updates"] <= done.updates, [])

    def begin_anew(self) -> None:
        """Forgets what a former life measured before its first checkpoint; what it recorded stays."""
        for name in (WINDOWS, TRAINING):
            self._directory.rewind(name, lambda row: False, [])

    def run(self) -> tuple[str, str]:
        """Works; returns the final status (completed, stopped, interrupted) and the reason in words."""
        settings, done = self._settings, self._progress
        self._restart_clock()
        try:
            if not done.finished:
                examples = self._examples()
                while done.epoch < settings.epochs and done.epoch - done.best_epoch < settings.patience:
                    self._learn(examples)
                    self._judge(examples)
                    self._checkpoint()
                self._listen()
                self._learner.restore(self._directory.path / done.best)
                self._conclude(examples)
        except Ended as end:
            status, reason = end.args
            self._store.observe(self._run_id, "stopping", reason)
            if done.best:
                self._learner.restore(self._directory.path / done.best)
                self._learner.save(self._directory.path / PI_SUP)
            return status, reason
        return "completed", f"{done.epoch} epochs, the best was {done.best_epoch}"

    # -- data ---------------------------------------------------------------------------------------------------------

    def _examples(self) -> Examples:
        """What is to be learned, after a report of what it is."""
        settings = self._settings
        path = settings.dataset or self._directory.path / "datasets" / "recorded.parquet"
        if settings.bot is not None:
            self._record(path, settings.bot)
        figures = inspect(path, self._game)
        self._directory.write_json(REPORT, figures)
        for sentence in (f"{path}:", *sentences(figures)):
            self._say(sentence)
        self._listen()
        faults: list[str] = []      # the report tells of them
        return load_examples(
            path, self._game, self._config.learning, settings.held_out, self._seed(SPLIT), faults
        )

    def _record(self, path: Path, bot: str) -> None:
        """Unless it is there: a dataset gets its name when it is whole."""
        settings, play, seed = self._settings, self._config.self_play_settings(), self._seed(RECORD)
        made = how(play, seed, bot, settings.opponents)
        if path.exists():
            check_made(path, made, settings.decisions)
            return
        against = ", ".join(settings.opponents) or "itself"
        self._say(f"recording {settings.decisions} decisions of {bot} against {against}")

        def on_chunk(rows: int) -> None:
            self._listen()
            self._report("recording", 0.0)

        generate(self._game, lambda: Recorder(self._game, bot, settings.opponents, play, seed), path, made,
                 settings.decisions, on_chunk=on_chunk, known=KNOWN)

    def _seed(self, purpose: int) -> int:
        sequence = np.random.SeedSequence((self._config.seed, purpose))
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))

    # -- learning -----------------------------------------------------------------------------------------------------

    def _learn(self, examples: Examples) -> None:
        """One epoch: every row once, in an order that depends on seed and epoch alone."""
        done, rows = self._progress, examples.rows
        order = np.random.default_rng((self._config.seed, ORDER, done.epoch)).permutation(rows)
        batches = np.array_split(order, max(1, round(rows / self._settings.update_rows)))
        of_epoch = Means()
        updates, env_steps = done.updates, done.env_steps
        for number, batch in enumerate(batches, start=1):
            self._listen()
            share = (done.epoch + (number - 1) / len(batches)) / self._settings.epochs
            figures = examples.learn(self._learner, batch, self._learning_rate(share))
            of_epoch.add(figures)
            self._of_report.add(figures)
            done.updates, done.env_steps = updates + number, done.env_steps + len(batch)
            self._report("learning", share)
        done.updates, done.env_steps = updates + len(batches), env_steps + rows
        done.epoch += 1
        self._means = of_epoch.take()

    def _learning_rate(self, share: float) -> float:
        begin, end = self._config.learning.optimiser.learning_rate, self._config.schedule.learning_rate_end
        return begin if end is None else begin + (end - begin) * share

    def _judge(self, examples: Examples) -> None:
        """Measures the epoch and keeps it if it is the best so far."""
        done = self._progress
        figures = examples.measure(self._learner)
        loss = figures["held_out_loss"]
        best = done.best_loss is None or loss < done.best_loss
        if best:
            done.best_loss, done.best_epoch, done.best = loss, done.epoch, f"best/epoch_{done.epoch:04d}"
            self._learner.save(self._directory.path / done.best)
        self._say(f"epoch {done.epoch}: {_told(figures)}" + ("" if best else f"; epoch {done.best_epoch} was better"))
        self._window({**self._means, **figures, "best_epoch": done.best_epoch})

    def _conclude(self, examples: Examples) -> None:
        """Writes, measures and evaluates the best weights, which the learner has."""
        done = self._progress
        self._learner.save(self._directory.path / PI_SUP)
        figures = examples.measure(self._learner)
        self._examiner.load(self._learner.version, self._learner.published())
        self._scores, positions = self._examiner.scores(), self._examiner.position_errors()
        results = [score.as_row() for score in self._scores]
        self._tick()
        self._emit({"kind": "evaluation", "updates": done.updates, "env_steps": done.env_steps,
                    "elapsed_s": done.elapsed_s, "results": results, "positions": positions})
        self._say(f"{self._directory.path / PI_SUP}, of epoch {done.best_epoch}: {_told(figures)}")
        self._window({
            **figures, "best_epoch": done.best_epoch, "evaluation": results, "positions": positions,
            "win_rate": self._scores[0].score if self._scores else None,
        })
        done.finished = True
        self._checkpoint()

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

    def _window(self, figures: dict[str, Any]) -> None:
        """Adds a row of metrics: one per epoch, and one of the best weights at the end."""
        self._tick()
        done = self._progress
        row: dict[str, Any] = {
            "window": len(self._windows) + 1,
            "step": done.env_steps,
            "epoch": done.epoch,
            "loss": figures.get("loss_total"),
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "elapsed_s": done.elapsed_s,
            "evaluation": [],
            "positions": {},
            **figures,
        }
        self._windows.append(row)
        self._directory.append(WINDOWS, row)
        self._directory.update_metadata(latest_window=len(self._windows), env_steps=done.env_steps)

    def _report(self, stage: str, share: float) -> None:
        if time.monotonic() - self._reported_s < PROGRESS_S:
            return
        self._tick()
        row: dict[str, Any] = {
            **asdict(self._progress),
            **self._of_report.take(),
            "stage": stage,
            "fraction": share,
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
        name = f"ckpt_{done.epoch + done.finished:06d}_{done.updates:09d}"
        state = {
            "format": STATE_FORMAT,
            "method": "imitate",
            "progress": asdict(done),
            "windows": self._windows,
            "scores": [score.as_row() for score in self._scores],
        }
        self._directory.write_checkpoint(name, fill, state, self._config.windows.keep_checkpoints)
        for folder in (self._directory.path / "best").glob("epoch_*"):
            if done.finished or f"best/{folder.name}" != done.best:
                shutil.rmtree(folder)
        self._directory.update_metadata(latest_checkpoint=f"checkpoints/{name}", updates=done.updates)


def _told(figures: dict[str, float]) -> str:
    agreement, low, high = (figures[f"agreement{end}"] for end in ("", "_low", "_high"))
    return (f"held-out loss {figures['held_out_loss']:.4f}, agreement {100 * agreement:.1f} % "
            f"({100 * low:.1f} to {100 * high:.1f}) in {figures['measured_games']:.0f} games")
