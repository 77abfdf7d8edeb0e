"""What is wrong with a config, in one sentence, out of what pydantic found."""
from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from learners.objective_config import OBJECTIVES
from learners.schedule import TAGS

EXPECTED = {        # in words of YAML; pydantic has those of Python
    "tuple_type": "expected a list in brackets",
    "list_type": "expected a list in brackets",
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
}


def fault(error: ValidationError, model: type[BaseModel], *within: str) -> str:
    """The first fault found in settings of `model`, which stand below the keys `within`."""
    first = error.errors(include_url=False)[0]
    where = ".".join([*within, *(str(part) for part in first["loc"] if part not in TAGS)])
    kind, message = first["type"], first["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]), _keys_beside(model, first["loc"]), n=1)
        return f"unknown key {where!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    if kind == "missing":
        return f"{where!r} is missing"
    if not where or kind == "value_error":
        return f"{where}: {message}" if where else message
    expected = EXPECTED.get(kind) or message[0].lower() + message[1:]
    if kind == "model_type" and len(first["loc"]) > 1 and first["loc"][-2] in OBJECTIVES:
        expected += ", a number or a schedule"
    return f"{where!r} is {first['input']!r}: {expected}"


def _keys_beside(model: Any, location: Sequence[int | str]) -> list[str]:
    """Keys that the section of a misplaced key has."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part)) if hasattr(model, "model_fields") else None
        model = field.annotation if field is not None else None
    return list(getattr(model, "model_fields", ()))
