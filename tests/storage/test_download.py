"""Songs fetched from paths and from a server on this machine."""

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason, Source, Track
from storage.fetch.download import DownloadLimits, fetch_song
from storage.home import DataLayout

LIMITS = DownloadLimits(timeout_s=0.5, deadline_s=5.0, max_attempts=1)


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path / "home")


class _MusicServer(ThreadingHTTPServer):
    """Answers as the path says: /song, /status/404, /short, /stall, /hop/<location> and others."""

    def __init__(self, song: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.song = song
        self.closing = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: _MusicServer

    def do_GET(self) -> None:
        kind, _, argument = self.path.strip("/").partition("/")
        getattr(self, f"_{kind}")(argument)

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()

    def _announce(self) -> bytes:
        self._head(200, Content_Length=str(len(self.server.song)))
        return self.server.song

    def _song(self, _: str) -> None:
        self.wfile.write(self._announce())

    def _endless(self, _: str) -> None:
        self._head(200)
        self.wfile.write(self.server.song)

    def _status(self, status: str) -> None:
        self._head(int(status), Content_Length="0")

    def _short(self, _: str) -> None:
        self.wfile.write(self._announce()[:1000])

    def _stall(self, _: str) -> None:
        self.wfile.write(self._announce()[:1000])
        self.server.closing.wait(10)

    def _drip(self, _: str) -> None:
        self._announce()
        while not self.server.closing.wait(0.05):
            self.wfile.write(b"x")

    def _hop(self, location: str) -> None:
        self._head(302, Location=location or "/song", Content_Length="0")

    def _page(self, _: str) -> None:
        self._head(200)
        self.wfile.write(b"<html><body>Please log in</body></html>")


@pytest.fixture
def server(sweep_mp3: Path) -> Iterator[str]:
    with _MusicServer(sweep_mp3.read_bytes()) as music_server:
        threading.Thread(target=music_server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{music_server.server_port}"
        music_server.closing.set()
        music_server.shutdown()


def _fetch(location: str | Path, layout: DataLayout, limits: DownloadLimits = LIMITS) -> Track:
    return fetch_song(Source(location=str(location), genre="rock"), layout, limits)


def _files(layout: DataLayout) -> list[Path]:
    return [path for path in layout.home.rglob("*") if path.is_file()]


def _reason(location: str | Path, layout: DataLayout, limits: DownloadLimits = LIMITS) -> str:
    """Fetch what must be rejected, see that nothing is left behind, and give the reason."""
    with pytest.raises(TrackRejected) as rejection:
        _fetch(location, layout, limits)
    assert str(location) in str(rejection.value)
    assert _files(layout) == []
    return rejection.value.reason


def test_a_local_song_is_copied_and_named_by_its_content(
    sweep_mp3: Path, layout: DataLayout
) -> None:
    content = sweep_mp3.read_bytes()

    track = _fetch(sweep_mp3, layout)

    assert track.track_id == hashlib.sha256(content).hexdigest()
    assert (track.suffix, track.codec, track.sample_rate) == (".mp3", "mp3", 44_100)
    assert _files(layout) == [layout.song(track.track_id, ".mp3")]
    assert _files(layout)[0].read_bytes() == content
    assert sweep_mp3.exists()


def test_a_song_from_a_server_is_the_same_track(
    sweep_mp3: Path, server: str, layout: DataLayout
) -> None:
    local = _fetch(sweep_mp3, layout)

    remote = _fetch(f"{server}/song", layout)

    assert (remote.track_id, remote.location) == (local.track_id, f"{server}/song")
    assert len(_files(layout)) == 1


@pytest.mark.parametrize("path", ["endless", "hop"])
def test_an_unknown_length_and_a_redirection_are_followed(
    server: str, layout: DataLayout, path: str
) -> None:
    assert _fetch(f"{server}/{path}", layout).codec == "mp3"


def test_a_song_that_is_there_is_kept(sweep_mp3: Path, layout: DataLayout) -> None:
    track = _fetch(sweep_mp3, layout)
    stored = layout.song(track.track_id, track.suffix)
    os.utime(stored, (1, 1))

    _fetch(sweep_mp3, layout)

    assert stored.stat().st_mtime == 1


def test_the_source_knows_better_than_the_tags(sweep_mp3: Path, layout: DataLayout) -> None:
    source = Source(location=str(sweep_mp3), genre="rock", artist="Byron", licence="CC0")

    track = fetch_song(source, layout, LIMITS)

    assert (track.artist, track.album, track.title) == ("Byron", "Notes", "Ünïcode 歌")
    assert (track.genre, track.licence) == ("rock", "CC0")


def test_the_suffix_is_that_of_the_content_not_of_the_name(
    sweep_mp3: Path, layout: DataLayout, tmp_path: Path
) -> None:
    song = tmp_path / "x; rm -rf $HOME.sh"
    song.write_bytes(sweep_mp3.read_bytes())

    assert _fetch(song, layout).suffix == ".mp3"


def test_a_missing_file_is_not_found(layout: DataLayout, tmp_path: Path) -> None:
    assert _reason(tmp_path / "none.mp3", layout) == Reason.NOT_FOUND


def test_a_folder_is_not_audio(layout: DataLayout, tmp_path: Path) -> None:
    assert _reason(tmp_path, layout) == Reason.NOT_AUDIO


def test_a_text_is_not_audio(layout: DataLayout, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_text("no music at all\n" * 100)

    assert _reason(song, layout) == Reason.NOT_AUDIO


def test_an_empty_file_is_told_to_be_empty(layout: DataLayout, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.touch()

    with pytest.raises(TrackRejected, match=r"song\.mp3 is empty") as rejection:
        _fetch(song, layout)

    assert rejection.value.reason == Reason.NOT_AUDIO


def test_a_web_page_is_not_audio(server: str, layout: DataLayout) -> None:
    assert _reason(f"{server}/page", layout) == Reason.NOT_AUDIO


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_forbidden(
    sweep_mp3: Path, layout: DataLayout, tmp_path: Path
) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(sweep_mp3.read_bytes())
    song.chmod(0)

    assert _reason(song, layout) == Reason.FORBIDDEN


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.FORBIDDEN),
        (403, Reason.FORBIDDEN),
        (404, Reason.NOT_FOUND),
        (410, Reason.NOT_FOUND),
        (400, Reason.UNREACHABLE),
    ],
)
def test_a_refusing_server_rejects_the_song(
    server: str, layout: DataLayout, status: int, reason: Reason
) -> None:
    assert _reason(f"{server}/status/{status}", layout) == reason


@pytest.mark.parametrize("path", ["status/429", "status/500", "status/503", "short", "stall"])
def test_a_failing_server_is_tried_again(server: str, layout: DataLayout, path: str) -> None:
    with pytest.raises(TransientError, match=path):
        _fetch(f"{server}/{path}", layout)

    assert _files(layout) == []  # the server names no version: no later run could go on


def test_a_closed_port_is_tried_again(layout: DataLayout) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(TransientError, match="cannot be reached"):
        _fetch(f"http://127.0.0.1:{port}/song.mp3", layout)


def test_a_download_that_never_ends_is_broken_off(server: str, layout: DataLayout) -> None:
    with pytest.raises(TransientError, match="takes too long"):
        _fetch(
            f"{server}/drip", layout, DownloadLimits(timeout_s=1.0, deadline_s=0.3, max_attempts=1)
        )


@pytest.mark.parametrize("path", ["song", "endless"])
def test_a_download_larger_than_the_limit_is_too_large(
    server: str, layout: DataLayout, path: str
) -> None:
    limits = DownloadLimits(max_bytes=10_000)

    assert _reason(f"{server}/{path}", layout, limits) == Reason.TOO_LARGE


def test_a_file_larger_than_the_limit_is_too_large(sweep_mp3: Path, layout: DataLayout) -> None:
    assert _reason(sweep_mp3, layout, DownloadLimits(max_bytes=10_000)) == Reason.TOO_LARGE


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://example.org/a.mp3", "song.mp3", "data:audio/mp3,x"]
)
def test_other_schemes_are_forbidden(layout: DataLayout, location: str) -> None:
    assert _reason(location, layout) == Reason.FORBIDDEN


def test_a_redirection_to_another_scheme_is_not_followed(server: str, layout: DataLayout) -> None:
    assert _reason(f"{server}/hop/file:///etc/passwd", layout) == Reason.FORBIDDEN


@pytest.mark.parametrize("location", ["http://[::1/a.mp3", "http://", "http://a:b/c"])
def test_a_malformed_address_rejects_the_song(layout: DataLayout, location: str) -> None:
    assert _reason(location, layout) in (Reason.NOT_FOUND, Reason.UNREACHABLE)
