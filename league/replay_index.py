"""`replay_index.json`: the replays of a run, the oldest first, and what makes each worth a look."""
from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from league.run_directory import RunDirectory
from native.game import Game

INDEX, FOLDER = "replay_index.json", "replays"
FORMAT = 1
EVERY_WINDOW, BEST_SO_FAR, MILESTONE = "every_window", "best_so_far", "milestone"
RETURN = "return"
ALIASES = {"profit": "net_profit"}      # names of milestones that are not those of the metric
OF_WHOLE_GAMES = ("survival",)          # a game that was cut short tells nothing of these


class ReplayIndex:
    """The index as it stands on disk, whose files all exist; each change replaces it whole."""

    def __init__(self, directory: RunDirectory, run_id: str) -> None:
        self._directory, self._run_id = directory, run_id
        self.entries: list[dict[str, Any]] = (directory.read_json(INDEX) or {}).get("replays", [])

    def add(self, entry: dict[str, Any], milestones: Mapping[str, Sequence[float]], keep: int | None) -> dict[str, Any]:
        """Adds a replay whose file is written; returns its entry with tags. `keep`: newest that stay, None: all."""
        earlier = [one for one in self.entries if one["id"] != entry["id"]]     # that of a former life, if there is one
        tagged = {**entry, "tags": tags(entry, earlier, milestones)}
        entries = [*earlier, tagged]
        old = entries[:-keep] if keep is not None else []
        gone = [one for one in old if one["tags"] == [EVERY_WINDOW]]
        self._replace([one for one in entries if one not in gone])
        for one in gone:
            self._directory.remove(one["path"])
        return tagged

    def rewind(self, ids: Collection[str]) -> None:
        """Forgets all but these, and removes files that no entry names."""
        self._replace([
            entry for entry in self.entries
            if entry["id"] in ids and (self._directory.path / entry["path"]).is_file()
        ])
        known = {entry["path"] for entry in self.entries}
        for path in (self._directory.path / FOLDER).glob("*"):
            if f"{FOLDER}/{path.name}" not in known:
                path.unlink()

    def _replace(self, entries: list[dict[str, Any]]) -> None:
        if entries or (self._directory.path / INDEX).is_file():
            self._directory.write_json(
                INDEX, {"format": FORMAT, "run_id": self._run_id, "updated": time.time(), "replays": entries})
        self.entries = entries
        self._directory.update_metadata(
            latest_replay=entries[-1]["path"] if entries else None, replay_index_path=INDEX if entries else None)


def tags(
    entry: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]], milestones: Mapping[str, Sequence[float]]
) -> list[str]:
    """What is to be said of a replay after `earlier` ones of its run.

    every_window: of all. best_so_far: no earlier one has as high a return. milestone:NAME:THRESHOLD for every threshold
    that its return, or the game's metric of that name, has reached.
    """
    found = [EVERY_WINDOW]
    if all(entry["return"] > one["return"] for one in earlier):
        found.append(BEST_SO_FAR)
    for name, thresholds in milestones.items():
        value = entry["return"] if name == RETURN else entry["metrics"].get(ALIASES.get(name, name))
        if value is None or (name in OF_WHOLE_GAMES and entry["cut"]):
            continue
        found += [f"{MILESTONE}:{name}:{threshold:g}" for threshold in thresholds if value >= threshold]
    return found


def check_milestones(milestones: Mapping[str, Sequence[float]], game: Game) -> None:
    """Raises ValueError for a name that no game would know."""
    known = (RETURN, *ALIASES, *OF_WHOLE_GAMES, *game.metric_names)
    for name in milestones:
        if name not in known:
            raise ValueError(f"evaluation.milestones has {name!r}, expected some of {', '.join(dict.fromkeys(known))}")
