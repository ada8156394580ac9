"""What Prefect says on the screen: an error that the program foresees is told once."""

import logging

from genre_core.errors import GenreflowError


def hush_foreseen_errors() -> None:
    """Leave foreseen errors and their tracebacks to the Prefect UI; the command line tells them."""
    import prefect.main  # noqa: F401 - sets up the handlers that are hushed here

    logging.raiseExceptions = False  # a log that cannot be written is no news for the reader
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    told_before = record.getMessage().startswith("Finished in state Failed")
    return not isinstance(error, GenreflowError) and not told_before
