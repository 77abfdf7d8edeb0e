"""`ludus replay`: a recorded game, played again and shown."""
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from serve.command_line import DEFAULT_RUNS_DIR, REFUSED, RunsDir, console, one_sentence
from serve.run_replays import UnknownReplayError, replay, replays

if TYPE_CHECKING:
    from league.episode import Episode
    from league.replay_record import Replay

app = typer.Typer(rich_markup_mode="markdown")


@app.command("replay")
def replay_command(
    target: Annotated[str, typer.Argument(metavar="RUN", help="A run, its folder, or a file of its folder replays.")],
    replay_id: Annotated[str | None, typer.Option("--id", help="Which one of the run [default: the newest].")] = None,
    tag: Annotated[
        str | None, typer.Option(help="The newest one with this tag: best_so_far, milestone:profit, ...")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List what there is.")] = False,
    svg: Annotated[Path | None, typer.Option(help="A folder for drawings, one per step.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Draw every n-th step only, and the last.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Play a recorded game again, step by step as it was recorded, and show it.

    ```
    ludus replay RUN                          the newest
    ludus replay RUN --tag best_so_far        the best
    ludus replay RUN --list                   all there are
    ludus replay RUN --svg frames --every 10  as drawings
    ludus replay a_file.jsonl.gz --json       all that the file holds
    ```

    Exit status: 0 it plays again as recorded, 1 it does not, 2 a mistake in the request.
    """
    with one_sentence():
        from league.replay_record import ReplayMismatch, read

        if listed:
            if Path(target).is_file():
                raise ValueError(f"--list needs a run, {target} is a file")
            _list(_run(target, runs_dir), tag, as_json)
            return
        path = _path(target, replay_id, tag, runs_dir)
        found = read(path)
        try:
            lines = _watch(found, svg, every)
        except ReplayMismatch as error:
            print(f"ludus: {path} does not play again as recorded: {error}", file=sys.stderr)
            raise typer.Exit(REFUSED) from None
    if as_json:
        print(json.dumps({"path": str(path), "header": found.header, "steps": found.steps, "summary": found.summary}))
    else:
        print("\n".join([f"{path}: {_title(found)}", *lines, _end(found)]))
        if svg is not None:
            print(f"drawings are in {svg}")


def _run(target: str, runs_dir: Path) -> Path:
    """Folder of a run. Raises ValueError."""
    for folder in (Path(target), runs_dir / target):
        if folder.is_dir():
            return folder
    raise ValueError(f"there is no run {target} in {runs_dir}, nor a file or folder of that name")


def _path(target: str, replay_id: str | None, tag: str | None, runs_dir: Path) -> Path:
    if Path(target).is_file():
        return Path(target)
    run = _run(target, runs_dir)
    if replay_id is not None:
        try:
            return run / str(replay(run, replay_id)["path"])
        except UnknownReplayError as error:
            raise ValueError(str(error)) from None
    entries = replays(run, [tag] if tag else [])
    if not entries:
        raise ValueError(f"{run} has no replay" + (f" with tag {tag}" if tag else ""))
    return run / str(entries[0]["path"])


def _list(run: Path, tag: str | None, as_json: bool) -> None:
    entries = replays(run, [tag] if tag else [])
    if as_json:
        print(json.dumps(entries, indent=2))
        return
    table = Table(box=SIMPLE)
    for column in ("replay", "opponent", "return", "length", "tags"):
        table.add_column(column, no_wrap=column == "replay")
    for entry in entries:
        tags = ", ".join(one for one in entry["tags"] if one != "every_window")
        table.add_row(entry["id"], entry["opponent"] or "", f"{entry['return']:.4g}", str(entry["length"]), tags)
    console().print(table)


def _watch(found: Replay, svg: Path | None, every: int) -> list[str]:
    """Plays it again, draws it, and returns a line per step. Raises ReplayMismatch."""
    from league.replay_record import again, drawing

    draw = drawing(found) if svg is not None else None
    lines, move = list[str](), ""
    for episode in again(found):
        number = episode.length
        if number:
            lines.append(f"{number:5}  {move}  {_rewards(found.steps[number - 1])}")
        if number < len(found.steps):
            move = _move(episode, found.steps[number])
        if draw is not None and svg is not None and (number % every == 0 or number == len(found.steps)):
            svg.mkdir(parents=True, exist_ok=True)
            (svg / f"{number:06d}.svg").write_text(draw(episode))
    return lines


def _move(episode: Episode, step: dict[str, Any]) -> str:
    """Who plays what next, in the game's own words where it has some for one seat at a time."""
    if step["seat"] is None:
        return f"all: {step['actions']}"
    action = step["actions"][0]
    if episode.state is not None and len(action) == 1:
        from envs import registry

        return f"seat {step['seat']}: {registry.notation(episode.game.name).action_to_text(episode.state, action[0])}"
    return f"seat {step['seat']}: {' '.join(map(str, action))}"


def _rewards(step: dict[str, Any]) -> str:
    return " ".join(f"{reward:g}" for reward in step["rewards"])


def _title(found: Replay) -> str:
    header = found.header
    who = "alone" if header["players"] == 1 else (
        "against itself" if header["opponent"] is None else f"in seat {header['seat']} against {header['opponent']}")
    return f"{header['game']}, policy version {header.get('policy_version')}, {who}, seed {header['seed']}"


def _end(found: Replay) -> str:
    summary = found.summary
    figures = ", ".join(f"{name} {value:.4g}" for name, value in summary["metrics"].items())
    returns = " ".join(f"{value:g}" for value in summary["returns"])
    how = "the end" if summary["terminal"] else "cut short"
    return f"return {returns} after {summary['length']} steps, {how}; {figures or 'no metrics'}; played again: the same"
