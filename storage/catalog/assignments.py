"""Candidates of the library for training, and their split assignments, which never move."""

from collections.abc import Mapping, Sequence
from typing import Any

from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import Assignment
from genre_core.records import Reason, Result, Split, Stage
from storage.catalog.connection import Catalog, fetch_map, registered
from storage.catalog.recordings import recording_keys
from storage.catalog.songs import read_artists

IN_LIBRARY = """
    tracks.genre <> '' and is_builtin = not exists (select 1 from tracks as other
        where not other.is_builtin and other.genre <> '' and other.track_id in (
            select track_id from extracted union all select track_id from assignments))
"""
"""Songs to train on: labelled ones, of the built-in library only if there are no others."""


def read_candidates(
    catalog: Catalog, feature_keys: Sequence[str], genres: Sequence[str]
) -> list[Candidate]:
    """Return the tracks with examples under all the keys; ``genres`` filters them if not empty.

    Left out are the built-in library beside other labelled music, unlabelled songs, songs whose
    label is not a genre any more, and duplicates of a recording.
    """
    return _read_candidates(catalog, CANDIDATES, [list(feature_keys), list(genres)])


def count_candidates(
    catalog: Catalog, feature_keys: Sequence[str], genres: Sequence[str] = ()
) -> dict[str, int]:
    """Return the number of the tracks of `read_candidates`, by genre."""
    statement = f"select genre, count(*) from ({CANDIDATES}) group by genre order by genre"
    return fetch_map(catalog, statement, [list(feature_keys), list(genres)])


def read_settled(catalog: Catalog) -> list[Candidate]:
    """Return the labelled tracks that are assigned, whatever their examples; duplicates included.

    Those of the built-in library are left out beside other music.
    """
    return _read_candidates(catalog, _SETTLED, [])


def read_library(
    catalog: Catalog, feature_keys: Sequence[str], genres: Sequence[str]
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the tracks of `read_candidates`, and the others of `read_settled`."""
    statement = f"""
        select *, true as is_candidate from ({CANDIDATES})
        union all select *, false from ({_SETTLED} and track_id not in (
            select track_id from ({CANDIDATES})))
    """
    ordered = f"select track_id, genre from ({statement}) order by is_candidate desc, track_id"
    keys = [list(feature_keys), list(genres)]
    found = _read_candidates(catalog, ordered, keys)
    n_candidates = sum(count_candidates(catalog, feature_keys, genres).values())
    return found[:n_candidates], found[n_candidates:]


def _read_candidates(
    catalog: Catalog, statement: str, parameters: Sequence[Any]
) -> list[Candidate]:
    rows = catalog.execute(statement, parameters).fetchall()
    artists, keys = read_artists(catalog), recording_keys(catalog)
    return [
        Candidate(track_id=t, genre=genre, artists=artists[t], recordings=keys.get(t, ()))
        for t, genre in rows
    ]


def read_assignments(catalog: Catalog) -> dict[str, Assignment]:
    """Return the assignments of the tracks of `read_settled`, by track."""
    statement = f"""
        select track_id, tracks.genre, split, group_id, split_level
        from assignments join tracks using (track_id) where {IN_LIBRARY}
    """
    splits = {str(split): split for split in Split}
    return {
        track_id: Assignment(
            track_id=track_id,
            genre=genre,
            split=splits[split],
            group_id=group_id,
            split_level=level,
        )
        for track_id, genre, split, group_id, level in catalog.execute(statement).fetchall()
    }


def record_assignments(
    catalog: Catalog, assignments: Sequence[Assignment], conflicts: Mapping[str, str]
) -> None:
    """Record new assignments, and quarantine the tracks that tie two subsets, with a message.

    Assigned tracks that tie them no longer are taken back.
    """
    if assignments:
        names = ("track_id", "genre", "split", "group_id", "split_level")
        columns = {name: [str(getattr(a, name)) for a in assignments] for name in names}
        with registered(catalog, "assigned", columns):
            catalog.execute("insert into assignments by name from assigned on conflict do nothing")
    catalog.execute(_TAKE_BACK, [list(conflicts)])
    if conflicts:
        columns = {"track_id": list(conflicts), "message": list(conflicts.values())}
        with registered(catalog, "torn", columns):
            catalog.execute(_QUARANTINE, [Result.QUARANTINED, Stage.SPLIT, Reason.SPLIT_CONFLICT])


_TAKE_BACK = """
    update outcomes set outcome = 'ok', stage = 'extract', reason = '', message = '',
        updated_at = now()
    where reason = 'split_conflict' and track_id in (select track_id from assignments)
        and track_id not in (select unnest($1::varchar[]))
"""


IS_CANDIDATE = f"""
    location not in (
            select source from outcomes where reason in ('label_unknown', 'label_conflict'))
        and track_id not in (select track_id from excluded_tracks)
        and track_id in (select track_id from outcomes)
        and {IN_LIBRARY}
"""


CANDIDATES = f"""
    select track_id, genre from tracks
    where track_id in (
            select track_id from extracted where feature_key in (select unnest($1))
            group by track_id having count(*) = len($1))
        and (len($2::varchar[]) = 0 or genre in (select unnest($2::varchar[])))
        and {IS_CANDIDATE}
    order by track_id
"""


_SETTLED = f"""
    select track_id, genre from tracks semi join assignments using (track_id) where {IN_LIBRARY}
"""


_QUARANTINE = """
    update outcomes set outcome = ?, stage = ?, reason = ?, message = torn.message,
        updated_at = now()
    from torn where outcomes.track_id = torn.track_id and outcomes.outcome = 'ok'
"""
