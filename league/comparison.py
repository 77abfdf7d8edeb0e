"""Ways to learn side by side: the same data, split by game, in the same order, from the same first weights.

A cell is one variant with one seed. Cells that are finished stay, and a run that was cut short goes on with the next.
Order of the rows, minibatches and symmetries depend on the seed alone, not on the variant; first weights too, except
where a variant changes the network.
"""
from __future__ import annotations

import json
import time
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from league.comparison_report import level_of, resampled_errors, summarise, table
from league.config import RunConfig
from league.evaluation import Score
from league.generation import check_made, generate, how, self_play_worker
from league.held_out import measure
from league.run_context import RunContext
from league.run_directory import WINDOWS
from league.wishes import Ended, Wishes
from learners.calibration import Sample, calibrate
from learners.dataset import as_chunk, load, read_facts
from learners.dataset_split import Columns, split_by_game, take
from learners.learner import Learner
from learners.recalibration import recalibrate
from learners.warm_start import warm_start
from native.game import Game

REPORT = "comparison.json"
PROGRESS_S = 1.0        # between two reports of progress


class ComparisonTrainer:
    """Trains and measures every cell of `settings`, then reports; sections budget and evaluation do not count."""

    def __init__(self, config: RunConfig, game: Game, learner: Learner, context: RunContext) -> None:
        """`learner` is what other methods train; here every cell has its own. Raises ValueError without variants."""
        settings = config.comparison
        if not settings.variants:
            raise ValueError("comparison.variants is empty, expected names with changes of section learning")
        self._config, self._game, self._settings = config, game, settings
        self._run_id, self._directory = context.run_id, context.directory
        self._store, self._emit = context.store, context.emit
        self._wishes = Wishes(context)
        base = config.learner_settings()
        self._cells = [(variant, seed) for seed in settings.seeds for variant in settings.variants]
        self._learning = {variant: settings.learning_of(variant, base) for variant in settings.variants}
        self._began = time.monotonic()
        self._reported_s = 0.0
        self._done = 0

    @property
    def scores(self) -> list[Score]:
        """None: nobody plays."""
        return []

    def resume(self, checkpoint: Path, state: dict[str, Any]) -> None:
        """Never works: comparisons write no checkpoints. Raises ValueError."""
        raise ValueError(f"{checkpoint} is not of a comparison, which has no checkpoints")

    def begin_anew(self) -> None:
        """Goes on after the last finished cell: forgets what was measured in others."""
        finished = {cell for cell in self._cells if self._known(*cell) is not None}
        self._directory.rewind(WINDOWS, lambda row: (row["variant"], row["seed"]) in finished, [])

    def run(self) -> tuple[str, str]:
        """Works; returns the final status (completed, stopped, interrupted) and the reason in words."""
        try:
            train, held_out = self._data()
            for number, (variant, seed) in enumerate(self._cells):
                self._done = number
                self._say(f"cell {number + 1} of {len(self._cells)}: {variant}, seed {seed}")
                if self._known(variant, seed) is None:
                    self._train(variant, seed, train, held_out)
            self._report_all(held_out)
        except Ended as end:
            status, reason = end.args
            self._store.observe(self._run_id, "stopping", reason)
            return status, reason
        return "completed", f"{len(self._settings.variants)} variants compared on {len(self._settings.seeds)} seeds"

    # -- data ---------------------------------------------------------------------------------------------------------

    def _data(self) -> tuple[Columns, Columns]:
        settings = self._settings
        path = settings.dataset or self._directory.path / "datasets" / "data.parquet"
        play = self._config.self_play_settings()
        seed = self._config.seed
        if settings.dataset is None and path.exists():
            check_made(path, how(play, seed, None), settings.decisions)
        elif settings.dataset is None:
            self._say(f"making {settings.decisions} decisions with {play.simulations} simulations, guided by random "
                      "play")

            def on_chunk(rows: int) -> None:
                self._listen()
                self._progress({"stage": "playing", "rows": rows, "fraction": 0.0})

            generate(self._game, lambda: self_play_worker(self._game, play, seed, None), path, how(play, seed, None),
                     settings.decisions, on_chunk=on_chunk)
        if "outcome" not in read_facts(path).known:
            raise ValueError(f"{path} knows no outcomes, which values are measured by")
        faults: list[str] = []
        columns = load(path, self._game, faults)
        train, held_out = split_by_game(columns, settings.held_out, settings.split_seed)
        games = [len(np.unique(part["episode"])) for part in (train, held_out)]
        self._say(f"{len(train['outcome'])} rows of {games[0]} games to learn from, {len(held_out['outcome'])} of "
                  f"{games[1]} held out" + (f"; {len(faults)} left out, such as {faults[0]}" if faults else ""))
        return train, held_out

    # -- cells --------------------------------------------------------------------------------------------------------

    def _file(self, variant: str, seed: int) -> str:
        return f"cells/{variant}_{seed}.json"

    def _made(self, variant: str, seed: int) -> dict[str, Any]:
        """What a cell depends on, in the types of JSON."""
        settings = self._settings.model_dump(
            mode="json", include={"dataset", "decisions", "held_out", "split_seed", "updates", "update_rows",
                                  "measure_every"})
        play = self._config.self_play_settings().model_dump(mode="json")
        made: dict[str, Any] = json.loads(json.dumps({
            **settings, "seed": seed, "data_seed": self._config.seed, "self_play": play,
            "learning": self._learning[variant].model_dump(mode="json"),
        }))
        return made

    def _known(self, variant: str, seed: int) -> dict[str, Any] | None:
        """A finished cell, if it was made with these settings."""
        path = self._directory.path / self._file(variant, seed)
        if not path.is_file():
            return None
        cell: dict[str, Any] = json.loads(path.read_text())
        return cell if cell["made"] == self._made(variant, seed) else None

    def _values(self, variant: str, seed: int) -> npt.NDArray[Any]:
        return self._directory.load_weights(f"cells/{variant}_{seed}.safetensors")["value"]

    def _train(self, variant: str, seed: int, train: Columns, held_out: Columns) -> None:
        settings = self._settings
        learner = Learner(self._game, self._learning[variant], seed)
        if learner.config.initialise_from is not None:
            warm_start(learner, learner.config.initialise_from)
        figures, said = measure(learner, held_out)
        curve = [{"update": 0.0, **figures}]
        steps, losses = 0, dict[str, float]()
        for update, rows in enumerate(self._order(len(train["outcome"]), seed), start=1):
            self._listen()
            chunk = as_chunk(take(train, rows), self._game, "dataset", update)
            losses = learner.update([chunk], (update - 1) / settings.updates)
            steps += len(rows)
            if update % settings.measure_every == 0 or update == settings.updates:
                figures, said = measure(learner, held_out)
                curve.append({"update": float(update), **figures})
                self._window(variant, seed, update, steps, len(train["outcome"]), {**losses, **figures})
            self._progress({
                "stage": f"{variant}, seed {seed}", "updates": update, "env_steps": steps, **losses,
                "fraction": (self._done + update / settings.updates) / len(self._cells),
            })
        final = {**figures, **_calibration(said["value"], held_out, settings.resamples)}
        self._directory.save_weights(f"cells/{variant}_{seed}.safetensors", {"value": said["value"]})
        self._directory.write_json(
            self._file(variant, seed), {"made": self._made(variant, seed), "final": final, "curve": curve})

    def _order(self, rows: int, seed: int) -> list[npt.NDArray[np.int64]]:
        """The rows of every update: pass after pass, each in a new order."""
        rng, batches = np.random.default_rng((self._config.seed, seed)), list[npt.NDArray[np.int64]]()
        per_pass = max(1, round(rows / self._settings.update_rows))
        while len(batches) < self._settings.updates:
            batches += np.array_split(rng.permutation(rows), per_pass)
        return batches[: self._settings.updates]

    # -- reports ------------------------------------------------------------------------------------------------------

    def _report_all(self, held_out: Columns) -> None:
        settings = self._settings
        cells: dict[str, list[dict[str, Any]]] = {variant: [] for variant in settings.variants}
        errors: dict[str, npt.NDArray[Any]] = {}
        for variant in settings.variants:
            resampled = []
            for seed in settings.seeds:
                cell = self._known(variant, seed)
                if cell is None:
                    raise RuntimeError(f"cell {variant}, seed {seed} is gone from {self._directory.path}")
                cells[variant].append(cell)
                resampled.append(resampled_errors(
                    self._values(variant, seed), held_out["outcome"], held_out["episode"], settings.resamples))
            errors[variant] = np.mean(resampled, axis=0)
        level = settings.level
        if level is None:
            level = level_of([cell["curve"] for of_seeds in cells.values() for cell in of_seeds])
        report = summarise(cells, errors, level) | {
            "rows": len(held_out["outcome"]), "games": len(np.unique(held_out["episode"])),
            "settings": settings.model_dump(mode="json"),
        }
        self._directory.write_json(REPORT, report)
        self._say(table(report))

    def _window(
        self, variant: str, seed: int, update: int, steps: int, rows: int, figures: dict[str, float]
    ) -> None:
        row = {
            "variant": variant,
            "seed": seed,
            "window": self._done * ceil(self._settings.updates / self._settings.measure_every)
            + ceil(update / self._settings.measure_every),
            "update": update,
            "step": steps,
            "epoch": steps / rows,
            "loss": figures.get("loss_total"),
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "elapsed_s": time.monotonic() - self._began,
            **figures,
        }
        self._directory.append(WINDOWS, row)

    def _listen(self) -> None:
        """Obeys what people want. Raises Ended."""
        end = self._wishes.listen(lambda: None, lambda: None)
        if end is not None:
            raise Ended(*end)

    def _say(self, text: str) -> None:
        self._emit({"kind": "message", "text": text})

    def _progress(self, figures: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._reported_s < PROGRESS_S:
            return
        self._reported_s = now
        self._store.heartbeat(self._run_id)
        self._emit({"kind": "progress", "elapsed_s": now - self._began, **figures})


def _calibration(value: npt.NDArray[Any], held_out: Columns, resamples: int) -> dict[str, Any]:
    """The calibration error's interval and floor, and what one scale of the log-odds would make of it."""
    sample = Sample.of(value, held_out)
    found, again = calibrate(sample, resamples=resamples), recalibrate(sample)
    figures: dict[str, Any] = {
        "value_calibration_low": found.error_low,
        "value_calibration_high": found.error_high,
        "value_calibration_floor_p95": found.floor_p95,
        "value_bias": found.bias,
        "value_log_loss": found.log_loss,
    }
    if again is not None:
        figures |= {f"recalibration_{name}": figure for name, figure in again.as_dict().items()}
    return figures
