"""Where ``genreflow`` begins: Ctrl-C is heeded before anything slow is imported."""

import sys
from importlib import import_module

from flows.cli.interrupt import stop_on_interrupt

ALONE = ("classify",)
"""Commands that are imported without the others, which would take longer than their work."""


def main() -> None:
    """Run the command line."""
    stop_on_interrupt()
    command = next(iter(sys.argv[1:]), "")
    import_module(f"flows.cli.{command if command in ALONE else 'main'}")
    from flows.cli.running import main as run

    run()
