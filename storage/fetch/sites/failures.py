"""What the failures of a site and of yt-dlp mean for a song."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

from yt_dlp.networking.exceptions import HTTPError, RequestError
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    UnsupportedError,
    UserNotLive,
    YoutubeDLError,
)

from genre_core.errors import GenreflowError, TrackRejected, TransientError
from genre_core.locations import show_addresses
from genre_core.records import Reason
from storage.fetch.connect import explain_status
from storage.files import DISK_ERRORS

_STATUS = re.compile(r"HTTP Error (\d{3})")
_BOILERPLATE = re.compile(r"^ERROR: *|; please report this issue.*|[\x00-\x1f\x7f]+", re.DOTALL)
_LONGEST_QUOTE = 300

# what sites answer about a song, in this order; anything else may be otherwise tomorrow
_ANSWERS: tuple[tuple[re.Pattern[str], type[GenreflowError], Reason], ...] = tuple(
    (re.compile(words, re.IGNORECASE), error, reason)
    for words, error, reason in (
        (r"no suitable extractor", TrackRejected, Reason.NOT_AUDIO),
        (r"timed out|timeout", TransientError, Reason.TIMED_OUT),
        (r"rate.?limit|too many|not a bot|captcha|again later|temporar|live event|premiere"
         r"|upcoming|offline|unable to (write|open)", TransientError, Reason.UNREACHABLE),
        (r"downloaded \d+ bytes, expected", TransientError, Reason.TRUNCATED),
        (r"\b(private|log.?in|logged|sign.?in|password|members?|subscri\w+|premium|purchase\w*"
         r"|paid|drm|copyright|permission|authenticat\w+|account|registered|cookies)\b"
         r"|your (country|location|region)|age.restrict|confirm your age",
         TrackRejected, Reason.FORBIDDEN),
        (r"removed|deleted|terminated|no longer|not? (exist|found)|doesn.t exist|unavailable"
         r"|not available|has been closed", TrackRejected, Reason.NOT_FOUND),
    )
)  # fmt: skip


@contextmanager
def explain_site(shown: str) -> Iterator[None]:
    """Turn whatever goes wrong while a page is read into an outcome; ``shown`` names the song.

    Errors of the disk pass: the site is not to blame for them.
    """
    try:
        yield
    except TrackRejected as rejection:
        sentence = str(rejection)
        about = sentence if shown in sentence else f"{shown}: {sentence}"
        raise TrackRejected(rejection.reason, about) from rejection
    except GenreflowError:
        raise
    except (YoutubeDLError, HTTPException) as error:
        raise _explain(list(_causes(error)), shown) from error
    except OSError as error:
        if error.errno in DISK_ERRORS:
            raise
        raise TransientError(f"{shown} cannot be written: {error}. Free some space.") from error
    except Exception as error:
        message = f"{shown}: yt-dlp failed on it ({type(error).__name__}). Try a newer yt-dlp."
        raise TransientError(Reason.SITE_BROKEN, message) from error


def _explain(causes: list[BaseException], shown: str) -> BaseException:
    for cause in causes:  # our own connection or the disk may have refused
        if isinstance(cause, GenreflowError) or getattr(cause, "errno", None) in DISK_ERRORS:
            return cause
    quote = _quote(causes)
    answered = [cause.status for cause in causes if isinstance(cause, HTTPError)]
    answered += map(int, _STATUS.findall(quote)[:1])
    if answered:
        return explain_status(answered[0], shown)
    return _explain_kind(causes, quote, shown)


def _explain_kind(causes: list[BaseException], quote: str, shown: str) -> GenreflowError:
    kinds = {kind for cause in causes for kind in type(cause).__mro__}
    if UnsupportedError in kinds:
        return TrackRejected(Reason.NOT_AUDIO, f"{shown} is no page of a song. Leave it out.")
    if GeoRestrictedError in kinds:
        return TrackRejected(Reason.FORBIDDEN, f"{shown} is not available in this country: {quote}")
    if ContentTooShortError in kinds:
        return TransientError(Reason.TRUNCATED, f"{shown} ends early: {quote}. Try again.")
    extractors = [cause for cause in causes if isinstance(cause, ExtractorError)]
    if UserNotLive not in kinds and not all(cause.expected for cause in extractors):
        message = f"{shown}: yt-dlp does not understand the site: {quote}. Try a newer yt-dlp."
        return TransientError(Reason.SITE_BROKEN, message)
    for words, kind, reason in _ANSWERS:
        if words.search(quote):
            return kind(reason, f"{shown}: {quote}.")
    message = f"{shown} is not available now: {quote}. Try again."
    return TransientError(Reason.UNREACHABLE, message)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it was made of, the outermost first."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        cause = pending.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = getattr(cause, "exc_info", None) or (None, None)
        context = cause.__context__ if isinstance(cause, DownloadError) else None
        pending += [inner[1], context, getattr(cause, "cause", None), cause.__cause__]


def _quote(causes: list[BaseException]) -> str:
    """Return the words of the innermost error that has some, without addresses."""
    extractor = [cause for cause in causes if isinstance(cause, ExtractorError)]
    request = [cause for cause in causes if isinstance(cause, RequestError)]
    source = (extractor or request or causes)[0]
    text = str(getattr(source, "orig_msg", source))
    return _BOILERPLATE.sub(" ", show_addresses(text)).strip().rstrip(".")[:_LONGEST_QUOTE]
