"""Fetch a file from http or https, attempt after attempt, resuming what is there."""

import hashlib
import re
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from genre_core.errors import TrackRejected, TransientError
from genre_core.locations import show_location
from genre_core.records import Reason
from storage.fetch.addresses import AddressPolicy
from storage.fetch.connect import (
    explain_failures,
    explain_status,
    open_client,
    send_request,
    try_again,
)
from storage.fetch.limits import DownloadLimits, Watch
from storage.fetch.parts import (
    OnBytes,
    Version,
    append_chunks,
    count_bytes,
    drop_part,
    ignore_bytes,
    is_resumable,
    read_version,
    start_part,
)

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_ALL = re.compile(r"bytes \*/(\d+)")


def fetch_url(location: str, part: Path, watch: Watch, on_bytes: OnBytes = ignore_bytes) -> None:
    """Fetch a file into its partial download, resuming what is there; it is complete afterwards.

    ``on_bytes`` gets how many bytes are there, and how many there will be (0: unknown). After a
    `TransientError` what was fetched stays.
    """
    policy = AddressPolicy(location, watch.shown, watch.limits)
    with open_client(policy, watch.limits) as client:
        try_again(lambda: _fetch_rest(client, location, part, watch, on_bytes), watch)


def fetch_archive(
    url: str, target: Path, sha1: str, limits: DownloadLimits, on_bytes: OnBytes
) -> None:
    """Fetch a published file to a path, resuming where an earlier run broke off.

    The target appears only with the right SHA-1 (hexadecimal, as published); one that exists is
    kept.
    """
    if target.exists():
        return
    part = target.with_name(f"{target.name}.part")
    if not is_resumable(part):
        drop_part(part)
    try:
        fetch_url(url, part, Watch(show_location(url), limits), on_bytes)
    except TrackRejected:
        drop_part(part)
        raise
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha1").hexdigest()
    if found != sha1:
        drop_part(part)
        raise TransientError(f"{show_location(url)} has the SHA-1 {found}, not {sha1}. Try again.")
    part.replace(target)
    drop_part(part)


def read_retry_after(text: str, today_s: float) -> float:
    """Return the seconds that a ``Retry-After`` (seconds or a date) means; 0 if none."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - today_s)
    except (ValueError, OverflowError):
        return 0.0


def _fetch_rest(
    client: httpx.Client, location: str, part: Path, watch: Watch, on_bytes: OnBytes
) -> None:
    """Fetch what a partial download misses; nothing is asked for if it is complete."""
    if count_bytes(part) and count_bytes(part) == read_version(part).n_bytes:
        return
    headers = _range_headers(part)
    with explain_failures(watch.shown), ExitStack() as stack:
        request = client.build_request("GET", location, headers=headers)
        answer = send_request(client, request, watch.shown, watch.limits.max_redirects)
        stack.callback(answer.close)
        if answer.status_code == 416 and headers:
            _require_end(answer, part, watch.shown)
            return
        if not answer.is_success:
            wanted = answer.headers.get("retry-after", "")
            wait_s = read_retry_after(wanted, watch.clock.today_s())
            raise explain_status(answer.status_code, watch.shown, wait_s)
        _prepare_part(answer, part, watch.shown)
        watch.require_size(int(answer.headers.get("content-length", 0)) + count_bytes(part))
        append_chunks(part, answer.iter_bytes(), watch, on_bytes)
    n_bytes, expected = count_bytes(part), read_version(part).n_bytes
    if n_bytes < expected:
        message = f"{watch.shown} ends after {n_bytes} of {expected} bytes. Try again."
        raise TransientError(Reason.TRUNCATED, message)


def _range_headers(part: Path) -> dict[str, str]:
    n_bytes = count_bytes(part)
    if not n_bytes:
        return {}
    validator = read_version(part).validator
    return {"range": f"bytes={n_bytes}-"} | ({"if-range": validator} if validator else {})


def _prepare_part(response: httpx.Response, part: Path, shown: str) -> None:
    """Keep a partial download that the answer resumes; empty it for an answer with everything."""
    version = _read_answer(response)
    if response.status_code != 206:
        start_part(part, version)
    elif not _is_resumed(response, part, version):
        drop_part(part)
        message = f"{shown} has changed while it was fetched. Try again."
        raise TransientError(Reason.TRUNCATED, message)


def _read_answer(response: httpx.Response) -> Version:
    """Read which version a server sends; an encoded one cannot be resumed."""
    if _is_encoded(response):
        return Version()
    etag = response.headers.get("etag", "")
    strong = "" if etag.startswith("W/") else etag
    validator = strong or response.headers.get("last-modified", "")
    length = response.headers.get("content-length", "-1")
    return Version(validator=validator, n_bytes=int(length))


def _is_encoded(response: httpx.Response) -> bool:
    return response.headers.get("content-encoding", "identity").lower() != "identity"


def _is_resumed(response: httpx.Response, part: Path, version: Version) -> bool:
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    known = read_version(part)
    if found is None or int(found[1]) != count_bytes(part) or _is_encoded(response):
        return False
    is_same_size = found[2] == "*" or known.n_bytes in (-1, int(found[2]))
    return is_same_size and version.validator in ("", known.validator)


def _require_end(response: httpx.Response, part: Path, shown: str) -> None:
    """Require that a partial download which no range follows has the full length."""
    found = _ALL.fullmatch(response.headers.get("content-range", ""))
    if found is None or int(found[1]) != count_bytes(part):
        drop_part(part)
        message = f"{shown} is no longer what was fetched of it. Try again."
        raise TransientError(Reason.TRUNCATED, message)
