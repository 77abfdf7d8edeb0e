"""CartPole from the first step to a balanced pole, through the whole path of a run: play, replay, learner, evaluation.

`CONFIG/BACKEND`: configs/CONFIG.yaml as `ludus train` runs it, once for each of SEEDS.

frames/s: frames learned from per second of training, in which evaluations and checkpoints count and the start of Ray's
processes does not. `seconds_to_475`: seconds of training to the end of the second of two evaluations in a row, each of
100 greedy games on seeds of their own, with a mean return of 475 or more; null where the median seed did not get there.
`reached_475`: seeds that did. `final_return`: of the evaluation that ends a run.

Peers, where installed, for `SECONDS` each: see `tests/benchmarks/end_to_end_peers.py`. With
`python -m tests.benchmarks.end_to_end --peers-to-475` they train until they get to 475 themselves.
"""
from __future__ import annotations

import argparse
import json
import math
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from league.config import load_config
from league.run import train
from league.run_directory import WINDOWS, RunDirectory
from serve.run_store import SqliteRunStore
from tests.benchmarks.end_to_end_peers import measure_peers
from tests.benchmarks.measure import record

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ("cartpole_vtrace", "cartpole_ppo")
BACKENDS = ("ray", "local")
SEEDS = (1, 2, 3, 4, 5)
BALANCED = 475.0        # mean return that counts as solved: the threshold of Gymnasium's CartPole-v1


@dataclass(frozen=True)
class Outcome:
    """What one run came to."""

    frames_per_s: float
    seconds: float          # until balanced; infinite if it never was
    final_return: float


def run(peers: bool) -> Iterator[dict[str, object]]:
    """Records per config and backend over SEEDS, then those of the peers."""
    for backend in BACKENDS:
        for name in CONFIGS:
            yield from summary(f"{name}/{backend}", [train_once(name, backend, seed) for seed in SEEDS])
    if peers:
        yield from measure_peers(to_475=False)


def train_once(name: str, backend: str, seed: int, *changes: str) -> Outcome:
    """Trains a shipped config, with more settings changed, in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="ludus-") as text:
        folder = Path(text)
        config = load_config(ROOT / "configs" / f"{name}.yaml", [
            f"seed={seed}", f"backend={backend}", f"cluster.temp_dir={folder / 'ray'}", *changes])
        store = SqliteRunStore(folder / "ludus.sqlite")
        store.create("bench", folder / "bench", config.model_dump(mode="json"), False)
        evaluations: list[dict[str, Any]] = []

        def hear(event: dict[str, Any]) -> None:
            if event["kind"] == "evaluation":
                evaluations.append(event)

        train(config, run_id="bench", directory=folder / "bench", store=store, resume=False, emit=hear,
              interrupt=threading.Event())
        last = RunDirectory(folder / "bench").rows(WINDOWS)[-1]
        store.close()
    curve = [(float(one["elapsed_s"]), float(one["results"][0]["mean_return"])) for one in evaluations]
    return Outcome(last["step"] / last["elapsed_s"], seconds_to(curve), curve[-1][1])


def seconds_to(curve: Sequence[tuple[float, float]]) -> float:
    """When, in (seconds, mean return), the second of two in a row was balanced; infinite if it never was."""
    return next((when for (_, one), (when, other) in pairwise(curve) if min(one, other) >= BALANCED), math.inf)


def summary(case: str, outcomes: Sequence[Outcome]) -> Iterator[dict[str, object]]:
    """The records of one case. Infinite seconds are null, which JSON has."""
    yield record("end_to_end", case, [one.frames_per_s for one in outcomes], "frames/s")
    seconds = record("end_to_end", f"{case}/seconds_to_475", [one.seconds for one in outcomes], "s")
    yield {name: None if value == math.inf else value for name, value in seconds.items()}
    reached = sum(math.isfinite(one.seconds) for one in outcomes)
    yield record("end_to_end", f"{case}/reached_475", [reached], f"of {len(outcomes)} seeds")
    yield record("end_to_end", f"{case}/final_return", [one.final_return for one in outcomes], "return")


def main() -> None:
    """The peers alone, until each gets to 475 or takes too long."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--peers-to-475", action="store_true", required=True, help="train each peer until it balances")
    parser.parse_args()
    for one in measure_peers(to_475=True):
        print(json.dumps(one), flush=True)


if __name__ == "__main__":
    main()
