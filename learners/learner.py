"""The learner: chunks in, new weights out. Plain torch in one process, on cuda, mps or the CPU.

Chunks in layout "unroll" are learned from as an actor and critic, those in layout "rows" as AlphaZero does; actions of
several heads can be cloned. All that is random in an update, the order and the symmetries of rows, follows from the
learner's seed and version. So weights, their average, optimiser and counters are its whole state: on the CPU a restored
learner goes on bit by bit as the saved one would have.
"""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.func import functional_call
from torch.nn.utils import clip_grad_norm_, get_total_norm

from learners import checkpoint
from learners.actor_critic import actor_critic_loss
from learners.alphazero import alphazero_loss
from learners.batch import Staging
from learners.chunk import Chunk
from learners.cloning_loss import cloning_loss
from learners.config import Learning
from learners.device import choose_device
from learners.networks import Weights, build_network, check_arrays, read_weights, with_defaults, write_weights
from learners.output import Output
from learners.precision import autocast
from learners.prediction import Prediction, predict
from learners.rows import RowStaging
from learners.weight_average import WeightAverage

if TYPE_CHECKING:
    from native.game import Game

COUNTERS = ("seed", "version", "updates_skipped")
MOMENTS = ("exp_avg", "exp_avg_sq")     # torch's names of Adam's state, besides "step"


