"""Looks at the clock and counts the bytes while yt-dlp fetches a song."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason
from storage.fetch.addresses import (
    SCHEMES,
    is_public,
    require_public,
    resolve_host,
    show_location,
)
from storage.fetch.limits import Clock, DownloadLimits

_PROTOCOLS = frozenset(("http", "https", "m3u8", "m3u8_native", "http_dash_segments"))


def choose_sound(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the best format without a picture; yt-dlp lists them from the worst to the best.

    Raises
    ------
    TrackRejected
        ``not_audio`` if there is none.
    """
    heard = [form for form in page["formats"] if _is_sound(form)]
    if not heard:
        raise TrackRejected(
            Reason.NOT_AUDIO,
            "the page offers no sound that can be fetched without a picture. Leave it out.",
        )
    yield max(enumerate(heard), key=lambda place: (_is_surely_sound(place[1]), place[0]))[1]


def require_end(page: Mapping[str, Any]) -> None:
    """Reject what is on the air: it has no end.

    Raises
    ------
    TrackRejected
        ``too_large``.
    """
    if page.get("is_live"):
        message = "the page is a live stream, which has no end. Name a recording of it."
        raise TrackRejected(Reason.TOO_LARGE, message)


def _is_sound(form: Mapping[str, Any]) -> bool:
    has_picture = form.get("vcodec") not in (None, "none") or form.get("height")
    is_still = form.get("acodec") == "none" or form.get("has_drm")
    return form.get("protocol") in _PROTOCOLS and not has_picture and not is_still


def _is_surely_sound(form: Mapping[str, Any]) -> bool:
    return form.get("vcodec") == "none"


class Watch:
    """Keeps a download within its limits.

    ``location`` is the page that the user named, ``shown`` names it in messages.
    """

    def __init__(
        self,
        location: str,
        shown: str,
        limits: DownloadLimits,
        clock: Clock,
        rate_limit_bytes_per_s: int = 0,
    ) -> None:
        self._shown, self._limits, self._clock = shown, limits, clock
        self._named_host = urlsplit(location).hostname or ""
        slowest = limits.min_bytes_per_s
        # whoever wants it slow must not be told that it is too slow
        self._slowest = min(slowest, (rate_limit_bytes_per_s or 2 * slowest) / 2)
        self._deadline_s = clock.read_s() + limits.deadline_s
        self._since_s, self._since_bytes = clock.read_s(), 0

    def require_request(self, url: str) -> None:
        """Let a request pass, if it may be made and there is time for it.

        Raises
        ------
        TrackRejected
            ``forbidden`` for what is neither http nor https.
        TransientError
            ``timed_out`` after the deadline.
        """
        scheme = url.partition(":")[0].lower()
        if scheme not in SCHEMES:
            message = f"{self._shown} leads to {show_location(url)[:200]}, which is not fetched."
            raise TrackRejected(Reason.FORBIDDEN, f"{message} Only http and https are.")
        self.require_time()

    def require_addresses(self, url: str, addresses: Collection[str]) -> None:
        """Let a request pass to a host at these addresses.

        Raises
        ------
        TrackRejected
            ``forbidden`` if one of them is not public, unless the settings allow it or it is where
            the page named is.
        """
        host = urlsplit(url).hostname or ""
        is_named = self._limits.trust_named and host == self._named_host
        is_open = self._limits.allow_private or is_named
        if not is_open and not all(is_public(address) for address in addresses):
            require_public(self._shown, host, addresses, self._find_named())

    def _find_named(self) -> list[str]:
        if not self._limits.trust_named:
            return []
        try:
            return resolve_host(self._named_host)
        except OSError:  # what cannot be looked up is nowhere, and so is nobody's neighbour
            return []

    def require_time(self) -> None:
        """Let a download go on until its deadline."""
        if self._clock.read_s() > self._deadline_s:
            message = f"{self._shown} takes longer than {self._limits.deadline_s:g} s. Try again,"
            raise TransientError(Reason.TIMED_OUT, f"{message} or raise limits.deadline_s.")

    def require_size(self, n_bytes: int) -> None:
        """Let a song pass that is not too large.

        Raises
        ------
        TrackRejected
            ``too_large``.
        """
        if n_bytes > self._limits.max_bytes:
            message = f"{self._shown} is larger than {self._limits.max_bytes} bytes. Leave it out,"
            raise TrackRejected(Reason.TOO_LARGE, f"{message} or raise limits.max_bytes.")

    def note_progress(self, status: Mapping[str, Any]) -> None:
        """Look at a download; yt-dlp calls it every block."""
        n_bytes = int(status.get("downloaded_bytes") or 0)
        self.require_size(max(n_bytes, int(status.get("total_bytes") or 0)))
        self.require_time()
        self._require_speed(n_bytes)

    def _require_speed(self, n_bytes: int) -> None:
        passed_s = self._clock.read_s() - self._since_s
        if passed_s < self._limits.timeout_s:
            return
        if n_bytes - self._since_bytes < self._slowest * passed_s:
            message = f"{self._shown} comes slower than {self._slowest:g} bytes/s. Try again,"
            raise TransientError(Reason.TIMED_OUT, f"{message} or lower limits.min_bytes_per_s.")
        self._since_s, self._since_bytes = self._clock.read_s(), n_bytes
