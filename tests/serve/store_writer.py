"""A process that commits results until it is done or dies: `python -m tests.serve.store_writer PATH RUN FIRST LAST`.

Prints every match id after its commit has returned, so that whoever kills it knows what was acknowledged.
"""
from __future__ import annotations

import sys

from serve.run_store import SqliteRunStore


def main() -> None:
    """Commits matches FIRST to LAST - 1, each worth one game won against itself."""
    path, run_id, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    store = SqliteRunStore(path)
    for match in range(first, last):
        tally = {"player": "main", "opponent": "main", "seat": 0, "games": 1, "wins": 1, "draws": 0, "losses": 0,
                 "return_sum": 1.0, "length_sum": float(match)}
        store.commit_result(run_id, f"m{match}", {"match": match}, [tally])
        print(f"m{match}", flush=True)


if __name__ == "__main__":
    main()
