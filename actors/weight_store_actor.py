"""The weight store in a process of its own. Payloads are `[reference]`: a list, so that Ray passes it on unopened."""
from __future__ import annotations

import os

from actors.weight_store import WeightStore


class WeightStoreActor(WeightStore):
    """See `actors.weight_store`. Its content is lost when it restarts; the publisher fills it again."""

    def process(self) -> int:
        """Process id, for whoever supervises it."""
        return os.getpid()
