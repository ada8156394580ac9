"""The page on the command line, from the Typer application."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from flows.cli.main import app

SHARED_BY = 4
"""An option with the same help in so many commands is described once."""
HEAD = """# Commands

The command is `.venv/bin/genreflow`; `genreflow COMMAND --help` shows the same text. Every command
takes `--home`. `--json` prints one JSON document on standard output. Exit codes: 0, 1 (failure), 2
(usage), 130 (Ctrl-C).
"""


def page() -> str:
    """Markdown of all commands, by panel of the help where there are panels."""
    registered = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    commands = {name: command for name, command in registered.items() if not command.hidden}
    shared = shared_options(commands.values())
    lines = [HEAD, "## Shared options", "", "| option | meaning |", "| --- | --- |"]
    lines += [f"| {option} | {meaning} |" for option, meaning in sorted(shared)]
    panels = dict.fromkeys(command.rich_help_panel or "Commands" for command in commands.values())
    for panel in panels:
        lines += ["", f"## {panel}", ""]
        for name, command in commands.items():
            if (command.rich_help_panel or "Commands") == panel:
                lines += command_lines(name, command, shared)
    return "\n".join(lines)


def shared_options(commands: Any) -> set[tuple[str, str]]:
    """Options, and what they mean, that ``SHARED_BY`` commands or more have in common."""
    counted = Counter(row for command in commands for row in rows(command.params, "option"))
    return {row for row, n in counted.items() if n >= SHARED_BY}


def command_lines(name: str, command: Any, shared: set[tuple[str, str]]) -> Iterator[str]:
    """Heading, help and parameters of a command."""
    arguments, options = rows(command.params, "argument"), rows(command.params, "option")
    text, _, example = command.help.partition("Example: ")
    yield from (f"### `genreflow {name}`", "", escape(text))
    if example:
        yield from ("", f"    {example.strip().replace('`', '')}", "")
    own = [row for row in (*arguments, *options) if row not in shared]
    if own:
        yield from ("| parameter | meaning |", "| --- | --- |")
        yield from (f"| {option} | {meaning} |" for option, meaning in own)
        yield ""
    common = [option for option, meaning in options if (option, meaning) in shared]
    if common:
        yield from (f"Also: {', '.join(common)}.", "")


def rows(params: Sequence[Any], kind: str) -> list[tuple[str, str]]:
    """Name and meaning of each parameter of a kind; `--home` and `--help` are left out."""
    return [
        (name_of(p), escape(p.help or "") + default_of(p))
        for p in params
        if p.param_type_name == kind and p.name not in ("home", "help") and not p.hidden
    ]


def name_of(param: Any) -> str:
    """``--seed``, or the name of an argument in capitals, as code."""
    if param.param_type_name == "argument":
        return f"`{param.name.upper()}`"
    return ", ".join(f"`{option}`" for option in (*param.opts, *param.secondary_opts))


def default_of(param: Any) -> str:
    """What the help says of the default, in words; nothing for flags and empty values."""
    shown = param.default not in (None, "", False, [], ()) and not callable(param.default)
    return f" Default: `{param.default}`." if shown else ""


def escape(text: str) -> str:
    """Text in which Markdown sees no table, tag or line break."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
