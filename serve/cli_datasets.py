"""`ludus dataset`: make, bring in and look at datasets of searched decisions."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from serve.command_line import DEFAULT_RUNS_DIR, RunsDir, console, one_sentence
from serve.interruption import INTERRUPTED

if TYPE_CHECKING:
    from league.config import RunConfig
    from native.game import Game

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""
Make, bring in and look at datasets: decisions with what a search, or a player, made of them.

```
ludus dataset generate --game connect_four --decisions 50000 --simulations 200 --out c4.parquet
ludus dataset generate configs/connect_four.yaml --model runs/RUN --out next.parquet
ludus dataset import games.jsonl games.parquet --game connect_four
ludus dataset inspect c4.parquet
```

A dataset is one file, `.parquet` or `.jsonl`, or a folder of such files.
""",
)

SHOWN_ACTIONS = 10


class Format(StrEnum):
    """What `ludus dataset import` reads."""

    auto = "auto"
    rows = "rows"
    games = "games"
    decisions = "decisions"


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Where to: NAME.parquet or NAME.jsonl; NAME.parts is beside it meanwhile.")],
    config: Annotated[str | None, typer.Argument(help="A config with game and section self_play.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings to change, such as self_play.games=64."),
    ] = None,
    game: Annotated[str | None, typer.Option(help="A game, in place of a config.")] = None,
    decisions: Annotated[int, typer.Option(min=1, help="At least so many; whole games make it a few more.")] = 10_000,
    simulations: Annotated[
        int | None, typer.Option(min=1, help="Per decision [default: self_play.simulations].")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A run, or the folder of a checkpoint, whose network guides the search.")
    ] = None,
    rollouts: Annotated[
        bool, typer.Option("--rollouts", help="Random play guides the search, as it does without --model.")
    ] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Of all games [default: the config's].")] = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Play against oneself with search and write down every decision.

    Ctrl-C keeps the finished parts: the same command goes on after them.

    Exit status: 0 done, 2 a mistake in the request, 130 interrupted.
    """
    with one_sentence():
        settings = _settings(config, list(overrides or []), game)
        if model is not None and rollouts:
            raise ValueError("--model and --rollouts exclude each other: one of them guides the search")
        if model is not None and not model.exists():
            model = runs_dir / model
        try:
            rows = _generate(settings, out, decisions, simulations, model, settings.seed if seed is None else seed)
        except KeyboardInterrupt:
            console().print(f"interrupted; what is finished is in {out}.parts, and the same command goes on after it")
            raise typer.Exit(INTERRUPTED) from None
    console().print(f"{rows} decisions in {out}")


@app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A dataset, or lines of JSON.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Where to: NAME.parquet or NAME.jsonl.")],
    game: Annotated[str, typer.Option(help="The game.")],
    options: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the game.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="What IN is; auto: told by its name and first line.")
    ] = Format.auto,
    skip: Annotated[bool, typer.Option("--skip-faults", help="Leave out what cannot be used, and count it.")] = False,
) -> None:
    """Check data of other origin and write it as a dataset.

    Formats: **rows**, what `generate` writes. **games**, a line of JSON per game: `{"moves": [3, 3, 2], "result": 1}`.
    **decisions**, a line per decision: `{"moves": [3, 3], "action": 2}`: what was played after these moves.
    Moves are action numbers or texts in the game's notation. "result" is the return of seat 0, or of all seats; it may
    be missing where the moves end the game. "seed" (0) is of the game's chance. What was played is the whole policy.

    The first fault, an illegal action for example, ends the import with its line; nothing is written then.
    """
    faults: list[str] = []
    with one_sentence():
        rows = _import(source, out, _game(game, options or []), form, faults if skip else None)
    console().print(f"{rows} decisions in {out}" + (f"; {len(faults)} faults left out:" if faults else ""))
    for fault in faults:
        console().print(f"  {fault}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="A dataset.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every action.")] = False,
) -> None:
    """Rows, games, actions, how decided the search was, outcomes, and whether the search's values came true.

    Faulty lines, rows and files are left out and counted, and the first ones quoted.
    """
    with one_sentence():
        from envs import registry
        from learners.dataset import files, read_facts
        from learners.dataset_inspect import inspect as figures_of

        facts = read_facts(_first_readable(files(path)))
        figures = figures_of(path, registry.make(facts.game, **facts.options))
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    actions = figures["actions"]
    figures["actions"] = {action: actions[action] for action in list(actions)[:SHOWN_ACTIONS]}
    if len(actions) > SHOWN_ACTIONS:
        figures["actions"]["others"] = sum(list(actions.values())[SHOWN_ACTIONS:])
    print(yaml.safe_dump(_rounded(figures), sort_keys=False, width=120), end="")


def _first_readable(paths: list[Path]) -> Path:
    from learners.dataset import read_facts

    for path in paths:
        try:
            read_facts(path)
        except ValueError:
            continue
        return path
    return paths[0]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _settings(config: str | None, changes: list[str], game: str | None) -> RunConfig:
    from league.config import load_config, parse_config

    if config is not None and "=" in config and not Path(config).exists():
        changes, config = [config, *changes], None
    if (config is None) == (game is None):
        raise ValueError("give either a config or --game")
    if config is not None:
        return load_config(config, changes)
    if changes:
        raise ValueError(f"{changes[0]} needs a config to change: with --game there is none")
    return parse_config({"game": game, "evaluation": {"opponents": []}}, "--game")


def _game(name: str, options: list[str]) -> Game:
    from envs import registry

    chosen = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals:
            raise ValueError(f"option {option!r} is not of the form KEY=VALUE")
        chosen[key] = yaml.safe_load(text)
    return registry.make(name, **chosen)


def _generate(
    settings: RunConfig, out: Path, decisions: int, simulations: int | None, model: Path | None, seed: int
) -> int:
    from league.generation import Prior, generate, how, self_play_worker

    game, play, prior = settings.make_game(), settings.self_play_settings(), None
    if simulations is not None:
        play = play.model_copy(update={"simulations": simulations})
    if model is not None:
        from learners.model import load_model

        found = load_model(model)
        if found.game != game:
            raise ValueError(f"{model} is of {found.game!r}, expected {game!r}")
        prior = Prior(found.network, found.weights, int(found.facts["version"]))
    with _bar(decisions) as advance:
        return generate(game, lambda: self_play_worker(game, play, seed, prior), out, how(play, seed, prior), decisions,
                        on_chunk=advance)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], object]]:
    columns = (TextColumn("decisions"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(), transient=True) as progress:
        task = progress.add_task("decisions", total=total)
        yield lambda rows: progress.update(task, completed=min(rows, total))


def _import(source: Path, out: Path, game: Game, form: Format, faults: list[str] | None) -> int:
    from learners.dataset_import import import_dataset

    if out.exists():
        raise ValueError(f"{out} exists: remove it or choose another name")
    return import_dataset(source, out, game, None if form is Format.auto else form.value, faults)
