"""Imitation: supervised training on recorded decisions until the loss on held-out games no longer falls.

What comes out is `pi_sup`, a learner's folder below the run with the weights of the best epoch (AlphaStar's name for
the policy that human games gave, Vinyals et al. 2019, doi:10.1038/s41586-019-1724-z). After every epoch there is a
checkpoint: a run that was cut short goes on after the last of them and ends as if nothing had happened.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from league.config import RunConfig
from league.generation import check_made, generate
from league.imitation_data import Examples, load_examples
from league.imitation_report import inspect, sentences
from league.recording import KNOWN, Recorder, how
from league.run_context import RunContext
from league.supervised import Epochs, SupervisedTrainer
from league.wishes import Ended
from learners.learner import Learner
from native.game import Game

PI_SUP = "pi_sup"       # folder of the best weights, below the run
REPORT = "dataset.json"     # what is in the dataset
RECORD, SPLIT, ORDER = range(3)     # what seeds are for


@dataclass
class Progress(Epochs):
    """Epochs are those of the run."""

    finished: bool = False      # with all epochs and the evaluation


class ImitationTrainer(SupervisedTrainer[Progress]):
    """Learns what `settings` names."""

    method = "imitate"

    def __init__(self, config: RunConfig, game: Game, learner: Learner, context: RunContext) -> None:
        super().__init__(config, game, learner, context, Progress())
        self._settings = config.imitation

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
                    self._save()
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

    # -- learning -----------------------------------------------------------------------------------------------------

    def _learn(self, examples: Examples) -> None:
        """One epoch, in an order that depends on seed and epoch alone."""
        settings, done = self._settings, self._progress

        def learn(rows: npt.NDArray[np.int64], number: int, share: float) -> dict[str, float]:
            return examples.learn(self._learner, rows, (done.epoch + share) / settings.epochs)

        def told(share: float) -> None:
            self._report("learning", (done.epoch + share) / settings.epochs)

        self._epoch(examples.rows, settings.update_rows, (self._config.seed, ORDER, done.epoch), learn, told)

    def _judge(self, examples: Examples) -> None:
        """Measures the epoch and keeps it if it is the best so far."""
        done = self._progress
        figures = examples.measure(self._learner)
        best = self._keep(figures["held_out_loss"], f"best/epoch_{done.epoch:04d}")
        self._say(f"epoch {done.epoch}: {_told(figures)}" + ("" if best else f"; epoch {done.best_epoch} was better"))
        self._window({**self._means, **figures})

    def _conclude(self, examples: Examples) -> None:
        """Writes, measures and evaluates the best weights, which the learner has."""
        done = self._progress
        self._learner.save(self._directory.path / PI_SUP)
        figures = examples.measure(self._learner)
        examined = self._examine()
        self._say(f"{self._directory.path / PI_SUP}, of epoch {done.best_epoch}: {_told(figures)}")
        done.finished = True
        self._window({**figures, **examined})
        self._save()

    def _window(self, figures: dict[str, Any]) -> None:
        """One per epoch, and one of the best weights at the end."""
        done = self._progress
        self._add_window(done.epoch, {"best_epoch": done.best_epoch, "evaluation": [], "positions": {}, **figures},
                         self._checkpoint_name())

    def _save(self) -> None:
        done = self._progress
        self._checkpoint(self._checkpoint_name(), "" if done.finished else done.best)

    def _checkpoint_name(self) -> str:
        done = self._progress
        return f"ckpt_{done.epoch + done.finished:06d}_{done.updates:09d}"


def _told(figures: dict[str, float]) -> str:
    agreement, low, high = (figures[f"agreement{end}"] for end in ("", "_low", "_high"))
    return (f"held-out loss {figures['held_out_loss']:.4f}, agreement {100 * agreement:.1f} % "
            f"({100 * low:.1f} to {100 * high:.1f}) in {figures['measured_games']:.0f} games")
