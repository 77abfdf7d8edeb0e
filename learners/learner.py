"""The learner: chunks in, new weights out. Plain torch in one process, on cuda, mps or the CPU.

Nothing in an update is random, so weights, optimiser and counters are its whole state: on the CPU a restored learner
goes on bit by bit as the saved one would have.
"""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
import torch
from torch.nn.utils import clip_grad_norm_, get_total_norm

from learners import checkpoint
from learners.actor_critic import actor_critic_loss
from learners.batch import Staging
from learners.chunk import Chunk
from learners.config import Learning
from learners.device import choose_device
from learners.networks import Weights, build_network, check_arrays, read_weights, write_weights

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
        self.updates_skipped = 0    # updates with a loss or gradient that was not finite
        self._parameters = dict(self.network.named_parameters())
        self._staging = Staging(game, self.device)
        settings = config.optimiser
        self._optimiser = torch.optim.AdamW(
            self._parameters.values(), lr=settings.learning_rate, betas=(settings.beta1, settings.beta2),
            eps=settings.eps, weight_decay=settings.weight_decay, fused=True,
        )

    def update(
        self, chunks: Sequence[Chunk], *, learning_rate: float | None = None, entropy_weight: float | None = None
    ) -> dict[str, float]:
        """One gradient step on all rows of the chunks; returns the metrics of the weights before it.

        learning_rate, entropy_weight: in place of the config's, for this update. If the loss or the gradient is not
        finite the step is left out: weights, optimiser and version stay, `updates_skipped` grows, and the metrics
        are the non-finite ones. Raises ValueError for chunks that do not fit (see `Staging.collate`).
        """
        batch = self._staging.collate(chunks)
        rows, streams = batch.observation.shape[:2]
        logits, value = self.network(batch.observation.flatten(0, 1))
        loss, metrics = actor_critic_loss(
            logits.unflatten(0, (rows, streams)), value.unflatten(0, (rows, streams)), batch, self.game.head_sizes,
            self.config.loss, self.config.loss.entropy_weight if entropy_weight is None else entropy_weight,
        )
        self._optimiser.zero_grad()
        loss.backward()     # type: ignore[no-untyped-call]
        parameters = list(self._parameters.values())
        metrics["grad_norm_before"] = clip_grad_norm_(parameters, self.config.optimiser.max_grad_norm)
        metrics["grad_norm_after"] = get_total_norm([p.grad for p in parameters if p.grad is not None])
        # The one wait for the device; the step is queued after it.
        figures = dict(zip(metrics, torch.stack(list(metrics.values())).tolist(), strict=True))
        lag = self.version - batch.mean_version
        if math.isfinite(figures["loss_total"]) and math.isfinite(figures["grad_norm_before"]):
            rate = self.config.optimiser.learning_rate if learning_rate is None else learning_rate
            self._optimiser.param_groups[0]["lr"] = rate
            self._optimiser.step()
            self.version += 1
        else:
            self.updates_skipped += 1
        return figures | {
            "rows": float(batch.rows), "data_lag_mean": lag, "updates_skipped": float(self.updates_skipped)
        }

    def weights(self) -> Weights:
        """Copies of the weights by name."""
        return read_weights(self.network)

    def load_weights(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replaces the weights and nothing else. Raises ValueError naming what does not fit."""
        write_weights(self.network, weights)

    def save(self, directory: str | Path) -> None:
        """Writes a checkpoint folder; a reader never sees half of it."""
        checkpoint.write(Path(directory), checkpoint.Checkpoint(self.weights(), self._optimiser_state(), {
            **self._identity(), **{name: getattr(self, name) for name in COUNTERS},
        }))

    def restore(self, directory: str | Path) -> None:
        """Becomes the learner that was saved. Loss, optimiser and device settings stay this config's.

        Raises FileNotFoundError or ValueError (damaged, or of another game, rules version or network: what differs is
        named), with this learner unchanged.
        """
        saved = checkpoint.read(Path(directory))
        differs = checkpoint.differences(saved.facts, self._identity())
        differs += [f"{name} is {saved.facts.get(name)!r}, expected an int" for name in COUNTERS
                    if type(saved.facts.get(name)) is not int]
        if differs:
            raise ValueError(f"checkpoint {directory} does not fit this learner: {'; '.join(differs)}")
        if saved.optimiser:
            shapes = {f"{name}.{part}": tuple(p.shape) if part in MOMENTS else ()
                      for name, p in self._parameters.items() for part in (*MOMENTS, "step")}
            check_arrays("optimiser tensors", shapes, saved.optimiser)
        self.load_weights(saved.weights)
        self._optimiser.state.clear()
        for key, array in saved.optimiser.items():
            name, part = key.rsplit(".", 1)
            self._optimiser.state[self._parameters[name]][part] = torch.tensor(array, device=self.device)
        self.seed, self.version, self.updates_skipped = (saved.facts[name] for name in COUNTERS)

    def _identity(self) -> dict[str, Any]:
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
