"""yt-dlp, with its options set here; its requests take our one way to connect."""

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any

import httpx
import yt_dlp.globals
from yt_dlp import YoutubeDL
from yt_dlp.downloader import get_suitable_downloader
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.networking import Request, RequestDirector, RequestHandler, Response
from yt_dlp.networking.exceptions import HTTPError, RequestError, TransportError
from yt_dlp.utils import DownloadError, make_archive_id

from genre_core.errors import GenreflowError, TransientError
from storage.fetch.addresses import AddressPolicy
from storage.fetch.connect import FIRST_WAIT_S, explain_failures, open_client, send_request
from storage.fetch.limits import DownloadLimits, Watch
from storage.fetch.sites.access import Access
from storage.fetch.sites.pages import NO_SITE, find_page

logger = logging.getLogger(__name__)

_BUFFER_BYTES = 1 << 16

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
        "js_runtimes": {},
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
