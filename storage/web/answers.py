"""What a server's refusals and failures mean for a song."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

import httpx

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason
from storage.web.addresses import show_location
from storage.web.limits import Clock

_REFUSALS = {
    401: Reason.FORBIDDEN,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    410: Reason.NOT_FOUND,
    451: Reason.FORBIDDEN,
}
_DELAYS = {
    408: Reason.TIMED_OUT,
    425: Reason.UNREACHABLE,
    429: Reason.UNREACHABLE,
    504: Reason.TIMED_OUT,
}
_MALFORMED = (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, OverflowError)
_CUT = (httpx.ReadError, httpx.RemoteProtocolError, httpx.DecodingError)


def reason_of(status: int) -> Reason:
    """Give what a status other than success means for a song."""
    return _DELAYS.get(status) or _REFUSALS.get(status) or Reason.UNREACHABLE


def is_delay(status: int) -> bool:
    """Tell whether a server with this status may have the song later."""
    return status in _DELAYS or status >= 500


class Delayed(TransientError):
    """The server is busy: ``Delayed(reason, sentence, wait_s)``."""

    @property
    def wait_s(self) -> float:
        """How long the server asks to wait."""
        return float(self.args[2])


def require_success(response: httpx.Response, location: str, clock: Clock) -> None:
    """Let an answer with a body pass.

    Raises
    ------
    Delayed
        If the server is busy or broken.
    TrackRejected
        If it refuses.
    """
    if response.is_success:
        return
    status, shown = response.status_code, show_location(location)
    if is_delay(status):
        wait_s = read_retry_after(response.headers.get("retry-after", ""), clock.today_s())
        raise Delayed(reason_of(status), f"{shown} answers {status}. Try again later.", wait_s)
    message = f"{shown} answers {status}. Check the address and its rights."
    raise TrackRejected(reason_of(status), message)


def read_retry_after(text: str, today_s: float) -> float:
    """Give the seconds that a ``Retry-After`` asks to wait; 0 if it says nothing.

    Parameters
    ----------
    text : str
        Seconds, or a date.
    today_s : float
        Seconds since 1970.
    """
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - today_s)
    except (ValueError, OverflowError):
        return 0.0


@contextmanager
def explain_failures(location: str) -> Iterator[None]:
    """Turn the failures of a connection into outcomes; their own words may tell credentials.

    Raises
    ------
    TrackRejected
        If the address can never be fetched.
    TransientError
        ``timed_out``, ``truncated`` (the answer broke off) or ``unreachable``.
    """
    shown = show_location(location)
    try:
        yield
    except _MALFORMED as error:
        message = f"{shown} is no address that can be fetched. Correct it."
        raise TrackRejected(Reason.UNREACHABLE, message) from error
    except httpx.TimeoutException as error:
        message = f"{shown} does not answer in time. Try again, or raise limits.timeout_s."
        raise TransientError(Reason.TIMED_OUT, message) from error
    except _CUT as error:
        message = f"{shown} breaks off ({type(error).__name__}). Try again."
        raise TransientError(Reason.TRUNCATED, message) from error
    except httpx.HTTPError as error:
        message = f"{shown} cannot be reached now ({type(error).__name__}). Try again."
        raise TransientError(Reason.UNREACHABLE, message) from error
