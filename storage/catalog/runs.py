"""Finished runs: their scores, and their predictions by song."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from genre_core.digests import digest_document
from genre_core.errors import UsageError
from genre_core.evaluation.bootstrap import Interval
from genre_core.evaluation.significance import ScoreIntervals
from genre_core.records import counted
from storage.catalog.connection import Catalog, fetch_records, fetch_rows, fetch_values, insert_rows
from storage.catalog.query import query_rows
from storage.catalog.snapshots import NEWEST_FIRST
from storage.home import DataLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One finished training; scores are by song, from the mean of probabilities.

    ``training_key`` digests the settings of the training: runs that share it, and network and
    snapshot, differ by seed alone. ``*_low`` and ``*_high`` are the ends of 95 % intervals.
    ``trial_id`` and ``model_uri`` are empty where a run was read from the published store.
    """

    run_id: str
    trial_id: str = ""
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
    model_uri: str = ""
    started_at: datetime
    validation_macro_f1_low: float | None = None
    validation_macro_f1_high: float | None = None
    test_macro_f1_low: float | None = None
    test_macro_f1_high: float | None = None
    test_accuracy_low: float | None = None
    test_accuracy_high: float | None = None
    training_key: str = ""

    def as_row(self) -> dict[str, Any]:
        """Return the columns by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The prediction of a run for one song, and its certainty.

    ``probabilities`` are in the order of its snapshot's genres, uncalibrated; ``confidence`` is
    calibrated. The last three are those of `certainty.Assessment`.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedSplit:
    """Predictions of one run for the songs of one split, in the order of their ids.

    ``genres`` are all that the run knows; ``labels`` are the true ones of the songs. ``scores``
    were computed at evaluation.
    """

    run_id: str
    library_id: str
    split: str
    genres: tuple[str, ...]
    track_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]
    scores: ScoreIntervals | None = None


def trial_id(snapshot_id: str, network: str, seed: int, training: Mapping[str, Any]) -> str:
    """Digest of everything that a training is made from: it is never done twice."""
    return digest_document([snapshot_id, network, seed, dict(training)])


def training_key(training: Mapping[str, Any]) -> str:
    """Digest of the settings of a training."""
    return digest_document(dict(training))


def record_run(
    catalog: Catalog,
    run: Run,
    predictions: Sequence[Prediction],
    scores: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Record a run, its predictions, and its `ScoreIntervals.as_document` by split."""
    insert_rows(catalog, "runs", [asdict(run)], "on conflict do nothing")
    record_predictions(catalog, predictions)
    rows = [
        {"run_id": run.run_id, "split": split, "metric": metric, "genre": genre}
        | {"value": value, "low": low, "high": high}
        for split, document in (scores or {}).items()
        for metric, found in document.items()
        for genre, (value, low, high) in (
            found.items() if isinstance(found, Mapping) else [("", found)]
        )
    ]
    insert_rows(catalog, "scores", rows, "on conflict do nothing")


def record_predictions(catalog: Catalog, predictions: Sequence[Prediction]) -> None:
    """Record predictions; those that are recorded already stay."""
    insert_rows(catalog, "predictions", [asdict(p) for p in predictions], "on conflict do nothing")


def record_model(catalog: Catalog, model_uri: str, network_sha256: str) -> None:
    """Record the digest of the network of a model that was logged."""
    row = {"model_uri": model_uri, "network_sha256": network_sha256}
    insert_rows(catalog, "models", [row])


def read_model_digest(catalog: Catalog, model_uri: str) -> str:
    """Return the digest of the network of a model; empty if none was logged from here."""
    statement = "select network_sha256 from models where model_uri = ?"
    return next(iter(fetch_values(catalog, statement, [model_uri])), "")


