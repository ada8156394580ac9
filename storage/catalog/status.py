"""Status of a home, read from the published store: nothing here locks the catalog."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from statistics import median
from typing import Any

from genre_core.errors import TrackRejected, UsageError
from genre_core.promotion import FEWEST_VALIDATION_SONGS
from genre_core.records import Result, SnapshotChoice, counted
from genre_core.representations.features import FeatureConfig
from genre_core.signal.fragments import CutPlan, FragmentConfig, require_length
from storage.catalog.query import query_rows
from storage.catalog.snapshots import NEWEST, choose_published
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

LENGTH_S = 3.0
"""The fragments of the thesis, which longer ones are measured by."""

_SONGS = """
    select count(*) as tracks, count(*) filter (genre = '' and track_id in (
            select track_id from outcomes where outcome = 'ok')) as unlabelled,
        (select coalesce(sum(n_rows), 0)::bigint from shards) as examples
    from tracks
"""

_HEADER = """
    with last as (select version, run_id from promotions order by promotion_id desc limit 1)
    select last.version, network, value, low, high, split,
        (select count(*) from tracks where not is_builtin or not exists (
            select 1 from tracks as own where not own.is_builtin)) as n_songs,
        (select count(distinct recording) from label_conflicts) as n_conflicts,
        (select count(*) from suspects) as n_suspects
    from (select 1) left join last on true left join runs using (run_id)
        left join scores on scores.run_id = last.run_id
            and split = 'test' and metric = 'macro_f1' and scores.genre = ''
"""

_LAST_NIGHT = """
    select night_id, epoch(started_at) as started_s, epoch(ended_at) as ended_s, outcome,
        outcome = 'finished' as is_finished, n_new_songs
    from nights
    where ended_at is not null and outcome <> 'skipped' order by started_at desc limit 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredChampion:
    """The current champion, with the scores of its run by song.

    ``genres`` are those that it predicts. It is ``provisional`` if it is the first one and was
    chosen on so few validation songs that the choice means little.
    """

    version: int
    run_id: str
    network: str
    representation: str
    fragment_s: float
    genres: list[str]
    validation_macro_f1: float
    test_macro_f1: float
    test_accuracy: float
    snapshot_id: str
    promoted_at: datetime
    n_validation_songs: int
    provisional: bool


def require_known_genres(layout: DataLayout, genres: Sequence[str]) -> None:
    """Raise `UsageError` if one of these genres is that of no song of the store."""
    n_songs = _count(layout, "tracks", "genre", "genre <> ''") if genres else {}
    if missing := [genre for genre in genres if genre not in n_songs]:
        there = ", ".join(f"{genre} ({n})" for genre, n in sorted(n_songs.items()))
        raise UsageError(
            f"No song of the store in {layout.home} has the genre "
            f"{', '.join(map(repr, missing))}. It has: {there or 'none'}."
        )


def require_lengths(layout: DataLayout, features: Sequence[FeatureConfig]) -> None:
    """Raise `UsageError` for a fragment length that most songs of the store cannot give.

    Too long is what fewer than half of the songs give that give 3 s; no length is too long that
    all of them give.
    """
    drawn = [config for config in features if config.embedding is None]
    lengths_s = fetch_lengths(layout) if drawn and layout.published.exists() else []
    for config in drawn:
        usual = replace(config.plan.config, longest_s=min(LENGTH_S, config.plan.config.longest_s))
        n_given = sum(_gives(length_s, config.plan) for length_s in lengths_s)
        n_usual = sum(_gives(length_s, CutPlan(config=usual)) for length_s in lengths_s)
        if lengths_s and (2 * n_given < n_usual or not (n_given or len(drawn) < len(features))):
            raise UsageError(_explain_long(config.plan.config, n_given, lengths_s))


def fetch_lengths(layout: DataLayout) -> list[float]:
    """Return the seconds that each song of the store lasts."""
    return [row["duration_s"] for row in query_rows(layout, "select duration_s from tracks")]


def _gives(duration_s: float, plan: CutPlan) -> bool:
    try:
        require_length(duration_s, plan)
    except TrackRejected:
        return False
    return True


