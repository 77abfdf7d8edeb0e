"""Calls between actors that outlast the restart of whoever is asked."""
from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import ray
from ray.exceptions import RayActorError

from actors.match import Match, MatchResult
from actors.rollout import Weights

PATIENCE_S = 60.0
"""How long a caller waits for an actor that is being restarted."""

BORN_DEAD = "creation task"
"""In Ray's words about an actor whose constructor raised: starting it again would raise again."""

FRESH_S = 0.05
"""How long a worker waits to hear whether there are newer weights; a late answer serves its next look."""

MAX_UNACKNOWLEDGED = 8
"""Reports a worker sends ahead of their acknowledgement; more would be lost with it."""


def ask(
    what: str,
    call: Callable[[], Any],
    *,
    begun: Any = None,
    accept: Callable[[Any], bool] = lambda answer: True,
) -> Any:
    """The answer of a remote call, asked again while its actor restarts or `accept` refuses what it says.

    `begun`: the reference of such a call made earlier, waited for first. Only for calls that may be made twice.
    Raises TimeoutError after `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    pause = 0.05
    while True:
        try:
            answer = ray.get(begun if begun is not None else call())
            if accept(answer):
                return answer
            reason = "it has no answer yet"
        except RayActorError as error:
            if BORN_DEAD in str(error):
                raise RuntimeError(f"{what}: {str(error).strip().splitlines()[-1]}") from error
            reason = str(error).splitlines()[0]
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not succeed for {PATIENCE_S:.0f} s: {reason}")
        begun = None
        time.sleep(pause)
        pause = min(2 * pause, 1.0)


class RemoteCoordination:
    """The coordinator as a worker sees it; the worker plays on while it answers.

    The next match is asked for ahead of time. A report is repeated until it is acknowledged; the coordinator counts
    it once.
    """

    def __init__(self, coordinator: Any) -> None:
        self._coordinator = coordinator
        self._ahead: Any = None
        self._unacknowledged: deque[tuple[MatchResult, Any]] = deque()

    def assign(self, worker: str) -> Match:
        first, self._ahead = self._ahead, None
        match: Match = ask("asking for a match", lambda: self._coordinator.assign.remote(worker), begun=first)
        self._ahead = self._coordinator.assign.remote(worker)
        return match

    def report(self, result: MatchResult) -> None:
        while self._unacknowledged and _is_ready(self._unacknowledged[0][1]):
            self._acknowledge(*self._unacknowledged.popleft())
        if len(self._unacknowledged) >= MAX_UNACKNOWLEDGED:
            self._acknowledge(*self._unacknowledged.popleft())
        self._unacknowledged.append((result, self._coordinator.report.remote(result)))

    def _acknowledge(self, result: MatchResult, answer: Any) -> None:
        ask(f"reporting match {result.match_id}", lambda: self._coordinator.report.remote(result), begun=answer)


class RemoteWeights:
    """The weight store as a worker sees it: what acts is what is newest when the worker looks.

    A store that has just been restarted is filled again by the learner; until then a worker keeps what it has.
    """

    def __init__(self, weight_store: Any) -> None:
        self._weight_store = weight_store
        self._asked: dict[str, Any] = {}

    def pull(self, policy: str, have: int) -> tuple[int, Weights] | None:
        if have < 0:
            return _fetched(ask(
                f"pulling the weights of {policy!r}",
                lambda: self._weight_store.pull.remote(policy, have),
                accept=lambda pulled: pulled is not None,
            ))
        asked = self._asked.pop(policy, None)
        if asked is None:
            asked = self._weight_store.pull.remote(policy, have)
        if not _is_ready(asked, FRESH_S):
            self._asked[policy] = asked
            return None
        return _fetched(_unless_restarting(asked))


def _fetched(answer: Any) -> tuple[int, Weights] | None:
    """What a weight store's answer refers to."""
    if answer is None:
        return None
    version, (reference,) = answer
    return version, ray.get(reference)


def _is_ready(answer: Any, patience_s: float = 0.0) -> bool:
    ready, _ = ray.wait([answer], timeout=patience_s)
    return bool(ready)


def _unless_restarting(answer: Any) -> Any:
    try:
        return ray.get(answer)
    except RayActorError:
        return None