def read_runs(catalog: Catalog, trial_ids: Sequence[str]) -> list[Run]:
    """Return the finished runs of these trials, the earliest of each."""
    statement = """
        select * from runs where trial_id in (select unnest(?))
        qualify row_number() over (partition by trial_id order by started_at) = 1
        order by started_at
    """
    return fetch_records(catalog, Run, statement, [trial_ids])


def read_library_runs(catalog: Catalog, library_id: str) -> list[Run]:
    """Return the runs on a library: same songs, same subsets, whatever the features."""
    statement = """
        select runs.* from runs join snapshots using (snapshot_id)
        where library_id = ? order by started_at
    """
    return fetch_records(catalog, Run, statement, [library_id])


def read_published_runs(layout: DataLayout, library_id: str) -> list[Run]:
    """Return the runs on a library from the published store, the best on validation first."""
    statement = """
        select runs.* from runs join snapshots using (snapshot_id) where library_id = ?
        order by validation_macro_f1 desc, network, runs.seed
    """
    return [Run(**row) for row in query_rows(layout, statement, [library_id])]


def read_runs_of_genres(
    catalog: Catalog, feature_key: str, genres: Sequence[str], network: str
) -> list[Run]:
    """Return the runs of a network on the newest snapshot of exactly these genres."""
    statement = f"""
        select * from runs where network = $3 and snapshot_id = (
            select snapshot_id from snapshots
            where feature_key = $1 and list_sort(genres) = list_sort($2::varchar[])
                and snapshot_id in (select snapshot_id from runs where network = $3)
            order by {NEWEST_FIRST} limit 1)
        order by started_at
    """
    return fetch_records(catalog, Run, statement, [feature_key, list(genres), network])


def read_run(catalog: Catalog, run_id: str) -> Run | None:
    """Return one run, if the catalog has it."""
    found = fetch_records(catalog, Run, "select * from runs where run_id = ?", [run_id])
    return found[0] if found else None


def find_runs(catalog: Catalog, beginning: str) -> list[Run]:
    """Return the runs whose id begins like this."""
    statement = "select * from runs where starts_with(run_id, ?) order by started_at"
    return fetch_records(catalog, Run, statement, [beginning])


def require_run(catalog: Catalog, beginning: str) -> Run:
    """Return the one run whose id begins like this; raises `UsageError` if it is not one."""
    runs = find_runs(catalog, beginning)
    if len(runs) != 1:
        raise UsageError(
            f"{counted(len(runs), 'finished run has an id', 'finished runs have an id')} that "
            f"begins with {beginning!r}. `genreflow compare --json` lists them."
        )
    return runs[0]


def read_run_ids(catalog: Catalog) -> set[str]:
    """Return the ids of all runs."""
    return set(fetch_values(catalog, "select run_id from runs"))


def read_predicted_splits(catalog: Catalog, run_ids: Sequence[str]) -> list[PredictedSplit]:
    """Return predictions and scores of runs for validation and test songs, from the catalog."""
    return _predicted_splits(partial(fetch_rows, catalog), "snapshot_tracks", run_ids)


def read_published_predictions(layout: DataLayout, run_ids: Sequence[str]) -> list[PredictedSplit]:
    """Return the same from the published store, which no flow locks."""
    return _predicted_splits(partial(query_rows, layout), "splits", run_ids)


def read_assessed(catalog: Catalog, run_id: str, splits: Sequence[str]) -> list[dict[str, Any]]:
    """Return assessed songs of splits, in the order of their ids.

    ``genre`` is that of the snapshot, ``place`` as in `read_places`.
    """
    statement = f"""
        select members.genre, group_id, unknown, {PLACE} as place,
            len(alternatives) as n_alternatives, predictions.genre in alternatives as is_covered
        from predictions join runs using (run_id) join tracks using (track_id)
            join snapshot_tracks as members using (snapshot_id, track_id)
        where run_id = ? and predictions.split in (select unnest(?)) and alternatives is not null
        order by track_id
    """
    return fetch_rows(catalog, statement, [run_id, list(splits)])


