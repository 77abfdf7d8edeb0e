"""Feedback streams of live sessions, `feedback_stream.jsonl`: a line per tick, with markers in between

Lines with `event` are markers; of these the session's end tells the outcome. All others are ticks. Those without an
action are left out, and so are sessions of fewer than two ticks. The action is told from text and active keys, the
reward is 0.05 if it went well, else -0.05, also where nothing is said; the last tick's has the outcome added.
"""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from learners.importers.arena_manifest import outcome_of
from learners.importers.arena_schemas import LIVE, Step
from learners.importers.faults import Faults
from learners.importers.fields import Fields
from learners.importers.lines import read_objects

WENT_WELL = 0.05
FEWEST_TICKS = 2
MARKERS = ("session_start", "session_end", "feedback_video_rendered")
MOVES = {"KeyA": (-1, 0), "KeyD": (1, 0), "KeyW": (0, -1), "KeyS": (0, 1)}      # y grows downwards
WORDS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
ABILITIES = {"Digit1": 1, "Digit2": 2, "Digit3": 3, "KeyR": 4}
FIRE = re.compile("attack|fire")
INTERACT = re.compile("interact|loot|chest|cofre")
_WORD = re.compile("[A-Za-z0-9]+")


def action_of(text: str, keys: list[str], ability_last: str) -> list[float]:
    """The seven values of an action `[7]`: four axes, fire, ability id, interact."""
    words, lower = _WORD.findall(text), text.lower()
    moves = [move for key, move in MOVES.items() if key in words or key in keys]
    moves = moves or [move for word, move in WORDS.items() if word in _WORD.findall(lower)]
    fire = bool(FIRE.search(lower)) or "MouseRight" in keys
    ability = next((ABILITIES[one] for one in (ability_last, *keys, *words) if one in ABILITIES), 0)
    return [sum(x for x, _ in moves), sum(y for _, y in moves), fire, 0, fire, ability, bool(INTERACT.search(lower))]


class LiveLog:
    """Reads feedback streams; the counts are over all files that were read.

    outcomes: of the streams that a manifest tells of: 1, -1, or 0 where the session's end decides.
    """

    schema = LIVE

    def __init__(self, faults: Faults, outcomes: Mapping[Path, int]) -> None:
        self._faults, self._fields, self._outcomes = faults, Fields(), outcomes
        self._ended: Counter[str] = Counter()
        self._markers: Counter[str] = Counter()
        self._idle = self._short = self._unfinished = self._clipped = 0

    def steps(self, path: Path, on_bytes: Callable[[int], object]) -> Iterator[Step]:
        """The steps of one session; the last one carries the outcome. `faults` hears of damaged lines.

        `tick` numbers the sound ticks of the session from 0, those without an action included.
        """
        held: Step | None = None        # until another step comes, or the end
        outcome: int | None = None
        ticks = kept = damaged = 0
        for number, line in read_objects(path, self._faults, on_bytes):
            try:
                if line.get("event") is not None:
                    found = self._marker(line)
                    outcome = outcome if found is None else found
                    continue
                step = self._step(line, ticks)
            except ValueError as fault:
                self._faults.line(path, number, fault)
                continue
            ticks += 1
            if step is None:
                self._idle += 1
                continue
            step.follows, damaged = kept > 0 and damaged == self._faults.damaged, self._faults.damaged
            self._clipped += step.action[5] > 1
            kept += 1
            if held is not None:
                yield held
            held = step
        if held is None or kept < FEWEST_TICKS:
            self._short += 1
            return
        self._unfinished += outcome is None
        result = self._outcomes.get(path, 0) or outcome or 0
        self._ended[{1: "won", -1: "lost", 0: "unknown"}[result]] += 1
        held.reward, held.done = held.reward + result, True
        yield held

    def figures(self) -> dict[str, Any]:
        """What is noteworthy beside the steps."""
        return {
            "missing_fields": dict(self._fields.missing),       # without `action_ok` a step counts as gone wrong
            "outcomes": dict(self._ended),
            "outcomes_by_manifest": sum(outcome != 0 for outcome in self._outcomes.values()),
            "sessions_too_short": self._short,
            "sessions_without_end": self._unfinished,
            "ticks_without_action": self._idle,
            "abilities_clipped": self._clipped,     # ids above 1: there is one ability
            "markers": dict(self._markers),
        }

    def _marker(self, line: dict[str, Any]) -> int | None:
        """The outcome, if this is the end of a session."""
        fields = Fields()
        name = fields.text(line, "event")
        outcome = None
        if name == "session_end":
            outcome = outcome_of(fields.text(line, "run_stop_reason"))
            if outcome == 0 and fields.flag(fields.object(line, "death"), "active"):
                outcome = -1
        self._markers[name if name in MARKERS else "others"] += 1
        return outcome

    def _step(self, line: dict[str, Any], tick: int) -> Step | None:
        """The step of a tick, None without an action."""
        fields = self._fields
        if line.get("action") in (None, ""):
            return None
        keys, well = fields.texts(line, "active_keys"), fields.flag(line, "action_ok")
        ability = "" if line.get("ability_last") is None else fields.text(line, "ability_last")
        action = action_of(fields.text(line, "action"), keys, ability)
        observation = self._features(line, len(keys), well)
        return Step(observation, action, WENT_WELL if well else -WENT_WELL, False, tick, True)

    def _features(self, line: dict[str, Any], active_keys: int, went_well: bool) -> list[float]:
        """The 19 features of schema `live19`."""
        fields = self._fields
        state = fields.text(line, "bot_state").lower()
        shown, cursor = fields.object(line, "ui_state"), fields.object(line, "cursor_probe")
        inputs, clicks = fields.object(line, "input_probe"), fields.object(line, "click_probe")
        return [
            fields.number(line, "mono") % 1000 / 1000, "in_match" in state, "lobby" in state,
            fields.flag(shown, "canvas_visible"), went_well, active_keys, 0, 0, 0, 0,
            fields.number(inputs, "keyDown"), fields.number(inputs, "pointerMove"), fields.number(clicks, "click0"),
            fields.number(cursor, "moves"), fields.flag(cursor, "visible"), fields.number(inputs, "focusEvents"),
            fields.number(inputs, "blurEvents"), fields.flag(shown, "play_visible"),
            fields.flag(shown, "character_visible"),
        ]
