"""Looks at the clock and counts the bytes while yt-dlp fetches a song."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason
from storage.web.addresses import (
    SCHEMES,
    is_public,
    require_public,
    resolve_host,
    show_location,
)
from storage.web.limits import Clock, DownloadLimits


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