def read_confidences(catalog: Catalog, run_id: str) -> list[Prediction]:
    """Return the predictions of a run that have a confidence, in the order of their ids."""
    statement = """
        select * from predictions where run_id = ? and confidence is not null order by track_id
    """
    return fetch_records(catalog, Prediction, statement, [run_id])


def read_places(catalog: Catalog, run_id: str) -> list[dict[str, str]]:
    """Return ``place`` and ``genre`` of the songs of a run's snapshot, alike ones once.

    A place is the address of a song, or the folder of a file, with a slash at its end.
    """
    statement = f"""
        select distinct {PLACE} as place, snapshot_tracks.genre
        from runs join snapshot_tracks using (snapshot_id) join tracks using (track_id)
        where run_id = ?
    """
    return fetch_rows(catalog, statement, [run_id])


PLACE = "if(contains(location, '//'), location, regexp_replace(location, '[^/]*$', ''))"


UNLABELLED_SPLIT = "unlabelled"
"""Stands in ``predictions`` in place of a split: such rows count in no score."""

UNLABELLED = """
    select track_id from tracks
    where genre = '' and track_id in (select track_id from outcomes where outcome = 'ok')
        and track_id not in (select track_id from excluded_tracks)
"""


def read_unpredicted(catalog: Catalog, run_id: str) -> list[str]:
    """Return the unlabelled songs that a run can predict and has not predicted yet."""
    statement = f"""
        select track_id from extracted
        where feature_key = (
                select feature_key from runs join snapshots using (snapshot_id) where run_id = $1)
            and track_id in ({UNLABELLED})
            and track_id not in (select track_id from predictions where run_id = $1)
        order by track_id
    """
    return fetch_values(catalog, statement, [run_id])


def forget_outdated(catalog: Catalog, run_id: str) -> None:
    """Delete predictions of unlabelled songs by other runs, and of songs that have a label now."""
    statement = f"""
        delete from predictions where split = '{UNLABELLED_SPLIT}'
            and (run_id <> ? or track_id not in ({UNLABELLED}))
    """
    catalog.execute(statement, [run_id])


def _predicted_splits(
    query: Callable[..., Sequence[Mapping[str, Any]]], members: str, run_ids: Sequence[str]
) -> list[PredictedSplit]:
    rows = query(_PREDICTED.format(members=members), [list(run_ids)])
    scores: dict[tuple[str, str], dict[tuple[str, str], Interval]] = {}
    for row in query("select * from scores where run_id in (select unnest(?))", [list(run_ids)]):
        found = Interval(value=row["value"], low=row["low"], high=row["high"])
        scores.setdefault((row["run_id"], row["split"]), {})[row["metric"], row["genre"]] = found
    lists = ("genres", "track_ids", "group_ids", "labels", "predicted")
    return [
        PredictedSplit(
            **{**row, **{name: tuple(row[name]) for name in lists}},
            scores=_score_intervals(scores.get((row["run_id"], row["split"])), row["genres"]),
        )
        for row in rows
    ]


def _score_intervals(
    scores: Mapping[tuple[str, str], Interval] | None, genres: Sequence[str]
) -> ScoreIntervals | None:
    if scores is None:
        return None
    return ScoreIntervals(
        accuracy=scores["accuracy", ""],
        macro_f1=scores["macro_f1", ""],
        recall=tuple(scores.get(("recall", genre)) for genre in genres),
    )


_PREDICTED = """
    select run_id, any_value(library_id) as library_id, any_value(genres) as genres,
        predictions.split, list(track_id order by track_id) as track_ids,
        list(group_id order by track_id) as group_ids,
        list(predictions.genre order by track_id) as labels,
        list(predicted order by track_id) as predicted
    from predictions join runs using (run_id) join snapshots using (snapshot_id)
        join {members} as members using (snapshot_id, track_id)
    where run_id in (select unnest(?)) and predictions.split in ('validation', 'test')
    group by run_id, predictions.split
"""
