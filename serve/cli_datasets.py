"""`ludus dataset`: make, bring in and look at datasets."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from serve.command_line import DEFAULT_RUNS_DIR, RunsDir, console, one_sentence
from serve.interruption import INTERRUPTED

if TYPE_CHECKING:
    from league.config import RunConfig
    from learners.importers.arena import Logs
    from native.game import Game

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""
Make, bring in and look at datasets: decisions with what a search, or a player, made of them.

```
ludus dataset generate --game connect_four --decisions 50000 --simulations 200 --out c4.parquet
ludus dataset generate configs/connect_four.yaml --model runs/RUN --out next.parquet
ludus dataset generate --game beasty_bar --bot outcome_heuristic --decisions 200000 --out bot.parquet
ludus dataset import games.jsonl games.parquet --game connect_four
ludus dataset import logs --data-dir data/processed --feedback-dir reports/feedback_training
ludus dataset inspect c4.parquet
```

A dataset is one file, `.parquet` or `.jsonl`, or a folder of such files.
""",
)

SHOWN_ACTIONS = 10
SHOWN_FAULTS = 20


class Format(StrEnum):
    """What `ludus dataset import` reads."""

    auto = "auto"
    rows = "rows"
    games = "games"
    decisions = "decisions"
    recorder = "recorder"
    live = "live"


