"""What the failures of a site and of yt-dlp mean for a song."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

from yt_dlp.networking.exceptions import HTTPError, RequestError, TransportError
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
from genre_core.records import Reason
from storage.fetch.addresses import show_location
from storage.fetch.hops import is_delay, reason_of
from storage.files import REFUSALS

_LATE = re.compile(r"timed out|timeout", re.IGNORECASE)
_STATUS = re.compile(r"HTTP Error (\d{3})")
_ADDRESS = re.compile(r"\w+://\S+")
_NO_NEWS = re.compile(r"^ERROR: *|; please report this issue.*|[\x00-\x1f\x7f]+", re.DOTALL)
_SAID_CHARACTERS = 300

# what sites say of a song, in this order; what none of them knows may be otherwise tomorrow
_WORDS: tuple[tuple[re.Pattern[str], type[GenreflowError], Reason], ...] = tuple(
    (re.compile(words, re.IGNORECASE), error, reason)
    for words, error, reason in (
        (r"no suitable extractor", TrackRejected, Reason.NOT_AUDIO),
        (_LATE.pattern, TransientError, Reason.TIMED_OUT),
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

    Parameters
    ----------
    shown : str
        The song or the list, as messages name it.

    Raises
    ------
    TrackRejected
        If the site says that there is no such song, or not for us.
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
    except (ConnectionError, TimeoutError) as error:
        raise _judge_network(error, shown) from error
    except OSError as error:
        _pass_disk(error)
        raise TransientError(f"{shown} cannot be written: {error}. Make room.") from error
    except (YoutubeDLError, HTTPException) as error:
        _pass_disk(error)
        raise _judge(error, shown) from error
    except Exception as error:
        message = f"{shown}: yt-dlp failed on it ({type(error).__name__}). Try a newer yt-dlp."
        raise TransientError(Reason.SITE_BROKEN, message) from error


def _pass_disk(error: BaseException) -> None:
    """Raise the refusal of a disk that an error was made of."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in REFUSALS:
            raise cause


def _judge(error: BaseException, shown: str) -> GenreflowError:
    causes = list(_causes(error))
    said = _said(causes)
    status = _status(causes, said)
    if status:
        return _judge_status(status, shown)
    if any(isinstance(cause, TransportError) for cause in causes):
        return _judge_network(error, shown)
    if any(isinstance(cause, UnsupportedError) for cause in causes):
        return TrackRejected(Reason.NOT_AUDIO, f"{shown} is no page of a song. Leave it out.")
    if any(isinstance(cause, GeoRestrictedError) for cause in causes):
        return TrackRejected(Reason.FORBIDDEN, f"{shown} is not to be had in this country: {said}")
    if any(isinstance(cause, ContentTooShortError) for cause in causes):
        return TransientError(Reason.TRUNCATED, f"{shown} ends early: {said}. Try again.")
    if not _is_expected(causes):
        message = f"{shown}: yt-dlp does not understand the site: {said}. Try a newer yt-dlp."
        return TransientError(Reason.SITE_BROKEN, message)
    return _judge_words(said, shown)


def _judge_status(status: int, shown: str) -> GenreflowError:
    sentence = f"{shown}: its site answers {status}. "
    if is_delay(status):
        return TransientError(reason_of(status), sentence + "Try again later.")
    return TrackRejected(reason_of(status), sentence + "Check the address and its rights.")


def _judge_network(error: BaseException, shown: str) -> TransientError:
    if _LATE.search(str(error)) or isinstance(error, TimeoutError):
        message = f"{shown}: its site does not answer in time. Try again, or raise"
        return TransientError(Reason.TIMED_OUT, f"{message} limits.timeout_s.")
    said = _said(list(_causes(error)))
    return TransientError(Reason.UNREACHABLE, f"{shown} cannot be reached now: {said}. Try again.")


def _judge_words(said: str, shown: str) -> GenreflowError:
    for words, kind, reason in _WORDS:
        if words.search(said):
            return kind(reason, f"{shown}: {said}.")
    return TransientError(Reason.UNREACHABLE, f"{shown} cannot be had now: {said}. Try again.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and those that it was made of, the outermost first."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        cause = pending.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = getattr(cause, "exc_info", None) or (None, None)
        told_of = cause.__context__ if isinstance(cause, DownloadError) else None
        pending += [inner[1], told_of, getattr(cause, "cause", None), cause.__cause__]


def _status(causes: list[BaseException], said: str) -> int:
    """Give the status that a server answered with; 0 if it is not about that."""
    answered = [cause.status for cause in causes if isinstance(cause, HTTPError)]
    found = _STATUS.search(said)
    return answered[0] if answered else int(found[1]) if found else 0


def _is_expected(causes: list[BaseException]) -> bool:
    """Tell whether the site was understood; what is no error of an extractor is no riddle."""
    if any(isinstance(cause, UserNotLive) for cause in causes):
        return True
    extractors = [cause for cause in causes if isinstance(cause, ExtractorError)]
    return all(cause.expected for cause in extractors)


def _said(causes: list[BaseException]) -> str:
    """Give the words of the innermost error that has some, without addresses."""
    texts = [str(getattr(cause, "orig_msg", cause)) for cause in causes]
    extractor = [t for t, c in zip(texts, causes, strict=True) if isinstance(c, ExtractorError)]
    request = [t for t, c in zip(texts, causes, strict=True) if isinstance(c, RequestError)]
    text = (extractor or request or texts)[0]
    plain = _NO_NEWS.sub(" ", _ADDRESS.sub(lambda found: show_location(found[0]), text))
    return plain.strip().rstrip(".")[:_SAID_CHARACTERS]


def _about(shown: str, sentence: str) -> str:
    return sentence if shown in sentence else f"{shown}: {sentence}"
