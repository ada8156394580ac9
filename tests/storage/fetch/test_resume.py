"""Nothing that was fetched is fetched again, unless it must be; leftovers are swept."""

import gzip
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from genre_core.records import Track
from storage.fetch.parts import sweep_parts
from storage.home import DataLayout
from tests.storage.fetch.conftest import Host, outcome_of

Fetch = Callable[..., Track]

FETCH = """
import sys
from pathlib import Path
from genre_core.records import Source
from storage.fetch.download import fetch_song
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout
fetch_song(Source(location=sys.argv[1], genre=""), DataLayout(Path(sys.argv[2])), DownloadLimits())
"""
PATIENCE_S = 30.0


def files(layout: DataLayout) -> list[Path]:
    return [path for path in layout.home.rglob("*") if path.is_file()]


def ranges(host: Host) -> list[str]:
    return [asked.get("range", "all") for asked in host.asked]


def require_song(track: Track, host: Host, layout: DataLayout) -> None:
    assert track.track_id == hashlib.sha256(host.song).hexdigest()
    assert files(layout) == [layout.song(track.track_id, ".mp3")]
    assert files(layout)[0].read_bytes() == host.song


@pytest.fixture
def part(host: Host, fetch: Fetch, layout: DataLayout) -> Path:
    """The partial download of a song that broke off after 50,000 bytes."""
    host.send_song(cut=50_000)
    assert outcome_of(fetch, f"{host.url}/song.mp3", max_attempts=1) == "retryable truncated"
    return next(path for path in files(layout) if not path.suffix)


@pytest.mark.parametrize("etag", ['"first"', ""])
def test_a_cut_download_is_resumed(host: Host, fetch: Fetch, layout: DataLayout, etag: str) -> None:
    host.send_song(cut=50_000, etag=etag)
    host.send_song(cut=30_000, etag=etag)
    host.send_song(etag=etag)

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host) == ["all", "bytes=50000-", "bytes=80000-"]
    assert [asked.get("if-range", "") for asked in host.asked[1:]] == [etag, etag]
    require_song(track, host, layout)


@pytest.mark.usefixtures("part")
def test_a_later_run_resumes_the_download(host: Host, fetch: Fetch, layout: DataLayout) -> None:
    sweep_parts(layout)

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host) == ["all", "bytes=50000-"]
    require_song(track, host, layout)


def test_the_time_of_the_last_change_replaces_a_weak_etag(host: Host, fetch: Fetch) -> None:
    changed = "Mon, 01 Jan 2024 00:00:00 GMT"
    host.send_song(cut=50_000, etag='W/"weak"', Last_Modified=changed)

    fetch(f"{host.url}/song.mp3")

    assert host.asked[1]["if-range"] == changed


@pytest.mark.parametrize("is_length_known", [True, False])
def test_a_song_that_was_complete_when_the_process_died_is_not_fetched_again(
    host: Host, fetch: Fetch, layout: DataLayout, part: Path, is_length_known: bool
) -> None:
    part.write_bytes(host.song)
    if not is_length_known:
        part.with_suffix(".json").write_text('{"validator": "\\"first\\"", "n_bytes": -1}')

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host)[1:] == ([] if is_length_known else [f"bytes={len(host.song)}-"])
    require_song(track, host, layout)


def test_a_song_that_has_changed_starts_anew(host: Host, fetch: Fetch, layout: DataLayout) -> None:
    host.send_song(cut=50_000, etag='"old"')
    host.send_song(etag='"new"')

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host) == ["all", "bytes=50000-"]
    require_song(track, host, layout)


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"new"'},
        {"Content_Range": "bytes 49999-{last}/{total}"},
        {"Content_Range": "bytes 50000-50001/50002"},
        {"Content_Range": "nonsense"},
        {"Content_Encoding": "gzip"},
        {"status": "416", "Content_Range": "bytes */1000"},
    ],
)
def test_a_continuation_that_does_not_fit_starts_anew(
    host: Host, fetch: Fetch, layout: DataLayout, headers: dict[str, str]
) -> None:
    n_bytes = len(host.song)
    answered = {n: value.format(last=n_bytes - 1, total=n_bytes) for n, value in headers.items()}
    if status := answered.pop("status", ""):
        host.refuse(int(status), **answered)
    else:
        host.send_song(**answered)

    track = fetch(f"{host.url}/song.mp3")

    assert ranges(host) == ["all", "bytes=50000-", "all"]
    require_song(track, host, layout)


def test_a_compressed_song_is_unpacked(host: Host, fetch: Fetch, layout: DataLayout) -> None:
    host.send(gzip.compress(host.song), Content_Encoding="gzip", ETag='"packed"')

    track = fetch(f"{host.url}/song.mp3")

    assert host.asked[0]["accept-encoding"] == "identity"
    require_song(track, host, layout)


def test_a_rejected_song_leaves_no_part(host: Host, fetch: Fetch, layout: DataLayout) -> None:
    host.send(b"<html>Please log in</html>", ETag='"page"')

    assert outcome_of(fetch, f"{host.url}/song.mp3") == "quarantined not_audio"
    assert files(layout) == []


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize(("age_days", "n_kept"), [(6, 2), (8, 0)])
def test_parts_are_swept_after_some_days(layout: DataLayout, age_days: int, n_kept: int) -> None:
    touched_s = time.time() - age_days * 86_400
    for path in files(layout):
        os.utime(path, (touched_s, touched_s))

    sweep_parts(layout, 7)

    assert len(files(layout)) == n_kept


def test_what_no_run_can_resume_is_swept(layout: DataLayout) -> None:
    parts = layout.songs / ".part"
    parts.mkdir(parents=True)
    (parts / "0123").write_bytes(b"half a song")
    (parts / "4567.json").write_text('{"validator": "x", "n_bytes": 9}')
    (parts / "89ab.new").write_text('{"valida')

    sweep_parts(layout)

    assert files(layout) == []


def test_a_killed_download_is_resumed_later(host: Host, fetch: Fetch, layout: DataLayout) -> None:
    url, length = f"{host.url}/song.mp3", str(len(host.song))
    host.send(host.song[:50_000], then="stall", Content_Length=length, ETag='"first"')
    deadline_s = time.monotonic() + PATIENCE_S
    with subprocess.Popen([sys.executable, "-c", FETCH, url, str(layout.home)]) as process:
        while sum(p.stat().st_size for p in layout.songs.glob(".part/*")) < 40_000:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    n_kept = max(part.stat().st_size for part in layout.songs.glob(".part/*"))
    sweep_parts(layout)

    track = fetch(url)

    assert host.asked[1]["range"] == f"bytes={n_kept}-"
    require_song(track, host, layout)
