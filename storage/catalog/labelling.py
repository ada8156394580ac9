"""Labels from a table: which songs its lines name, and the decisions that they are."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from genre_core.locations import location_of, mask_location, path_of, printable
from genre_core.records import counted
from storage.catalog.connection import Catalog, fetch_map, fetch_rows, fetch_values
from storage.catalog.recordings import (
    CLAIMS,
    MIN_ID_DIGITS,
    decide_recordings,
    known_genres,
    read_recordings,
)
from storage.files import digest_file
from storage.sources.identity import locations_given
from storage.sources.manifest import LabelLine


class LineResult(StrEnum):
    """What became of a line: the first three are no problem."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    NO_GENRE = "no_genre"
    NO_SONG = "no_song"
    UNKNOWN_SONG = "unknown_song"
    AMBIGUOUS = "ambiguous"
    UNKNOWN_GENRE = "unknown_genre"
    CONTRADICTED = "contradicted"

    @property
    def is_problem(self) -> bool:
        """Whether somebody must correct the line."""
        return self not in (LineResult.APPLIED, LineResult.UNCHANGED, LineResult.NO_GENRE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLine:
    """A line of a table of labels, and what became of it.

    ``decision_id`` is that of an applied line; None in a dry run. ``genre_before`` is empty for an
    unlabelled song.
    """

    place: str
    song: str
    genre: str
    result: LineResult
    message: str = ""
    track_id: str = ""
    genre_before: str = ""
    decision_id: int | None = None


def import_labels(
    catalog: Catalog,
    lines: Sequence[LabelLine],
    folder: Path,
    genres: Collection[str] | None,
    who: str | None,
) -> list[ImportedLine]:
    """Decide the genres that a table names, each as `decide_genre` does; return all lines.

    Relative paths start at ``folder``. ``genres`` are known besides those of the store; None: all
    are. Without ``who`` nothing is written. A line that cannot be applied stops no other.
    """
    known = None if genres is None else known_genres(catalog, genres)
    find, library = _Finder(catalog, folder), _Library(catalog)
    read = [_read_line(line, find, known) for line in lines]
    for places in library.group(read):
        for nth, line in zip(places, library.settle([read[n] for n in places]), strict=True):
            read[nth] = line
    applied = {nth: line for nth, line in enumerate(read) if line.result is LineResult.APPLIED}
    if who is None or not applied:
        return read
    choices = [(library.copies(line.track_id), line.genre) for line in applied.values()]
    ids = dict(zip(applied, decide_recordings(catalog, choices, who), strict=True))
    return [replace(line, decision_id=ids.get(nth)) for nth, line in enumerate(read)]


class _Library:
    """The recordings of the store, the genres of their tracks, and which wait for a decision."""

    def __init__(self, catalog: Catalog) -> None:
        self.recordings = read_recordings(catalog)
        self.genres: dict[str, str] = fetch_map(catalog, "select track_id, genre from tracks")
        self.waiting = set(fetch_values(catalog, _WAITING))
        self.members: dict[str, list[str]] = defaultdict(list)
        for track_id, recording in sorted(self.recordings.items()):
            self.members[recording].append(track_id)

    def copies(self, track_id: str) -> list[str]:
        """Return a track and all its duplicates."""
        return self.members.get(self.recordings.get(track_id, ""), [track_id])

    def group(self, lines: Sequence[ImportedLine]) -> list[list[int]]:
        """Return the lines that may be applied, by their positions, a list a recording."""
        found: dict[str, list[int]] = defaultdict(list)
        for nth, line in enumerate(lines):
            if line.result is LineResult.APPLIED:
                found[self.copies(line.track_id)[0]].append(nth)
        return list(found.values())

    def settle(self, lines: Sequence[ImportedLine]) -> list[ImportedLine]:
        """Settle the lines of a recording: contradictory, unchanged, or decided by the first."""
        lines = [replace(line, genre_before=self.genres[line.track_id]) for line in lines]
        copies = self.copies(lines[0].track_id)
        wanted = {line.genre for line in lines}
        if len(wanted) > 1:
            places = ", ".join(line.place for line in lines)
            names = " and ".join(sorted(wanted))
            message = f"{places} name one recording as {names}. Keep one of them."
            return [replace(one, result=LineResult.CONTRADICTED, message=message) for one in lines]
        is_so = {self.genres[track_id] for track_id in copies} == wanted
        n_applied = 0 if is_so and not self.waiting & {*copies} else 1
        unchanged = (replace(one, result=LineResult.UNCHANGED) for one in lines[n_applied:])
        return [*lines[:n_applied], *unchanged]


def _read_line(line: LabelLine, find: "_Finder", known: Collection[str] | None) -> ImportedLine:
    """Return a line with its track, ``applied`` if nothing speaks against it."""
    read = ImportedLine(
        place=line.place, song=line.song.strip(), genre=line.genre, result=LineResult.APPLIED
    )
    if not line.song.strip():
        message = "It names no song. Fill track_id or path."
        return replace(read, result=LineResult.NO_SONG, message=message)
    if not line.genre:
        return replace(read, result=LineResult.NO_GENRE)
    found = find.tracks(line.song)
    if len(found) != 1:
        return replace(read, result=_MISSED[bool(found)], message=_explain_missed(len(found)))
    if printable(line.genre) != line.genre or {*line.genre} & {*"\t\n"}:
        message = "A genre is one line of text, without control characters."
        return replace(read, result=LineResult.UNKNOWN_GENRE, message=message)
    if known is not None and line.genre not in known:
        message = _explain_genre(line.genre, known)
        return replace(read, result=LineResult.UNKNOWN_GENRE, message=message)
    return replace(read, track_id=found[0])


_MISSED = {False: LineResult.UNKNOWN_SONG, True: LineResult.AMBIGUOUS}


def _explain_missed(n_found: int) -> str:
    if n_found:
        return f"{counted(n_found, 'track')} have it. Name the whole track_id."
    return (
        f"The store has no such song. Name a source, a file of the library, or {MIN_ID_DIGITS} "
        "digits of a track id at least."
    )


def _explain_genre(genre: str, known: Collection[str]) -> str:
    folded = {name.casefold(): name for name in sorted(known)}
    near = get_close_matches(genre.casefold(), folded, n=1)
    meant = f"Did you mean {folded[near[0]]!r}? " if near else ""
    return f"No song and no setting has this genre. {meant}`--new-genres` takes new ones."


class _Finder:
    """Finds tracks by the beginning of an id, a source, or a file that the library has."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self.folder = folder
        self.by_source: Mapping[str, set[str]] = defaultdict(set)
        for row in fetch_rows(catalog, f"select source, track_id from ({CLAIMS})"):
            for name in {row["source"], mask_location(row["source"])}:
                self.by_source[name].add(row["track_id"])
        self.ids = sorted(set().union(*self.by_source.values()))

    def tracks(self, song: str) -> list[str]:
        """Return the tracks that a name may mean, by the first way that finds one."""
        return self._by_id(song.strip()) or self._by_source(song) or self._by_file(song)

    def _by_id(self, digits: str) -> list[str]:
        if len(digits) < MIN_ID_DIGITS:
            return []
        first = bisect_left(self.ids, digits)
        return [name for name in self.ids[first : first + 2] if name.startswith(digits)]

    def _by_source(self, song: str) -> list[str]:
        names = [name for text in (song, song.strip()) for name in self._names(text)]
        found = (self.by_source[name] for name in names if name in self.by_source)
        return sorted(next(found, ()))

    def _names(self, text: str) -> Iterator[str]:
        yield from locations_given(text)
        yield location_of((self.folder / path_of(text)).absolute())

    def _by_file(self, song: str) -> list[str]:
        """Return the track of a file on this machine, whose digest is its id."""
        try:
            file = self.folder / Path(path_of(song.strip())).expanduser()
            digest = digest_file(file) if file.is_file() else ""
        except (OSError, ValueError, RuntimeError):  # a name that no file can have, or no rights
            return []
        return [digest] if digest and self._by_id(digest) else []


_WAITING = "select track_id from excluded_tracks where reason = 'label_conflict'"
