"""All commands of ``genreflow``."""

from flows.cli import (
    ask,
    audit,
    backup,
    classify,
    decide,
    demo,
    doctor,
    explain,
    kernels,
    ladder,
    line,
    retry,
    serve,
    sweep,
    thesis_report,
)
from flows.cli.app import app
from flows.cli.running import main

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    *(line, audit, retry, sweep, classify, kernels, ladder, explain),
    *(thesis_report, ask, decide, doctor, backup, serve, demo),
)
