"""The learner: chunks in, new weights out. Plain torch in one process, on cuda, mps or the CPU.

Chunks in layout "unroll" are learned from by policy gradients, those in layout "rows" as AlphaZero does; actions of
several heads can be cloned. All that is random in an update, the order and the symmetries of rows, follows from the
learner's seed and version. So weights, their average, optimiser and counters are its whole state: on the CPU a restored
learner goes on bit by bit as the saved one would have.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.func import functional_call

from learners import checkpoint
from learners.batch import Batch, Staging
from learners.chunk import Chunk
from learners.cloning_loss import cloning_loss
from learners.compile_step import Compiled
from learners.config import SEARCHED_ROWS, Learning
from learners.device import choose_device, moved
from learners.forward import ask
from learners.freed_memory import keep_freed_memory
from learners.game_facts import game_facts
from learners.gradient_step import GradientStep
from learners.networks import Weights, build_network, read_weights, with_defaults, write_weights
from learners.output import Output
from learners.precision import autocast
from learners.prediction import Prediction, predict
from learners.prefetch import BUFFERS
from learners.ranks import ALONE, Ranks, check_minibatches
from learners.reference import load_reference
from learners.rows import Rows, RowStaging
from learners.schedule import at
from learners.search_objective import SearchSteps
from learners.terms import Terms
from learners.unroll_objective import UnrollObjective
from learners.weight_average import WeightAverage

if TYPE_CHECKING:
    from native.game import Game

COUNTERS = ("seed", "version", "updates_skipped")
Staged = Batch | Rows
"""Chunks of an update, checked and on the learner's device."""


