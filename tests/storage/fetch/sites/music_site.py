"""A made-up music site on this machine, and what yt-dlp would have to know to read it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urljoin, urlsplit

import yt_dlp.globals
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.utils import ExtractorError

_BASE = r"(?P<base>http://127\.0\.0\.1:\d+)"


class MadeUpIE(InfoExtractor):
    """A page with one song."""

    IE_NAME = "madeup"
    _VALID_URL = _BASE + r"/track/(?P<id>[\w-]+)"
    _RETURN_TYPE = "video"

    def _real_extract(self, url: str) -> dict[str, Any]:
        base, song_id = self._match_valid_url(url).group("base", "id")
        page = self._download_json(f"{base}/api/track/{song_id}", song_id)
        if refusal := page.get("refusal"):
            raise ExtractorError(refusal, expected=True)
        formats = [{**form, "url": urljoin(base, form["url"])} for form in page["formats"]]
        return {**page, "id": page.get("id", song_id), "title": page["title"], "formats": formats}


class MadeUpSetIE(InfoExtractor):
    """A page with a list of songs and lists."""

    IE_NAME = "madeup:set"
    _VALID_URL = _BASE + r"/set/(?P<id>[\w-]+)"
    _RETURN_TYPE = "playlist"

    def _real_extract(self, url: str) -> dict[str, Any]:
        base, set_id = self._match_valid_url(url).group("base", "id")
        page = self._download_json(f"{base}/api/set/{set_id}", set_id)
        return self.playlist_result(self._entries(base, page), set_id, page["title"])

    def _entries(self, base: str, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for entry in page["entries"]:
            if "next" in entry:
                more = self._download_json(f"{base}{entry['next']}", "next page")
                yield from self._entries(base, more)
            elif "formats" in entry:
                formats = [{**form, "url": f"{base}{form['url']}"} for form in entry["formats"]]
                yield {**entry, "formats": formats}
            else:
                kind = MadeUpIE if "/track/" in entry["url"] else None
                address = entry["url"] if "://" in entry["url"] else f"{base}{entry['url']}"
                yield self.url_result(
                    address, kind and kind.ie_key(), entry.get("id"), entry.get("title"),
                    uploader=entry.get("uploader"),
                )  # fmt: skip


class MadeUpPageIE(MadeUpSetIE):
    """A page of which only the site knows whether it is a song or a list."""

    IE_NAME = "madeup:page"
    _VALID_URL = _BASE + r"/page/(?P<id>[\w-]+)"
    _RETURN_TYPE = "any"

    def _real_extract(self, url: str) -> dict[str, Any]:
        base, page_id = self._match_valid_url(url).group("base", "id")
        page = self._download_json(f"{base}/api/page/{page_id}", page_id)
        return self.url_result(f"{base}{page['leads_to']}")


class MusicSite(ThreadingHTTPServer):
    """Answers with the pages and files that it was given, and notes what it was asked."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        self.url = f"http://{address}:{self.server_port}"
        self.pages: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.statuses: dict[str, list[int]] = {}
        self.redirects: dict[str, str] = {}
        self.cut: int | None = None  # answers with files break off after so many bytes
        self.asked: list[str] = []
        self.cookies: list[str] = []

    def add_track(self, name: str, song: bytes, **page: Any) -> str:  # noqa: ANN401
        """Add a song with a page of its own; give the address of the page."""
        self.files[f"/media/{name}.mp3"] = song
        form = {"url": f"/media/{name}.mp3", "ext": "mp3", "format_id": "mp3", "vcodec": "none"}
        self.pages[f"/api/track/{name}"] = {"title": name, "formats": [form], **page}
        return f"{self.url}/track/{name}"

    def add_set(self, name: str, *entries: dict[str, Any]) -> str:
        """Add a list; give the address of its page."""
        self.pages[f"/api/set/{name}"] = {"title": name, "entries": list(entries)}
        return f"{self.url}/set/{name}"

    def refuse(self, path: str, *statuses: int) -> None:
        """Answer a path with these statuses, one a request; the last one for ever."""
        self.statuses[path] = list(statuses)

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no error here."""


class _Handler(BaseHTTPRequestHandler):
    server: MusicSite

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append(path)
        self.server.cookies.append(self.headers.get("cookie", ""))
        statuses = self.server.statuses.get(path, [])
        status = statuses.pop(0) if len(statuses) > 1 else (statuses or [200])[0]
        if path in self.server.redirects:
            self._send(302, b"", Location=self.server.redirects[path])
        elif status != 200:
            self._send(status, b"")
        elif path in self.server.pages:
            self._send(200, json.dumps(self.server.pages[path]).encode())
        elif path in self.server.files:
            self._send(200, self.server.files[path], self.server.cut)
        else:
            self._send(404, b"")

    def _send(self, status: int, body: bytes, cut: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def open_music_site() -> Iterator[MusicSite]:
    """Open the site, and tell yt-dlp's own list of extractors of it for as long."""
    from yt_dlp.extractor import import_extractors

    import_extractors()
    known = yt_dlp.globals.extractors.value
    made_up = {kind.__name__: kind for kind in (MadeUpIE, MadeUpSetIE, MadeUpPageIE)}
    yt_dlp.globals.extractors.value = made_up | known
    try:
        with serve(MusicSite()) as site:
            yield site
    finally:
        yt_dlp.globals.extractors.value = known


@contextmanager
def serve(site: MusicSite) -> Iterator[MusicSite]:
    """Let a site answer."""
    with site:
        threading.Thread(target=site.serve_forever, args=(0.01,), daemon=True).start()
        yield site
        site.shutdown()


def write_stream(site: MusicSite, song: bytes, n_pieces: int = 3) -> None:
    """Return the track ``one`` of a site as a stream in pieces."""
    size = -(-len(song) // n_pieces)
    pieces = [song[start : start + size] for start in range(0, len(song), size)]
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXT-X-MEDIA-SEQUENCE:0"]
    for number, piece in enumerate(pieces):
        site.files[f"/media/{number}.mp3"] = piece
        lines += ["#EXTINF:4.0,", f"{number}.mp3"]
    site.files["/media/list.m3u8"] = "\n".join([*lines, "#EXT-X-ENDLIST"]).encode()
    form = site.pages["/api/track/one"]["formats"][0]
    form.update(url="/media/list.m3u8", protocol="m3u8_native")
