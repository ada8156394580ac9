"""The one tree of errors: leave a track out, try again, change the request, or stop."""

from genre_core.locations import escape_text, show_addresses


class GenreflowError(Exception):
    """Any foreseen error; its message names the problem, the place and the remedy.

    Addresses in it have no credentials and no query, and names of files are UTF-8: messages are
    logged, stored and published. ``code`` names the kind of error in logs and in
    docs/reference/errors.md; it stays the same when the message changes.
    """

    code = "failure"

    def __init__(self, *parts: object) -> None:
        super().__init__(*(_show(part) if isinstance(part, str) else part for part in parts))


def _show(message: str) -> str:
    return escape_text(show_addresses(message))


class UsageError(GenreflowError):
    """The request is impossible or makes no sense; the command line exits with 2."""

    code = "usage"


class TrackRejected(GenreflowError):
    """Leave this track out: ``TrackRejected(reason, sentence)``, reason being a ``Reason``."""

    code = "track-rejected"

    @property
    def reason(self) -> str:
        """The reason code, a value of ``records.Reason``."""
        return str(self.args[0])

    def __str__(self) -> str:
        return str(self.args[1])


class TransientError(GenreflowError):
    """Try again later, as ``TransientError(sentence)``, or ``TransientError(reason, sentence)``."""

    code = "transient"

    @property
    def reason(self) -> str:
        """The reason code, a value of ``records.Reason``; empty if none was given."""
        return str(self.args[0]) if len(self.args) > 1 else ""

    def __str__(self) -> str:
        return str(self.args[min(1, len(self.args) - 1)]) if self.args else ""


class CatalogMismatch(GenreflowError):
    """Stop: the catalog and the stored files do not fit together."""

    code = "catalog-mismatch"


class StoreMissing(UsageError):
    """The home has no catalog yet."""

    code = "no-store"


class DiskUnusable(TransientError):
    """A disk is full or read-only."""

    code = "disk"


class SystemFault(GenreflowError):
    """The operating system refused something that is no fault of a song or of the request."""

    code = "system"
