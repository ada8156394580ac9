"""Where ``genreflow`` begins: Ctrl-C is heeded before anything slow is imported."""

from flows.cli.interrupt import stop_on_interrupt


def main() -> None:
    """Run the command line."""
    stop_on_interrupt()
    from flows.cli.main import main as run

    run()
