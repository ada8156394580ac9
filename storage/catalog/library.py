"""The songs of a library, each with its label and with the prediction of the champion."""

from dataclasses import dataclass

from storage.catalog.query import query_rows
from storage.home import DataLayout

LEAST_CONFIDENCE = 0.5
"""Of the predictions that count: more likely right than wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibrarySong:
    """A song that is ``ok``: ``label`` is the user's genre, empty without one.

    ``prediction`` and what follows it are those of the champion; None where it has predicted
    nothing, as for the songs that it was trained on. ``source`` is shown without secrets.
    """

    track_id: str
    source: str
    artist: str
    album: str
    title: str
    duration_s: float
    label: str
    prediction: str | None = None
    confidence: float | None = None
    unknown: bool | None = None
    alternatives: list[str] | None = None
    split: str | None = None
    champion: int | None = None

    def genre(self, least_confidence: float) -> str:
        """Return the label, else the prediction if it is sure enough and not unknown; or empty."""
        if self.label:
            return self.label
        is_sure = self.confidence is not None and self.confidence >= least_confidence
        return self.prediction or "" if is_sure and not self.unknown else ""


def read_library(layout: DataLayout) -> list[LibrarySong]:
    """Return the songs that are ``ok``, by source; raises `UsageError` if nothing is published.

    Duplicates and, once the store has other music, the built-in library are left out.
    """
    return [LibrarySong(**row) for row in query_rows(layout, LIBRARY)]


def find_songs(
    layout: DataLayout, text: str = "", genre: str = "", n_songs: int = 100, skip: int = 0
) -> list[LibrarySong]:
    """Return some of these songs: those with a text in their names and a label, in their order."""
    statement = f"""
        select * from ({LIBRARY})
        where (contains(lower(concat_ws(' ', artist, title, album, source)), lower($1)))
            and ($2 = '' or label = $2)
        order by source, track_id limit $3 offset $4
    """
    rows = query_rows(layout, statement, [text, genre, n_songs, skip])
    return [LibrarySong(**row) for row in rows]


def find_song(layout: DataLayout, track_id: str) -> LibrarySong | None:
    """Return the one of these songs whose id begins so, with 8 digits at least; or None."""
    statement = f"select * from ({LIBRARY}) where starts_with(track_id, $1) and len($1) >= 8"
    rows = query_rows(layout, statement, [track_id])
    return LibrarySong(**rows[0]) if len(rows) == 1 else None


LIBRARY = """
    with champions as (
        select version, run_id from promotions order by promotion_id desc limit 1),
    sources as (
        select track_id, min(source) as source from outcomes where outcome = 'ok' group by track_id)
    select track_id, source, artist, album, title, duration_s, tracks.genre as label,
        predicted as prediction, confidence, predictions.unknown, alternatives, predictions.split,
        if(predicted is null, null, version) as champion
    from tracks join sources using (track_id)
        left join champions on true
        left join predictions on predictions.track_id = tracks.track_id
            and predictions.run_id = champions.run_id
    where duplicate_of is null
        and is_builtin <> exists (select 1 from tracks as own where not own.is_builtin)
    order by source, track_id
"""
