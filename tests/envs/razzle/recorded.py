"""Games that the original engine played: `tests/data/razzle.jsonl.gz`, with what it saw in `razzle_obs.jsonl.gz`."""
from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "data"


def games() -> Iterator[dict[str, Any]]:
    """500 games: `actions`, `legal` and `states` per ply, `winner`, `reason`, `n_actions`, `turns`."""
    with gzip.open(DATA / "razzle.jsonl.gz", "rt") as lines:
        yield from map(json.loads, lines)


def observations() -> Iterator[dict[str, Any]]:
    """The first 25 of them, by `seed`: per state `obs_nonzero`, the places of the ones among the first seven planes."""
    with gzip.open(DATA / "razzle_obs.jsonl.gz", "rt") as lines:
        yield from map(json.loads, lines)
