"""All commands of ``genreflow``."""

from flows.cli import (
    audit,
    benchmark,
    care,
    check,
    classify,
    datasets,
    labels,
    library,
    lists,
    model_files,
    models,
    night,
    pipeline,
    removal,
    schedule,
    serve,
    studies,
    tags,
    web,
)
from flows.cli.app import app, arrange_commands, main

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    pipeline,
    removal,
    check,
    library,
    removal,
    labels,
    lists,
    datasets,
    tags,
    models,
    model_files,
    audit,
    night,
    schedule,
    classify,
    serve,
    web,
    studies,
    benchmark,
    care,
)
"""The modules whose commands are registered by importing them."""

arrange_commands()