class Learner:
    """One network of one game and its optimiser. Not safe to share between threads."""

    def __init__(self, game: Game, config: Learning, seed: int) -> None:
        """`seed` fixes the first weights, on every device the same. Sets the number of torch threads of the process."""
        torch.set_num_threads(config.threads)
        self.game, self.config, self.seed = game, config, seed
        self.device = choose_device(config.device)
        self.network = build_network(config.network, game, seed).to(self.device)
        self.version = 0            # updates that changed the weights
        self.updates_skipped = 0    # gradient steps with a loss or gradient that was not finite
        self._parameters = dict(self.network.named_parameters())
        self._average = WeightAverage(self._parameters, config.ema_decay) if config.ema_decay else None
        self._staging = Staging(game, self.device)
        self._rows = RowStaging(game, self.device, symmetries=config.symmetries, wdl=config.network.value == "wdl")
        settings = config.optimiser
        self._optimiser = torch.optim.AdamW(
            self._parameters.values(), lr=settings.learning_rate, betas=(settings.beta1, settings.beta2),
            eps=settings.eps, weight_decay=settings.weight_decay, fused=True,
        )

    def update(
        self, chunks: Sequence[Chunk], *, learning_rate: float | None = None, entropy_weight: float | None = None
    ) -> dict[str, float]:
        """Learns from all rows of the chunks; returns metrics.

        Layout "unroll": one gradient step, and the metrics of the weights before it. Layout "rows": one gradient step
        per minibatch of `minibatch_rows`, every row once, and the means of the metrics over the minibatches.

        learning_rate, entropy_weight: in place of the config's, for this update; rows have no entropy bonus. Where
        loss or gradient is not finite the step is left out: weights, optimiser and average stay, `updates_skipped`
        grows by one, and its metrics count only if there is no other step. `version` grows by one if a step was made.
        Raises ValueError for chunks that do not fit (see `Staging.collate`, `RowStaging.stage`), of both layouts, or
        of held-out games.
        """
        rate = self.config.optimiser.learning_rate if learning_rate is None else learning_rate
        if _layout(chunks) == "rows":
            return self._update_from_rows(chunks, rate)
        batch = self._staging.collate(chunks)
        rows, streams = batch.observation.shape[:2]
        output = self._forward(batch.observation.flatten(0, 1))
        loss, metrics = actor_critic_loss(
            output.logits.view(rows, streams, -1), output.value.view(rows, streams), batch,
            self.game.head_sizes, self.config.loss,
            self.config.loss.entropy_weight if entropy_weight is None else entropy_weight,
        )
        lag = self.version - batch.mean_version
        figures, made = self._step(loss, metrics, rate)
        self.version += made
        return figures | self._facts(batch.rows, lag)

    def _update_from_rows(self, chunks: Sequence[Chunk], rate: float) -> dict[str, float]:
        rows = self._rows.stage(chunks)
        lag = self.version - rows.mean_version
        rng = np.random.default_rng([self.seed % (1 << 64), self.version])
        steps = []
        for batch in self._rows.minibatches(rows, self.config.minibatch_rows, rng):
            loss, metrics = alphazero_loss(self._forward(batch.observation), batch, self.config.search_loss)
            steps.append(self._step(loss, metrics, rate))
        return self._means(steps) | self._facts(len(rows), lag)

    def clone(
        self, observation: npt.NDArray[Any], action: npt.NDArray[np.int32], *, learning_rate: float | None = None
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
        rate = self.config.optimiser.learning_rate if learning_rate is None else learning_rate
        rng = np.random.default_rng([self.seed % (1 << 64), self.version])
        steps = []
        for picked in np.array_split(rng.permutation(rows), max(1, round(rows / self.config.minibatch_rows))):
            seen, played = (torch.from_numpy(array[picked]).to(self.device) for array in (observation, action))
            loss = cloning_loss(self._forward(seen).logits, played, heads)
            steps.append(self._step(loss, {"loss_total": loss.detach(), "loss_policy": loss.detach()}, rate))
        return self._means(steps) | {"rows": float(rows), "updates_skipped": float(self.updates_skipped)}

    def _means(self, steps: Sequence[tuple[dict[str, float], bool]]) -> dict[str, float]:
        """Means of the metrics of an update's gradient steps, of which `version` counts one if there was any."""
        made = [figures for figures, finite in steps if finite]
        self.version += bool(made)
        counted = made or [figures for figures, _ in steps]
        means = {name: sum(figures[name] for figures in counted) / len(counted) for name in counted[0]}
        return means | {"gradient_steps": float(len(made))}

    def _forward(self, observation: torch.Tensor) -> Output:
        with autocast(self.config.precision, self.device):
            return self.network(observation)    # type: ignore[no-any-return]

    def _step(
        self, loss: torch.Tensor, metrics: dict[str, torch.Tensor], rate: float
    ) -> tuple[dict[str, float], bool]:
        """One gradient step, unless it is not finite; its metrics, and whether it was made."""
        self._optimiser.zero_grad()
        loss.backward()     # type: ignore[no-untyped-call]
        parameters = list(self._parameters.values())
        metrics["grad_norm_before"] = clip_grad_norm_(parameters, self.config.optimiser.max_grad_norm)
        metrics["grad_norm_after"] = get_total_norm([p.grad for p in parameters if p.grad is not None])
        # The one wait for the device; the step is queued after it.
        figures = dict(zip(metrics, torch.stack(list(metrics.values())).tolist(), strict=True))
        if not (math.isfinite(figures["loss_total"]) and math.isfinite(figures["grad_norm_before"])):
            self.updates_skipped += 1
            return figures, False
        self._optimiser.param_groups[0]["lr"] = rate
        self._optimiser.step()
        if self._average is not None:
            self._average.update()
        return figures, True

    def _facts(self, rows: int, lag: float) -> dict[str, float]:
        """The metrics that no loss makes."""
        return {"rows": float(rows), "data_lag_mean": lag, "updates_skipped": float(self.updates_skipped)}

    def predict(self, observations: npt.NDArray[Any]) -> Prediction:
        """What the published weights say of observations `[N, *shape]`. Raises ValueError if there is none."""
        return predict(self._published_network, observations, self.device)

    def _published_network(self, observations: torch.Tensor) -> Output:
        if self._average is None:
            return self.network(observations)       # type: ignore[no-any-return]
        return functional_call(self.network, self._average.tensors, (observations,))    # type: ignore[no-any-return]

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
            Path(directory), checkpoint.Checkpoint(self.weights(), self._optimiser_state(), facts, average))

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
        learned = {key.rsplit(".", 1)[0] for key in saved.optimiser}     # a head without a loss has no state
        shapes = {f"{name}.{part}": tuple(p.shape) if part in MOMENTS else ()
                  for name, p in self._parameters.items() if name in learned for part in (*MOMENTS, "step")}
        check_arrays("optimiser tensors", shapes, saved.optimiser)
        if self._average is not None and saved.average is not None:
            self._average.check(saved.average)
        self.load_weights(saved.weights)
        if self._average is not None and saved.average is not None:
            self._average.load(saved.average, facts["average_steps"])
        self._optimiser.state.clear()
        for key, array in saved.optimiser.items():
            name, part = key.rsplit(".", 1)
            self._optimiser.state[self._parameters[name]][part] = torch.tensor(array, device=self.device)
        self.seed, self.version, self.updates_skipped = (facts[name] for name in COUNTERS)

    def identity(self) -> dict[str, Any]:
        """What a checkpoint and the learner that restores it must have in common, in the types of JSON."""
        game = self.game
        return {
            "game": game.name,
            "rules_version": game.rules_version,
            "observation_shape": list(game.observation_shape),
            "observation_dtype": str(game.observation_dtype),
            "head_sizes": list(game.head_sizes),
            "zero_sum": game.zero_sum,
            "network": self.config.network.model_dump(mode="json"),
        }

    def _optimiser_state(self) -> Weights:
        """Adam's tensors as `<parameter>.<part>`; empty before the first step."""
        return {
            f"{name}.{part}": tensor.detach().cpu().numpy().copy()
            for name, parameter in self._parameters.items()
            for part, tensor in self._optimiser.state.get(parameter, {}).items()
        }


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
