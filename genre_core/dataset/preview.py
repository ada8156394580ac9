"""A preview of a library before anything is copied: what would be learned, and what is wrong."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from genre_core.dataset.artists import Credit, fold_artist, name_artists
from genre_core.dataset.groups import BY_SONG, Candidate, level_genres
from genre_core.dataset.labels import MAX_NAMED
from genre_core.dataset.splits import assign
from genre_core.locations import show_location
from genre_core.records import Header, Source, Split, counted

FEWEST_SONGS = 20
"""Of a genre: 15 % of fewer are at most two test songs."""
FEWEST_ARTISTS = 3
SHORTEST_S = 10.0
ALIKE_S, EXACT_S = 2.0, 0.1
"""Most by which the lengths of two copies of a song differ, and of a file with the same name."""
MAX_SHOWN = 20


class Kind(StrEnum):
    """What may be wrong with a library; the first stops its ingest."""

    NOT_GENRES = "not_genres"
    FEW_SONGS = "few_songs"
    FEW_ARTISTS = "few_artists"
    ONE_ARTIST = "one_artist"
    NO_ARTIST = "no_artist"
    NO_GENRE = "no_genre"
    UNREADABLE = "unreadable"
    DUPLICATES = "duplicates"
    TOO_SHORT = "too_short"
    NOT_OPENED = "not_opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with ``n_songs``, in a sentence; ``songs`` are some of them."""

    kind: Kind
    message: str
    n_songs: int = 0
    songs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GenrePreview:
    """What would be learned of a genre; ``labels`` are those that become it, with their songs."""

    genre: str
    n_songs: int
    n_artists: int
    hours: float
    labels: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """A listed song: its source with its genre, the label it had, and its header or its fault.

    ``header`` and ``fault`` are both missing of a song that was not opened.
    """

    source: Source
    label: str
    header: Header | None = None
    fault: str = ""

    @property
    def artist(self) -> str:
        """Artist of the listing, else of the tags."""
        return self.source.artist or (self.header.artist if self.header else "")

    @property
    def duration_s(self) -> float:
        """Seconds by the header; 0 if unknown."""
        return self.header.duration_s if self.header else 0.0

    @property
    def is_learned(self) -> bool:
        """Whether it has a genre, and can be read as far as is known."""
        source = self.source
        return bool(source.genre) and not (source.label_fault or source.is_unlabelled or self.fault)


def preview_genres(songs: Sequence[Song]) -> list[GenrePreview]:
    """Return the genres that would be learned, the largest first."""
    members: dict[str, list[Song]] = defaultdict(list)
    for song in songs:
        if song.is_learned:
            members[song.source.genre].append(song)
    found = [
        GenrePreview(
            genre=genre,
            n_songs=len(own),
            n_artists=len({fold_artist(song.artist) for song in own if song.artist}),
            hours=sum(song.duration_s for song in own) / 3600,
            labels=dict(Counter(song.label for song in own).most_common()),
        )
        for genre, own in members.items()
    ]
    return sorted(found, key=lambda one: (-one.n_songs, one.genre))


def preview_splits(songs: Sequence[Song], seed: int) -> tuple[dict[Split, int], list[str]]:
    """Return how many songs each subset would get, and the genres that are split by song.

    Which songs it would be depends on their files, which are not read.
    """
    learned = [song for song in songs if song.is_learned]
    credits = [
        Credit(artist=song.artist, title=song.source.title, album_artist="") for song in learned
    ]
    candidates = [
        Candidate(track_id=song.source.location, genre=song.source.genre, artists=artists)
        for song, artists in zip(learned, name_artists(credits), strict=True)
    ]
    levels = level_genres(candidates)
    counts = Counter(one.split for one in assign(candidates, {}, seed).assignments)
    by_song = sorted(genre for genre, level in levels.items() if level == BY_SONG)
    return {split: counts[split] for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)}, by_song


def find_problems(songs: Sequence[Song], genres: Sequence[GenrePreview]) -> list[Problem]:
    """Return what is wrong with songs and genres."""
    return [
        *_genre_problems(genres),
        *_missing_genres(songs),
        *_about(
            Kind.NO_ARTIST,
            [s for s in songs if s.is_learned and s.header and not s.artist],
            "{} by no named artist: songs of one artist may be learned and tested. Tag them.",
        ),
        *_unreadable(songs),
        *_duplicates(songs),
        *_about(
            Kind.TOO_SHORT,
            [s for s in songs if 0 < s.duration_s < SHORTEST_S],
            f"{{}} of less than {SHORTEST_S:g} s: too short for spectrograms.",
        ),
        *_about(
            Kind.NOT_OPENED,
            [s for s in songs if "://" in s.source.location],
            "{} at an address: not opened, so that length and tags are unknown.",
        ),
    ]


