"""The learner over several devices: RLlib's LearnerGroup runs one rank of ours on each.

It is used as `learners.learner.Learner` is, makes the same weights of the same chunks and seed, and writes the same
checkpoints. The first rank speaks for all, which are equal bit by bit. RLlib knows cuda and the CPU; on Apple's GPUs
there is only the local learner.
"""
from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import ray
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from envs.adapters.rllib_vector import action_space, observation_space
from learners import checkpoint
from learners.chunk import Chunk, to_wire
from learners.config import Learning
from learners.data_parallel import shards
from learners.device import choose_device
from learners.learner import Learner
from learners.networks import Weights
from learners.prediction import Prediction
from learners.ranks import check_minibatches
from learners.rllib_learner import NetworkLearner, learner_config
from learners.rllib_module import NetworkModule, module_config
from native.game import Game

T = TypeVar("T")
SAVED = "learner"               # folder of a checkpoint on its way from or to a rank
Files = dict[str, bytes]        # of a checkpoint's folder, by name
OF_ALL = ("gradient_steps", "learning_rate")    # figures that all ranks share


@dataclass(frozen=True)
class Shards:
    """Chunks of an update, checked and divided; one shard, or a reference to it, per rank."""

    parts: list[Any]
    rows: int                   # of all of them
    mean_version: float


