"""Fetch a song from its page: the page is read, its sound goes to a part file."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason, Source
from storage.fetch.addresses import show_location
from storage.fetch.limits import Clock, DownloadLimits
from storage.fetch.parts import count_bytes
from storage.fetch.retry import try_again
from storage.fetch.sites.access import Access
from storage.fetch.sites.client import Client, open_client
from storage.fetch.sites.failures import explain_site
from storage.fetch.sites.watch import Watch, require_end

_ARTIST = ("artist", "artists", "album_artist", "creator", "uploader", "channel")
_TITLE = ("track", "title")
_TOPIC = " - Topic"


def tag_source(source: Source, told: Mapping[str, Any]) -> Source:
    """Give a source artist, album and title; what is known of it already is the stronger."""
    return replace(
        source,
        artist=source.artist or _first(told, _ARTIST).removesuffix(_TOPIC),
        album=source.album or _first(told, ("album",)),
        title=source.title or _first(told, _TITLE),
    )


def _first(told: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := _text(told.get(name)))), "")


def _text(field: object) -> str:
    """Give a field as text that a catalog can hold."""
    names = field if isinstance(field, list) else [field]
    text = ", ".join(name for name in names if isinstance(name, str))
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ").strip()


LISTS = ("playlist", "multi_video")
LINKS = ("url", "url_transparent")


def fetch_page(
    source: Source, part: Path, limits: DownloadLimits, access: Access, clock: Clock
) -> Source:
    """Fetch the sound of a page.

    Parameters
    ----------
    source : Source
        Its ``site`` is not empty. A song that has no page of its own is told by the fragment of
        the page of its list, which is the id of the song.
    part : Path
        Whole when this returns; nothing else is written.
    limits : DownloadLimits
        What the song may cost.
    access : Access
        Cookies, the rate limit, and the ids that are not to be fetched.
    clock : Clock
        The time, and the way to wait.

    Returns
    -------
    Source
        With what the page says of artist, album and title where nothing was known.

    Raises
    ------
    TrackRejected
        If the song is missing, forbidden, too large, live or no sound; ``duplicate_id`` if the
        download archive has it.
    TransientError
        If it may well work later.
    """
    shown = source.source_id or show_location(source.location)
    rate = access.config.rate_limit_bytes_per_s
    watch = Watch(source.location, shown, limits, clock, rate)
    with open_client(access, limits, watch) as client, explain_site(shown):
        client.params["noplaylist"] = True  # of an address that names a song and its list: the song
        page = try_again(
            lambda _: _read_page(client, source.location, shown), source.location, limits, clock
        )
        _require_new(client.archive_id(page), access)
        _save(client, page, part, shown)
        watch.require_size(count_bytes(part))
    return tag_source(source, page)


def _read_page(client: Client, location: str, shown: str) -> dict[str, Any]:
    """Read a page down to its one song, with the format chosen."""
    with explain_site(shown):
        result = client.extract_info(location, download=False, process=False)
        if result.get("_type") in LISTS:
            result = _find_entry(client, result, location)
        require_end(result)
        song = client.process_ie_result(result, download=False)
        if song.get("_type", "video") in (*LISTS, *LINKS):
            raise TrackRejected(Reason.NOT_AUDIO, _several())
        require_end(song)
        return song


def name_entry(listed: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give an entry of a list, with the extractor of the list if it is no link to another page."""
    if entry.get("_type") in LINKS:
        return dict(entry)
    return {key: listed[key] for key in ("extractor", "extractor_key", "webpage_url")} | dict(entry)


def _find_entry(client: Client, listed: dict[str, Any], location: str) -> dict[str, Any]:
    """Give the entry of a list that the fragment of the location names, or the only one."""
    wanted = unquote(urldefrag(location).fragment)
    entries = (name_entry(listed, entry) for entry in listed.get("entries") or () if entry)
    named = (entry for entry in entries if not wanted or client.archive_id(entry) == wanted)
    found = list(islice(named, 1 if wanted else 2))
    if not found:
        message = "the song is no longer in its list. Leave it out."
        raise TrackRejected(Reason.NOT_FOUND, message)
    if len(found) > 1 and not wanted:
        raise TrackRejected(Reason.NOT_AUDIO, _several())
    return found[0]


def _several() -> str:
    return "the page is a list of songs. Name it in a manifest, or name one of its songs."


def _require_new(archive_id: str, access: Access) -> None:
    if archive_id in access.archive:
        raise TrackRejected(
            Reason.DUPLICATE_ID,
            f"the download archive {access.config.archive_file} has it as {archive_id}.",
        )


def _save(client: Client, page: Mapping[str, Any], part: Path, shown: str) -> None:
    """Let yt-dlp write one file; pieces of a stream lie beside it while it does."""
    try:
        is_saved = client.save(dict(page), part)
    finally:
        for piece in part.parent.glob(f"{part.name}-Frag*"):
            piece.unlink()
    if not is_saved:
        raise TransientError(Reason.UNREACHABLE, f"{shown} could not be fetched. Try again.")
