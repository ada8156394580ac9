"""All commands of ``genreflow``."""

from flows.cli import (
    ask,
    audit,
    backup,
    classify,
    curve,
    decide,
    demo,
    doctor,
    explain,
    golden,
    kernels,
    ladder,
    line,
    morning,
    proposals,
    remove,
    reproduce,
    retry,
    serve,
    similar,
    suspects,
    sweep,
    thesis_report,
    tidy,
)
from flows.cli.app import app
from flows.cli.running import main

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    *(line, audit, retry, sweep, classify, similar, curve, kernels, ladder, explain),
    *(thesis_report, reproduce, morning, ask, suspects, proposals, decide, golden, remove, tidy),
    *(doctor, backup, serve, demo),
)
