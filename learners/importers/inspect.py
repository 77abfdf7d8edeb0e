"""What is in a dataset of steps, counted anew from its rows, beside the report of its import"""
from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from learners.importers.steps import of_schema, read, read_facts, read_report, schemas
from learners.importers.tally import Tally


def inspect(path: Path) -> dict[str, Any]:
    """Plain figures by schema. Raises ValueError for what cannot be read."""
    found: dict[str, Any] = {}
    for schema in schemas(path):
        files = of_schema(path, schema)
        facts = read_facts(files[0])
        tally = Tally(facts)
        for one in files:
            for columns in read(one, schema):
                tally.add(columns)
        figures = tally.figures()
        reports = [read_report(one) for one in files]
        found[schema] = {
            **{key: value for key, value in dataclasses.asdict(facts).items() if key not in ("schema", "observation")},
            "files": len(files),
            "bytes": sum(one.stat().st_size for one in files),
            **figures,
            # Of how the files were made, what the rows themselves do not tell.
            "imports": [{key: value for key, value in report.items() if key not in figures} for report in reports],
        }
    return found
