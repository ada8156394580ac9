"""The one who talks to yt-dlp: its switches are set here, and its requests are watched."""

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

import yt_dlp.globals
from yt_dlp import YoutubeDL
from yt_dlp.downloader import get_suitable_downloader
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.networking import Request, RequestDirector, Response
from yt_dlp.networking.exceptions import HTTPError, RequestError

from genre_core.errors import GenreflowError
from storage.fetch.limits import DownloadLimits
from storage.fetch.retry import FIRST_WAIT_S
from storage.fetch.sites.access import Access
from storage.fetch.sites.hops import CheckedHandler, find_addresses
from storage.fetch.sites.pages import NO_SITE
from storage.fetch.sites.watch import Watch, choose_sound

logger = logging.getLogger(__name__)

# extractors that somebody has put into the folders of the user are not ours to run
yt_dlp.globals.plugin_dirs.value = []


class Client(YoutubeDL):  # type: ignore[misc]
    """yt-dlp, with an eye on every request that it makes."""

    def __init__(self, switches: dict[str, Any], watch: Watch) -> None:
        self.watch = watch
        self._answers: WeakSet[Response] = WeakSet()
        super().__init__(switches, auto_init=False)
        for extractor in gen_extractor_classes():
            if extractor.ie_key() != NO_SITE:
                self.add_info_extractor(extractor)

    def urlopen(self, req: Request | str) -> Response:
        """Ask for an address, if it may be asked for."""
        self.watch.require_request(req if isinstance(req, str) else req.url)
        try:
            answer: Response = super().urlopen(req)
        except HTTPError as error:
            self._answers.add(error.response)
            raise
        except RequestError as error:
            if isinstance(error.cause, GenreflowError):
                raise error.cause from error
            raise
        self._answers.add(answer)
        return answer

    def build_request_director(self, _handlers: object, _preferences: object) -> RequestDirector:
        """Send all requests through the one handler whose hops are checked."""
        director: RequestDirector = super().build_request_director(
            [partial(CheckedHandler, self.watch)]
        )
        return director

    def require_link(self, url: str) -> None:
        """Let a link pass to a page that may be asked for.

        Raises
        ------
        TrackRejected
            ``forbidden`` if it leads where nobody but the user may lead.
        """
        try:
            addresses = find_addresses(url, self.proxies)
        except OSError:  # whoever fetches the page will say so
            return
        self.watch.require_addresses(url, addresses)

    def close(self) -> None:
        """Close what was left open where something went wrong."""
        for answer in list(self._answers):
            answer.close()
        super().close()

    def save(self, song: dict[str, Any], part: Path) -> bool:
        """Write the sound of a song to a file; false if yt-dlp says only that it failed."""
        downloader = get_suitable_downloader(song, self.params)(self, self.params)
        downloader.add_progress_hook(self.watch.note_progress)
        open_file = downloader.sanitize_open
        with ExitStack() as stack:

            def open_for_now(name: str, mode: str) -> tuple[IO[bytes], str]:
                stream, name = open_file(name, mode)
                stack.callback(stream.close)
                return stream, name

            downloader.sanitize_open = open_for_now
            is_saved, _ = downloader.download(str(part), song)
        return bool(is_saved)

    def archive_id(self, song: Mapping[str, Any]) -> str:
        """Give the id of a song as a download archive has it; empty if it has none."""
        return self._make_archive_id(song) or ""


@contextmanager
def open_client(access: Access, limits: DownloadLimits, watch: Watch) -> Iterator[Client]:
    """Open a client for one page; it writes no file but the one that it is given."""
    with Client(_switches(access, limits), watch) as client:
        yield client


def _switches(access: Access, limits: DownloadLimits) -> dict[str, Any]:
    """Set what keeps yt-dlp quiet, alone, within its limits and away from other programs."""
    cookies = {"cookiefile": io.StringIO(access.cookies)} if access.cookies else {}
    return {
        "logger": _Messages(),
        "quiet": True,
        "noprogress": True,
        "color": {"stdout": "never", "stderr": "never"},
        "cachedir": False,
        "extract_flat": "in_playlist",
        "format": choose_sound,
        "match_filter": None,
        "js_runtimes": {},
        "ffmpeg_location": "/nowhere",
        "hls_prefer_native": True,
        "skip_unavailable_fragments": False,
        "nopart": True,
        "_no_ytdl_file": True,
        "updatetime": False,
        "ratelimit": access.config.rate_limit_bytes_per_s or None,
        **_patience(limits),
        **cookies,
    }


def _patience(limits: DownloadLimits) -> dict[str, Any]:
    def wait_s(n: int) -> float:
        return min(limits.max_wait_s, FIRST_WAIT_S * 2**n)

    n_retries = limits.max_attempts - 1
    return {
        "socket_timeout": limits.timeout_s,
        "retries": n_retries,
        "fragment_retries": n_retries,
        "extractor_retries": n_retries,
        "retry_sleep_functions": {"http": wait_s, "fragment": wait_s, "extractor": wait_s},
    }


class _Messages:
    """Takes what yt-dlp says; its errors are raised as well, and told as outcomes."""

    def debug(self, message: str) -> None:
        logger.debug("%s", message)

    def warning(self, message: str) -> None:
        _warn_once(message)

    def error(self, message: str) -> None:
        logger.debug("%s", message)


@lru_cache(maxsize=1024)
def _warn_once(message: str) -> None:
    """Warn of what would be said again for every song."""
    logger.warning("%s", message)