def _explain_long(config: FragmentConfig, n_given: int, lengths_s: Sequence[float]) -> str:
    margins_s = 2 * config.margin_s if config.protocol == "thesis" else 0.0
    needed_s = max(config.shortest_s, config.longest_s + margins_s)
    return (
        f"Only {n_given} of {counted(len(lengths_s), 'song')} {'is' if n_given == 1 else 'are'} "
        f"long enough for fragments of {config.longest_s:g} s, which need songs of {needed_s:g} s; "
        f"half of the songs last {median(lengths_s):.0f} s at most. Use a shorter --fragment-s, "
        "or lower min_track_s and margin_s below [fragments] in genreflow.toml."
    )


def compared_rows(layout: DataLayout, library_id: str) -> list[dict[str, Any]]:
    """Return the finished runs on a library, the best on validation first."""
    return query_rows(layout, _COMPARED, [library_id])


def conflict_rows(layout: DataLayout) -> list[dict[str, Any]]:
    """Return the sources of the recordings whose genre needs a decision."""
    return query_rows(layout, "select * from label_conflicts order by recording, source")


def count_scored_songs(layout: DataLayout, snapshot_id: str) -> dict[str, int]:
    """Count the songs of a snapshot in each subset."""
    return _count(layout, "splits", "split", "snapshot_id = ?", [snapshot_id])


def count_own_outcomes(layout: DataLayout) -> dict[str, int]:
    """Count the songs by outcome and reason, without those of the built-in library."""
    result = "outcome || if(reason = '', '', ' (' || reason || ')')"
    own = "not starts_with(source, ? || '/')"
    return _count(layout, "outcomes", result, own, [str(layout.builtin)])


def read_status(layout: DataLayout, choice: SnapshotChoice = NEWEST) -> dict[str, Any]:
    """Return what is in the store: songs, outcomes, examples, snapshot, champion.

    ``reasons`` are those of the songs left out, ``warnings`` those of the others; ``snapshot_id``
    and ``champion`` are None before the first.
    """
    n_songs = _count(layout, "outcomes", "outcome", "true")
    snapshot = choose_published(layout, choice)
    champion = read_scored_champion(layout)
    songs = query_rows(layout, _SONGS)[0]
    return {
        "tracks": songs["tracks"],
        "unlabelled": songs["unlabelled"],
        "outcomes": {str(result): n_songs.get(result, 0) for result in Result},
        "reasons": _count(layout, "outcomes", "reason", "outcome <> 'ok'"),
        "warnings": _count(layout, "outcomes", "reason", "outcome = 'ok' and reason <> ''"),
        "examples": songs["examples"],
        "snapshot_id": snapshot.snapshot_id if snapshot else None,
        "champion": asdict(champion) if champion else None,
        "home": str(layout.home),
    }


def read_scored_champion(layout: DataLayout) -> ScoredChampion | None:
    """Return the current champion; None before the first promotion."""
    rows = query_rows(layout, _CHAMPION, [FEWEST_VALIDATION_SONGS])
    return ScoredChampion(**rows[0]) if rows else None


def read_header_facts(layout: DataLayout) -> dict[str, Any]:
    """Return what every page shows: the champion, its score, and what waits for a decision."""
    return query_rows(layout, _HEADER)[0]


def read_last_night(layout: DataLayout) -> dict[str, Any]:
    """Return times and outcome of the last nightly run, and its steps; empty before the first."""
    night = next(iter(query_rows(layout, _LAST_NIGHT)), {})
    if night:
        statement = "select step, outcome, seconds from night_steps where night_id = ?"
        night["steps"] = query_rows(layout, f"{statement} order by position", [night["night_id"]])
    return night


def count_nights(layout: DataLayout) -> dict[str, int]:
    """Count the nightly runs by outcome, as far back as the store remembers."""
    return _count(layout, "nights", "outcome", "true")


def _count(
    layout: DataLayout, table: str, key: str, where: str, parameters: Sequence[str] = ()
) -> dict[str, int]:
    """Count the rows of a table by a key, the largest group first."""
    statement = f"""
        select {key} as name, count(*) as n from {table} where {where}
        group by all order by n desc, name
    """
    return {row["name"]: row["n"] for row in query_rows(layout, statement, parameters)}
