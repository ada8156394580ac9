"""The command line's frame: the application, shared options, and how errors are told."""

import json
import math
import os
import sys
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text
from typer.models import CommandInfo

from genre_core.errors import GenreflowError, UsageError

FAILURE, USAGE = 1, 2
OUT = Console()
ERR = Console(stderr=True)

app = typer.Typer(
    name="genreflow",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

PANELS = {
    "Start": ("run", "classify", "status", "ui", "demo-library"),
    "Library": (
        *("ingest", "extract", "suspects", "next", "conflicts", "decide", "similar", "sql"),
        *("retry", "remove"),
    ),
    "Models": ("train", "compare", "audit", "promote", "golden", "explain", "serve"),
    "Nightly": ("morning",),
    "Studies": ("curve", "sweep", "ladder", "kernels", "thesis-report", "reproduce"),
    "Care": ("doctor", "backup", "restore", "tidy"),
}
"""The panels of ``genreflow --help`` and their commands, in the order shown."""

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
    app.registered_commands.sort(key=lambda command: order.index(command_name(command)))


def command_name(command: CommandInfo) -> str:
    """Return the name of a command as it is typed."""
    return command.name or getattr(command.callback, "__name__", "").replace("_", "-")


def print_json(document: object) -> None:
    """Write one JSON document on standard output; dates and ids as text, no number as null."""
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


def tell(error: GenreflowError) -> int:
    """Say one sentence on standard error; give the exit code."""
    complain(str(error))
    return USAGE if isinstance(error, UsageError) else FAILURE


def complain(sentence: str) -> None:
    """Say one sentence on standard error."""
    ERR.print(Text("genreflow: ", style="red") + Text(sentence), soft_wrap=True)
