"""The one tree of errors: leave a track out, try again, or stop."""


class GenreflowError(Exception):
    """Anything that the program foresees; its message says what, where and what to do."""


class TrackRejected(GenreflowError):
    """Leave this track out and go on; the first argument is the reason code, the second the message."""

    @property
    def reason(self) -> str:
        """The reason code, a value of ``records.Reason``."""
        return str(self.args[0])

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[1])

    def __str__(self) -> str:
        return self.message


class TransientError(GenreflowError):
    """Try again later: the cause lies outside (network, time-out)."""


class CatalogMismatch(GenreflowError):
    """Stop: what the catalog says and what is stored do not fit together."""
