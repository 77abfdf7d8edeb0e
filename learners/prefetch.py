"""Stages the next batches in a thread of its own while the learner learns from the last one.

On a GPU the thread copies on a stream of its own. At most `AHEAD` batches are staged or being staged while one is
learned from, so that stagings which take `BUFFERS` pieces of memory in turn never overwrite what somebody still reads.
"""
from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Generic, TypeVar

import torch

from learners.chunk import Chunk

AHEAD = 2
BUFFERS = AHEAD + 1

TAKE_S = 0.25       # that the thread waits for a batch before it looks whether it shall end

Take = Callable[[float], tuple[Sequence[Chunk], str]]
"""Waits so many seconds at most for a batch; answers with it, or with nothing and why."""
Staged = TypeVar("Staged")


class InTurn(Generic[Staged]):
    """The same as `Prefetch` without a thread: batches are taken and staged when they are asked for."""

    def __init__(self, take: Take, stage: Callable[[Sequence[Chunk]], Staged]) -> None:
        self._take, self._stage = take, stage
        self.waited_s = 0.0     # in all calls of `next`, for somebody else to make a batch

    def next(self, timeout_s: float) -> tuple[Staged | None, str]:
        """See `Prefetch.next`."""
        began = time.monotonic()
        chunks, reason = self._take(timeout_s)
        self.waited_s += time.monotonic() - began
        return (self._stage(chunks) if chunks else None), reason

    def close(self) -> None:
        """There is nothing to end."""


class Prefetch(Generic[Staged]):
    """Batches from `take`, through `stage`, in the order in which they were taken; both run in the thread."""

    def __init__(self, take: Take, stage: Callable[[Sequence[Chunk]], Staged], device: torch.device) -> None:
        """device: of what `stage` returns."""
        self._take, self._stage, self._device = take, stage, device
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)    # type: ignore[no-untyped-call]
        self._changed = threading.Condition()
        # what follows is read and written with `_changed` held
        self._ready: deque[Staged] = deque()
        self._places = AHEAD
        self._reason = ""
        self._fault: Exception | None = None
        self._closed = False
        self.waited_s = 0.0     # in all calls of `next`
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
        self._thread.start()

    def next(self, timeout_s: float) -> tuple[Staged | None, str]:
        """The next staged batch; or, if there is none in time, None and why.

        What an earlier call returned may be overwritten from now on. Raises what `take` or `stage` has raised, after
        all batches before it, and RuntimeError after `close`.
        """
        began = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._fault or self._closed, timeout_s)
            self.waited_s += time.monotonic() - began
            if self._closed:
                raise RuntimeError("prefetch has been closed")
            if not self._ready:
                if self._fault is not None:
                    raise self._fault
                return None, self._reason
            staged = self._ready.popleft()
            self._places += 1
            self._changed.notify_all()
        if self._stream is not None:
            compute = torch.cuda.current_stream(self._device)
            for tensor in _tensors(staged):
                tensor.record_stream(compute)       # else freed memory is used again while `compute` still reads it
        return staged, ""

    def close(self) -> None:
        """Ends the thread, after what it has begun; may be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while self._place():
            try:
                chunks, reason = self._take(TAKE_S)
                made = self._staged(chunks) if chunks else None
            except Exception as fault:      # whatever it is, the learner's loop raises it
                with self._changed:
                    self._fault = fault
                    self._changed.notify_all()
                return
            with self._changed:
                self._reason = reason
                if made is None:
                    self._places += 1
                else:
                    self._ready.append(made)
                self._changed.notify_all()

    def _place(self) -> bool:
        """Waits for a place and takes it; False if there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._places or self._closed)
            self._places -= 1
            return not self._closed

    def _staged(self, chunks: Sequence[Chunk]) -> Staged:
        if self._stream is None:
            return self._stage(chunks)
        with torch.cuda.stream(self._stream):
            staged = self._stage(chunks)
            copied = torch.cuda.Event(blocking=True)    # type: ignore[no-untyped-call]
            copied.record()
        copied.synchronize()        # the learner's kernels need not wait, and host memory may be written again
        return staged


def _tensors(value: object) -> Iterator[torch.Tensor]:
    """All tensors in dataclasses and dictionaries, however deep."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _tensors(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _tensors(getattr(value, field.name))
