"""A frozen, closed group of settings: a misspelt key is an error that names it."""
from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings that cannot be changed or extended once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
