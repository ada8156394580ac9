"""A server that fails for a while is tried again, politely, and given up in time."""

import socket
from collections.abc import Callable

import pytest

from genre_core.errors import TransientError
from genre_core.records import Reason, Track
from storage.fetch.connect import Delayed, try_again
from storage.fetch.http import read_retry_after
from storage.fetch.limits import Clock, DownloadLimits, Watch
from storage.home import DataLayout
from tests.storage.fetch.conftest import Host, ManualClock, outcome_of

Fetch = Callable[..., Track]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_server_that_fails_once_is_tried_again(
    host: Host, fetch: Fetch, manual: ManualClock, status: int
) -> None:
    host.refuse(status)

    assert fetch(f"{host.url}/song.mp3").codec == "mp3"
    assert len(host.asked) == 2
    assert 0 <= manual.waits_s[0] <= 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "unreachable"),
        (401, "forbidden"),
        (403, "forbidden"),
        (404, "not_found"),
        (410, "not_found"),
        (451, "forbidden"),
    ],
)
def test_a_refusal_is_final(host: Host, fetch: Fetch, status: int, reason: str) -> None:
    host.refuse(status)

    assert outcome_of(fetch, f"{host.url}/song.mp3") == f"quarantined {reason}"
    assert len(host.asked) == 1


# 1970-01-01 00:00:20 is 20 s after the clock of these tests
@pytest.mark.parametrize("retry_after", ["20", "Thu, 01 Jan 1970 00:00:20 GMT"])
def test_a_busy_server_sets_the_wait(
    host: Host, fetch: Fetch, manual: ManualClock, retry_after: str
) -> None:
    host.refuse(429, Retry_After=retry_after)

    fetch(f"{host.url}/song.mp3")

    assert manual.waits_s == [20.0]


@pytest.mark.parametrize("text", ["", "soon", "-3", "Wed, 31 Dec 1969 23:00:00 GMT", "²"])
def test_a_retry_after_without_meaning_sets_no_wait(text: str) -> None:
    assert read_retry_after(text, today_s=0.0) == 0.0


@pytest.mark.parametrize("limits", [{"max_wait_s": 19.0}, {"deadline_s": 19.0}])
def test_a_wait_longer_than_a_limit_is_left_to_the_next_run(
    host: Host, fetch: Fetch, manual: ManualClock, limits: dict[str, float]
) -> None:
    host.refuse(503, Retry_After="20")

    assert outcome_of(fetch, f"{host.url}/song.mp3", **limits) == "retryable unreachable"
    assert (len(host.asked), manual.waits_s) == (1, [])


def test_the_last_attempt_decides(host: Host, fetch: Fetch, manual: ManualClock) -> None:
    for status in (500, 502, 504):
        host.refuse(status)

    assert outcome_of(fetch, f"{host.url}/song.mp3", max_attempts=3) == "retryable timed_out"
    assert (len(host.asked), len(manual.waits_s)) == (3, 2)


def test_waits_are_drawn_from_a_range_that_doubles_up_to_the_limit() -> None:
    def draw_waits_s() -> list[float]:
        waits_s: list[float] = []
        limits = DownloadLimits(max_attempts=7, max_wait_s=10.0, deadline_s=1e9)

        def fail() -> None:
            raise Delayed(Reason.UNREACHABLE, "busy", 0.0)

        with pytest.raises(TransientError, match="busy"):
            try_again(fail, Watch("a song", limits, Clock(sleep=waits_s.append)))
        return waits_s

    drawn = list(zip(*(draw_waits_s() for _ in range(300)), strict=True))

    for waits_s, longest_s in zip(drawn, (1, 2, 4, 8, 10, 10), strict=True):
        assert min(waits_s) < 0.1 * longest_s
        assert 0.9 * longest_s < max(waits_s) <= longest_s


def test_a_length_that_is_never_reached_is_truncated(host: Host, fetch: Fetch) -> None:
    for _ in range(3):
        host.send(host.song, Content_Length=str(len(host.song) + 1000))

    assert outcome_of(fetch, f"{host.url}/song.mp3", max_attempts=3) == "retryable truncated"
    assert len(host.asked) == 3


def test_a_stalled_server_is_tried_again(host: Host, fetch: Fetch) -> None:
    length = str(len(host.song))
    host.send(host.song[:1000], then="stall", Content_Length=length, ETag='"first"')

    track = fetch(f"{host.url}/song.mp3", timeout_s=0.5)

    assert (track.codec, len(host.asked)) == ("mp3", 2)


@pytest.mark.parametrize(
    ("then", "step_s", "limits", "words"),
    [
        ("stall", 0.0, {"timeout_s": 0.1}, "in time"),
        ("drip", 0.5, {}, "bytes per second"),
        ("drip", 10.0, {"deadline_s": 25.0, "min_bytes_per_s": 0.0}, "takes longer than"),
        ("drip head", 0.0, {"timeout_s": 0.2}, "in time"),
    ],
)
def test_a_silent_or_slow_server_has_timed_out(
    host: Host, fetch: Fetch, manual: ManualClock, then: str, step_s: float,
    limits: dict[str, float], words: str,
) -> None:  # fmt: skip
    manual.step_s = step_s
    host.send(b"", then=then, Content_Length="1000000")

    with pytest.raises(TransientError, match=words) as failure:
        fetch(f"{host.url}/song.mp3", max_attempts=1, **limits)

    assert failure.value.reason == "timed_out"


def test_a_body_larger_than_the_limit_is_left(host: Host, fetch: Fetch, layout: DataLayout) -> None:
    host.send(bytes(200_000), then="drip")
    host.send(b"", Content_Length="200000")

    for _ in range(2):
        outcome = outcome_of(fetch, f"{host.url}/song.mp3", max_bytes=100_000)
        assert outcome == "quarantined too_large"
    assert not any(path.is_file() for path in layout.home.rglob("*"))


def test_a_closed_port_is_unreachable(fetch: Fetch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    url = f"http://127.0.0.1:{port}/song.mp3"
    assert outcome_of(fetch, url, max_attempts=1) == "retryable unreachable"
