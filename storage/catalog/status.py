"""Status of a home, read from the published store: nothing here locks the catalog."""

from typing import Any

from genre_core.records import Result
from storage.catalog.publish import query_rows
from storage.catalog.snapshots import NEWEST, SnapshotChoice, choose_published
from storage.home import DataLayout

_COMPARED = """
    select runs.run_id, network, runs.representation, runs.fragment_s, runs.seed, n_parameters,
        epochs, runs.validation_macro_f1, test_macro_f1, test_accuracy, seconds,
        runs.snapshot_id, training_key, validation_macro_f1_low, validation_macro_f1_high,
        test_macro_f1_low, test_macro_f1_high, test_accuracy_low, test_accuracy_high,
        runs.run_id is not distinct from (select arg_max(run_id, promotion_id) from promotions)
            as champion
    from runs join snapshots using (snapshot_id)
    where library_id = ?
    order by runs.validation_macro_f1 desc, network
"""

_CHAMPION = """
    select version, runs.run_id, network, runs.representation, runs.fragment_s,
        snapshots.genres, runs.validation_macro_f1, test_macro_f1, test_accuracy,
        runs.snapshot_id, promoted_at, n_validation_songs,
        previous_version is null and n_validation_songs < $1 as provisional
    from promotions join runs using (run_id)
        join snapshots on runs.snapshot_id = snapshots.snapshot_id
        join (select snapshot_id, count(*) filter (split = 'validation') as n_validation_songs
            from splits group by snapshot_id) as counted on counted.snapshot_id = runs.snapshot_id
    order by promotion_id desc limit 1
"""

FEWEST_VALIDATION_SONGS = 20
"""The first champion that was selected on fewer songs is provisional."""


_UNLABELLED = """
    select count(*) as n from tracks
    where genre = '' and track_id in (select track_id from outcomes where outcome = 'ok')
"""


def compared_rows(layout: DataLayout, library_id: str) -> list[dict[str, Any]]:
    """Return the finished runs on a library, the best on validation first."""
    return query_rows(layout, _COMPARED, [library_id])


def count_scored_songs(layout: DataLayout, snapshot_id: str) -> dict[str, int]:
    """Count the songs of a snapshot in each subset."""
    rows = query_rows(
        layout,
        "select split, count(*) as n from splits where snapshot_id = ? group by split",
        [snapshot_id],
    )
    return {row["split"]: row["n"] for row in rows}


def count_own_outcomes(layout: DataLayout) -> dict[str, int]:
    """Count the songs by outcome and reason, without those of the built-in library."""
    rows = query_rows(
        layout,
        f"""
        select outcome || if(reason = '', '', ' (' || reason || ')') as result, count(*) as n
        from outcomes where not starts_with(source, '{_quoted(layout)}/')
        group by result order by n desc
        """,
    )
    return {row["result"]: row["n"] for row in rows}


def conflict_rows(layout: DataLayout) -> list[dict[str, Any]]:
    """Return the sources of the recordings whose genre needs a decision."""
    return query_rows(layout, "select * from label_conflicts order by recording, source")


def _quoted(layout: DataLayout) -> str:
    return str(layout.builtin).replace("'", "''")


def read_status(layout: DataLayout, choice: SnapshotChoice = NEWEST) -> dict[str, Any]:
    """Return what is in the store: songs, outcomes, examples, snapshot, champion.

    Returns
    -------
    dict
        ``tracks``, ``unlabelled`` songs among them, ``outcomes`` by result, ``reasons`` of the
        songs left out, ``warnings`` of those that are not, ``examples``, ``snapshot_id`` (None
        before the first), ``champion`` (None before the first).
    """
    counts = query_rows(layout, "select outcome, count(*) as n from outcomes group by outcome")
    n_songs = {row["outcome"]: row["n"] for row in counts}
    snapshot = choose_published(layout, choice)
    champions = query_rows(layout, _CHAMPION, [FEWEST_VALIDATION_SONGS])
    return {
        "tracks": _one(layout, "select count(*) as n from tracks"),
        "unlabelled": _one(layout, _UNLABELLED),
        "outcomes": {str(result): n_songs.get(result, 0) for result in Result},
        "reasons": _count_reasons(layout, "outcome <> 'ok'"),
        "warnings": _count_reasons(layout, "outcome = 'ok' and reason <> ''"),
        "examples": _one(layout, "select coalesce(sum(n_rows), 0)::bigint as n from shards"),
        "snapshot_id": snapshot.snapshot_id if snapshot else None,
        "champion": champions[0] if champions else None,
        "home": str(layout.home),
    }


def _count_reasons(layout: DataLayout, where: str) -> dict[str, int]:
    rows = query_rows(
        layout,
        f"""
        select reason, count(*) as n from outcomes where {where}
        group by reason order by n desc, reason
        """,
    )
    return {row["reason"]: row["n"] for row in rows}


def _one(layout: DataLayout, statement: str) -> object:
    return query_rows(layout, statement)[0]["n"]
