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
    """Turn whatever goes wrong while a site is asked into an outcome.

    ``shown`` names the song or the list in messages.

    Raises
    ------
    TrackRejected
        If the site has no such song, or not for us.
    TransientError
        If it may well work later; ``site_broken`` if yt-dlp does not understand the site.
    OSError
        If the disk refuses to take the song; the site is not to blame for it.
    """
    try:
        yield
    except TrackRejected as rejection:
        raise TrackRejected(rejection.reason, _about(shown, str(rejection))) from rejection
    except GenreflowError:
        raise
    except (YoutubeDLError, HTTPException) as error:
        _raise_inner(error)
        raise _explain(error, shown) from error
    except OSError as error:
        if error.errno in DISK_ERRORS:
            raise
        raise TransientError(f"{shown} cannot be written: {error}. Make room.") from error
    except Exception as error:
        message = f"{shown}: yt-dlp failed on it ({type(error).__name__}). Try a newer yt-dlp."
        raise TransientError(Reason.SITE_BROKEN, message) from error


def _raise_inner(error: BaseException) -> None:
    """Raise what our own connection or the disk has refused, if yt-dlp's error was made of it."""
    for cause in _causes(error):
        if isinstance(cause, GenreflowError) or getattr(cause, "errno", None) in DISK_ERRORS:
            raise cause


def _explain(error: BaseException, shown: str) -> GenreflowError:
    causes = list(_causes(error))
    quote = _quote(causes)
    if status := _find_status(causes, quote):
        return explain_status(status, shown)
    kinds = {kind for cause in causes for kind in type(cause).__mro__}
    if UnsupportedError in kinds:
        return TrackRejected(Reason.NOT_AUDIO, f"{shown} is no page of a song. Leave it out.")
    if GeoRestrictedError in kinds:
        return TrackRejected(Reason.FORBIDDEN, f"{shown} is not available in this country: {quote}")
    if ContentTooShortError in kinds:
        return TransientError(Reason.TRUNCATED, f"{shown} ends early: {quote}. Try again.")
    if not _is_expected(causes):
        message = f"{shown}: yt-dlp does not understand the site: {quote}. Try a newer yt-dlp."
        return TransientError(Reason.SITE_BROKEN, message)
    return _explain_answer(quote, shown)


def _explain_answer(quote: str, shown: str) -> GenreflowError:
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


def _find_status(causes: list[BaseException], quote: str) -> int:
    """Return the status that a server answered with; 0 if it is not about that."""
    answered = [cause.status for cause in causes if isinstance(cause, HTTPError)]
    found = _STATUS.search(quote)
    return answered[0] if answered else int(found[1]) if found else 0


def _is_expected(causes: list[BaseException]) -> bool:
    """Whether the site was understood; only errors of extractors speak against it."""
    if any(isinstance(cause, UserNotLive) for cause in causes):
        return True
    extractors = [cause for cause in causes if isinstance(cause, ExtractorError)]
    return all(cause.expected for cause in extractors)


def _quote(causes: list[BaseException]) -> str:
    """Return the words of the innermost error that has some, without addresses."""
    texts = [str(getattr(cause, "orig_msg", cause)) for cause in causes]
    extractor = [t for t, c in zip(texts, causes, strict=True) if isinstance(c, ExtractorError)]
    request = [t for t, c in zip(texts, causes, strict=True) if isinstance(c, RequestError)]
    text = (extractor or request or texts)[0]
    return _BOILERPLATE.sub(" ", show_addresses(text)).strip().rstrip(".")[:_LONGEST_QUOTE]


def _about(shown: str, sentence: str) -> str:
    return sentence if shown in sentence else f"{shown}: {sentence}"
