"""Finished trainings, their predictions by song, and who was promoted when."""

from __future__ import annotations  # DuckDB's types, kept alive, are reported as leaks

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb

from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.publish import query_rows
from storage.home import DataLayout
from storage.models.champion import Champion


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One finished training; scores are by song, from the mean of probabilities.

    The ends of their 95 % intervals are missing where an older genreflow has made the run.
    ``training_key`` digests the settings of the training: runs that share it, and network and
    snapshot, differ by seed alone.
    """

    run_id: str
    cell_id: str
    comparison_id: str
    network: str
    representation: str
    fragment_s: float
    seed: int
    snapshot_id: str
    n_parameters: int
    epochs: int
    validation_accuracy: float
    validation_macro_f1: float
    test_macro_f1: float
    test_accuracy: float
    seconds: float
    model_uri: str
    started_at: datetime
    validation_macro_f1_low: float | None = None
    validation_macro_f1_high: float | None = None
    test_macro_f1_low: float | None = None
    test_macro_f1_high: float | None = None
    test_accuracy_low: float | None = None
    test_accuracy_high: float | None = None
    training_key: str = ""

    def as_row(self) -> dict[str, Any]:
        """Give the columns by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a run predicts for one song, and what the prediction says of itself.

    ``probabilities`` are in the order of its snapshot's genres, and as the network gives them;
    ``confidence`` is calibrated. The last three are those of `certainty.Assessment`.
    """

    run_id: str
    track_id: str
    split: str
    genre: str
    predicted: str
    probability: float
    probabilities: tuple[float, ...] = ()
    confidence: float | None = None
    unknown: bool | None = None
    alternatives: tuple[str, ...] | None = None

    def as_row(self) -> dict[str, Any]:
        """Return the columns by name, tuples as lists."""
        row = asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in row.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One change of the champion; rows are only ever added.

    Both scores are macro F1 by song on the same songs, those that ``judged_on`` names; ``gain`` is
    their difference, by song. They are missing where there was nothing to compare with.
    """

    version: int
    run_id: str
    previous_version: int | None
    previous_run_id: str | None
    snapshot_id: str
    validation_macro_f1: float
    previous_validation_macro_f1: float | None
    reason: str
    kind: str = "promotion"
    who: str = ""
    judged_on: str = ""
    n_songs: int | None = None
    macro_f1: float | None = None
    macro_f1_low: float | None = None
    macro_f1_high: float | None = None
    previous_macro_f1: float | None = None
    previous_macro_f1_low: float | None = None
    previous_macro_f1_high: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    audit_id: str = ""
    audit_verdict: str = ""


def cell_id(snapshot_id: str, network: str, seed: int, training: Mapping[str, Any]) -> str:
    """Digest what a training is made from: the same cell is never trained twice."""
    document = json.dumps([snapshot_id, network, seed, dict(training)], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def training_key(training: Mapping[str, Any]) -> str:
    """Digest the settings of a training."""
    document = json.dumps(dict(training), sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def record_run(layout: DataLayout, run: Run, predictions: Sequence[Prediction]) -> None:
    """Record a finished training with what it says of every validation and test song."""
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "runs", [asdict(run)], "on conflict do nothing")
        rows = [prediction.as_row() for prediction in predictions]
        insert_rows(catalog, "predictions", rows, "on conflict do nothing")


def read_runs(layout: DataLayout, cell_ids: Sequence[str]) -> list[Run]:
    """Give the finished runs among these cells; the earliest of a cell, if it has several."""
    statement = """
        select * from runs where cell_id in (select unnest(?))
        qualify row_number() over (partition by cell_id order by started_at) = 1
        order by started_at
    """
    with open_catalog(layout) as catalog:
        return [Run(**row) for row in fetch_rows(catalog, statement, [list(cell_ids)])]


def read_comparable_runs(layout: DataLayout) -> list[Run]:
    """Give the runs on the library used last: same songs, same sides, whatever the features."""
    statement = """
        select runs.* from runs join snapshots using (snapshot_id)
        where library_id = (select arg_max(library_id, used_at) from snapshots)
        order by started_at
    """
    with open_catalog(layout) as catalog:
        return [Run(**row) for row in fetch_rows(catalog, statement)]


def read_runs_of_genres(
    layout: DataLayout, feature_key: str, genres: Sequence[str], network: str
) -> list[Run]:
    """Give the runs of a network on the snapshot of exactly these genres that was used last."""
    statement = """
        select * from runs where network = $3 and snapshot_id = (
            select arg_max(snapshot_id, used_at) from snapshots
            where feature_key = $1 and list_sort(genres) = list_sort($2::varchar[])
                and snapshot_id in (select snapshot_id from runs where network = $3))
        order by started_at
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [feature_key, list(genres), network])
    return [Run(**row) for row in rows]


def read_run(layout: DataLayout, run_id: str) -> Run | None:
    """Give one run, if the catalog knows it."""
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select * from runs where run_id = ?", [run_id])
    return Run(**rows[0]) if rows else None


def find_runs(layout: DataLayout, beginning: str) -> list[Run]:
    """Give the runs whose id begins so."""
    statement = "select * from runs where starts_with(run_id, ?) order by started_at"
    with open_catalog(layout) as catalog:
        return [Run(**row) for row in fetch_rows(catalog, statement, [beginning])]


def read_run_ids(layout: DataLayout) -> set[str]:
    """Give the ids of all runs that the catalog knows."""
    with open_catalog(layout) as catalog:
        return {row["run_id"] for row in fetch_rows(catalog, "select run_id from runs")}


def record_promotion(layout: DataLayout, promotion: Promotion) -> None:
    """Add a promotion; rows are never changed."""
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "promotions", [asdict(promotion)])


def read_last_promotion(layout: DataLayout) -> Promotion | None:
    """Give the last promotion that was recorded."""
    statement = """
        select * exclude (promotion_id, promoted_at) from promotions
        order by promotion_id desc limit 1
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement)
    return Promotion(**rows[0]) if rows else None


