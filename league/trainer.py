"""The learner's loop: batches in, weights out; windows, evaluations, snapshots, checkpoints and people's wishes."""
from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from league.config import RunConfig
from league.coordinator import EMPTY, MAIN, players, snapshot_id
from league.counters import Counters, Means
from league.evaluation import Decide, Score
from league.examiner import Examiner
from league.learner_files import LearnerFiles
from league.pipeline import Pipeline
from league.play_figures import PlayFigures
from league.progress_report import ProgressReport
from league.replay_files import ReplayFiles
from league.run_context import RunContext
from league.run_directory import TRAINING, WINDOWS
from league.window_log import WindowLog
from league.wishes import Wishes
from learners.chunk import Chunk
from learners.learner import Learner, Staged
from learners.prefetch import InTurn, Prefetch
from learners.schedule import at, changes
from native.game import Game

BATCH_TIMEOUT_S = 0.25  # so that wishes are heard while nothing arrives
STALL_S = 90.0          # without a batch, after which the run fails and says why
STATE_FORMAT = 1        # of a checkpoint's run.json


class Trainer:
    """Trains until the budget is used up or somebody wants otherwise."""

    def __init__(
        self, config: RunConfig, game: Game, learner: Learner, pipeline: Pipeline, context: RunContext
    ) -> None:
        self._config, self._game, self._learner, self._pipeline = config, game, learner, pipeline
        self._run_id, self._directory = context.run_id, context.directory
        self._store, self._emit = context.store, context.emit
        self._wishes = Wishes(context)
        self._windows = WindowLog(config, game, context)
        self._progress = ProgressReport(context)
        self._learner_files = LearnerFiles(config.windows, learner)
        self._counters = Counters()
        self._examiner = Examiner(config, game)
        self._play_figures = PlayFigures(game.metric_names)
        self._recent_windows: list[dict[str, Any]] = []     # which a resume puts back if the file lost them
        self._of_window = Means()
        self._clock = time.monotonic()
        self._window_clock = 0.0
        self._silent_since = self._clock
        self._scores: list[Score] = []
        self._position_errors: dict[str, list[dict[str, Any]]] = {}
        self._steps = 0             # of all workers, when nothing had arrived for long
        self._scored_at = -1        # updates at the latest evaluation

    # -- life ---------------------------------------------------------------------------------------------------------

    def resume(self, checkpoint: Path, state: dict[str, Any]) -> None:
        """Goes back to a checkpoint: learner, counters, league, metrics files, and workers where they can."""
        if state.get("format") != STATE_FORMAT or "method" in state:
            raise ValueError(f"{checkpoint} is of method {state.get('method')} in format {state.get('format')}, "
                             f"this run reads its own in format {STATE_FORMAT}")
        self._learner.restore(checkpoint / "learner")
        self._counters = Counters(**state["counters"])
        self._recent_windows = list(state["windows"])
        self._of_window = Means(**state["means"])
        if self._config.backend == "local":     # over Ray workers begin anew, and so do their counts
            self._play_figures.seen = dict(state.get("played", {}))
        self._scores = [Score(**row) for row in state.get("scores", [])]
        self._scored_at = state.get("scored_at", -1)
        self._pipeline.restore_league(state["league"])
        self._windows.rewind(self._counters.window, self._recent_windows)
        self._directory.rewind(TRAINING, lambda row: row["updates"] <= self._counters.updates, [])
        for policy in (*state["league"]["snapshots"], *state["league"]["retired"]):
            weights = self._directory.load_weights(_snapshot_file(policy))
            self._pipeline.publish(policy, int(policy.split(":")[1]), weights)
        ReplayFiles(checkpoint.parent).tidy()
        self._pipeline.load_workers(checkpoint)

    def begin_anew(self) -> None:
        """Forgets what a former life did that ended before its first checkpoint."""
        self._pipeline.restore_league(EMPTY)
        self._windows.rewind(0, [])
        self._directory.rewind(TRAINING, lambda row: False, [])
        ReplayFiles(self._directory.path / "checkpoints").tidy()

    def run(self) -> tuple[str, str]:
        """Trains; returns the final status (completed, stopped, interrupted) and the reason in words."""
        self._pipeline.publish(MAIN, self._learner.version, self._learner.published())
        self._set_temperature()
        self._pipeline.start()
        self._restart_clocks()
        self._window_clock = self._counters.elapsed_s
        batches = self._batches()
        try:
            return self._loop(batches)
        finally:
            batches.close()

    def _batches(self) -> Prefetch[Staged] | InTurn[Staged]:
        """Staged batches, ahead of time where that pays and the order in which things happen does not count."""
        def take(timeout_s: float) -> tuple[list[Chunk], str]:
            return self._pipeline.next_batch(self._learner.version, timeout_s)

        if self._learner.prefetches and self._config.backend != "local":
            return Prefetch(take, self._learner.stage, self._learner.device)
        return InTurn(take, self._learner.stage)

    def _loop(self, batches: Prefetch[Staged] | InTurn[Staged]) -> tuple[str, str]:
        while True:
            if (end := self._wishes.listen(self._before_pause, self._restart_clocks)) is not None:
                return self._finish(*end)
            if (reason := self._budget_used()) is not None:
                self._close_window(final=True)
                return self._finish("completed", reason)
            before = batches.waited_s
            staged, reason_empty = batches.next(BATCH_TIMEOUT_S)
            self._progress.waited(batches.waited_s - before)
            if staged is None:
                self._report(reason_empty)
                if time.monotonic() - self._silent_since > STALL_S:
                    self._check_life(reason_empty)
                continue
            self._learn(staged)
            self._silent_since = time.monotonic()

    def _check_life(self, reason: str) -> None:
        """Raises RuntimeError unless somebody has played on since the last look: a chunk of long games takes long."""
        steps = self._pipeline.steps()
        if steps == self._steps:
            raise RuntimeError(f"no data for {STALL_S:.0f} s: {reason}")
        self._steps, self._silent_since = steps, time.monotonic()

    def _finish(self, status: str, reason: str) -> tuple[str, str]:
        self._store.observe(self._run_id, "stopping", reason)
        self._checkpoint()
        return status, reason

    def _before_pause(self) -> None:
        self._tick()
        self._checkpoint()

    def _restart_clocks(self) -> None:
        """What came before, a pause for example, is not training and not silence."""
        self._clock = self._silent_since = time.monotonic()
        self._progress.restart(self._counters.env_steps)

    def _budget_used(self) -> str | None:
        counters = self._counters
        return self._config.budget.used(
            updates=counters.updates, env_steps=counters.env_steps, elapsed_s=self._tick())

    def _tick(self) -> float:
        """Seconds of training so far."""
        now = time.monotonic()
        self._counters.elapsed_s += now - self._clock
        self._clock = now
        return self._counters.elapsed_s

    def fraction(self) -> float:
        """Share of the budget used, 0 to 1."""
        counters = self._counters
        return self._config.budget.fraction(
            updates=counters.updates, env_steps=counters.env_steps, elapsed_s=counters.elapsed_s)

    # -- learning -----------------------------------------------------------------------------------------------------

    def _learn(self, staged: Staged) -> None:
        config, counters = self._config, self._counters
        figures = self._learner.learn(staged, self.fraction())
        counters.updates += 1
        counters.env_steps += int(figures["rows"])
        self._of_window.add(figures)
        self._progress.updated(figures)
        self._set_temperature()
        if counters.updates % config.publish_every == 0:
            self._pipeline.publish(MAIN, self._learner.version, self._learner.published())
        if counters.updates - counters.snapshot_at >= config.league.snapshot_every:
            self._snapshot()
        if counters.env_steps - counters.window_began >= config.windows.env_steps:
            self._close_window(final=False)
        self._report("")

    def _set_temperature(self) -> None:
        """By updates, not by the clock: matches must not depend on how fast the machine is."""
        temperature = self._config.rollout.temperature
        if changes(temperature):
            self._pipeline.set_temperature(at(temperature, self.fraction()))

    def _snapshot(self) -> None:
        """Freezes the main player."""
        self._counters.snapshot_at = self._counters.updates
        policy = snapshot_id(self._learner.version)
        weights = self._learner.published()
        self._directory.save_weights(_snapshot_file(policy), weights)
        self._pipeline.publish(policy, self._learner.version, weights)
        for gone in self._pipeline.add_snapshot(policy):
            self._directory.remove(_snapshot_file(gone))

    def _report(self, waiting: str) -> None:
        if self._progress.due():
            self._tick()
            self._progress.say(self._counters, self._pipeline, self.fraction(), waiting)

    # -- windows and checkpoints --------------------------------------------------------------------------------------

    def _close_window(self, *, final: bool) -> None:
        counters, windows = self._counters, self._config.windows
        if final and counters.env_steps == counters.window_began and counters.window:
            self._complete_latest_window()
            return
        counters.window += 1
        due = final or counters.window % self._config.evaluation.every_windows == 0
        span = max(1e-9, self._tick() - self._window_clock)     # of learning: an evaluation does not count
        if due:
            self._evaluate()
        saves = final or counters.window % windows.checkpoint_every == 0
        league = self._pipeline.dump_league()
        means = self._of_window.take()
        row: dict[str, Any] = {
            "window": counters.window,
            "step": counters.env_steps,
            "epoch": counters.updates,
            "loss": means.get("loss_total"),
            "decisions_per_sec": (counters.env_steps - counters.window_began) / span,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "elapsed_s": counters.elapsed_s,
            "games": sum(int(one["games"]) for one in league["payoff"]),
            **means,
            **self._examiner.held_out(self._learner, self._pipeline.held_out()),
            **self._play_figures.since_last(self._pipeline.totals()),
            **self._evaluated(due),
            "replays": [],
        }
        if saves:
            row = self._windows.record(self._player, self._checkpoint_name(), row, self._learner.version)
        self._window_clock = self._tick()
        counters.window_began = counters.env_steps
        self._recent_windows.append(row)
        self._windows.add(row)
        self._directory.write_json("league/players.json", players(league["snapshots"], league["payoff"]))
        self._directory.write_json("league/payoff.json", league["payoff"])
        if saves and not final:
            self._checkpoint()

    def _evaluated(self, due: bool) -> dict[str, Any]:
        """What a window says of the latest evaluation; `due`: it is of this window."""
        return {
            "win_rate": self._scores[0].score if self._scores else None,
            "evaluation": [score.as_row() for score in self._scores] if due else [],
            "positions": self._position_errors if due else {},
        }

    def _complete_latest_window(self) -> None:
        """The run ends where a window has just ended: what that one lacks is made up for now, also in its checkpoint
        if it has one."""
        *_, latest = self._directory.rows(WINDOWS)
        row = latest
        if self._scored_at != self._counters.updates:
            self._evaluate()
            row = row | self._evaluated(True)
        if not row.get("replays"):
            row = self._windows.record(self._player, self._checkpoint_name(), row, self._learner.version)
        self._windows.replace(row)
        self._recent_windows = [*self._recent_windows[:-1], row]
        self._directory.amend_checkpoint(self._checkpoint_name(), self._measured())

    def _measured(self) -> dict[str, Any]:
        """What a checkpoint keeps of windows and evaluations."""
        return {
            "windows": self._recent_windows,
            "scores": [score.as_row() for score in self._scores],
            "scored_at": self._scored_at,
        }

    def _player(self, seed: int) -> Decide:
        """Who plays in replays: the weights as they are now."""
        if self._examiner.version != self._learner.version:
            self._examiner.load(self._learner.version, self._learner.published())
        return self._examiner.player(seed)

    def _evaluate(self) -> None:
        self._scored_at = self._counters.updates
        self._examiner.load(self._learner.version, self._learner.published())
        self._scores = self._examiner.scores()
        self._position_errors = self._examiner.position_errors()
        self._emit({
            "kind": "evaluation",
            "updates": self._counters.updates,
            "env_steps": self._counters.env_steps,
            "elapsed_s": self._tick(),
            "results": [score.as_row() for score in self._scores],
            "positions": self._position_errors,
        })

    @property
    def scores(self) -> list[Score]:
        """Of the latest evaluation."""
        return self._scores

    def _checkpoint(self) -> None:
        def fill(folder: Path) -> None:
            self._learner_files.write(folder)
            self._pipeline.save_workers(folder)

        self._tick()
        name = self._checkpoint_name()
        state = {
            "format": STATE_FORMAT,
            "counters": asdict(self._counters),
            **self._measured(),
            "means": asdict(self._of_window),
            "played": self._play_figures.seen,
            "league": self._pipeline.dump_league(),
        }
        written = self._directory.write_checkpoint(name, fill, state)
        self._recent_windows = self._recent_windows[-self._config.windows.checkpoint_every:]
        self._windows.checkpointed(name, window=self._counters.window, updates=self._counters.updates)
        ReplayFiles(written.parent).tidy()

    def _checkpoint_name(self) -> str:
        """With the updates in its name no checkpoint ever takes the place of another: one whole one is always there."""
        return f"ckpt_{self._counters.window:06d}_{self._counters.updates:09d}"


def _snapshot_file(policy: str) -> str:
    return f"league/snapshots/{policy.replace(':', '_')}.safetensors"

