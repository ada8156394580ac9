"""One attempt at a song: ask for what is missing, and write it behind what is there."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx

from genre_core.errors import TransientError
from genre_core.records import Reason
from storage.fetch.addresses import show_location
from storage.fetch.hops import explain_failures, open_response, require_success
from storage.fetch.limits import Clock, DownloadLimits, OnBytes, append_chunks, require_size
from storage.fetch.parts import Version, count_bytes, drop_part, read_version, start_part

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_ALL = re.compile(r"bytes \*/(\d+)")


def fetch_rest(
    client: httpx.Client,
    location: str,
    part: Path,
    limits: DownloadLimits,
    clock: Clock,
    deadline_s: float,
    on_bytes: OnBytes,
) -> None:
    """Fetch what a part misses; nothing is asked for if it is whole.

    Raises
    ------
    TrackRejected
        If the answer says that the song cannot be had.
    TransientError
        If it ends early, takes too long, or the server is busy. What was fetched stays.
    """
    if count_bytes(part) and count_bytes(part) == read_version(part).n_bytes:
        return
    headers = _ask_for_rest(part)
    with (
        explain_failures(location),
        open_response(client, location, headers, limits.max_redirects) as response,
    ):
        if response.status_code == 416 and headers:
            _accept_end(response, location, part)
            return
        require_success(response, location, clock)
        _prepare_part(response, location, part)
        promised = int(response.headers.get("content-length", 0)) + count_bytes(part)
        require_size(promised, location, limits)
        chunks = _watch_speed(response.iter_bytes(), location, limits, clock, deadline_s)
        append_chunks(part, chunks, location, limits, on_bytes)
    _require_whole(part, location)


def _ask_for_rest(part: Path) -> dict[str, str]:
    n_bytes = count_bytes(part)
    if not n_bytes:
        return {}
    validator = read_version(part).validator
    return {"range": f"bytes={n_bytes}-"} | ({"if-range": validator} if validator else {})


def _prepare_part(response: httpx.Response, location: str, part: Path) -> None:
    """Keep a part that the answer goes on with; start it anew for an answer with all."""
    version = _read_answer(response)
    if response.status_code != 206:
        start_part(part, version)
    elif not _goes_on(response, part, version):
        drop_part(part)
        message = f"{show_location(location)} has changed while it was fetched. Try again."
        raise TransientError(Reason.TRUNCATED, message)


def _read_answer(response: httpx.Response) -> Version:
    """Read which version a server sends; what it has encoded cannot be gone on with."""
    if _is_encoded(response):
        return Version()
    etag = response.headers.get("etag", "")
    strong = "" if etag.startswith("W/") else etag
    validator = strong or response.headers.get("last-modified", "")
    length = response.headers.get("content-length", "-1")
    return Version(validator=validator, n_bytes=int(length))


def _is_encoded(response: httpx.Response) -> bool:
    return response.headers.get("content-encoding", "identity").lower() != "identity"


def _goes_on(response: httpx.Response, part: Path, version: Version) -> bool:
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    known = read_version(part)
    if found is None or int(found[1]) != count_bytes(part) or _is_encoded(response):
        return False
    is_same_size = -1 in (known.n_bytes, _to_size(found[2])) or known.n_bytes == int(found[2])
    return is_same_size and version.validator in ("", known.validator)


def _to_size(text: str) -> int:
    return -1 if text == "*" else int(text)


def _accept_end(response: httpx.Response, location: str, part: Path) -> None:
    """Take a part for whole if the server says that nothing lies behind it."""
    found = _ALL.fullmatch(response.headers.get("content-range", ""))
    if found is None or int(found[1]) != count_bytes(part):
        drop_part(part)
        message = f"{show_location(location)} is no longer what was fetched of it. Try again."
        raise TransientError(Reason.TRUNCATED, message)


def _watch_speed(
    chunks: Iterable[bytes],
    location: str,
    limits: DownloadLimits,
    clock: Clock,
    deadline_s: float,
) -> Iterator[bytes]:
    """Pass the chunks on while they come fast enough."""
    since_s, n_bytes = clock.read_s(), 0
    for chunk in chunks:
        yield chunk
        now_s, n_bytes = clock.read_s(), n_bytes + len(chunk)
        _require_time(now_s, deadline_s, location)
        if now_s - since_s >= limits.timeout_s:
            _require_speed(n_bytes / (now_s - since_s), location, limits)
            since_s, n_bytes = now_s, 0


def _require_time(now_s: float, deadline_s: float, location: str) -> None:
    if now_s > deadline_s:
        message = f"{show_location(location)} takes too long. Try again, or raise limits.deadline_s"
        raise TransientError(Reason.TIMED_OUT, f"{message}.")


def _require_speed(bytes_per_s: float, location: str, limits: DownloadLimits) -> None:
    if bytes_per_s < limits.min_bytes_per_s:
        message = (
            f"{show_location(location)} comes at {bytes_per_s:.0f} bytes per second."
            " Try again, or lower limits.min_bytes_per_s."
        )
        raise TransientError(Reason.TIMED_OUT, message)


def _require_whole(part: Path, location: str) -> None:
    n_bytes, promised = count_bytes(part), read_version(part).n_bytes
    if n_bytes < promised:
        raise TransientError(
            Reason.TRUNCATED,
            f"{show_location(location)} ends after {n_bytes} of {promised} bytes. Try again.",
        )
