"""Nothing that was fetched is fetched again, unless it must be."""

import gzip
import hashlib
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Track
from storage.fetch.parts import sweep_parts
from storage.home import DataLayout

Fetch = Callable[..., Track]


def files(layout: DataLayout) -> list[Path]:
    return [path for path in layout.home.rglob("*") if path.is_file()]


def ranges(host: ThreadingHTTPServer) -> list[str]:
    return [asked.get("range", "all") for asked in host.asked]


def require_song(track: Track, host: ThreadingHTTPServer, layout: DataLayout) -> None:
    assert track.track_id == hashlib.sha256(host.song).hexdigest()
    assert files(layout) == [layout.song(track.track_id, ".mp3")]
    assert files(layout)[0].read_bytes() == host.song


@pytest.mark.parametrize("etag", ['"first"', ""])
def test_a_download_that_breaks_off_goes_on_where_it_was(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout, etag: str
) -> None:
    host.send_song(cut=50_000, etag=etag)
    host.send_song(cut=30_000, etag=etag)
    host.send_song(etag=etag)

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host) == ["all", "bytes=50000-", "bytes=80000-"]
    assert [asked.get("if-range", "") for asked in host.asked[1:]] == [etag, etag]
    require_song(track, host, layout)


def test_a_later_run_goes_on_with_what_the_first_one_fetched(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout
) -> None:
    host.send_song(cut=50_000)
    with pytest.raises(TransientError) as failure:
        fetch(f"{host.url}/song.mp3", max_attempts=1)
    sweep_parts(layout)

    track = fetch(f"{host.url}/song.mp3")

    assert failure.value.reason == "truncated"
    assert ranges(host) == ["all", "bytes=50000-"]
    require_song(track, host, layout)


def test_the_time_of_the_last_change_stands_in_for_a_weak_etag(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout
) -> None:
    changed = "Mon, 01 Jan 2024 00:00:00 GMT"
    host.send_song(cut=50_000, etag='W/"weak"', Last_Modified=changed)

    fetch(f"{host.url}/song.mp3")

    assert host.asked[1]["if-range"] == changed


def test_a_song_that_was_whole_when_the_process_died_is_not_asked_for_again(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout
) -> None:
    host.send_song(cut=50_000)
    with pytest.raises(TransientError):
        fetch(f"{host.url}/song.mp3", max_attempts=1)
    part = next(path for path in files(layout) if not path.suffix)
    part.write_bytes(host.song)

    track = fetch(f"{host.url}/song.mp3")

    assert len(host.asked) == 1
    require_song(track, host, layout)


def test_a_song_of_unknown_length_is_whole_if_nothing_lies_behind_it(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout
) -> None:
    host.send_song(cut=50_000)
    with pytest.raises(TransientError):
        fetch(f"{host.url}/song.mp3", max_attempts=1)
    part = next(path for path in files(layout) if not path.suffix)
    part.write_bytes(host.song)
    part.with_suffix(".json").write_text('{"validator": "\\"first\\"", "n_bytes": -1}')

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host) == ["all", f"bytes={len(host.song)}-"]
    require_song(track, host, layout)


def test_a_song_that_has_changed_starts_anew(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout
) -> None:
    host.send_song(cut=50_000, etag='"old"')
    host.send_song(etag='"new"')

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host) == ["all", "bytes=50000-"]
    require_song(track, host, layout)


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"new"'},
        {"Content_Range": "bytes 49999-{last}/{total}"},
        {"Content_Range": "bytes 50000-50001/50002"},
        {"Content_Range": "nonsense"},
        {"Content_Encoding": "gzip"},
    ],
)
def test_a_continuation_that_does_not_fit_starts_anew(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout, headers: dict[str, str]
) -> None:
    n_bytes = len(host.song)
    answered = {n: value.format(last=n_bytes - 1, total=n_bytes) for n, value in headers.items()}
    host.send_song(cut=50_000)
    host.send_song(**answered)
    host.send_song()

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host) == ["all", "bytes=50000-", "all"]
    require_song(track, host, layout)


def test_a_server_without_ranges_sends_all_again(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout
) -> None:
    host.send_song(cut=50_000)
    host.send(host.song, Content_Length=str(len(host.song)))

    track = fetch(f"{host.url}/song.mp3")

    require_song(track, host, layout)


def test_a_range_that_the_server_cannot_satisfy_starts_anew(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout
) -> None:
    host.send_song(cut=50_000)
    host.refuse(416, Content_Range="bytes */1000")

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host) == ["all", "bytes=50000-", "all"]
    require_song(track, host, layout)


def test_a_compressed_song_is_unpacked(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout
) -> None:
    host.send(gzip.compress(host.song), Content_Encoding="gzip", ETag='"packed"')

    track = fetch(f"{host.url}/song.mp3")

    assert host.asked[0]["accept-encoding"] == "identity"
    require_song(track, host, layout)


def test_a_rejected_song_leaves_no_part(
    host: ThreadingHTTPServer, fetch: Fetch, layout: DataLayout
) -> None:
    host.send(b"<html>Please log in</html>", ETag='"page"')

    with pytest.raises(TrackRejected) as rejection:
        fetch(f"{host.url}/song.mp3")

    assert rejection.value.reason == "not_audio"
    assert files(layout) == []
