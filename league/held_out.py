"""What a learner makes of decisions that it has not learned from."""
from __future__ import annotations

import numpy as np

from learners.config import Learning
from learners.dataset_split import Columns
from learners.learner import Learner
from learners.objective_config import largest_weight
from learners.search_metrics import search_metrics

LEAST = 1e-10


def measure(learner: Learner, columns: Columns, seed: int = 0) -> tuple[dict[str, float], Columns]:
    """`search_metrics` with three more, and the predictions `{"logits": [N, A], "value": [N]}` that they are of.

    held_out_value: squared error of the value, whatever it was trained with. held_out_value_loss: the same, or with
    network.value wdl the cross-entropy of win, draw and loss. held_out_loss: policy_cross_entropy and
    held_out_value_loss with the largest weights of learning.search_objective, without quartic and side terms.
    """
    learning: Learning = learner.config
    said = learner.predict(columns["observation"])
    error = float(np.mean((said.value.astype(np.float64) - columns["outcome"]) ** 2))
    figures = search_metrics(
        said.logits, said.value, columns, illegal_weight=largest_weight(learning.search_objective.illegal), seed=seed
    )
    value_loss = error
    if said.wdl_probs is not None:
        happened = 1 - np.sign(columns["outcome"]).astype(np.int64)
        right = np.take_along_axis(said.wdl_probs.astype(np.float64), happened[:, None], axis=1)
        value_loss = float(-np.log(np.maximum(right, LEAST)).mean())
    terms = learning.search_objective
    loss = (largest_weight(terms.distillation) * figures["policy_cross_entropy"]
            + largest_weight(terms.value) * value_loss)
    return figures | {
        "held_out_value": error, "held_out_value_loss": value_loss, "held_out_loss": loss
    }, {"logits": said.logits, "value": said.value}
