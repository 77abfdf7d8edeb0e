"""When a table may take an insert and when it may give a sample, so that items are used neither too often nor too late.

The inequalities are Reverb's (Cassirer et al. 2021, arXiv:2102.04736, section 3.4): with `error` the difference
`inserts * samples_per_insert - samples`, inserts wait while it would pass `max_diff`, samples while it would fall
below `min_diff`; while fewer than `min_size` items are in the table, inserts never wait and samples always do.
"""
from __future__ import annotations


class RateLimiter:
    """Counts inserts and samples of items and says whether another is allowed.

    Raises ValueError if the allowed band of `error` is so narrow that both sides could wait for each other.
    """

    def __init__(
        self, *, samples_per_insert: float, min_size: int, min_diff: float, max_diff: float, batch: int
    ) -> None:
        width = 2 * max(batch, samples_per_insert)
        if max_diff - min_diff < width:
            raise ValueError(
                f"a limiter between {min_diff} and {max_diff} would block both sides: batches of {batch} at "
                f"{samples_per_insert} samples per insert need a width of at least {width}"
            )
        self.samples_per_insert, self.min_size = samples_per_insert, min_size
        self.min_diff, self.max_diff = min_diff, max_diff
        self.inserts = 0
        self.samples = 0

    @property
    def error(self) -> float:
        """How far inserts run ahead of samples, in samples."""
        return self.inserts * self.samples_per_insert - self.samples

    def can_insert(self, size: int) -> bool:
        """Whether one more item may go into a table that holds `size`."""
        return size < self.min_size or self.error + self.samples_per_insert <= self.max_diff

    def can_sample(self, count: int, size: int) -> bool:
        """Whether `count` items may be sampled from a table that holds `size`."""
        return size >= self.min_size and self.error - count >= self.min_diff
