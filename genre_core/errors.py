"""The one tree of errors: leave a track out, try again, ask differently, or stop."""


class GenreflowError(Exception):
    """Anything that the program foresees; its message says what, where and what to do."""


class UsageError(GenreflowError):
    """What was asked for does not exist or makes no sense; the command line exits with 2."""


class TrackRejected(GenreflowError):
    """Leave this track out and go on: ``TrackRejected(reason, sentence)``."""

    @property
    def reason(self) -> str:
        """The reason code, a value of ``records.Reason``."""
        return str(self.args[0])

    def __str__(self) -> str:
        return str(self.args[1])


class TransientError(GenreflowError):
    """Try again later: the cause lies outside (network, time-out).

    ``TransientError(sentence)``, or ``TransientError(reason, sentence)`` for a track.
    """

    @property
    def reason(self) -> str:
        """The reason code, a value of ``records.Reason``; empty if none was given."""
        return str(self.args[0]) if len(self.args) > 1 else ""

    def __str__(self) -> str:
        return str(self.args[min(1, len(self.args) - 1)]) if self.args else ""


class CatalogMismatch(GenreflowError):
    """Stop: what the catalog says and what is stored do not fit together."""
