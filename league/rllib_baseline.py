"""RLlib's own PPO, IMPALA or APPO on a game of ours: an independent yardstick, measured as our own runs are.

Network, scripted players, evaluation games and their seeds are those of the config, so that what differs is the
algorithm and the machinery around it. A run of this kind cannot be resumed: however it ends, it is complete.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core import DEFAULT_MODULE_ID

from league.baseline_config import counterparts, left_out, opponents
from league.config import RunConfig
from league.counters import Means
from league.rllib_algorithm import algorithm, own_ray, weights_of
from league.run_context import RunContext
from league.supervised import Epochs, SupervisedTrainer
from league.wishes import Ended
from learners.learner import Learner
from native.game import Game

FIGURES = {             # ours and RLlib's names, of which each algorithm has some; the last that is there counts
    "loss_total": ("total_loss",),
    "loss_policy": ("policy_loss", "mean_pi_loss"),
    "loss_value": ("vf_loss", "mean_vf_loss", "vf_unclipped_loss"),
    "entropy": ("entropy",),
}
PLAY = {"episode_return": "episode_return_mean", "episode_length": "episode_len_mean"}


class BaselineTrainer(SupervisedTrainer[Epochs]):
    """Our learner holds RLlib's weights, to be measured and kept. An epoch is one of RLlib's training iterations."""

    method = "baseline"

    def __init__(self, config: RunConfig, game: Game, learner: Learner, context: RunContext) -> None:
        super().__init__(config, game, learner, context, Epochs())
        self._settings = config.baseline
        self._of_window = Means()
        self._window_began = 0
        self._episode: dict[str, float] = {}    # means over the games that RLlib's players finished last

    def resume(self, checkpoint: Path, state: dict[str, Any]) -> None:
        """Raises ValueError: of RLlib's optimisers and processes nothing was kept."""
        raise ValueError(f"{self._run_id} is a baseline, which cannot be resumed: start another one")

    def run(self) -> tuple[str, str]:
        """Trains until the budget is used up or somebody wants an end; evaluates; status and reason in words."""
        self._say("RLlib starts its processes")
        with (
            own_ray(self._settings.cores, self._config.cluster.temp_dir),
            algorithm(self._config, self._settings) as trained,
        ):
            self._begin()
            try:
                while (reason := self._config.budget.used(**self._done())) is None:
                    self._listen()
                    self._take(trained.train())     # type: ignore[no-untyped-call]
                    if self._progress.env_steps - self._window_began >= self._config.windows.env_steps:
                        self._close_window(trained)
            except Ended as end:
                reason = end.args[1]
            self._store.observe(self._run_id, "stopping", reason)
            if self._progress.env_steps > self._window_began or not self._windows:
                self._close_window(trained)
        return "completed", reason

    def _begin(self) -> None:
        bots = opponents(self._config)
        total = sum(bots.values())
        rates = ", ".join(f"{name} {value:g}" for name, value in
                          counterparts(self._config.learning, self._settings.algorithm).items())
        self._say(f"RLlib's {self._settings.algorithm.upper()} with {rates}")
        if bots:
            self._say("in the other seats: " + ", ".join(f"{bot} in {share / total:.0%} of games"
                                                         for bot, share in bots.items()))
        if without := left_out(self._config):
            self._say(f"without what RLlib has nothing like: {', '.join(without)}")
        self._restart_clock()

    def _done(self) -> dict[str, Any]:
        """What counts against the budget. Updates are RLlib's training iterations."""
        done = self._progress
        self._tick()
        return {"updates": done.updates, "env_steps": done.env_steps, "elapsed_s": done.elapsed_s}

    def _take(self, result: dict[str, Any]) -> None:
        """Counts what an iteration did. Decisions are those that were made: all but a few are learned from."""
        done = self._progress
        sampled = result.get("env_runners", {})
        learned = result.get("learners", {}).get(DEFAULT_MODULE_ID, {})
        self._tick()
        done.epoch = done.updates = int(result["training_iteration"])
        done.env_steps = int(sampled.get("num_env_steps_sampled_lifetime", done.env_steps))
        figures = {ours: float(learned[theirs]) for ours, names in FIGURES.items() for theirs in names
                   if theirs in learned}
        self._episode = {ours: float(sampled[theirs]) for ours, theirs in PLAY.items() if theirs in sampled}
        self._of_report.add(figures)
        self._of_window.add(figures)
        fraction = self._config.budget.fraction(**self._done())
        self._report("training", fraction, env_steps_per_s=self._rate(), **self._episode)

    def _close_window(self, trained: Algorithm) -> None:
        """Evaluates RLlib's present weights, which is no time of training, and keeps them as a checkpoint."""
        done = self._progress
        self._tick()
        trained_s = done.elapsed_s
        self._learner.load_weights(weights_of(trained))
        self._learner.version = done.updates
        self._window_began = done.env_steps
        figures = {**self._of_window.take(), **self._episode, "decisions_per_sec": self._rate(), **self._examine()}
        self._restart_clock()
        done.elapsed_s = trained_s
        name = f"ckpt_{len(self._windows) + 1:06d}_{done.updates:09d}"
        self._add_window(done.epoch, figures, name)
        self._checkpoint(name, "")

    def _rate(self) -> float:
        """Decisions per second of training."""
        return self._progress.env_steps / max(1e-9, self._progress.elapsed_s)
