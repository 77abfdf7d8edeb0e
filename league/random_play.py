"""Random play as a run: uniformly random legal actions in all seats, nothing learned (`method: random`).

What training is compared with, and the shortest way through everything a run writes: windows by env_steps, evaluations,
replays, checkpoints. One process; the same seed gives the same windows, also across an interruption.
"""
from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from envs.adapters.vectors import make_vector, release
from league.config import RunConfig
from league.counters import Counters
from league.evaluation import Score, evaluate_all, scripted
from league.run_context import RunContext
from league.run_directory import TRAINING
from league.window_log import WindowLog
from league.wishes import Wishes
from native.game import Game

RANDOM = "random"
STATE_FORMAT = 1        # of a checkpoint's run.json
PROGRESS_S = 1.0        # between two reports of progress
LISTEN_STEPS = 64       # steps of all games between two looks at what people want; looks cost more than steps
GAMES_FILE = "games.safetensors"


class RandomTrainer:
    """Plays `rollout.games` games side by side until the budget is used up or somebody wants otherwise."""

    def __init__(self, config: RunConfig, game: Game, context: RunContext) -> None:
        self._config, self._game = config, game
        self._run_id, self._directory = context.run_id, context.directory
        self._store, self._emit = context.store, context.emit
        self._wishes = Wishes(context)
        self._windows = WindowLog(config, game, context)
        self._games = make_vector(game, config.rollout.games, config.seed)
        self._actions = np.zeros((*self._games.num_legal.shape, len(game.head_sizes)), np.int32)
        self._counters = Counters()
        self._sums: dict[str, float] = {}       # over the episodes that ended in the running window
        self._rows: list[dict[str, Any]] = []   # newest windows, which a resume puts back if the file lost them
        self._scores: list[Score] = []
        self._clock = self._reported_s = time.monotonic()
        self._reported_steps = 0
        self._window_clock = 0.0

    @property
    def scores(self) -> list[Score]:
        """Of the latest evaluation."""
        return self._scores

    def resume(self, checkpoint: Path, state: dict[str, Any]) -> None:
        """Goes back to a checkpoint. Raises ValueError for one of another kind of run."""
        if state.get("format") != STATE_FORMAT or state.get("method") != RANDOM:
            raise ValueError(f"{checkpoint} is of method {state.get('method')} in format {state.get('format')}, "
                             f"this run reads {RANDOM} in format {STATE_FORMAT}")
        self._games.load(load_file(checkpoint / GAMES_FILE))
        self._counters, self._sums = Counters(**state["counters"]), dict(state["sums"])
        self._rows, self._scores = list(state["windows"]), [Score(**row) for row in state["scores"]]
        self._windows.rewind(self._counters.window, self._rows)
        self._directory.rewind(TRAINING, lambda row: row["env_steps"] <= self._counters.env_steps, [])

    def begin_anew(self) -> None:
        """Forgets what a former life did that ended before its first checkpoint."""
        self._windows.rewind(0, [])
        self._directory.rewind(TRAINING, lambda row: False, [])

    def run(self) -> tuple[str, str]:
        """Plays; returns the final status (completed, stopped, interrupted) and the reason in words."""
        self._restart_clock()
        self._window_clock, self._reported_steps = self._counters.elapsed_s, self._counters.env_steps
        try:
            while True:
                if (end := self._wishes.listen(self._checkpoint, self._restart_clock)) is not None:
                    return self._finish(*end)
                for _ in range(LISTEN_STEPS):
                    reason = self._budget_used()
                    if self._window_ends(reason is not None):
                        self._close_window(final=reason is not None)
                    if reason is not None:
                        return self._finish("completed", reason)
                    self._step()
                self._report()
        finally:
            release(self._games)

    def _step(self) -> None:
        games, counters = self._games, self._counters
        decisions = int(np.count_nonzero(games.num_legal))
        games.random_actions(self._actions)
        games.step(self._actions)
        counters.env_steps += decisions
        if (over := np.flatnonzero(games.terminal | games.truncated)).size:
            self._count("episodes", over.size)
            self._count("return", float(games.episode_returns[over, 0].sum(dtype=np.float64)))
            self._count("length", float(games.episode_lengths[over].sum()))
            for name, value in zip(self._game.metric_names, games.metrics[over].sum(axis=0, dtype=np.float64),
                                   strict=True):
                self._count(f"metric_{name}", float(value))

    def _window_ends(self, final: bool) -> bool:
        """Whether the running window is full; `final`: whether it holds anything, or is the only one."""
        counters = self._counters
        steps = counters.env_steps - counters.window_began
        return steps >= self._config.windows.env_steps or (final and (steps > 0 or not counters.window))

    def _count(self, name: str, value: float) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + value

    def _close_window(self, *, final: bool) -> None:
        config, counters = self._config, self._counters
        counters.window += 1
        due = final or counters.window % config.evaluation.every_windows == 0
        speed = (counters.env_steps - counters.window_began) / max(1e-9, self._tick() - self._window_clock)
        if due:
            self._evaluate()
        row: dict[str, Any] = {
            "window": counters.window,
            "step": counters.env_steps,
            "epoch": 0,
            "loss": None,
            "decisions_per_sec": speed,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "elapsed_s": counters.elapsed_s,
            **self._means(),
            "win_rate": self._scores[0].score if self._scores else None,
            "evaluation": [score.as_row() for score in self._scores] if due else [],
            "positions": {},
            "replays": [],
        }
        saves = final or counters.window % config.windows.checkpoint_every == 0
        if saves:
            row = self._windows.record(lambda seed: scripted(RANDOM), self._name(), row, version=0)
        self._window_clock, counters.window_began = self._tick(), counters.env_steps
        self._rows.append(row)
        self._windows.add(row)
        if saves and not final:
            self._checkpoint()

    def _means(self) -> dict[str, float]:
        """Of the episodes that ended in this window, returns of seat 0; none if none has ended."""
        sums, self._sums = self._sums, {}
        episodes = sums.get("episodes", 0.0)
        if not episodes:
            return {"episodes": 0.0}
        return {
            "episodes": episodes, "return_mean": sums["return"] / episodes,
            "avg_game_length": sums["length"] / episodes,
            **{name: sums[f"metric_{name}"] / episodes for name in self._game.metric_names},
        }

    def _evaluate(self) -> None:
        settings, counters = self._config.evaluation, self._counters
        self._scores = evaluate_all(self._game, lambda: scripted(RANDOM), settings.opponents, games=settings.games,
                                    seed=settings.seed)
        self._emit({"kind": "evaluation", "updates": 0, "env_steps": counters.env_steps, "elapsed_s": self._tick(),
                    "results": [score.as_row() for score in self._scores], "positions": {}})

    def _name(self) -> str:
        return f"ckpt_{self._counters.window:06d}_{self._counters.env_steps:012d}"

    def _checkpoint(self) -> None:
        def fill(folder: Path) -> None:
            save_file({name: np.ascontiguousarray(array) for name, array in self._games.save().items()},
                      folder / GAMES_FILE)

        self._tick()
        state = {"format": STATE_FORMAT, "method": RANDOM, "counters": asdict(self._counters), "sums": self._sums,
                 "windows": self._rows, "scores": [score.as_row() for score in self._scores]}
        self._directory.write_checkpoint(self._name(), fill, state)
        self._rows = self._rows[-self._config.windows.checkpoint_every:]
        self._windows.checkpointed(self._name(), window=self._counters.window, updates=0)

    def _finish(self, status: str, reason: str) -> tuple[str, str]:
        self._store.observe(self._run_id, "stopping", reason)
        self._checkpoint()
        return status, reason

    def _budget_used(self) -> str | None:
        return self._config.budget.used(updates=0, env_steps=self._counters.env_steps, elapsed_s=self._tick())

    def _tick(self) -> float:
        """Seconds of play so far."""
        now = time.monotonic()
        self._counters.elapsed_s += now - self._clock
        self._clock = now
        return self._counters.elapsed_s

    def _restart_clock(self) -> None:
        self._clock = self._reported_s = time.monotonic()

    def _report(self) -> None:
        counters, span = self._counters, time.monotonic() - self._reported_s
        if span < PROGRESS_S:
            return
        row = {
            **asdict(counters), "env_steps_per_s": (counters.env_steps - self._reported_steps) / span,
            "fraction": self._config.budget.fraction(updates=0, env_steps=counters.env_steps, elapsed_s=self._tick()),
            "timestamp": time.time(),
        }
        self._directory.append(TRAINING, row)
        self._store.heartbeat(self._run_id)
        self._emit({"kind": "progress", **row})
        self._reported_s, self._reported_steps = time.monotonic(), counters.env_steps
