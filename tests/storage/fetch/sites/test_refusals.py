"""What a site refuses, or cannot give now, becomes the outcome of a song with its reason."""

import socket

import pytest

from genre_core.errors import TrackRejected, TransientError
from tests.storage.fetch.sites.conftest import Fetch
from tests.storage.fetch.sites.music_site import MusicSite, write_stream


@pytest.mark.parametrize(
    ("refusal", "error", "reason"),
    [
        ("This track is private", TrackRejected, "forbidden"),
        ("Sign in to confirm your age", TrackRejected, "forbidden"),
        ("This video has been removed by the uploader", TrackRejected, "not_found"),
        ("Video unavailable", TrackRejected, "not_found"),
        ("Rate limit exceeded", TransientError, "unreachable"),
        ("Sign in to confirm you’re not a bot", TransientError, "unreachable"),
        ("Something odd", TransientError, "unreachable"),
    ],
)
def test_the_answer_of_a_site_about_a_song_is_its_reason(
    fetch: Fetch, site: MusicSite, song: bytes, refusal: str,
    error: type[TrackRejected | TransientError], reason: str,
) -> None:  # fmt: skip
    url = site.add_track("one", song, refusal=refusal)

    with pytest.raises(error, match=refusal) as failure:
        fetch(url)

    assert failure.value.reason == reason


@pytest.mark.parametrize("path", ["/api/track/one", "/media/one.mp3"])
@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (404, TrackRejected, "not_found"),
        (403, TrackRejected, "forbidden"),
        (429, TransientError, "unreachable"),
        (504, TransientError, "timed_out"),
    ],
)
def test_the_status_of_a_page_or_a_file_is_the_reason(
    fetch: Fetch, site: MusicSite, song: bytes, path: str, status: int,
    error: type[TrackRejected | TransientError], reason: str,
) -> None:  # fmt: skip
    url = site.add_track("one", song)
    site.refuse(path, status)

    with pytest.raises(error, match=f"answers {status}") as failure:
        fetch(url)

    assert failure.value.reason == reason


def test_a_site_that_was_busy_for_a_moment_is_asked_again_at_once(
    fetch: Fetch, site: MusicSite, song: bytes
) -> None:
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

    with pytest.raises(TransientError, match="newer yt-dlp") as failure:
        fetch(url)

    assert failure.value.reason == "site_broken"


def test_a_site_without_an_answer_is_left_to_the_next_run(fetch: Fetch, site: MusicSite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/track/one"
        with pytest.raises(TransientError, match="does not answer in time") as failure:
            fetch(url, timeout_s=0.2)
    with pytest.raises(TransientError, match="cannot be reached now") as closed:
        fetch(url)

    assert (failure.value.reason, closed.value.reason) == ("timed_out", "unreachable")


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
