"""Fetch a song: to a part file, hashed on the way, probed, then named by its content."""

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import AudioFacts, Reason, Source, Track
from storage.audio.probe import container_suffix, probe_audio
from storage.layout import DataLayout

_CHUNK_BYTES = 1 << 20
_REASONS = {
    401: Reason.FORBIDDEN,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    410: Reason.NOT_FOUND,
    451: Reason.FORBIDDEN,
}
_TRANSIENT = (408, 425, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """How much a song may cost.

    Attributes
    ----------
    max_bytes : int
        A larger file is rejected as ``too_large``.
    timeout_s : float
        Longest silence of a server.
    deadline_s : float
        Longest download of one song.
    """

    max_bytes: int = 1 << 30
    timeout_s: float = 30.0
    deadline_s: float = 1800.0


def fetch_song(source: Source, layout: DataLayout, limits: DownloadLimits) -> Track:
    """Copy or download a song into the house; its name there is the SHA-256 of its content.

    Parameters
    ----------
    source : Source
        A path or an http(s) URL. Tags that it leaves empty are taken from the file.
    layout : DataLayout
        The song comes to ``layout.song(track_id, suffix)``, the suffix being that of its container.
        A song that is there already is kept.
    limits : DownloadLimits
        Size and time that the song may cost.

    Returns
    -------
    Track

    Raises
    ------
    TrackRejected
        If the song is missing, forbidden, too large or not audio.
    TransientError
        If it may well work later: time-outs, broken connections, server errors.
    """
    with _part_file(layout) as part:
        track_id = _write_part(part, _read_source(source, limits), source, limits)
        facts, suffix = _probe_part(part, source)
        target = layout.song(track_id, suffix)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
    return _to_track(source, facts, track_id, suffix)


def is_gone(location: str) -> bool:
    """Tell whether a song that was fetched from a file has lost that file."""
    return Path(location).is_absolute() and not Path(location).exists()


def drop_song(layout: DataLayout, track: Track) -> None:
    """Remove the original of a track that storage holds under another name."""
    layout.song(track.track_id, track.suffix).unlink(missing_ok=True)


def sweep_parts(layout: DataLayout) -> None:
    """Remove the part files that a killed process left; no other may be fetching."""
    shutil.rmtree(layout.songs / ".part", ignore_errors=True)


@contextmanager
def _part_file(layout: DataLayout) -> Iterator[Path]:
    part = layout.songs / ".part" / uuid.uuid4().hex
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _write_part(
    part: Path, chunks: Generator[bytes, None, None], source: Source, limits: DownloadLimits
) -> str:
    """Write the chunks; return their SHA-256."""
    digest = hashlib.sha256()
    n_bytes = 0
    with closing(chunks), part.open("wb") as file:
        for chunk in chunks:
            n_bytes += len(chunk)
            _check_size(n_bytes, source, limits)
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _check_size(n_bytes: int, source: Source, limits: DownloadLimits) -> None:
    if n_bytes > limits.max_bytes:
        message = (
            f"{source.location} is larger than {limits.max_bytes} bytes."
            " Leave it out, or raise limits.max_bytes."
        )
        raise TrackRejected(Reason.TOO_LARGE, message)


def _read_source(source: Source, limits: DownloadLimits) -> Generator[bytes, None, None]:
    if Path(source.location).is_absolute():
        return _read_file(source)
    scheme = _scheme(source.location)
    if scheme in ("http", "https"):
        return _read_url(source, limits)
    message = f"{source.location}: songs are fetched from paths, http and https, not {scheme!r}."
    raise TrackRejected(Reason.FORBIDDEN, message)


def _scheme(location: str) -> str:
    try:
        return urlsplit(location).scheme.lower()
    except ValueError as error:
        message = f"{location} is no valid address. Correct it."
        raise TrackRejected(Reason.NOT_FOUND, message) from error


def _read_file(source: Source) -> Generator[bytes, None, None]:
    path = Path(source.location)
    try:
        if path.exists() and not path.is_file():
            raise TrackRejected(Reason.NOT_AUDIO, f"{path} is no file. Name an audio file.")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TrackRejected(Reason.NOT_FOUND, f"{path} is not there. Check its name.") from error
    except PermissionError as error:
        message = f"{path} may not be read. Give this user the right to read it."
        raise TrackRejected(Reason.FORBIDDEN, message) from error
    except OSError as error:
        raise TransientError(f"{path} cannot be read now: {error.strerror}. Try again.") from error


def _read_url(source: Source, limits: DownloadLimits) -> Generator[bytes, None, None]:
    location = source.location
    deadline = time.monotonic() + limits.deadline_s
    try:
        with httpx.stream(
            "GET", location, follow_redirects=True, timeout=limits.timeout_s
        ) as response:
            _check_status(response, location)
            _check_size(int(response.headers.get("content-length", 0)), source, limits)
            for chunk in response.iter_bytes():
                _check_deadline(deadline, location)
                yield chunk
    except (
        httpx.InvalidURL,
        httpx.UnsupportedProtocol,
        httpx.TooManyRedirects,
        UnicodeError,
    ) as error:
        message = f"{location} leads to no address that can be fetched: {error}. Correct it."
        raise TrackRejected(Reason.UNREACHABLE, message) from error
    except httpx.HTTPError as error:
        message = f"{location} cannot be reached now ({type(error).__name__}). Try again."
        raise TransientError(message) from error


def _check_status(response: httpx.Response, location: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _TRANSIENT or status >= 500:
        raise TransientError(f"{location} answers {status}. Try again later.")
    reason = _REASONS.get(status, Reason.UNREACHABLE)
    raise TrackRejected(reason, f"{location} answers {status}. Check the address and its rights.")


def _check_deadline(deadline: float, location: str) -> None:
    if time.monotonic() > deadline:
        message = f"{location} takes too long. Try again, or raise limits.deadline_s."
        raise TransientError(message)


def _probe_part(part: Path, source: Source) -> tuple[AudioFacts, str]:
    """Probe a part file; a rejection names the song, not the part."""
    try:
        return probe_audio(part), container_suffix(part)
    except TrackRejected as rejection:
        message = str(rejection).replace(str(part), source.location)
        raise TrackRejected(rejection.reason, message) from rejection


def _to_track(source: Source, facts: AudioFacts, track_id: str, suffix: str) -> Track:
    return Track(
        track_id=track_id,
        location=source.location,
        genre=source.genre,
        artist=source.artist or facts.artist,
        album=source.album or facts.album,
        title=source.title or facts.title,
        licence=source.licence,
        duration_s=facts.duration_s,
        sample_rate=facts.sample_rate,
        channels=facts.channels,
        codec=facts.codec,
        suffix=suffix,
        packets_id=facts.packets_id,
    )