class Learner:
    """One network of one game and its optimiser. Not safe to share between threads."""

    def __init__(self, game: Game, config: Learning, seed: int, ranks: Ranks = ALONE) -> None:
        """`seed` fixes the first weights, on every device the same.

        Sets the number of torch threads of the process and, on the CPU, that it keeps the memory it frees.

        ranks: who makes every gradient step together with this one; see `learners/data_parallel.py`. All must be given
        the same config, seed and progress. Raises ValueError as `check_minibatches` does.
        """
        check_minibatches(config, ranks.size)
        torch.set_num_threads(config.threads)
        self.game, self.config, self.seed = game, config, seed
        self.device = choose_device(config.device)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.network = build_network(config.network, game, seed).to(self.device)
        self._passes = Compiled(self.network, self.device) if config.compile else self.network
        self._measures = False      # backward will go through a pass for each term, which compiled ones do not allow
        self.version = 0            # updates that changed the weights
        self.updates_skipped = 0    # gradient steps with a loss or gradient that was not finite
        parameters = dict(self.network.named_parameters())
        self._average = WeightAverage(parameters, config.ema_decay) if config.ema_decay else None
        self._ranks = ranks
        self._step = GradientStep(parameters, config.optimiser, self._average, ranks)
        self.prefetches = self.device.type == "cuda" if config.prefetch == "auto" else config.prefetch
        buffers = BUFFERS if self.prefetches else 1
        self._unrolls = Staging(game, self.device, buffers=buffers)
        self._rows = RowStaging(game, self.device, symmetries=config.symmetries, wdl=config.network.value == "wdl",
                                buffers=buffers, ranks=ranks)
        self._searched_rows = config.minibatch_rows or SEARCHED_ROWS
        reference = self._reference()
        self._unroll_objective = UnrollObjective(
            config.objective, game.head_sizes, epochs=config.epochs,
            minibatch_rows=None if config.minibatch_rows is None else config.minibatch_rows // ranks.size,
            reference=reference if config.objective.kl_reference else None,
        )
        self._search_steps = SearchSteps(
            config.search_objective, self._rows, epochs=config.epochs, minibatch_rows=self._searched_rows,
            reference=reference if config.search_objective.kl_reference else None,
        )

    def _reference(self) -> Callable[..., Output] | None:
        if self.config.reference is None:
            return None
        network = load_reference(self.config.reference, self.game, self.device)

        def forward(observation: torch.Tensor, action: torch.Tensor | None = None) -> Output:
            with autocast(self.config.precision, self.device):
                return ask(network, observation, action)

        return forward

    def update(self, chunks: Sequence[Chunk], progress: float = 0.0) -> dict[str, float]:
        """Learns from all rows of the chunks; returns metrics: means over the gradient steps.

        progress: share of the budget used, 0 to 1, from which schedules follow. Raises ValueError as `stage` does.
        """
        return self.learn(self.stage(chunks), progress)

    def stage(self, chunks: Sequence[Chunk]) -> Staged:
        """The chunks, checked, joined and on their way to the device; may run in another thread than `learn`.

        The next call may overwrite them; where `prefetches` is true, the third one may.

        Raises ValueError for chunks that do not fit (see `Staging.collate`, `RowStaging.stage`), of both layouts, or
        of held-out games.
        """
        return self._rows.stage(chunks) if _layout(chunks) == "rows" else self._unrolls.collate(chunks)

    def learn(self, staged: Staged, progress: float = 0.0) -> dict[str, float]:
        """See `update`. Unrolls are one gradient step unless the config says otherwise (epochs, minibatch_rows), and
        their metrics are of the weights before each step; searched decisions are one step per minibatch.

        Where loss or gradient is not finite a step is left out: weights, optimiser and average stay, `updates_skipped`
        grows by one, and its metrics count only if there is no other step. `version` grows by one if a step was made.
        `gradient_share_<term>` are measured at the first step of every `gradient_shares_every`-th version.
        """
        lag = self.version - staged.mean_version
        if isinstance(staged, Rows):
            steps = self._search_steps.steps(self._forward, staged, progress, self._draws, self._ranks)
        else:
            steps = self._unroll_objective.steps(self._forward, staged, progress, self._draws, self._ranks)
        figures = self._make(steps, progress)
        return figures | {"rows": float(staged.rows), "data_lag_mean": lag,
                          "updates_skipped": float(self.updates_skipped)}

    def clone(
        self, observation: npt.NDArray[Any], action: npt.NDArray[np.int32], progress: float = 0.0
    ) -> dict[str, float]:
        """Learns to play `action` `[N, H]` where `observation` `[N, *shape]` is seen; the value does not learn.

        One gradient step per minibatch of `minibatch_rows`, every row once, otherwise as `update`; returns the means of
        the metrics. Raises ValueError for shapes or actions that are not the game's.
        """
        rows, heads = len(observation), self.game.head_sizes
        shapes = ((rows, *self.game.observation_shape), (rows, len(heads)))
        if not rows or (observation.shape, action.shape) != shapes:
            raise ValueError(f"expected observations [N, {', '.join(map(str, self.game.observation_shape))}] and "
                             f"actions [N, {len(heads)}], got {list(observation.shape)} and {list(action.shape)}")
        if not ((action >= 0) & (action < np.array(heads))).all():
            raise ValueError(f"an action is outside 0 to size - 1 of the heads {heads}")

        def steps() -> Iterator[Terms]:
            for picked in np.array_split(self._draws().permutation(rows), max(1, round(rows / self._searched_rows))):
                seen, played = (moved(array[picked], self.device) for array in (observation, action))
                loss = cloning_loss(self._forward(seen, played).logits, played, heads)
                yield Terms({"policy": loss}, {"loss_policy": loss.detach()})

        figures = self._make(steps(), progress)
        return figures | {"rows": float(rows), "updates_skipped": float(self.updates_skipped)}

    def _draws(self) -> np.random.Generator:
        """What an update draws from."""
        return np.random.default_rng([self.seed % (1 << 64), self.version])

    def _make(self, steps: Iterator[Terms], progress: float) -> dict[str, float]:
        """Makes the gradient steps; the means of their metrics, of which `version` counts one if there was any."""
        rate = at(self.config.optimiser.learning_rate, progress)
        every = self.config.gradient_shares_every
        self._measures = every > 0 and self.version % every == 0
        found: list[dict[str, torch.Tensor]] = []
        for terms in steps:
            shares = terms.gradient_shares(self._step.parameters) if self._measures else {}
            self._measures = False
            found.append(terms.metrics | shares | self._step(terms.loss, rate))
        # the one wait for the device
        numbers = iter(torch.stack([tensor for one in found for tensor in one.values()]).tolist())
        figures = [{name: next(numbers) for name in one} for one in found]
        made = [one for one in figures if one["made"]]
        self.updates_skipped += len(figures) - len(made)
        self.version += bool(made)
        return _means(made or figures) | {"gradient_steps": float(len(made)), "learning_rate": rate}

    def _forward(self, observation: torch.Tensor, action: torch.Tensor | None = None) -> Output:
        with autocast(self.config.precision, self.device):
            return ask(self.network if self._measures else self._passes, observation, action)

    def predict(
        self, observations: npt.NDArray[Any], actions: npt.NDArray[np.int32] | None = None
    ) -> Prediction:
        """What the published weights say of observations `[N, *shape]`.

        actions: `[N, H]`, what was played: an autoregressive network needs it for its logits. Raises ValueError if
        there is no observation.
        """
        told = actions if getattr(self.network, "autoregressive", False) else None
        return predict(self._published_network, observations, self.device, told)

    def _published_network(self, *inputs: torch.Tensor) -> Output:
        if self._average is None:
            return self.network(*inputs)        # type: ignore[no-any-return]
        return functional_call(self.network, self._average.tensors, inputs)     # type: ignore[no-any-return]

    def weights(self) -> Weights:
        """Copies of the latest weights by name."""
        return read_weights(self.network)

    def published(self) -> Weights:
        """Copies of the weights to play with: the averaged ones, or the latest where `ema_decay` is 0."""
        return self.weights() if self._average is None else self._average.weights()

    def load_weights(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replaces the weights, from which their average begins anew, and nothing else.

        Raises ValueError naming what does not fit.
        """
        write_weights(self.network, weights)
        if self._average is not None:
            self._average.begin_anew()

    def save(self, directory: str | Path) -> None:
        """Writes a checkpoint folder; a reader never sees half of it."""
        facts = {**self.identity(), **{name: getattr(self, name) for name in COUNTERS}}
        average = None
        if self._average is not None:
            average, facts["average_steps"] = self._average.weights(), self._average.steps
        checkpoint.write(
            Path(directory), checkpoint.Checkpoint(self.weights(), self._step.state(), facts, average))

    def restore(self, directory: str | Path) -> None:
        """Becomes the learner that was saved. Loss, optimiser and device settings stay this config's.

        Raises FileNotFoundError or ValueError (damaged, without the averaged weights that this config wants, or of
        another game, rules version or network: what differs is named), with this learner unchanged.
        """
        saved = checkpoint.read(Path(directory))
        facts = saved.facts | {"network": with_defaults(saved.facts.get("network"))}
        differs = checkpoint.differences(facts, self.identity())
        counters = COUNTERS if self._average is None or saved.average is None else (*COUNTERS, "average_steps")
        differs += [f"{name} is {facts.get(name)!r}, expected an int" for name in counters
                    if type(facts.get(name)) is not int]
        if self._average is not None and saved.average is None:
            differs.append(f"it has no averaged weights, expected them for ema_decay {self.config.ema_decay:g}")
        if differs:
            raise ValueError(f"checkpoint {directory} does not fit this learner: {'; '.join(differs)}")
        self._step.check(saved.optimiser)
        if self._average is not None and saved.average is not None:
            self._average.check(saved.average)
        self.load_weights(saved.weights)
        if self._average is not None and saved.average is not None:
            self._average.load(saved.average, facts["average_steps"])
        self._step.load(saved.optimiser)
        self.seed, self.version, self.updates_skipped = (facts[name] for name in COUNTERS)

    def close(self) -> None:
        """Ends the processes that a learner has begun; this one has none."""

    def identity(self) -> dict[str, Any]:
        """What a checkpoint and the learner that restores it must have in common, in the types of JSON."""
        return game_facts(self.game) | {"network": self.config.network.model_dump(mode="json")}


def _means(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of every metric over the steps that have it; of the steps themselves, `made` is none."""
    names = dict.fromkeys(name for one in figures for name in one if name != "made")
    columns = {name: [one[name] for one in figures if name in one] for name in names}
    return {name: sum(column) / len(column) for name, column in columns.items()}


def _layout(chunks: Sequence[Chunk]) -> str:
    """The layout of all chunks, "unroll" if there is none; refuses what must not be learned from."""
    for chunk in chunks:
        if chunk.header.split != "train":
            raise ValueError(f"chunk {chunk.header.chunk_id!r} has split {chunk.header.split!r}, "
                             "an update needs 'train'")
    layouts = sorted({chunk.header.layout for chunk in chunks}) or ["unroll"]
    if len(layouts) > 1:
        raise ValueError(f"the chunks of one update must have the same layout, got {' and '.join(layouts)}")
    return layouts[0]
