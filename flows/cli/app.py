"""The command line's frame: the application, shared options, output, and errors in one sentence."""

import json
import logging
import math
import os
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from importlib.metadata import version
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text
from typer.models import CommandInfo

from flows.cli.errors import find_cause
from genre_core.errors import StoreMissing, UsageError
from storage.extras import is_installed, require_extra
from tasks.logs import is_json, log_as_json
from tasks.terminal import ERR, OUT, announce

if TYPE_CHECKING:
    from flows.settings import Settings
    from storage.home import DataLayout

FAILURE, USAGE, STOPPED = 1, 2, 130
SHOWN_DIGITS = 12
"""Of a track's id."""

app = typer.Typer(
    name="genreflow",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

PANELS = {
    "Start": ("run", "classify", "web", "status", "ui", "demo-library"),
    "Library": (
        *(
            "check",
            "ingest",
            "extract",
            "suspects",
            "next",
            "conflicts",
            "decide",
            "import-labels",
            "similar",
            "sql",
        ),
        *("retry", "remove", "playlists", "export", "export-dataset", "tag", "untag"),
    ),
    "Models": (
        *("train", "compare", "audit", "promote", "golden", "explain", "serve"),
        *("export-model", "import-model"),
    ),
    "Nightly": ("schedule", "night", "nightly", "morning"),
    "Studies": ("benchmark", "curve", "sweep", "ladder", "kernels", "thesis-report", "reproduce"),
    "Care": ("doctor", "support-bundle", "backup", "restore", "tidy"),
}
"""The panels of ``genreflow --help`` and their commands, in the order shown."""
NEEDS = {
    "nightly": ("night", "nightly", "run", "ui"),
    "train": (
        *("audit", "benchmark", "curve", "demo-library", "explain", "export-dataset", "extract"),
        *("kernels", "ladder", "morning", "promote", "remove", "reproduce", "retry", "sweep"),
        *("thesis-report", "tidy", "train"),
    ),
}
"""The extras of pyproject.toml that commands need; all others do with the core."""

Home = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder of the library and its models. Default: GENREFLOW_HOME, or ./data."
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON document on standard output, nothing else there.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show what each step logs.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genreflow {version('genreflow')}")
        raise typer.Exit


@app.callback()
def shared_options(
    home: Home = None,
    _log_json: Annotated[
        bool,
        typer.Option(
            "--log-json", help="Write JSON lines to standard error: logs, errors; no progress bars."
        ),
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """Train, audit and use music-genre classifiers on your own library."""
    if home is not None:
        os.environ["GENREFLOW_HOME"] = str(home)


def arrange_commands() -> None:
    """Put every registered command into its panel, in the order of `PANELS`."""
    panels = {name: panel for panel, names in PANELS.items() for name in names}
    order = list(panels)
    for command in app.registered_commands:
        command.rich_help_panel = panels[command_name(command)]
        _mark_missing(command)
    app.registered_commands.sort(key=lambda command: order.index(command_name(command)))


def _mark_missing(command: CommandInfo) -> None:
    """Have a command whose extra is missing say so in its help, and do nothing else."""
    name, run = command_name(command), command.callback
    extra = extra_of(name)
    if not (extra and run) or is_installed(extra):
        return

    @wraps(run)
    def refuse(*_arguments: object, **_options: object) -> None:
        require_extra(extra, f"`genreflow {name}`")

    command.callback = refuse
    command.short_help = f"[needs {extra}] {(getdoc(run) or '').splitlines()[0]}"


def extra_of(command: str) -> str:
    """Return the extra that a command needs; empty if it does with the core."""
    return next((extra for extra, names in NEEDS.items() if command in names), "")


def command_name(command: CommandInfo) -> str:
    """Return the name of a command as it is typed."""
    return command.name or getattr(command.callback, "__name__", "").replace("_", "-")


def prepare_config(
    verbose: bool,
    *,
    check: "Callable[[Settings], None] | None" = None,
    writes: bool = True,
    maps: bool = False,
    recorded: bool = False,
    **options: object,
) -> "Settings":
    """Read the settings, prepare the environment, and choose how flows run; import nothing slow.

    Before anything is written, ``check`` refuses settings that do not suffice; by default those of
    a folder that is no home. A command that does not write into the home may do with one that is
    read-only. What is ``recorded``, or ``maps`` songs over a Dask cluster, runs under Prefect. A
    command that has more to prepare while the server starts is ``recorded``, and calls
    `settle_engine` before its flow.
    """
    from flows.cli.start import stop_on_signals
    from flows.engine import choose_engine, require_reachable
    from flows.environment import prepare_environment, set_environment
    from flows.settings import read_settings

    config = read_settings(**options)
    (check or require_home)(config)
    if maps:
        require_reachable(config.runner)
    announce(f"Working in {config.layout.home}")
    prepare = prepare_environment if writes else set_environment
    prepare(config.layout.home, verbose, config.device)
    choose_engine(config.layout, needs_prefect=recorded or (maps and config.runner.kind == "dask"))
    if not recorded:
        settle_engine(verbose)
    stop_on_signals()
    return config


def settle_engine(verbose: bool = False) -> None:
    """Wait for the server that was started, and let `main` report what is foreseen."""
    from flows.cli.errors import hush_foreseen_errors
    from flows.cli.start import keep_signals
    from flows.engine import await_server, is_direct
    from tasks.direct import log_to_terminal

    if is_direct():
        log_to_terminal(verbose=verbose)
    else:
        import prefect.main  # noqa: F401 - sets up the handlers that are hushed

        keep_signals()
        await_server()
    if is_json():
        log_as_json()  # in place of the handlers of Prefect
    hush_foreseen_errors()


def read_config(**options: object) -> "Settings":
    """Read the settings of a command that needs a home; refuse a folder that is none."""
    from flows.settings import read_settings

    config = read_settings(**options)
    require_home(config)
    return config


def require_home(config: "Settings") -> None:
    """Refuse settings of a folder that is no home."""
    require_store(config.layout)


def require_store(layout: "DataLayout") -> None:
    """Refuse a home that has no catalog, before one is made there."""
    if not layout.catalog.exists():
        raise StoreMissing(
            f"There is no store in {layout.home} yet. Name the right home with --home, or run "
            "`genreflow run` first."
        )


def print_json(document: object) -> None:
    """Write one JSON document on standard output; dates and ids as text, NaN as null."""
    plain = json.dumps(_plain(document), indent=2, ensure_ascii=False, default=str)
    sys.stdout.write(plain + "\n")


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(*sentences: str) -> None:
    """Print each sentence on a line of standard output, as it is."""
    for sentence in sentences:
        OUT.print(sentence, soft_wrap=True)


def complain(*sentences: str, code: str = "") -> None:
    """Print each sentence on standard error; a log of JSON has the code of an error, too."""
    for sentence in sentences:
        if is_json():
            logging.getLogger("genreflow").error("%s", sentence, extra={"code": code})
            continue
        ERR.print(Text("genreflow: ", style="red") + Text(sentence), soft_wrap=True)


def main() -> None:
    """Run the command line; the exit code is 0, 1 (failure), 2 (usage) or 130 (stopped)."""
    try:
        run_app()
    except SystemExit as end:
        if end.code == STOPPED:
            ERR.print("Stopped. What was finished is kept; run the same command again to resume.")
        raise
    except Exception as error:
        cause = find_cause(error)
        if cause is None:
            raise
        complain(str(cause), code=cause.code)
        sys.exit(USAGE if isinstance(cause, UsageError) else FAILURE)


def run_app() -> None:
    """Run the application; where logs are JSON, what is wrong with a command line is a record."""
    if not is_json():
        app()
        return
    try:
        ended = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(FAILURE)
    except typer.Exit as ended_early:
        sys.exit(ended_early.exit_code)
    except typer.exceptions.TyperException as refused:
        complain(refused.format_message(), code=UsageError.code)
        sys.exit(refused.exit_code)
    sys.exit(ended if isinstance(ended, int) else 0)