LOGS = (Format.recorder, Format.live)


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
    bot: Annotated[str | None, typer.Option(help="A scripted player to record, in place of searches.")] = None,
    opponents: Annotated[
        str | None,
        typer.Option(help="Scripted players that --bot plays against, divided by commas [default: itself]."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of all games [default: the config's].")] = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Play against oneself with search, or let a scripted player play, and write down every decision.

    Of a scripted player nothing is known but what it played and how the games ended: data for `ludus imitate`.

    Ctrl-C keeps the finished parts: the same command goes on after them.

    Exit status: 0 done, 2 a mistake in the request, 130 interrupted.
    """
    with one_sentence():
        settings = _settings(config, list(overrides or []), game)
        if opponents is not None and bot is None:
            raise ValueError(f"--opponents {opponents} needs --bot: who plays against them?")
        if bot is not None and (model is not None or rollouts or simulations is not None):
            raise ValueError(f"--bot {bot} does not search: --model, --rollouts and --simulations are not for it")
        if model is not None and rollouts:
            raise ValueError("--model and --rollouts exclude each other: one of them guides the search")
        if model is not None and not model.exists():
            model = runs_dir / model
        try:
            seed = settings.seed if seed is None else seed
            if bot is not None:
                rows = _record(settings, out, decisions, bot, _names(opponents), seed)
            else:
                rows = _generate(settings, out, decisions, simulations, model, seed)
        except KeyboardInterrupt:
            console().print(f"interrupted; what is finished is in {out}.parts, and the same command goes on after it")
            raise typer.Exit(INTERRUPTED) from None
    console().print(f"{rows} decisions in {out}")


@app.command("import")
def import_command(
    paths: Annotated[list[Path], typer.Argument(
        metavar="[IN] OUT",
        help="A dataset, lines of JSON or logs; and where to: NAME.parquet, NAME.jsonl or, for logs, a folder.",
    )],
    game: Annotated[str | None, typer.Option(help="The game; logs are of arena.")] = None,
    options: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the game.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="What IN is; auto: told by names and the first line.")
    ] = Format.auto,
    skip: Annotated[bool, typer.Option("--skip-faults", help="Leave out what cannot be used, and count it.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="Recorder trajectories of the arena, in place of IN: data/processed.")
    ] = None,
    feedback_dir: Annotated[
        Path | None, typer.Option(help="Live feedback streams, in place of IN: reports/feedback_training.")
    ] = None,
    reports_live_dir: Annotated[
        Path | None, typer.Option(help="Manifests that tell how live sessions ended: reports/live.")
    ] = None,
) -> None:
    """Check data of other origin and write it as a dataset.

    Formats: **rows**, what `generate` writes. **games**, a line of JSON per game: `{"moves": [3, 3, 2], "result": 1}`.
    **decisions**, a line per decision: `{"moves": [3, 3], "action": 2}`: what was played after these moves.
    Moves are action numbers or texts in the game's notation. "result" is the return of seat 0, or of all seats; it may
    be missing where the moves end the game. "seed" (0) is of the game's chance. What was played is the whole policy.

    The first fault, an illegal action for example, ends the import with its line; nothing is written then.

    Logs of the arena: **recorder**, trajectories `*.jsonl.gz`, and **live**, `feedback_stream.jsonl`; of several kinds
    by `--data-dir`, `--feedback-dir` and `--reports-live-dir`. They become steps for imitation, a file per schema
    (`arena19.parquet`, `live19.parquet` in the folder OUT). Corrupt lines are left out and counted.
    """
    faults: list[str] = []
    with one_sentence():
        if len(paths) > 2:
            raise ValueError(f"{len(paths)} paths are given, expected IN and OUT")
        out, source = paths[-1], paths[0] if len(paths) == 2 else None
        logs = _logs(source, form, game, data_dir, feedback_dir, reports_live_dir)
        if logs is not None:
            if options:
                raise ValueError(f"--option {options[0]} is not for logs: their game has its own options")
            _import_logs(logs, out)
            return
        if source is None:
            raise ValueError("one path is given, expected IN and OUT")
        if game is None:
            raise ValueError("--game is missing: which game is this of?")
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

    Faulty lines, rows and files are left out and counted, and the first ones quoted. Of steps, by schema: actions of
    every head, ranges of rewards and features, and what was left out when they were imported.
    """
    with one_sentence():
        from learners.importers.inspect import inspect as figures_of_steps
        from learners.importers.steps import is_steps

        if is_steps(path):
            found = figures_of_steps(path)
            print(json.dumps(found, indent=2) if as_json else _as_yaml(found), end="\n" if as_json else "")
            return
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
    print(_as_yaml(figures), end="")


def _as_yaml(figures: dict[str, Any]) -> str:
    return yaml.safe_dump(_rounded(figures), sort_keys=False, width=120, default_flow_style=None)


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


def _logs(
    source: Path | None, form: Format, game: str | None, recorder: Path | None, live: Path | None,
    manifests: Path | None,
) -> Logs | None:
    """The logs that are meant, None if something else is. Raises ValueError for what does not fit together."""
    from learners.importers.arena import Logs, detect

    named = recorder is not None or live is not None
    if source is not None:
        if form is Format.auto and game in (None, "arena") and source.exists():
            form = Format(detect(source) or form)
            if form is Format.auto and source.is_dir() and any(source.rglob("*.jsonl.gz")):
                raise ValueError(f"{source} holds logs of both kinds, or of neither: say --format recorder or live, or "
                                 "name both by --data-dir and --feedback-dir")
        if named:
            raise ValueError(f"{source} is one path too many: --data-dir and --feedback-dir say what to import")
        recorder, live = source if form is Format.recorder else None, source if form is Format.live else None
    if not named and form not in LOGS:
        if manifests is not None:
            raise ValueError(f"--reports-live-dir {manifests} is for live streams: name them by --feedback-dir")
        return None
    if source is None and not named:
        raise ValueError("one path is given, expected IN and OUT")
    if game not in (None, "arena"):
        raise ValueError(f"these logs are of arena, not of {game}")
    return Logs(recorder, live, manifests)


def _import_logs(logs: Logs, out: Path) -> None:
    from learners.importers.arena import import_logs, size_of

    columns = (TextColumn("bytes"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    try:
        with _progress(columns, size_of(logs)) as advance:
            reports = import_logs(logs, out, advance)
    except KeyboardInterrupt:
        console().print("interrupted; nothing is written")
        raise typer.Exit(INTERRUPTED) from None
    for schema, report in reports.items():
        faults = report.pop("first_faults")
        where = out if out.is_file() else out / f"{schema}.parquet"
        console().print(f"{report['rows']} steps in {where}" if report["rows"] else f"no step of {schema}")
        print(_as_yaml(report), end="")
        for fault in faults[:SHOWN_FAULTS]:
            console().print(f"  {fault}", markup=False, highlight=False, soft_wrap=True)
        if len(faults) > SHOWN_FAULTS:
            console().print(f"  and more: ludus dataset inspect {where}", markup=False, highlight=False)


@contextmanager
def _progress(columns: tuple[ProgressColumn, ...], total: int) -> Iterator[Callable[[int], object]]:
    with Progress(*columns, console=console(), transient=True) as progress:
        task = progress.add_task("import", total=total)
        yield lambda count: progress.advance(task, count)


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


def _record(
    settings: RunConfig, out: Path, decisions: int, bot: str, opponents: tuple[str, ...], seed: int
) -> int:
    from league.generation import generate
    from league.recording import KNOWN, Recorder, check_players, how

    game, play = settings.make_game(), settings.self_play_settings()
    check_players(game, bot, opponents)
    with _bar(decisions) as advance:
        return generate(game, lambda: Recorder(game, bot, opponents, play, seed), out, how(play, seed, bot, opponents),
                        decisions, on_chunk=advance, known=KNOWN)


def _names(listed: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (listed or "").split(",") if name.strip())


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
