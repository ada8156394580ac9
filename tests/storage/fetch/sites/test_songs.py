"""Songs from their pages: real yt-dlp asks a site on this machine."""

import hashlib
import logging
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from storage.fetch.sites.access import Access, SiteConfig, open_access
from storage.home import DataLayout
from tests.storage.fetch.conftest import outcome_of
from tests.storage.fetch.sites.conftest import Fetch
from tests.storage.fetch.sites.music_site import MusicSite, write_stream


@pytest.fixture
def url(site: MusicSite, song: bytes) -> str:
    """The page of a song."""
    return site.add_track("one", song)


def left(layout: DataLayout) -> list[str]:
    return [path.name for path in (layout.songs / ".part").glob("*")]


def test_the_sound_of_a_page_becomes_a_track_with_the_tags_of_the_page(
    fetch: Fetch, site: MusicSite, song: bytes, layout: DataLayout
) -> None:
    url = site.add_track("one", song, title="The one", artist="Ada", album="Firsts")

    track = fetch(url)

    assert track.track_id == hashlib.sha256(song).hexdigest()
    assert (track.title, track.artist, track.album) == ("The one", "Ada", "Firsts")
    assert layout.song(track.track_id, ".mp3").read_bytes() == song
    assert left(layout) == []


def test_the_best_sound_without_picture_is_chosen(fetch: Fetch, site: MusicSite, url: str) -> None:
    page = site.pages["/api/track/one"]
    poor = {"url": "/media/poor.mp3", "ext": "mp3", "format_id": "poor", "vcodec": "none"}
    film = {"url": "/media/film.mp4", "ext": "mp4", "format_id": "film", "height": 720}
    good = page["formats"][0]
    page["formats"] = [{**poor, "abr": 64}, {**good, "abr": 192}, film]
    fetch(url)
    page["formats"] = [{**good, "vcodec": "h264", "acodec": "aac", "ext": "mp4"}]

    assert outcome_of(fetch, url) == "quarantined not_audio"
    assert [path for path in site.asked if path.startswith("/media")] == ["/media/one.mp3"]


def test_a_stream_in_pieces_is_put_together(
    fetch: Fetch, site: MusicSite, song: bytes, layout: DataLayout, url: str
) -> None:
    write_stream(site, song)

    track = fetch(url)

    assert track.track_id == hashlib.sha256(song).hexdigest()
    assert left(layout) == []


def test_a_stream_that_misses_a_piece_is_no_song(
    fetch: Fetch, site: MusicSite, song: bytes, layout: DataLayout, url: str
) -> None:
    write_stream(site, song)
    site.refuse("/media/1.mp3", 503)

    assert outcome_of(fetch, url).startswith("retryable")
    assert left(layout) == []


def test_a_large_song_is_given_up(fetch: Fetch, song: bytes, layout: DataLayout, url: str) -> None:
    assert outcome_of(fetch, url, max_bytes=len(song) - 1) == "quarantined too_large"
    assert left(layout) == []


@pytest.fixture
def small_disk(song: bytes) -> Iterator[None]:
    """A disk that takes no file as large as a song, nor as a third of it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(song) // 6, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_disk_that_takes_no_more_of_a_song_is_reported_as_such(
    fetch: Fetch, site: MusicSite, song: bytes, layout: DataLayout, url: str, is_stream: bool
) -> None:
    if is_stream:
        write_stream(site, song)

    assert outcome_of(fetch, url) == "retryable interrupted"
    assert left(layout) == []


def test_a_cut_body_is_truncated(fetch: Fetch, site: MusicSite, song: bytes, url: str) -> None:
    site.cut = len(song) // 2

    assert outcome_of(fetch, url) == "retryable truncated"


def test_the_rate_limit_and_the_deadline_hold(fetch: Fetch, song: bytes, url: str) -> None:
    slow = Access(config=SiteConfig(rate_limit_bytes_per_s=2 * len(song)))

    started_s = time.monotonic()
    fetch(url, slow)
    passed_s = time.monotonic() - started_s

    assert 0.3 < passed_s < 2
    assert outcome_of(fetch, url, slow, deadline_s=0.1) == "retryable timed_out"


def test_names_from_a_site_never_become_paths(
    fetch: Fetch, site: MusicSite, song: bytes, layout: DataLayout, tmp_path: Path
) -> None:
    url = site.add_track("one", song, id="../../../escaped", title="../../escaped")
    site.pages["/api/track/one"]["formats"][0]["ext"] = "mp3/../../escaped"

    track = fetch(url)

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [layout.song(track.track_id, ".mp3")]


def test_cookies_of_the_file_are_sent_and_the_file_stays_as_it_is(
    fetch: Fetch, site: MusicSite, tmp_path: Path, url: str
) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\tticket\t42\n", encoding="utf-8")
    before = cookies.read_bytes()

    fetch(url, open_access(SiteConfig(cookies_file=str(cookies))))

    assert site.cookies[0] == "ticket=42"
    assert cookies.read_bytes() == before


def test_a_song_of_the_archive_is_not_fetched_even_if_only_its_page_holds_the_id(
    fetch: Fetch, site: MusicSite, song: bytes, tmp_path: Path
) -> None:
    url = site.add_track("one", song, id="77")
    archive = tmp_path / "had.txt"
    archive.write_text("youtube dQw4w9WgXcQ\n\nMadeUp 77\n", encoding="utf-8")

    access = open_access(SiteConfig(archive_file=str(archive)))
    assert outcome_of(fetch, url, access) == "quarantined duplicate_id"
    assert "/media/one.mp3" not in site.asked


@pytest.mark.parametrize("setting", ["cookies_file", "archive_file"])
@pytest.mark.parametrize("text", [None, "no-id-here", b"\xff\xfe"])
def test_a_bad_file_is_refused(tmp_path: Path, setting: str, text: str | bytes | None) -> None:
    place = tmp_path / "file.txt"
    if text is not None:
        place.write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(UsageError, match=r"file\.txt"):
        open_access(SiteConfig(**{setting: str(place)}))


def test_yt_dlp_is_quiet_and_reads_nothing_of_the_user(
    fetch: Fetch, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    plugins = tmp_path / ".config/yt-dlp/plugins/mine/yt_dlp_plugins/extractor"
    plugins.mkdir(parents=True)
    loaded = tmp_path / "loaded"
    (plugins / "mine.py").write_text(f"open({str(loaded)!r}, 'w')", encoding="utf-8")
    (tmp_path / ".config/yt-dlp/config").write_text(f"--exec 'touch {loaded}'", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))

    with caplog.at_level(logging.DEBUG, logger="storage"):
        fetch(url)

    assert not loaded.exists()
    assert capfd.readouterr() == ("", "")
    assert any("one" in record.getMessage() for record in caplog.records)
