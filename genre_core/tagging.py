"""Which genre is written into the tags of a song, and why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from genre_core.evaluation.thresholds import Threshold


class TagMode(StrEnum):
    """What happens to the genres that a file has."""

    FILL = "fill"
    ADD = "add"
    REPLACE = "replace"


class TagReason(StrEnum):
    """Why nothing is written into a file."""

    WRITTEN = ""
    ALREADY = "already"
    TAGGED = "tagged"
    LABELLED = "labelled"
    UNKNOWN = "unknown"
    UNSURE = "unsure"
    NEVER = "never"
    UNPREDICTED = "unpredicted"
    UNWRITABLE = "unwritable"


SENTENCES = {
    TagReason.ALREADY: "its tags name the genre already",
    TagReason.TAGGED: "its own tag names another genre (--mode add or replace changes it)",
    TagReason.LABELLED: "its label in the library is another genre; `genreflow decide` settles it",
    TagReason.UNKNOWN: "it is unknown: unlike the songs that the model has learned from",
    TagReason.UNSURE: "its confidence is below the threshold of the genre",
    TagReason.NEVER: "no confidence suffices for the genre: held-out songs are too few, or wrong",
    TagReason.UNPREDICTED: "it cannot be predicted",
    TagReason.UNWRITABLE: "it cannot be written",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TagPrediction:
    """What is known of the genre of a song; an empty ``label`` is none."""

    genre: str
    confidence: float | None
    unknown: bool | None = None
    label: str = ""
    error: str = ""


def find_objection(prediction: TagPrediction, threshold: Threshold | None) -> TagReason:
    """Return why a prediction is not written, whatever the tags name; empty if it may be."""
    if prediction.error or not prediction.genre:
        return TagReason.UNPREDICTED
    if prediction.unknown:
        return TagReason.UNKNOWN
    if prediction.label and prediction.label != prediction.genre:
        return TagReason.LABELLED
    if threshold is None or threshold.confidence is None:
        return TagReason.NEVER
    if not threshold.admits(prediction.confidence):
        return TagReason.UNSURE
    return TagReason.WRITTEN


def choose_genres(
    own: Sequence[str], genre: str, mode: TagMode
) -> tuple[tuple[str, ...], TagReason]:
    """Return the genres that a file is to have, ``own`` being those that the user gave it.

    Spellings that differ in case or space alone are one genre, and stay as the user has them.
    """
    parts = (part for name in own for part in name.split(";"))  # as many programs join several
    has_it = _fold(genre) in map(_fold, parts)
    if mode is TagMode.REPLACE:
        wanted = tuple(name for name in own if _fold(name) == _fold(genre))[:1] or (genre,)
        return wanted, TagReason.ALREADY if wanted == tuple(own) else TagReason.WRITTEN
    if has_it:
        return tuple(own), TagReason.ALREADY
    if own and mode is TagMode.FILL:
        return tuple(own), TagReason.TAGGED
    return (*own, genre), TagReason.WRITTEN


def without_written(
    current: Sequence[str], former: Sequence[str], written: Sequence[str]
) -> tuple[str, ...] | None:
    """Return the genres of a file that was edited since, less what was written, plus what went.

    None: what was written is not there any more, the user has decided otherwise.
    """
    if tuple(current) == tuple(written):
        return tuple(former)
    added = set(written) - set(former)
    if added and not added & set(current):
        return None
    removed = [name for name in former if name not in written and name not in current]
    return (*removed, *(name for name in current if name not in added))


def _fold(genre: str) -> str:
    return " ".join(genre.casefold().split())
