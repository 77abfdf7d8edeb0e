"""Composes a run from its config: game, learner, players, pipeline, loop; and sees that it ends in order."""
from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from league.comparison import ComparisonTrainer
from league.config import PLAYED, RunConfig, dump_config
from league.distill import DistillTrainer
from league.evaluation import Score
from league.imitation import ImitationTrainer
from league.local_pipeline import LocalPipeline
from league.pipeline import Pipeline
from league.random_play import RANDOM, RandomTrainer
from league.run_context import Emit, RunContext
from league.run_directory import RUN_STATE, WINDOWS, RunDirectory
from league.store import RunStore
from league.tracking import Tracker
from league.trainer import Trainer
from learners.learner import Learner
from learners.networks import digest
from learners.warm_start import warm_start
from native.game import Game

ENDS = {
    "distill": "distill.iterations, epochs and patience",
    "imitate": "imitation.epochs and patience",
    "compare": "comparison.updates of every variant and seed",
}
"""What ends runs of methods for which section budget does not count."""


class Training(Protocol):
    """One way to train, from the first step to the last."""

    @property
    def scores(self) -> list[Score]: ...

    def resume(self, checkpoint: Path, state: dict[str, Any]) -> None: ...

    def begin_anew(self) -> None: ...

    def run(self) -> tuple[str, str]: ...


def train(
    config: RunConfig,
    *,
    run_id: str,
    directory: Path,
    store: RunStore,
    resume: bool,
    emit: Emit,
    interrupt: threading.Event,
    api_url: str | None = None,
) -> dict[str, Any]:
    """Trains until the run is completed, stopped or interrupted; blocks.

    The run exists in `store` already; the store must survive pickling into another process. `emit` is told what
    happens (kinds: status, progress, evaluation, replay, window, checkpoint, message, finished); `interrupt`, once set,
    ends the run with a checkpoint. Returns the event `finished`: status, reason, results (latest evaluation), curve
    (evaluations of all windows against time), directory, elapsed_s, digest of the weights (None where nothing is
    learned). Raises what went wrong, after the store has been told.
    """
    files = RunDirectory(directory)
    files.update_metadata(run_id=run_id, game=config.game, method=config.method, status="starting", reason="",
                          pid=os.getpid(), api_url=api_url, wandb_run_url=None)
    store.observe(run_id, "starting", pid=os.getpid())
    emit({"kind": "status", "status": "starting", "reason": "resuming" if resume else "beginning"})
    game = config.make_game()
    learner: Learner | None = None
    tracker: Tracker | None = None
    pipeline: Pipeline | None = None
    began = time.monotonic()
    try:
        tracker = Tracker(config.tracking, run_id=run_id, directory=directory, config=config.model_dump(mode="json"),
                          emit=emit)
        files.update_metadata(wandb_run_url=tracker.url)
        emit = tracker.heard()
        context = RunContext(run_id, files, store, emit, interrupt)
        if config.method in PLAYED:
            pipeline = _pipeline(config, game, run_id, store)       # begins the Ray that learners may need
        if config.method != RANDOM:
            learner = _learner(config, game)
            emit({"kind": "message", "text": f"learning on {learner.device}, {_size(learner)} weights"})
            if config.method in ENDS and config.budget != RunConfig.model_fields["budget"].default:
                emit({"kind": "message", "text": f"section budget does not count with method {config.method}: what "
                                                 f"ends the run is {ENDS[config.method]}"})
            if not (resume and files.checkpoints()):
                _initialise(learner, files, emit)
        trainer: Training
        if learner is None:
            trainer = RandomTrainer(config, game, context)
        elif config.method == "baseline":
            from league.rllib_baseline import BaselineTrainer

            trainer = BaselineTrainer(config, game, learner, context)
        elif config.method == "distill":
            trainer = DistillTrainer(config, game, learner, context)
        elif config.method == "imitate":
            trainer = ImitationTrainer(config, game, learner, context)
        elif config.method == "compare":
            trainer = ComparisonTrainer(config, game, learner, context)
        else:
            assert pipeline is not None
            trainer = Trainer(config, game, learner, pipeline, context)
        if resume:
            _resume(trainer, files, emit)
        files.write_config(dump_config(config))     # only now: a resumed run may have refused it
        store.observe(run_id, "running", generation=store.desired(run_id)[1], pid=os.getpid())
        files.update_metadata(status="running", reason="")
        emit({"kind": "status", "status": "running", "reason": ""})
        status, reason = trainer.run()
        weights = None if learner is None else learner.weights()
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
        store.observe(run_id, "failed", reason)
        files.update_metadata(status="failed", reason=reason)
        if tracker is not None:
            tracker.finish("failed")
        raise
    finally:
        if learner is not None:
            learner.close()
        if pipeline is not None:
            pipeline.close()
    store.observe(run_id, status, reason, generation=store.desired(run_id)[1])
    files.update_metadata(status=status, reason=reason)
    tracker.finish(status)
    finished = {
        "kind": "finished",
        "status": status,
        "reason": reason,
        "results": [score.as_row() for score in trainer.scores],
        "curve": [
            {name: row.get(name) for name in ("elapsed_s", "step", "positions", "evaluation")}
            for row in files.rows(WINDOWS)
        ],
        "directory": str(directory),
        "elapsed_s": time.monotonic() - began,
        "digest": None if weights is None else digest(weights),
    }
    emit(finished)
    return finished


def _learner(config: RunConfig, game: Game) -> Learner:
    settings = config.learner_settings()
    if settings.backend == "local":
        return Learner(game, settings, config.seed)
    from learners.rllib_backend import RllibLearner  # RLlib takes seconds to import: only runs that use it pay

    return RllibLearner(game, settings, config.seed, learners=settings.learners)


def _initialise(learner: Learner, files: RunDirectory, emit: Emit) -> None:
    """The first weights, if they are to be those of another model; a checkpoint would have its own."""
    source = learner.config.initialise_from
    if source is None:
        return
    found = warm_start(learner, source)
    files.update_metadata(initialised_from=found)
    emit({"kind": "message", "text": f"first weights from {source}, version {found['version']}"})


def _pipeline(config: RunConfig, game: Game, run_id: str, store: RunStore) -> Pipeline:
    if config.backend == "local":
        return LocalPipeline(config, game, run_id, store)
    from league.ray_pipeline import RayPipeline  # Ray takes a second to import: only runs that use it pay

    return RayPipeline(config, game, run_id, store)


def _resume(trainer: Training, files: RunDirectory, emit: Emit) -> None:
    checkpoints = files.checkpoints()
    if not checkpoints:
        emit({"kind": "message", "text": f"{files.path} has no checkpoint yet: beginning with what else is finished"})
        files.update_metadata(latest_checkpoint=None)
        trainer.begin_anew()
        return
    latest = checkpoints[-1]
    trainer.resume(latest, json.loads((latest / RUN_STATE).read_text()))
    files.update_metadata(latest_checkpoint=f"checkpoints/{latest.name}")
    emit({"kind": "message", "text": f"resumed from {latest}"})


def _size(learner: Learner) -> str:
    return f"{sum(array.size for array in learner.weights().values()):,}"
