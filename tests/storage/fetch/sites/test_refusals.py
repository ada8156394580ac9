"""What a site refuses, or cannot give now, becomes the outcome of a song with its reason."""

import socket

import pytest

from genre_core.errors import TrackRejected
from tests.storage.fetch.conftest import outcome_of
from tests.storage.fetch.sites.conftest import Fetch
from tests.storage.fetch.sites.music_site import MusicSite, write_stream


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [
        ("This track is private", "quarantined forbidden"),
        ("Sign in to confirm your age", "quarantined forbidden"),
        ("This video has been removed by the uploader", "quarantined not_found"),
        ("Video unavailable", "quarantined not_found"),
        ("Rate limit exceeded", "retryable unreachable"),
        ("Sign in to confirm you’re not a bot", "retryable unreachable"),
        ("Something odd", "retryable unreachable"),
    ],
)
def test_the_answer_of_a_site_about_a_song_is_its_reason(
    fetch: Fetch, site: MusicSite, song: bytes, refusal: str, outcome: str
) -> None:
    url = site.add_track("one", song, refusal=refusal)

    assert outcome_of(fetch, url) == outcome


@pytest.mark.parametrize("path", ["/api/track/one", "/media/one.mp3"])
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, "quarantined not_found"),
        (403, "quarantined forbidden"),
        (429, "retryable unreachable"),
        (504, "retryable timed_out"),
    ],
)
def test_the_status_of_a_page_or_a_file_is_the_reason(
    fetch: Fetch, site: MusicSite, song: bytes, path: str, status: int, outcome: str
) -> None:
    url = site.add_track("one", song)
    site.refuse(path, status)

    assert outcome_of(fetch, url) == outcome


def test_a_busy_site_is_tried_again_at_once(fetch: Fetch, site: MusicSite, song: bytes) -> None:
    url = site.add_track("one", song)
    site.refuse("/api/track/one", 503, 429, 200)

    track = fetch(url, max_attempts=3)

    assert track.title == "one"
    assert site.asked.count("/api/track/one") == 3


def test_a_page_that_yt_dlp_does_not_understand_is_a_broken_site(
    fetch: Fetch, site: MusicSite, song: bytes
) -> None:
    url = site.add_track("one", song)
    del site.pages["/api/track/one"]["formats"]

    assert outcome_of(fetch, url) == "retryable site_broken"


def test_a_site_without_an_answer_is_left_to_the_next_run(fetch: Fetch, site: MusicSite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/track/one"
        assert outcome_of(fetch, url, timeout_s=0.2) == "retryable timed_out"

    assert outcome_of(fetch, url) == "retryable unreachable"


def test_a_live_stream_is_refused(fetch: Fetch, site: MusicSite, song: bytes) -> None:
    url = site.add_track("one", song, is_live=True)

    with pytest.raises(TrackRejected, match="live stream, which has no end"):
        fetch(url)

    assert "/media/one.mp3" not in site.asked


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/one.mp3", "file:///etc/passwd", "data:,x"])
def test_what_is_neither_http_nor_https_is_not_fetched(
    fetch: Fetch, site: MusicSite, song: bytes, address: str
) -> None:
    url = site.add_track("one", song)
    write_stream(site, song)
    site.files["/media/list.m3u8"] = f"#EXTM3U\n#EXTINF:4.0,\n{address}\n#EXT-X-ENDLIST".encode()

    with pytest.raises(TrackRejected, match="http and https, not"):
        fetch(url)
