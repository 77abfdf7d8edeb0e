"""Logs of the arena as other programs write them, for tests of their import."""
from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any


def recorder_line(tick: int, **changes: Any) -> dict[str, Any]:
    """A tick of a player in sight of a friend, an enemy and an item."""
    line = {
        "tick_id": tick,
        "observation": {
            "self_state": {"position": [1.0 + tick, 2.0], "velocity": [5.0, -1.0], "hp": 80.0,
                           "cooldowns": {"fire": 0.1}, "ammo": 12},
            "zone_state": {"position": [0.5, -0.5], "radius": 50.0, "is_safe": True},
            "tick_id": tick,
            "visible_entities": [
                {"id": "p1", "position": [2.0, 2.0], "type": "friend", "hp": 60.0},
                {"id": "p2", "position": [1.0 + tick, 5.0], "type": "enemy", "hp": 40.0},
            ],
            "visible_items": [{"id": "i1", "position": [4.0 + tick, 6.0], "type": "health_pack"}],
        },
        "action": {"move_x": 1.0, "move_y": -0.2, "aim_x": 0.1, "aim_y": -1.0, "fire": True, "ability_id": None,
                   "interact": False},
        "reward": 0.25,
        "done": False,
    }
    return line | changes


def live_line(tick: int, **changes: Any) -> dict[str, Any]:
    """A tick of a live session that goes right and shoots."""
    line = {
        "ts": f"2026-02-01T10:00:{tick % 60:02d}", "mono": 12340.5 + tick, "bot_state": "in_match",
        "ui_state": {"canvas_visible": True, "play_visible": False, "character_visible": True},
        "action": "attack_click", "action_ok": True, "active_keys": ["KeyD", "MouseRight"],
        "ability_last": "Digit2", "cursor_probe": {"moves": 3 + tick, "visible": True}, "click_probe": {"click0": 4},
        "input_probe": {"keyDown": 5, "pointerMove": 6, "focusEvents": 7, "blurEvents": 8},
        "enemy_signal": {"detected": True}, "death": {"active": False},
    }
    return line | changes


def session_end(reason: str, dead: bool = False) -> dict[str, Any]:
    """The marker at the end of a session."""
    return {"event": "session_end", "ts": "2026-02-01T10:01:00", "run_stop_reason": reason, "death": {"active": dead}}


def text_of(*lines: Any) -> bytes:
    """Lines as a file holds them; bytes and texts as they are, all else as JSON."""
    encoded = (line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
               for line in lines)
    return b"".join(line + b"\n" for line in encoded)


def write(path: Path, *lines: Any) -> Path:
    """A file of these lines, gzipped if its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text_of(*lines)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path
