"""Fetch a song from its page: the page is read, its sound goes to a partial download."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any
from urllib.parse import unquote, urldefrag

from genre_core.errors import TrackRejected, TransientError
from genre_core.locations import show_location
from genre_core.records import Reason, Source
from storage.fetch.connect import try_again
from storage.fetch.limits import Clock, DownloadLimits, Watch
from storage.fetch.parts import Part
from storage.fetch.sites.access import Access
from storage.fetch.sites.client import Client, archive_id, explain_site, open_site

LISTS = ("playlist", "multi_video")
LINKS = ("url", "url_transparent")

_ARTIST = ("artist", "artists", "album_artist", "creator", "uploader", "channel")
_TITLE = ("track", "title")
_TOPIC = " - Topic"
_PROTOCOLS = frozenset(("http", "https", "m3u8", "m3u8_native", "http_dash_segments"))
_SEVERAL = "the page is a list of songs. Name it in a manifest, or name one of its songs."


def fetch_page(
    source: Source, part: Part, limits: DownloadLimits, access: Access, clock: Clock
) -> Source:
    """Fetch the sound of a page into ``part``; return the source with the tags of the page.

    A song that has no page of its own is named by the fragment of the page of its list.
    """
    shown = source.source_id or show_location(source.location)
    if rate := access.config.rate_limit_bytes_per_s:  # a download at that rate is not too slow
        limits = replace(limits, min_bytes_per_s=min(limits.min_bytes_per_s, rate / 2))
    watch = Watch(shown, limits, clock)
    # an address of a song within a list means the song
    options = {"noplaylist": True, "format": choose_sound}
    with open_site(source.location, access, watch, **options) as client, explain_site(shown):
        page = try_again(lambda: _read_page(client, source.location, shown), watch)
        if (song_id := archive_id(page)) in access.archive:
            message = f"the download archive {access.config.archive_file} has it as {song_id}."
            raise TrackRejected(Reason.DUPLICATE_ID, message)
        _save(client, page, part, watch)
    return tag_source(source, page)


def tag_source(source: Source, page: Mapping[str, Any]) -> Source:
    """Return a source with artist, album and title of its page where it has none."""
    return replace(
        source,
        artist=source.artist or _first(page, _ARTIST).removesuffix(_TOPIC),
        album=source.album or _first(page, ("album",)),
        title=source.title or _first(page, _TITLE),
    )


def name_entry(listed: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of a list, with the extractor of the list if it links to no other page."""
    if entry.get("_type") in LINKS:
        return dict(entry)
    return {key: listed[key] for key in ("extractor", "extractor_key", "webpage_url")} | dict(entry)


def choose_sound(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the best format without a picture; yt-dlp lists them from the worst to the best."""
    sounds = [form for form in page["formats"] if _is_sound(form)]
    if not sounds:
        message = "the page offers no sound that can be fetched without a picture. Leave it out."
        raise TrackRejected(Reason.NOT_AUDIO, message)
    certain = [form for form in sounds if form.get("vcodec") == "none"]
    yield (certain or sounds)[-1]


def _is_sound(form: Mapping[str, Any]) -> bool:
    has_picture = form.get("vcodec") not in (None, "none") or form.get("height")
    is_unusable = form.get("acodec") == "none" or form.get("has_drm")
    return form.get("protocol") in _PROTOCOLS and not has_picture and not is_unusable


def _first(page: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first field that is filled, as text that a catalog can hold."""
    for name in names:
        found = page.get(name)
        parts = found if isinstance(found, list) else [found]
        text = ", ".join(part for part in parts if isinstance(part, str))
        clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ").strip()
        if clean:
            return clean
    return ""


def _read_page(client: Client, location: str, shown: str) -> dict[str, Any]:
    """Read a page down to its one song, with the format chosen."""
    with explain_site(shown):
        result = client.extract_info(location, download=False, process=False)
        if result.get("_type") in LISTS:
            result = _find_entry(result, location)
        _require_end(result)
        song: dict[str, Any] = client.process_ie_result(result, download=False)
        if song.get("_type", "video") in (*LISTS, *LINKS):
            raise TrackRejected(Reason.NOT_AUDIO, _SEVERAL)
        _require_end(song)
        return song


def _find_entry(listed: dict[str, Any], location: str) -> dict[str, Any]:
    """Return the entry of a list that the fragment of the location names, or the only one."""
    wanted = unquote(urldefrag(location).fragment)
    entries = (name_entry(listed, entry) for entry in listed.get("entries") or () if entry)
    named = (entry for entry in entries if not wanted or archive_id(entry) == wanted)
    found = list(islice(named, 1 if wanted else 2))
    if not found:
        message = "the song is no longer in its list. Leave it out."
        raise TrackRejected(Reason.NOT_FOUND, message)
    if len(found) > 1:
        raise TrackRejected(Reason.NOT_AUDIO, _SEVERAL)
    return found[0]


def _require_end(page: Mapping[str, Any]) -> None:
    if page.get("is_live"):
        message = "the page is a live stream, which has no end. Name a recording of it."
        raise TrackRejected(Reason.TOO_LARGE, message)


def _save(client: Client, page: dict[str, Any], part: Part, watch: Watch) -> None:
    """Let yt-dlp write one file; pieces of a stream lie beside it while it does."""
    watch.start_body(0)
    try:
        is_saved = client.save(dict(page), part.path)
    finally:
        for piece in part.path.parent.glob(f"{part.path.name}[-.]*"):
            piece.unlink()
    if not is_saved:
        raise TransientError(Reason.UNREACHABLE, f"{watch.shown} cannot be fetched. Try again.")
    watch.require_size(part.n_bytes)
