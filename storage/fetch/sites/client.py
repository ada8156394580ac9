"""yt-dlp: its options, its requests by our one way to connect, and its failures as outcomes."""

import io
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import lru_cache, partial
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

import httpx
import yt_dlp.globals
import yt_dlp.version
from yt_dlp import YoutubeDL
from yt_dlp.dependencies import yt_dlp_ejs
from yt_dlp.downloader import get_suitable_downloader
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.networking import Request, RequestDirector, RequestHandler, Response
from yt_dlp.networking.exceptions import HTTPError, RequestError, TransportError
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    UnsupportedError,
    UserNotLive,
    YoutubeDLError,
    make_archive_id,
)

from genre_core.errors import GenreflowError, TrackRejected, TransientError
from genre_core.locations import show_addresses
from genre_core.records import Reason
from storage.fetch.addresses import AddressPolicy
from storage.fetch.connect import (
    FIRST_WAIT_S,
    explain_failures,
    explain_status,
    open_client,
    send_request,
)
from storage.fetch.limits import DownloadLimits, Watch
from storage.fetch.sites.access import Access
from storage.fetch.sites.pages import NO_SITE, find_page
from storage.files import DISK_ERRORS

logger = logging.getLogger(__name__)

RUNTIME = "deno"
"""The JavaScript runtime that some songs of YouTube need."""
MOST_DAYS = 90
"""Since the release of yt-dlp; sites change, and yt-dlp itself warns after that time."""
_BUFFER_BYTES = 1 << 16

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

# extractors that somebody has put into the folders of the user are not ours to run
yt_dlp.globals.plugin_dirs.value = []


class Client(YoutubeDL):  # type: ignore[misc]
    """yt-dlp for one page: it sends requests through a checked client, and writes one file."""

    def __init__(self, options: dict[str, Any], watch: Watch, http: httpx.Client) -> None:
        self.watch, self.http = watch, http
        self.failure: TransientError | None = None  # of the last request; yt-dlp has only its words
        super().__init__(options, auto_init=False)
        for extractor in gen_extractor_classes():
            if extractor.ie_key() != NO_SITE:
                self.add_info_extractor(extractor)

    def build_request_director(self, *_: object) -> RequestDirector:
        """Return the director of one handler, which every request goes through."""
        director: RequestDirector = super().build_request_director(
            [partial(CheckedRH, client=self)]
        )
        return director

    def save(self, song: dict[str, Any], part: Path) -> bool:
        """Write the sound of a song to a file; false if yt-dlp failed without an error."""
        downloader = get_suitable_downloader(song, self.params)(self, self.params)
        downloader.add_progress_hook(self._note_progress)
        open_file = downloader.sanitize_open
        with ExitStack() as stack:  # yt-dlp leaves its file open where the disk refuses

            def open_for_now(name: str, mode: str) -> tuple[IO[bytes], str]:
                stream, name = open_file(name, mode)
                stack.callback(stream.close)
                return stream, name

            downloader.sanitize_open = open_for_now
            try:
                is_saved, _ = downloader.download(str(part), song)
            except DownloadError:
                if self.failure:
                    raise self.failure  # noqa: B904  # its cause is better than that of yt-dlp
                raise
        return bool(is_saved)

    def _note_progress(self, status: Mapping[str, Any]) -> None:
        self.watch.require_size(int(status.get("total_bytes") or 0))
        self.watch.note_bytes(int(status.get("downloaded_bytes") or 0))


class CheckedRH(RequestHandler):  # type: ignore[misc]
    """Sends the requests of yt-dlp through `storage.fetch.connect`, redirects included."""

    _SUPPORTED_URL_SCHEMES = _SUPPORTED_PROXY_SCHEMES = _SUPPORTED_FEATURES = None

    def __init__(self, *, client: Client, **settings: Any) -> None:  # noqa: ANN401
        self._client, self._watch = client, client.watch
        super().__init__(**settings)

    def _check_extensions(self, extensions: dict[str, Any]) -> None:
        """Take the extensions that are followed or mean nothing here out of what is unsupported."""
        super()._check_extensions(extensions)
        for name in ("cookiejar", "timeout", "legacy_ssl", "keep_header_casing"):
            extensions.pop(name, None)

    def _send(self, request: Request) -> Response:
        """Send a request; yt-dlp expects its own errors, and repeats after `TransportError`."""
        try:
            self._watch.require_time()
        except TransientError as error:
            raise RequestError(cause=error) from error
        try:
            response = self._follow(request)
        except TransientError as error:
            self._client.failure = error
            raise TransportError(cause=error) from error
        except GenreflowError as error:
            raise RequestError(cause=error) from error
        body = io.BufferedReader(_Body(response, self._client), _BUFFER_BYTES)
        self._client.failure = None
        answer = Response(body, str(response.url), response.headers, response.status_code)
        if not response.is_success:
            raise HTTPError(answer)
        return answer

    def _follow(self, request: Request) -> httpx.Response:
        jar = request.extensions.get("cookiejar")
        http, shown = self._client.http, self._watch.shown
        http.cookies = self.cookiejar if jar is None else jar
        with explain_failures(shown):
            asked = http.build_request(
                request.method,
                request.url,
                content=request.data,
                headers=dict(self.headers) | dict(request.headers),
                timeout=float(request.extensions.get("timeout") or self.timeout),
            )
            return send_request(http, asked, shown, self._watch.limits.max_redirects)


