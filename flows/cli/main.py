"""All commands of ``genreflow``."""

from flows.cli import (
    care,
    classify,
    collections,
    golden,
    labels,
    library,
    nightly,
    pipeline,
    serve,
    studies,
)
from flows.cli.app import app, arrange_commands
from flows.cli.running import main

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    *(collections, pipeline, nightly, library, labels, classify),
    *(golden, serve, studies, care),
)
"""The modules whose commands are registered by importing them."""

arrange_commands()
