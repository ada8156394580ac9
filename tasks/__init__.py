"""Tasks: each reads storage, calls the core and writes storage."""

import logging

from genre_core.locations import printable, show_addresses


class _Record(logging.LogRecord):
    """A log record without credentials and control sequences, for terminals, files and Prefect."""

    _exc_text: str | None = None

    def getMessage(self) -> str:
        """Return the message as it may be shown."""
        return printable(show_addresses(super().getMessage()))

    @property
    def exc_text(self) -> str | None:
        """The formatted traceback, as it may be shown."""
        return self._exc_text

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._exc_text = text and printable(show_addresses(text))


logging.setLogRecordFactory(_Record)
