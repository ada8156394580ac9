"""All commands of ``genreflow``."""

from flows.cli import (
    care,
    classify,
    explain,
    golden,
    labels,
    library,
    nightly,
    pipeline,
    run,
    serve,
    studies,
)
from flows.cli.app import app
from flows.cli.running import main

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    *(run, pipeline, nightly, library, labels, classify),
    *(explain, golden, serve, studies, care),
)
"""The modules whose commands are registered by importing them."""
