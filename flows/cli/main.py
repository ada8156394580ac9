"""All commands of ``genreflow``."""

from flows.cli import care, classify, labels, library, models, pipeline, serve, studies, tags
from flows.cli.app import app, arrange_commands, main

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (pipeline, library, labels, tags, models, classify, serve, studies, care)
"""The modules whose commands are registered by importing them."""

arrange_commands()
