"""Small records that travel between tasks; arrays never do."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

NO_GENRE = "no genre"
"""How messages name the genre of an unlabelled song."""


class Result(StrEnum):
    """The result for one song of a source."""

    OK = "ok"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    RETRYABLE = "retryable"


class Stage(StrEnum):
    """The step at which the outcome of a song was decided."""

    SOURCES = "sources"
    DOWNLOAD = "download"
    DUPLICATES = "duplicates"
    CONVERT = "convert"
    EXTRACT = "extract"
    SPLIT = "split"


class Reason(StrEnum):
    """Why a song is not among the examples; documented in docs/reference/outcomes.md."""

    NONE = ""
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    TOO_LARGE = "too_large"
    NOT_AUDIO = "not_audio"
    TRUNCATED = "truncated"
    UNDECODABLE = "undecodable"
    TOO_SHORT = "too_short"
    SILENT = "silent"
    NOT_REPRESENTED = "not_represented"
    NAN = "nan"
    CLIPPED = "clipped"
    SAMPLE_RATE_UNKNOWN = "sample_rate_unknown"
    LABEL_UNKNOWN = "label_unknown"
    LABEL_CONFLICT = "label_conflict"
    SPLIT_CONFLICT = "split_conflict"
    DUPLICATE_ID = "duplicate_id"
    DUPLICATE_CONTENT = "duplicate_content"
    DUPLICATE_RECORDING = "duplicate_recording"
    SITE_BROKEN = "site_broken"
    REMOVED = "removed"
    INTERRUPTED = "interrupted"


class Split(StrEnum):
    """The parts of a library; no snapshot holds golden songs."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    GOLDEN = "golden"


LEARNING_SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)
"""The three parts of a snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A song that one can fetch, with what its source knows of it."""

    location: str  # an absolute path or an http(s) URL; names the song in ``outcomes``
    genre: str
    artist: str = ""
    album: str = ""
    title: str = ""
    licence: str = ""
    labels: tuple[str, ...] = ()  # the genres of a source that offers several
    label_fault: str = ""  # why no genre could be chosen
    is_unlabelled: bool = False  # without a genre on purpose: predicted, never trained on
    source_id: str = ""  # the same wherever the same song is listed
    site: str = ""  # the music site whose page the location is; empty for files
    version: str = ""  # of the file, as far as it has one


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the header and the tags of a file claim; ``duration_s`` is 0 if they name no length.

    ``genre`` is the first genre, or several with semicolons between them.
    """

    artist: str = ""
    album: str = ""
    title: str = ""
    genre: str = ""
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """Facts of an audio file, measured on its packets, not read from its header."""

    duration_s: float
    sample_rate: int
    channels: int
    codec: str
    packets_id: str = ""  # their SHA-256: the same for a file that was only tagged anew
    bit_rate: int = 0  # of the packets alone, in bits per second
    artist: str = ""
    album_artist: str = ""
    album: str = ""
    title: str = ""
    year: int = 0  # of the release; 0: no tag names it
    publisher: str = ""  # the record label


@dataclass(frozen=True, slots=True, kw_only=True)
class Track(AudioFacts):
    """A song in storage, with the facts of its file."""

    track_id: str  # the SHA-256 of its file as it came first; new tags do not change it
    location: str
    genre: str
    licence: str
    suffix: str
    is_builtin: bool = False  # composed by the program

    @property
    def facts(self) -> AudioFacts:
        """What decoding needs to know."""
        return AudioFacts(
            duration_s=self.duration_s,
            sample_rate=self.sample_rate,
            channels=self.channels,
            codec=self.codec,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one song of one source, at which step and why."""

    location: str
    genre: str
    result: Result
    stage: Stage
    reason: Reason = Reason.NONE
    message: str = ""
    track_id: str = ""
    version: str = ""
    source_id: str = ""


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 song``, ``2 songs``."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def name_first(names: Sequence[str], most: int) -> str:
    """Return the first names as people read them: ``a, b, c …``."""
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def name_song(artist: str, title: str, otherwise: str) -> str:
    """Return artist and title as people read them, as far as they are known."""
    return " – ".join(part for part in (artist, title) if part) or otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotChoice:
    """Which snapshot a command works on: the one named, else the newest of the configured library.

    ``snapshot_id`` may be the beginning of an id; empty ``genres`` are all. Snapshots of other
    representations and lengths come second.
    """

    snapshot_id: str = ""
    genres: tuple[str, ...] = ()
    spectrograms: tuple[str, ...] = ()
    embeddings: tuple[str, ...] = ()
    fragment_lengths_s: tuple[float, ...] = ()
