"""Tags: write what was planned into the user's files, and take it back."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genre_core.errors import TrackRejected
from genre_core.locations import path_of
from genre_core.records import AudioFacts
from genre_core.tagging import (
    TagReason,
    without_written,
)
from storage.audio.probe import probe_audio
from storage.catalog.connection import open_catalog
from storage.catalog.songs import follow_versions
from storage.home import DataLayout
from storage.sources.identity import file_version
from storage.tags.files import (
    TagUnwritable,
    explain_os_error,
    part_of,
    replace_file,
    require_writable,
)
from storage.tags.formats import write_genres
from storage.tags.journal import Entry, Journal
from storage.tags.patch import apply_patch, find_patch
from tasks.tag_plan import TagChange, place_of, read_current


@dataclass(frozen=True, slots=True, kw_only=True)
class TagReturn:
    """What became of a file that is taken back.

    ``how``: ``exactly``, byte for byte; ``edited``, the genres alone, for it was edited since;
    ``kept``, for the user has changed the genre since; ``bare``, nothing was written; ``failed``.
    """

    song: str
    how: str
    genres: tuple[str, ...] = ()
    message: str = ""


class _Versions:
    """The versions of files before and after they were written: their sound is the same."""

    def __init__(self) -> None:
        self._before: dict[str, str] = {}
        self._after: dict[str, str] = {}

    def note_before(self, song: str) -> None:
        self._before[song] = file_version(song)

    def note_after(self, song: str) -> None:
        self._after[song] = file_version(song)

    def record(self, layout: DataLayout) -> None:
        """Note them in the catalog, so that the next ingest need not fetch the songs again."""
        written = {song: self._before[song] for song in self._after}
        if written and layout.catalog.exists():
            with open_catalog(layout) as catalog:
                follow_versions(catalog, written, self._after)


def write_tags(layout: DataLayout, changes: Iterable[TagChange]) -> Iterator[TagChange]:
    """Write what was planned; a file that cannot be written now keeps its tags, with the reason.

    The home is held by the caller.
    """
    journal = Journal(layout)
    journal.sweep()
    versions = _Versions()
    try:
        for change in changes:
            yield _write(journal, change, versions)
    finally:
        versions.record(layout)


def _write(journal: Journal, change: TagChange, versions: _Versions) -> TagChange:
    if change.reason:
        return change
    path = Path(path_of(change.song))
    try:
        versions.note_before(change.song)
        _write_file(journal, path, change)
        versions.note_after(change.song)
    except TagUnwritable as error:
        message = str(error)
        return replace(change, genres=change.former, reason=TagReason.UNWRITABLE, message=message)
    return change


def _write_file(journal: Journal, path: Path, change: TagChange) -> None:
    found = require_writable(path)
    if read_current(path) != change.former:
        raise TagUnwritable("its genres were changed meanwhile")
    former = _read_bytes(path)
    content = write_genres(former, path.name, change.genres)
    facts, part = _probe(path), part_of(path)
    journal.add(
        Entry(
            location=change.song,
            part=part.name,
            former=change.former,
            genres=change.genres,
            former_sha256=_digest(former),
            sha256=_digest(content),
            former_mtime_ns=found.st_mtime_ns,
            patch=find_patch(former, content),
        )
    )
    replace_file(path, part, content, found, lambda made: _require_same(facts, made))


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain_os_error(error) from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _probe(path: Path) -> AudioFacts:
    """Return the digest of the packets of a file and its other tags, as FFmpeg reads them."""
    try:
        return probe_audio(path)
    except TrackRejected as error:
        raise TagUnwritable(f"its sound cannot be checked: {error}") from error


def _require_same(facts: AudioFacts, made: Path) -> None:
    """Refuse a file whose sound or other tags FFmpeg reads otherwise than before."""
    if _probe(made) != facts:
        raise TagUnwritable("its sound or its other tags would not stay as they are")


def take_tags_back(layout: DataLayout, locations: Sequence[str] | None = None) -> list[TagReturn]:
    """Take back what was written into files, or into all of them (None).

    The home is held by the caller.
    """
    journal = Journal(layout)
    journal.sweep()
    places = sorted(journal.entries) if locations is None else [*map(place_of, locations)]
    versions = _Versions()
    try:
        return [_take_back(journal, place, versions) for place in dict.fromkeys(places)]
    finally:
        versions.record(layout)


def _take_back(journal: Journal, song: str, versions: _Versions) -> TagReturn:
    """Take the entries of one file back, the last first; one that was moved is found by content."""
    path, how = Path(path_of(song)), "exactly"
    try:
        moved = () if journal.find(song) else journal.find_content(_digest(_read_bytes(path)))
        entries = [*journal.find(song), *moved]
        if not entries:
            return TagReturn(song=song, how="bare")
        versions.note_before(song)
        for entry in reversed(entries):
            done = _restore(path, entry)
            journal.take_back(entry)
            how = done if how == "exactly" else how
        versions.note_after(song)
        genres = read_current(path)
    except TagUnwritable as error:
        return TagReturn(song=song, how="failed", message=str(error))
    return TagReturn(song=song, how=how, genres=genres)


def _restore(path: Path, entry: Entry) -> str:
    """Take one entry back; return how, as in `TagReturn`."""
    found, content = require_writable(path), _read_bytes(path)
    digest = _digest(content)
    if digest == entry.former_sha256:  # it was never written, or taken back before a kill
        return "exactly"
    if digest == entry.sha256:
        former = apply_patch(content, entry.patch)
        if _digest(former) != entry.former_sha256:
            raise TagUnwritable("the journal does not fit it")
        mtime_ns = entry.former_mtime_ns
        replace_file(path, path.with_name(entry.part), former, found, _accept, mtime_ns)
        return "exactly"
    return _restore_edited(path, entry, content, found)


def _restore_edited(path: Path, entry: Entry, content: bytes, found: os.stat_result) -> str:
    """Take the genres of an entry back from a file that was edited since."""
    current = read_current(path)
    genres = without_written(current, entry.former, entry.genres)
    if genres is None:
        return "kept"
    if genres != current:
        facts, made = _probe(path), write_genres(content, path.name, genres)
        part = path.with_name(entry.part)
        replace_file(path, part, made, found, lambda made: _require_same(facts, made))
    return "edited"


def _accept(_made: Path) -> None:
    """Check nothing: the digest of the former file says enough."""
