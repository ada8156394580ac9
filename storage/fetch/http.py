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
from storage.fetch.parts import OnBytes, Part, Version

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_ALL = re.compile(r"bytes \*/(\d+)")


def fetch_url(location: str, part: Part, watch: Watch, on_bytes: OnBytes | None = None) -> None:
    """Fetch a file into its partial download, resuming what is there; it is complete afterwards.

    After a `TransientError` what was fetched stays.
    """
    policy = AddressPolicy(location, watch.shown, watch.limits)
    with open_client(policy, watch.limits) as client:
        try_again(lambda: _fetch_rest(client, location, part, watch, on_bytes), watch)


def fetch_archive(
    url: str, target: Path, sha1: str, limits: DownloadLimits, on_bytes: OnBytes | None
) -> None:
    """Fetch a published file to a path, resuming where an earlier run broke off.

    The target appears only with the right SHA-1 (hexadecimal, as published); one that exists is
    kept.
    """
    if target.exists():
        return
    part = Part(target.with_name(f"{target.name}.part"))
    if not part.is_resumable:
        part.drop()
    try:
        fetch_url(url, part, Watch(show_location(url), limits), on_bytes)
    except TrackRejected:
        part.drop()
        raise
    with part.path.open("rb") as file:
        found = hashlib.file_digest(file, "sha1").hexdigest()
    if found != sha1:
        part.drop()
        raise TransientError(f"{show_location(url)} has the SHA-1 {found}, not {sha1}. Try again.")
    part.path.replace(target)
    part.drop()


def read_retry_after(text: str, today_s: float) -> float:
    """Return the seconds that a ``Retry-After`` (seconds or a date) means; 0 if none."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - today_s)
    except (ValueError, OverflowError):
        return 0.0


def _fetch_rest(
    client: httpx.Client, location: str, part: Part, watch: Watch, on_bytes: OnBytes | None
) -> None:
    """Fetch what a partial download misses; nothing is asked for if it is complete."""
    if part.n_bytes and part.n_bytes == part.version.n_bytes:
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
        watch.require_size(int(answer.headers.get("content-length", 0)) + part.n_bytes)
        part.append(answer.iter_bytes(), watch, on_bytes)
    n_bytes, expected = part.n_bytes, part.version.n_bytes
    if n_bytes < expected:
        message = f"{watch.shown} ends after {n_bytes} of {expected} bytes. Try again."
        raise TransientError(Reason.TRUNCATED, message)


def _range_headers(part: Part) -> dict[str, str]:
    n_bytes = part.n_bytes
    if not n_bytes:
        return {}
    validator = part.version.validator
    return {"range": f"bytes={n_bytes}-"} | ({"if-range": validator} if validator else {})


def _prepare_part(response: httpx.Response, part: Part, shown: str) -> None:
    """Keep a partial download that the answer resumes; empty it for an answer with everything."""
    version = _read_answer(response)
    if response.status_code != 206:
        part.start(version)
    elif not _is_resumed(response, part, version):
        part.drop()
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


def _is_resumed(response: httpx.Response, part: Part, version: Version) -> bool:
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    known = part.version
    if found is None or int(found[1]) != part.n_bytes or _is_encoded(response):
        return False
    is_same_size = found[2] == "*" or known.n_bytes in (-1, int(found[2]))
    return is_same_size and version.validator in ("", known.validator)


def _require_end(response: httpx.Response, part: Part, shown: str) -> None:
    """Require that a partial download which no range follows has the full length."""
    found = _ALL.fullmatch(response.headers.get("content-range", ""))
    if found is None or int(found[1]) != part.n_bytes:
        part.drop()
        message = f"{shown} is no longer what was fetched of it. Try again."
        raise TransientError(Reason.TRUNCATED, message)