class _Body(io.RawIOBase):
    """The body of a response as a file, read within the time that the song has."""

    def __init__(self, response: httpx.Response, client: Client) -> None:
        self._response, self._client = response, client
        self._chunks, self._rest = response.iter_bytes(), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        try:
            self._client.watch.require_time()
            with explain_failures(self._client.watch.shown):
                chunk = self._rest or next(self._chunks, b"")
        except TransientError as error:
            self._client.failure = error
            raise
        n_bytes = min(len(chunk), len(buffer))
        buffer[:n_bytes], self._rest = chunk[:n_bytes], chunk[n_bytes:]
        return n_bytes

    def close(self) -> None:
        self._response.close()
        super().close()


@contextmanager
def open_site(location: str, access: Access, watch: Watch, **options: object) -> Iterator[Client]:
    """Open yt-dlp for the page that the user named, with further options of its own."""
    policy = AddressPolicy(location, watch.shown, watch.limits)
    with (
        open_client(policy, watch.limits) as http,
        Client(_options(access, watch.limits) | options, watch, http) as client,
    ):
        yield client


def describe_runtime(today: date | None = None) -> tuple[bool, str]:
    """Return whether all songs of YouTube can be fetched, and what is there or missing for it."""
    runtime, own = yt_dlp.globals.supported_js_runtimes.value[RUNTIME], yt_dlp.version.__version__
    needed, found = ".".join(map(str, runtime.MIN_SUPPORTED_VERSION)), runtime().info
    released = date(*map(int, own.split(".")[:3]))
    lacks = []
    if not (found and found.supported):
        there = f"is {found.version}" if found else "is missing"
        lacks.append(f"{RUNTIME} {there}: install {needed} or newer")
    if yt_dlp_ejs is None:
        lacks.append("yt-dlp-ejs is missing: install `yt-dlp[default]`")
    if ((today or date.today()) - released).days > MOST_DAYS:
        lacks.append(f"yt-dlp is of {released}: install a newer one")
    if lacks:
        return False, f"some songs of YouTube cannot be fetched; {'; '.join(lacks)}"
    return True, f"yt-dlp {own} runs JavaScript with {RUNTIME} {found.version}"


def archive_id(song: Mapping[str, Any]) -> str:
    """Return the id of a song as a download archive has it; empty if it has none."""
    page = find_page(str(song.get("url") or ""))
    key = song.get("extractor_key") or song.get("ie_key") or (page.extractor if page else "")
    return make_archive_id(key, song["id"]) if key and song.get("id") else ""


def _options(access: Access, limits: DownloadLimits) -> dict[str, Any]:
    """Return options that make yt-dlp quiet, bounded and independent of other programs."""
    cookies = {"cookiefile": io.StringIO(access.cookies)} if access.cookies else {}
    n_retries = limits.max_attempts - 1

    def wait_s(n: int) -> float:
        return min(limits.max_wait_s, FIRST_WAIT_S * 2**n)

    kinds = ("http", "fragment", "extractor")
    return {
        "logger": _Messages(),
        "quiet": True,
        "noprogress": True,
        "color": {"stdout": "never", "stderr": "never"},
        "cachedir": False,
        "extract_flat": "in_playlist",
        "match_filter": None,
        "js_runtimes": {RUNTIME: {}},  # it runs what a page sends without rights of its own
        "ffmpeg_location": "/nowhere",
        "hls_prefer_native": True,
        "skip_unavailable_fragments": False,
        "nopart": True,
        "updatetime": False,
        "ratelimit": access.config.rate_limit_bytes_per_s or None,
        "socket_timeout": limits.timeout_s,
        **dict.fromkeys(("retries", "fragment_retries", "extractor_retries"), n_retries),
        "retry_sleep_functions": dict.fromkeys(kinds, wait_s),
        **cookies,
    }


class _Messages:
    """Takes the messages of yt-dlp; its errors are raised as well, and become outcomes."""

    def debug(self, message: str) -> None:
        logger.debug("%s", message)

    def warning(self, message: str) -> None:
        _warn_once(message)

    def error(self, message: str) -> None:
        logger.debug("%s", message)


@lru_cache(maxsize=1024)
def _warn_once(message: str) -> None:
    logger.warning("%s", message)


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
