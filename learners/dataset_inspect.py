"""What is in a dataset: how much, of which games, how decided the search was, and whether its values came true.

Letters: N rows, A actions.
"""
from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from learners.calibration import Sample, calibrate
from learners.dataset import Facts, check_game, load, read_facts
from learners.dataset_split import Columns
from native.game import Game

SHOWN_FAULTS = 20
RESAMPLES = 200     # of games, for the interval of the calibration error


def inspect(path: Path, game: Game) -> dict[str, Any]:
    """Plain figures of all usable rows; what is not known to the dataset is left out. Raises ValueError without any.

    Faults are counted, and the first of them quoted with file and line or row.
    """
    faults: list[str] = []
    columns = load(path, game, faults)
    facts = read_facts(check_game(path, game, [])[0])
    return {
        **dataclasses.asdict(facts),
        "files": len(check_game(path, game, [])),
        "bytes": sum(one.stat().st_size for one in check_game(path, game, [])),
        "faults": len(faults),
        "first_faults": faults[:SHOWN_FAULTS],
        **_size(columns),
        "actions": _histogram(columns, game.num_actions),
        **_policy(columns),
        **(_outcomes(columns) if "outcome" in facts.known else {}),
        **_search(columns, facts),
    }


def _size(columns: Columns) -> dict[str, Any]:
    rows = len(columns["outcome"])
    games = len(np.unique(columns["episode"]))
    seen = np.ascontiguousarray(columns["observation"]).reshape(rows, -1)
    distinct = len(np.unique(seen.view(np.dtype((np.void, seen.strides[0])))))
    return {"rows": rows, "games": games, "rows_per_game": rows / games, "distinct_observations": distinct / rows}


def _histogram(columns: Columns, num_actions: int) -> dict[int, float]:
    """Share of the rows in which each action was played, most frequent first; without those never played."""
    shares = np.bincount(columns["action"][:, 0], minlength=num_actions) / len(columns["action"])
    return {int(action): float(shares[action]) for action in np.argsort(-shares, kind="stable") if shares[action]}


def _policy(columns: Columns) -> dict[str, float]:
    prob = columns["target_prob"].astype(np.float64)
    legal = np.unpackbits(columns["legal"], axis=1).sum(axis=1)
    best = np.take_along_axis(columns["target_action"], prob.argmax(axis=1)[:, None], axis=1)
    return {
        "legal_actions": float(legal.mean()),
        "target_actions": float((prob > 0).sum(axis=1).mean()),
        "target_entropy": float(-(prob * np.log(np.where(prob > 0, prob, 1))).sum(axis=1).mean()),   # nats
        "played_the_best": float((columns["action"] == best).mean()),
    }


def _outcomes(columns: Columns) -> dict[str, Any]:
    """Outcomes of those who decide; of whoever begins, from the first decisions of the games."""
    outcome = columns["outcome"].astype(np.float64)
    first = outcome[columns["ply"] == 0]
    shares = {"won": (first > 0).mean(), "drawn": (first == 0).mean(), "lost": (first < 0).mean()} if first.size else {}
    return {
        "outcome_mean": float(outcome.mean()),
        "outcome_std": float(outcome.std()),
        "outcome_of_who_begins": {"mean": float(first.mean()), **{k: float(v) for k, v in shares.items()}}
        if first.size else None,
    }


def _search(columns: Columns, facts: Facts) -> dict[str, Any]:
    """Whether the values of the search came true; only where values are those of games won and lost."""
    if "root_value" not in facts.known:
        return {}
    root = columns["root_value"].astype(np.float64)
    figures: dict[str, Any] = {"root_value_mean": float(root.mean()), "root_value_std": float(root.std()),
                               "surprise_mean": float(columns["surprise"].mean())}
    if "outcome" in facts.known and np.abs(columns["outcome"]).max() <= 1:
        found = calibrate(Sample.of(root, columns), resamples=RESAMPLES)
        figures["root_value_calibration"] = {
            name: getattr(found, name)
            for name in ("error", "error_low", "error_high", "floor", "floor_p95", "bias", "mse")
        }
    return figures