def _genre_problems(genres: Sequence[GenrePreview]) -> list[Problem]:
    n_songs = {one.genre: one.n_songs for one in genres}
    return [
        *_about_genres(
            Kind.ONE_ARTIST,
            {g.genre: g.n_songs for g in genres if g.n_artists == 1 and g.n_songs > 1},
            "Genres of one named artist: {}. A model would learn the artist: add others.",
            n_songs,
        ),
        *_about_genres(
            Kind.FEW_ARTISTS,
            {g.genre: g.n_artists for g in genres if 1 < g.n_artists < FEWEST_ARTISTS},
            f"Genres of fewer than {FEWEST_ARTISTS} artists: {{}}. Add others, so that some can be "
            "tested on that were not learned.",
            n_songs,
        ),
        *_about_genres(
            Kind.FEW_SONGS,
            {g.genre: g.n_songs for g in genres if g.n_songs < FEWEST_SONGS},
            f"Genres of fewer than {FEWEST_SONGS} songs: {{}}. Their scores will say little.",
            n_songs,
        ),
    ]


def _about_genres(
    kind: Kind, counts: Mapping[str, int], message: str, n_songs: Mapping[str, int]
) -> list[Problem]:
    """Return the problem of some genres, none without; the message names them with a count each."""
    if not counts:
        return []
    text = message.replace("{}", _name_counts(counts), 1)
    return [Problem(kind=kind, message=text, n_songs=sum(n_songs[genre] for genre in counts))]


def _name_counts(counts: Mapping[str, int]) -> str:
    shown = [f"{name} {n}" for name, n in list(counts.items())[:MAX_NAMED]]
    more = len(counts) - MAX_NAMED
    return ", ".join([*shown, f"{more} more"] if more > 0 else shown)


def _missing_genres(songs: Sequence[Song]) -> list[Problem]:
    """Return a problem for each reason for which songs have no genre."""
    faults: dict[str, list[Song]] = defaultdict(list)
    for song in songs:
        if song.source.label_fault and not song.source.is_unlabelled:
            faults[song.source.label_fault].append(song)
    ranked = sorted(faults.items(), key=lambda item: -len(item[1]))
    problems = [
        problem
        for fault, own in ranked[:MAX_SHOWN]
        for problem in _about(Kind.NO_GENRE, own, f"{{}} without a genre: {fault}")
    ]
    if more := [song for _, own in ranked[MAX_SHOWN:] for song in own]:
        problems += _about(Kind.NO_GENRE, more, "{} without a genre for other reasons.")
    return problems


def _unreadable(songs: Sequence[Song]) -> list[Problem]:
    """Return a problem for each suffix of files that cannot be read."""
    by_suffix: dict[str, list[Song]] = defaultdict(list)
    for song in songs:
        if song.fault:
            name = song.source.location.rpartition("/")[2]
            by_suffix[f".{name.rpartition('.')[2].lower()}" if "." in name else ""].append(song)
    return [
        problem
        for suffix, own in sorted(by_suffix.items(), key=lambda item: -len(item[1]))
        for problem in _about(
            Kind.UNREADABLE,
            own,
            f"{{}} ({suffix or 'without a suffix'}) that cannot be read, such as: {own[0].fault}",
        )
    ]


def _duplicates(songs: Sequence[Song]) -> list[Problem]:
    """Find copies by name and length; the sound decides at the ingest."""
    names: dict[tuple[str, ...], list[Song]] = defaultdict(list)
    for song in songs:
        names[_name(song)].append(song)
    copies = [copy for name, own in names.items() for copy in _alike(own, name)]
    again: list[Song] = []
    torn: list[Song] = []
    for former, copy in copies:
        if former.source.genre == copy.source.genre:
            again.append(copy)
        else:
            torn.append(former)
    return [
        *_about(
            Kind.DUPLICATES,
            again,
            "{} of the same name and length as another: if they sound alike, one of them is kept.",
        ),
        *_about(
            Kind.DUPLICATES,
            torn,
            "{} under several genres by name and length: if they sound alike, left out until the "
            "genres agree.",
        ),
    ]


def _name(song: Song) -> tuple[str, ...]:
    """Return artist and title, or the name of the file of a song that lacks one of them."""
    title = song.source.title or (song.header.title if song.header else "")
    if song.artist and title:
        return (fold_artist(song.artist), fold_artist(title))
    return (song.source.location.rpartition("/")[2].rpartition(".")[0].casefold(),)


def _alike(songs: Sequence[Song], name: tuple[str, ...]) -> list[tuple[Song, Song]]:
    """Return the pairs of neighbours in length that are as long; files without tags, exactly."""
    places = {song.source.location: song for song in songs if song.duration_s}
    known = sorted(places.values(), key=lambda song: song.duration_s)
    most_s = ALIKE_S if len(name) > 1 else EXACT_S
    return [(a, b) for a, b in pairwise(known) if b.duration_s - a.duration_s <= most_s]


def _about(kind: Kind, songs: Sequence[Song], message: str) -> list[Problem]:
    """Return the problem of these songs, none without songs; the message names their number."""
    if not songs:
        return []
    shown = tuple(show_location(song.source.location) for song in songs[:MAX_SHOWN])
    text = message.replace("{}", counted(len(songs), "song"), 1)
    return [Problem(kind=kind, message=text, n_songs=len(songs), songs=shown)]
