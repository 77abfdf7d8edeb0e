"""What a network says of observations, as numpy arrays. Letters: N rows, A actions."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners.output import Output

Floats = npt.NDArray[np.float32]
BATCH_ROWS = 1024


@dataclass(frozen=True)
class Prediction:
    """Of N observations, float32."""

    logits: Floats                  # [N, A]
    value: Floats                   # [N]
    wdl_probs: Floats | None        # [N, 3], probabilities of win, draw and loss, if the network has them
    difficulty: Floats | None       # [N], 0 to 1, if the network has that head


def predict(
    network: Callable[..., Output], observations: npt.NDArray[Any], device: torch.device,
    actions: npt.NDArray[np.int32] | None = None,
) -> Prediction:
    """Runs `network`, which is on `device`, over observations `[N, *shape]` in batches, without gradients.

    actions: `[N, H]`, what was played, for an autoregressive network: its logits are those after these choices.
    Raises ValueError if there is no observation.
    """
    if not len(observations):
        raise ValueError("a prediction needs at least one observation, got none")
    inputs = (observations,) if actions is None else (observations, actions)
    batches = zip(*(np.array_split(array, -(-len(array) // BATCH_ROWS)) for array in inputs), strict=True)
    with torch.inference_mode():
        outputs = [_activated(network(*(torch.tensor(part, device=device) for part in parts))) for parts in batches]
    logits, value, wdl, difficulty = zip(*outputs, strict=True)
    return Prediction(_joined(logits), _joined(value), _joined(wdl) if wdl[0] is not None else None,
                      _joined(difficulty) if difficulty[0] is not None else None)


def _activated(output: Output) -> Output:
    """On the CPU, with probabilities in place of the extra heads' logits."""
    return Output(
        output.logits.cpu(), output.value.cpu(),
        None if output.wdl is None else output.wdl.softmax(1).cpu(),
        None if output.difficulty is None else output.difficulty.sigmoid().cpu(),
    )


def _joined(parts: Sequence[torch.Tensor]) -> Floats:
    return torch.cat(list(parts)).numpy()
