"""One gradient step: backward, clip, Adam, average; left out on the device itself where it is not finite."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners.config import Optimiser
from learners.networks import check_arrays
from learners.ranks import ALONE, Ranks
from learners.weight_average import WeightAverage

MOMENTS = ("exp_avg", "exp_avg_sq")     # torch's names of Adam's state, besides "step"

Arrays = dict[str, npt.NDArray[Any]]


class GradientStep:
    """Adam over `parameters`, by name. Nothing in a step waits for the device, but on Apple's GPUs."""

    def __init__(
        self, parameters: Mapping[str, torch.nn.Parameter], settings: Optimiser, average: WeightAverage | None,
        ranks: Ranks = ALONE,
    ) -> None:
        self._named = dict(parameters)
        self.parameters = list(self._named.values())
        self._average, self._ranks = average, ranks
        self._max_norm = torch.tensor(settings.max_grad_norm, device=self.parameters[0].device)
        self._optimiser = torch.optim.AdamW(
            self.parameters, lr=0.0, betas=(settings.beta1, settings.beta2), eps=settings.eps,
            weight_decay=settings.weight_decay, fused=True,
        )

    def __call__(self, loss: torch.Tensor, rate: float) -> dict[str, torch.Tensor]:
        """Makes the step unless loss or gradient is not finite, on any rank; returns figures, on the device.

        rate: learning rate. Figures: loss_total, of this rank; grad_norm_before and grad_norm_after clipping; made, 1
        or 0.
        """
        for one in self.parameters:
            one.grad = None
        loss.backward()     # type: ignore[no-untyped-call]
        loss = loss.detach()
        for one in self.parameters:     # of a head without a loss, which compiled passes give 0 and others nothing
            if one.grad is None:
                one.grad = torch.zeros_like(one)
        if self._ranks.size > 1:
            self._average_gradients(loss)
        gradients = self._gradients()
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        factor = (self._max_norm / norm).clamp(max=1)
        torch._foreach_mul_(gradients, factor)
        # 0 times what is not finite is no number; where this is 1 the fused kernel of Adam leaves everything alone
        spoilt = ((loss + norm) * 0 != 0).to(torch.float32)
        made = 1 - spoilt
        self._optimiser.found_inf = spoilt  # type: ignore[attr-defined]
        self._optimiser.param_groups[0]["lr"] = rate
        if loss.device.type != "mps" or made:       # there the kernel of torch before 2.13 does not look at it
            self._optimiser.step()
        if self._average is not None:
            self._average.update(made)
        return {"loss_total": loss, "grad_norm_before": norm, "grad_norm_after": norm * factor, "made": made}

    def _gradients(self) -> list[torch.Tensor]:
        """Of all parameters, after a backward pass."""
        return [one.grad for one in self.parameters if one.grad is not None]

    def _average_gradients(self, loss: torch.Tensor) -> None:
        """Over the ranks, in one sum. Where the loss of any rank is not finite all gradients become no number."""
        gradients = self._gradients()
        flat = torch.cat([*(one.flatten() for one in gradients), loss.reshape(1)])
        mean = self._ranks.sum(flat) / self._ranks.size
        spoilt = 0 * mean[-1]
        parts = torch.split(mean[:-1], [one.numel() for one in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient) + spoilt)

    def state(self) -> Arrays:
        """Adam's tensors as `<parameter>.<part>`; empty before the first step."""
        return {
            f"{name}.{part}": tensor.detach().cpu().numpy().copy()
            for name, parameter in self._named.items()
            for part, tensor in self._optimiser.state.get(parameter, {}).items()
        }

    def check(self, state: Arrays) -> None:
        """Raises ValueError, naming what differs, unless `load` can read this."""
        learned = {key.rsplit(".", 1)[0] for key in state}      # in older checkpoints a head without a loss has none
        shapes = {f"{name}.{part}": tuple(p.shape) if part in MOMENTS else ()
                  for name, p in self._named.items() if name in learned for part in (*MOMENTS, "step")}
        check_arrays("optimiser tensors", shapes, state)

    def load(self, state: Arrays) -> None:
        """Becomes what `state` gave."""
        self._optimiser.state.clear()
        for key, array in state.items():
            name, part = key.rsplit(".", 1)
            parameter = self._named[name]
            self._optimiser.state[parameter][part] = torch.tensor(np.asarray(array), device=parameter.device)
