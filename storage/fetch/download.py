"""Fetch a song: to a partial download, probed, then named by its content."""

import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from genre_core.errors import TrackRejected, TransientError
from genre_core.locations import location_of, path_of, show_location
from genre_core.records import AudioFacts, Reason, Source, Track
from storage.audio.isolated import read_guarded
from storage.audio.probe import container_suffix, explain_unreadable, probe_audio
from storage.fetch.addresses import require_scheme
from storage.fetch.limits import Clock, DownloadLimits, Watch
from storage.fetch.parts import Part, hold_part
from storage.fetch.sites.access import Access
from storage.files import explaining_disk_errors
from storage.home import DataLayout

_CHUNK_BYTES = 1 << 20


def fetch_song(
    source: Source,
    layout: DataLayout,
    limits: DownloadLimits,
    clock: Clock | None = None,
    access: Access | None = None,
) -> Track:
    """Copy or download a song into the home; its name there is the SHA-256 of its content.

    ``source`` is a path, an http(s) URL or a page of its ``site``; tags that it leaves empty come
    from the page or the file. A song that is there already is kept. After a `TransientError` a
    later run resumes the download where the server allows it.
    """
    is_resumed = not (source.site or Path(source.location).is_absolute())
    with (
        explaining_disk_errors(layout),
        hold_part(layout, source.location if is_resumed else "") as part,
    ):
        source = _fetch_part(source, part, limits, clock or Clock(), access or Access())
        track_id = _digest_part(part.path)
        facts, suffix = _probe_part(part.path, source, layout, track_id)
        target = layout.song(track_id, suffix)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part.path.replace(target)
    return _to_track(source, facts, track_id, suffix)


def probe_song(
    path: Path, layout: DataLayout, limits: DownloadLimits
) -> tuple[str, AudioFacts, str]:
    """Return the track id, the facts and the suffix that `fetch_song` would give a file."""
    digest, n_bytes, watch = hashlib.sha256(), 0, Watch(location_of(path), limits)
    for chunk in _read_file(path):
        n_bytes += len(chunk)
        watch.require_size(n_bytes)
        digest.update(chunk)
    track_id, source = digest.hexdigest(), Source(location=location_of(path), genre="")
    facts, suffix = _probe_part(path, source, layout, track_id)
    return track_id, facts, suffix


def drop_song(layout: DataLayout, track: Track) -> None:
    """Remove the file of a track that storage holds under another name."""
    layout.song(track.track_id, track.suffix).unlink(missing_ok=True)


def _fetch_part(
    source: Source, part: Part, limits: DownloadLimits, clock: Clock, access: Access
) -> Source:
    """Fetch the file of a source; return the source with the tags of its page."""
    location, shown = source.location, show_location(source.location)
    if source.site:
        from storage.fetch.sites.songs import fetch_page  # yt-dlp takes a moment to load

        return fetch_page(source, part, limits, access, clock)
    if Path(location).is_absolute():
        part.append(_read_file(Path(path_of(location))), Watch(location, limits, clock))
    else:
        require_scheme(location, shown)
        from storage.fetch.http import fetch_url  # httpx is loaded only for addresses

        fetch_url(location, part, Watch(shown, limits, clock))
    return source


def _read_file(path: Path) -> Iterator[bytes]:
    try:
        with explain_unreadable(path), path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
            message = f"{path} leads nowhere: {error.strerror}. Check its name."
            raise TrackRejected(Reason.NOT_FOUND, message) from error
        raise TransientError(f"{path} cannot be read now: {error.strerror}. Try again.") from error


def _digest_part(part: Path) -> str:
    """Return the SHA-256 of a partial download once it is on the disk for good."""
    with part.open("r+b") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _probe_part(
    part: Path, source: Source, layout: DataLayout, track_id: str
) -> tuple[AudioFacts, str]:
    """Probe a partial download; a rejection names the song, not that file."""
    if not part.stat().st_size:
        message = f"{show_location(source.location)} is empty. Replace the file."
        raise TrackRejected(Reason.NOT_AUDIO, message)
    try:
        facts = read_guarded(layout, track_id, probe_audio, part)
        return facts, container_suffix(part)
    except TrackRejected as rejection:
        message = str(rejection).replace(str(part), show_location(source.location))
        raise TrackRejected(rejection.reason, message) from rejection


def _to_track(source: Source, facts: AudioFacts, track_id: str, suffix: str) -> Track:
    tags = {t: getattr(source, t) or getattr(facts, t) for t in ("artist", "album", "title")}
    return Track(
        track_id=track_id,
        location=source.location,
        genre=source.genre,
        licence=source.licence,
        suffix=suffix,
        **(asdict(facts) | tags),
    )