class RllibLearner(Learner):
    """See `Learner`. What it inherits is a copy on the CPU that checks chunks, reads checkpoints and writes them."""

    def __init__(self, game: Game, config: Learning, seed: int, *, learners: int) -> None:
        """learners: processes, each with a GPU where `config.device` means cuda; 0: one, inside this process.

        Processes need a Ray, which must have begun. Raises ValueError for minibatches with too few rows.
        """
        check_minibatches(config, max(1, learners))
        here = {"device": "cpu", "compile": False, "prefetch": False}
        super().__init__(game, config.model_copy(update=here), seed)
        self.device = choose_device(config.device)      # of the ranks
        logging.getLogger("ray").setLevel(logging.ERROR)        # what it deprecates is its own
        self._learners = learners
        made = AlgorithmConfig()
        made.learners(
            learner_class=NetworkLearner, num_learners=learners, num_cpus_per_learner=1,
            num_gpus_per_learner=int(choose_device(config.device).type == "cuda"),
            learner_config_dict=learner_config(game, config, seed),
        )
        module = RLModuleSpec(
            module_class=NetworkModule, observation_space=observation_space(game), action_space=action_space(game),
            model_config=module_config(game.name, game.options, config.network, seed),
        )
        spec = MultiRLModuleSpec(rl_module_specs={DEFAULT_MODULE_ID: module})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)     # of Ray, about modules of its own
            self._group = LearnerGroup(config=made, module_spec=spec)

    def close(self) -> None:
        """Ends the processes."""
        self._group.shutdown()      # type: ignore[no-untyped-call]

    # -- learning -----------------------------------------------------------------------------------------------------

    def stage(self, chunks: Sequence[Chunk]) -> Any:
        """The chunks, checked, divided and in the object store. Raises as `Learner.stage` does.

        What a rank refused would put it out of service for good, and the others wait for it.
        """
        staged = super().stage(chunks)
        divided = shards(chunks, self.game, max(1, self._learners))
        parts: list[Any] = [[to_wire(chunk) for chunk in part] for part in divided]
        if self._learners:
            same = chunks[0].header.layout == "rows"
            parts = [ray.put(parts[0])] * len(parts) if same else [ray.put(part) for part in parts]
        return Shards(parts, staged.rows, staged.mean_version)

    def learn(self, staged: Any, progress: float = 0.0) -> dict[str, float]:
        """See `Learner.learn`. The losses are those of all rows, other figures means over the ranks by their rows."""
        lag = self.version - staged.mean_version
        ranks = self._group.update(batch_refs=staged.parts, progress=progress, defer_solve_refs_to_learner=True)
        self._count(ranks[0])
        rows = np.array([one["rows"] for one in ranks])
        weights = rows / max(1.0, rows.sum())
        means = {name: float(weights @ [one[name] for one in ranks]) for name in ranks[0] if name not in OF_ALL}
        # every rank's loss is its share of the whole one
        means["loss_total"] = float(np.mean([one["loss_total"] for one in ranks]))
        return {**means, **{name: ranks[0][name] for name in OF_ALL}, "rows": float(staged.rows), "data_lag_mean": lag,
                "updates_skipped": float(self.updates_skipped)}

    def clone(
        self, observation: npt.NDArray[Any], action: npt.NDArray[np.int32], progress: float = 0.0
    ) -> dict[str, float]:
        """See `Learner.clone`. Every rank learns from all rows."""
        figures = self._every(_clone, observation=observation, action=action, progress=progress)[0]
        self._count(figures)
        return figures

    def _count(self, figures: Mapping[str, float]) -> None:
        self.updates_skipped = int(figures["updates_skipped"])
        self.version += figures["gradient_steps"] > 0

    # -- weights ------------------------------------------------------------------------------------------------------

    def predict(
        self, observations: npt.NDArray[Any], actions: npt.NDArray[np.int32] | None = None
    ) -> Prediction:
        return self._first(_predict, observations=observations, actions=actions)

    def weights(self) -> Weights:
        return self._first(_weights)

    def published(self) -> Weights:
        return self._first(_published)

    def load_weights(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        super().load_weights(weights)
        self._every(_load_weights, weights=dict(weights))

    def save(self, directory: str | Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), self._first(_saved))
            checkpoint.write(Path(directory), checkpoint.read(Path(folder)))

    def restore(self, directory: str | Path) -> None:
        super().restore(directory)      # raises for what does not fit
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.write(Path(folder) / SAVED, checkpoint.read(Path(directory)))
            self._every(_restore, files=_read(Path(folder) / SAVED))

    def _first(self, function: Callable[..., T], **arguments: Any) -> T:
        """What the function says of the first rank."""
        return self._ask(function, [0] if self._learners else None, arguments)[0]

    def _every(self, function: Callable[..., T], **arguments: Any) -> list[T]:
        """What the function says of every rank."""
        return self._ask(function, None, arguments)

    def _ask(self, function: Callable[..., T], ranks: list[int] | None, arguments: dict[str, Any]) -> list[T]:
        """Raises RuntimeError if a rank does not answer."""
        group: Any = self._group
        answers = list(group.foreach_learner(function, remote_actor_ids=ranks, **arguments))
        wanted = max(1, self._learners) if ranks is None else len(ranks)
        good = [one.get() for one in answers if one.ok]
        if len(good) < wanted:
            fault = next((one.get() for one in answers if not one.ok), None)
            raise RuntimeError(f"{len(good)} of {wanted} learners answered") from fault
        return good


# What follows is run on ranks.


def _weights(rank: NetworkLearner) -> Weights:
    return rank.learner.weights()


def _published(rank: NetworkLearner) -> Weights:
    return rank.learner.published()


def _load_weights(rank: NetworkLearner, weights: Weights) -> None:
    rank.learner.load_weights(weights)


def _predict(
    rank: NetworkLearner, observations: npt.NDArray[Any], actions: npt.NDArray[np.int32] | None
) -> Prediction:
    return rank.learner.predict(observations, actions)


def _clone(
    rank: NetworkLearner, observation: npt.NDArray[Any], action: npt.NDArray[np.int32], progress: float
) -> dict[str, float]:
    return rank.learner.clone(observation, action, progress)


def _saved(rank: NetworkLearner) -> Files:
    with tempfile.TemporaryDirectory() as folder:
        rank.learner.save(Path(folder) / SAVED)
        return _read(Path(folder) / SAVED)


def _restore(rank: NetworkLearner, files: Files) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), files)
        rank.learner.restore(folder)


def _read(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