def read_champion(catalog: duckdb.DuckDBPyConnection) -> Champion | None:
    """Return the version that was promoted or put back last; none before the first promotion."""
    statement = """
        select version, run_id, coalesce(model_uri, '') as model_uri
        from promotions left join runs using (run_id) order by promotion_id desc limit 1
    """
    rows = fetch_rows(catalog, statement)
    return Champion(**rows[0]) if rows else None


_JUDGED = """
    select run_id, any_value(library_id) as library_id, any_value(genres) as genres,
        predictions.split, list(track_id order by track_id) as track_ids,
        list(group_id order by track_id) as group_ids,
        list(predictions.genre order by track_id) as labels,
        list(predicted order by track_id) as predicted
    from predictions join runs using (run_id) join snapshots using (snapshot_id)
        join {places} as places using (snapshot_id, track_id)
    where run_id in (select unnest(?)) and predictions.split in ('validation', 'test')
    group by run_id, predictions.split
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedSplit:
    """What one run says of the songs of one split, in the order of their ids.

    ``genres`` are all that the run knows; ``labels`` are the true ones of the songs.
    """

    run_id: str
    library_id: str
    split: str
    genres: tuple[str, ...]
    track_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]


def read_predicted_splits(layout: DataLayout, run_ids: Sequence[str]) -> list[PredictedSplit]:
    """Give what the runs say of every validation and test song, from the catalog."""
    statement = _JUDGED.format(places="snapshot_tracks")
    with open_catalog(layout) as catalog:
        return _as_records(fetch_rows(catalog, statement, [list(run_ids)]))


def read_published_predictions(layout: DataLayout, run_ids: Sequence[str]) -> list[PredictedSplit]:
    """Give the same from the published store, which no flow locks."""
    statement = _JUDGED.format(places="splits")
    return _as_records(query_rows(layout, statement, [list(run_ids)]))


def _as_records(rows: Sequence[Mapping[str, Any]]) -> list[PredictedSplit]:
    lists = ("genres", "track_ids", "group_ids", "labels", "predicted")
    return [PredictedSplit(**{**row, **{name: tuple(row[name]) for name in lists}}) for row in rows]


def read_assessed(layout: DataLayout, run_id: str, splits: Sequence[str]) -> list[dict[str, Any]]:
    """Return the predictions of a run that name alternatives, of songs of some splits.

    Returns
    -------
    list of dict
        ``track_id``, ``genre`` (the true one), ``unknown`` and ``alternatives``.
    """
    statement = """
        select track_id, genre, unknown, alternatives from predictions
        where run_id = ? and split in (select unnest(?)) and alternatives is not null
        order by track_id
    """
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, statement, [run_id, list(splits)])


UNLABELLED_SPLIT = "unlabelled"
"""Stands in ``predictions`` in place of a split: such rows count in no score."""

UNLABELLED = """
    select track_id from tracks
    where genre = '' and track_id in (select track_id from outcomes where outcome = 'ok')
        and track_id not in (select track_id from excluded_tracks)
"""

_UNPREDICTED = f"""
    select track_id from extracted
    where feature_key = (
            select feature_key from runs join snapshots using (snapshot_id) where run_id = $1)
        and track_id in ({UNLABELLED})
        and track_id not in (select track_id from predictions where run_id = $1)
    order by track_id
"""

_OUTDATED = f"""
    delete from predictions where split = '{UNLABELLED_SPLIT}'
        and (run_id <> ? or track_id not in ({UNLABELLED}))
"""


def read_unpredicted(layout: DataLayout, run_id: str) -> list[str]:
    """Return the unlabelled songs that a run can predict and has not predicted yet."""
    with open_catalog(layout) as catalog:
        return [row["track_id"] for row in fetch_rows(catalog, _UNPREDICTED, [run_id])]


def forget_outdated(layout: DataLayout, run_id: str) -> None:
    """Forget predictions by other runs than this one, and of songs that have a label by now."""
    with open_catalog(layout) as catalog:
        catalog.execute(_OUTDATED, [run_id])
