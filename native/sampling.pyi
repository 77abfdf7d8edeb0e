from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

def sample(
    logits: npt.NDArray[np.float32],
    legal: npt.NDArray[np.uint8],
    temperature: float,
    rng: npt.NDArray[np.uint64],
    *,
    head_sizes: Sequence[int] | None = None,
    actions: npt.NDArray[np.int32] | None = None,
    log_probs: npt.NDArray[np.float32] | None = None,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]: ...
