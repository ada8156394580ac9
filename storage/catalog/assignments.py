"""Candidates of the library for training, and their split assignments, which never move."""

from collections.abc import Collection, Mapping, Sequence

from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import Assignment
from genre_core.records import Reason, Result, Split, Stage
from storage.catalog.connection import Catalog, fetch_map, registered
from storage.catalog.recordings import recording_keys
from storage.catalog.songs import CREDIT, name_credits

IN_LIBRARY = """
    tracks.genre <> '' and is_builtin = not exists (select 1 from tracks as other
        where not other.is_builtin and other.genre <> '' and other.track_id in (
            select track_id from extracted union all select track_id from assignments))
"""
"""Songs to train on: labelled ones, of the built-in library only if there are no others."""


def read_library(
    catalog: Catalog, feature_keys: Sequence[str] = (), genres: Sequence[str] = ()
) -> tuple[list[Candidate], dict[str, Assignment]]:
    """Return the labelled tracks that are assigned, duplicates included, and candidates for it.

    Assigned tracks come with their assignments, whatever their examples; one stands for those that
    are alike (`Candidate`). Candidates have examples under all the keys; ``genres`` filters them if
    not empty. Left out are the built-in library beside other labelled music, and of the candidates
    songs whose label is not a genre any more and duplicates of a recording.
    """
    names, keys = name_credits(catalog), recording_keys(catalog)
    rows = catalog.execute(_ALIKE, [list(feature_keys), list(genres)]).fetchall()
    found, assignments = [], {}
    for track_id, n_tracks, genre, split, group_id, level, *credit in rows:
        found.append(
            Candidate(
                track_id=track_id,
                genre=genre,
                artists=names[*credit],
                recordings=keys.get(track_id, ()),
                n_tracks=n_tracks,
            )
        )
        if split:
            assignments[track_id] = Assignment(
                track_id=track_id,
                genre=genre,
                split=Split(split),
                group_id=group_id,
                split_level=level,
            )
    return found, assignments


def count_candidates(
    catalog: Catalog, feature_keys: Sequence[str], genres: Sequence[str] = ()
) -> dict[str, int]:
    """Return the number of the candidates of `read_library`, by genre."""
    statement = f"select genre, count(*) from ({CANDIDATES}) group by genre order by genre"
    return fetch_map(catalog, statement, [list(feature_keys), list(genres)])


def candidate_ids(
    catalog: Catalog,
    feature_keys: Sequence[str],
    genres: Sequence[str],
    conflicts: Collection[str] = (),
) -> list[str]:
    """Return the ids of the candidates of `read_library`, but for those in conflict."""
    statement = f"select track_id from ({CANDIDATES}) where track_id not in (select unnest($3))"
    parameters = [list(feature_keys), list(genres), list(conflicts)]
    return [track_id for (track_id,) in catalog.execute(statement, parameters).fetchall()]


def spread_conflicts(catalog: Catalog, conflicts: Mapping[str, str]) -> dict[str, str]:
    """Return the messages of tracks of `read_library` for all that are alike."""
    if not conflicts:
        return {}
    columns = {"track_id": list(conflicts), "message": list(conflicts.values())}
    with registered(catalog, "torn", columns):
        return dict(conflicts) | fetch_map(catalog, _SPREAD, [[], []])


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


_LIBRARY = f"""
    with linked as (select track_id from duplicates union select other_id from duplicates)
    select track_id, tracks.genre, split, group_id, split_level, {CREDIT},
        if(split is null or split_level = 'song' or starts_with(group_id, 'track:')
            or track_id in (from linked), track_id, '') as own
    from tracks left join assignments using (track_id)
    where {IN_LIBRARY} and (split is not null or track_id in (
        select track_id from ({CANDIDATES})))
"""
"""Tracks of `read_library`; those whose columns beside their id are the same are alike."""


_ALIKE = f"""
    select min(track_id), count(*), genre, split, group_id, split_level,
        artist, title, album_artist
    from ({_LIBRARY})
    group by genre, split, group_id, split_level, artist, title, album_artist, own
"""


_SPREAD = f"""
    with library as ({_LIBRARY}),
    tying as (select library.* exclude (track_id), message from library join torn using (track_id))
    select track_id, message from library join tying using (
        genre, split, group_id, split_level, artist, title, album_artist, own)
"""


_QUARANTINE = """
    update outcomes set outcome = ?, stage = ?, reason = ?, message = torn.message,
        updated_at = now()
    from torn where outcomes.track_id = torn.track_id and outcomes.outcome = 'ok'
"""
