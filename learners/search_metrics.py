"""What a network says of decisions that a search has taken, beside what the search said and how the games ended.

Names and formulas are those of the Razzle Dazzle plan. With p the softmax over all actions, clipped to [1e-10, 1], m
the mask of legal ones and q = p m / (sum(p m) + 1e-10):

    policy_top1_accuracy    share of rows with argmax(p m) = argmax(target), the target being the search's policy
    policy_top3_accuracy    share of rows with argmax(target) among the 3 largest of p m
    policy_legal_mass       mean of sum(p m)
    policy_entropy          mean of -sum q ln q over q > 1e-9, in nats
    policy_ebf              exp(policy_entropy), effective branching factor
    policy_confidence       mean of max(q)
    loss_illegal_penalty    illegal_weight times the mean of sum(p (1 - m))
    value_mean, value_std, value_extremity      mean, population deviation, mean of |v|
    value_calibration_error     ECE in 10 equal bins on [-1, 1], see `calibration.py`
    confidence_accuracy_win     share of outcome > 0 where v > 0.5; NaN if there is no such row
    confidence_accuracy_loss    share of outcome < 0 where v < -0.5; likewise

Of equals, the action with the lowest number is the largest. Letters: N rows, A actions, K targets.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from learners.calibration import bin_index, calibration_error, equal_width
from learners.calibration_floor import noise_floor
from learners.chunk import Chunk
from learners.dataset_split import join

if TYPE_CHECKING:
    from native.game import Game

Array = npt.NDArray[Any]

LEAST = 1e-10
OPENING_TURNS = 5
SLICE_ENTRIES = 1 << 17     # of an N x A float64 array at once: 1 MiB


def search_metrics(
    logits: Array, value: Array, columns: Mapping[str, Array], *, illegal_weight: float = 1.0, seed: int = 0
) -> dict[str, float]:
    """All metrics of the table above, and these:

    value_calibration_floor: the calibration error that a perfectly calibrated predictor with the same values would
    show by chance in these games (`calibration_floor.py`). measured_rows, measured_games: how many there were.
    policy_cross_entropy: of the search's policy to that of the network over the legal actions, in nats.

    logits: `[N, A]`; value: `[N]`; columns: those of a chunk in layout "rows", or of `joined` chunks. The same `seed`
    gives the same floor. Raises ValueError if the shapes do not fit together.
    """
    rows = len(columns["outcome"])
    if np.shape(value) != (rows,) or logits.ndim != 2 or len(logits) != rows or not rows:
        raise ValueError(f"expected logits [{rows}, A] and value [{rows}], got {list(logits.shape)} and "
                         f"{list(np.shape(value))}, for {rows} rows, of which there must be one")
    totals = np.sum([_policy_sums(*part, columns) for part in _slices(logits)], axis=0)
    top1, top3, legal_mass, illegal_mass, entropy, confidence, cross_entropy = (totals / rows).tolist()
    v, z = np.asarray(value, np.float64), np.asarray(columns["outcome"], np.float64)
    edges = equal_width()
    floor, _ = noise_floor(v, z, columns["episode"], columns["ply"], bin_index(v, edges), seed=seed)
    return {
        "policy_top1_accuracy": top1,
        "policy_top3_accuracy": top3,
        "policy_legal_mass": legal_mass,
        "policy_entropy": entropy,
        "policy_ebf": exp(entropy),
        "policy_confidence": confidence,
        "policy_cross_entropy": cross_entropy,
        "loss_illegal_penalty": illegal_weight * illegal_mass,
        "value_mean": float(v.mean()),
        "value_std": float(v.std()),
        "value_extremity": float(np.abs(v).mean()),
        "value_calibration_error": calibration_error(v, z, edges),
        "value_calibration_floor": floor,
        "confidence_accuracy_win": _share(z[v > 0.5] > 0),
        "confidence_accuracy_loss": _share(z[v < -0.5] < 0),
        "measured_rows": float(rows),
        "measured_games": float(np.unique(columns["episode"]).size),
    }


def game_metrics(columns: Mapping[str, Array], game: Game | None = None) -> dict[str, float]:
    """What the rows tell of whole games; NaN where none of them tells it.

    avg_game_length: decisions of all seats, as far as the last row of each game shows: too few where the last ones were
    not recorded. draw_share: games with the outcome 0. first_seat_wins: share of games won by who decides first, of
    those whose first decision is there. opening_diversity: distinct openings of 5 turns per game, of the games whose
    openings are there; a turn lasts until another seat decides, which takes the `game` to tell, and one in which
    nothing is drawn or hidden.
    """
    order = np.lexsort((columns["ply"], columns["episode"]))
    ply, outcome, action = columns["ply"][order], columns["outcome"][order], columns["action"][order, 0]
    first = np.unique(columns["episode"][order], return_index=True)[1]
    spans = [slice(*ends) for ends in pairwise([*first.tolist(), len(order)])]
    begun = [span for span in spans if ply[span.start] == 0]
    openings = [] if game is None or game.stochastic or game.hidden else [
        opening for span in begun if (opening := _opening(game, ply[span], action[span])) is not None
    ]
    return {
        "avg_game_length": float(np.mean([ply[span.stop - 1] + 1 for span in spans])),
        "draw_share": float(np.mean([outcome[span.start] == 0 for span in spans])),
        "first_seat_wins": _share(np.array([outcome[span.start] > 0 for span in begun])),
        "opening_diversity": len(set(openings)) / len(openings) if openings else float("nan"),
    }


def _opening(game: Game, ply: Array, action: Array) -> tuple[int, ...] | None:
    """The actions of the first 5 turns, fewer where the game ends before; None if one of them is not there."""
    state, turns = game.new_state(), 0
    for number in range(len(ply)):
        if ply[number] != number:
            return None
        seat = state.to_act()
        state.apply(int(action[number]))
        turns += state.to_act() != seat
        if turns == OPENING_TURNS or state.is_terminal:
            return tuple(action[: number + 1].tolist())
    return None


def joined(chunks: Sequence[Chunk]) -> dict[str, Array]:
    """Columns of all rows of the chunks (layout "rows"), with games numbered anew so that producers do not mix."""
    if not chunks or any(chunk.header.layout != "rows" for chunk in chunks):
        raise ValueError(f"expected chunks in layout rows, got {[chunk.header.layout for chunk in chunks]}")
    columns = join([chunk.columns for chunk in chunks])
    producers = [chunk.header.producer for chunk in chunks]
    producer = np.repeat([producers.index(name) for name in producers], [chunk.header.rows for chunk in chunks])
    pairs = np.stack([producer, columns["episode"]], axis=1)
    columns["episode"] = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return columns


def _slices(logits: Array) -> Iterator[tuple[slice, Array]]:
    """Stretches of rows and their logits in float64."""
    step = max(1, SLICE_ENTRIES // logits.shape[1])
    for first in range(0, len(logits), step):
        rows = slice(first, first + step)
        yield rows, np.asarray(logits[rows], np.float64)


def _policy_sums(rows: slice, logits: Array, columns: Mapping[str, Array]) -> list[float]:
    """Sums over a stretch of rows, in the order in which `search_metrics` reads them."""
    n, actions = logits.shape
    legal = np.unpackbits(columns["legal"][rows], axis=1, count=actions, bitorder="little").astype(bool)
    target = np.zeros((n, actions))
    np.add.at(target, (np.arange(n)[:, None], columns["target_action"][rows]), columns["target_prob"][rows])

    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    p = np.clip(p / p.sum(axis=1, keepdims=True), LEAST, 1)
    p_legal = p * legal
    mass = p_legal.sum(axis=1)
    q = p_legal / (mass + LEAST)[:, None]

    taught = target.argmax(axis=1)
    of_taught = p_legal[np.arange(n), taught]
    before = np.arange(actions) < taught[:, None]
    rank = ((p_legal > of_taught[:, None]) | ((p_legal == of_taught[:, None]) & before)).sum(axis=1)

    # over the legal actions alone and without the clips, so that it is what a network can be trained to
    within = np.where(legal, logits, -np.inf)
    within -= within.max(axis=1, keepdims=True)
    log_q = within - np.log(np.exp(within).sum(axis=1, keepdims=True))
    cross_entropy = -(target * np.where(target > 0, log_q, 0)).sum()
    entropy = -(q * np.log(np.where(q > 1e-9, q, 1))).sum()
    return [
        float(total) for total in (
            (rank == 0).sum(), (rank < 3).sum(), mass.sum(), (p * ~legal).sum(), entropy, q.max(axis=1).sum(),
            cross_entropy,
        )
    ]


def _share(hits: Array) -> float:
    return float(hits.mean()) if hits.size else float("nan")
