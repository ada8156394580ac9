"""What has been extracted: shards, and which track has examples for which feature key."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from genre_core.records import Reason, Stage, Track
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig
from storage.catalog.connection import fetch_rows, insert_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTrack:
    """A track without examples for some feature keys."""

    track: Track
    feature_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A Parquet file of examples that stands on disk and waits to be named by the catalog.

    ``n_fragments`` gives the number of rows of each track; ``name`` is the path below the
    folder of shards; ``digest`` is the SHA-256 of the file.
    """

    name: str
    feature_key: str
    n_bytes: int
    digest: str
    n_fragments: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a track has no example under some feature keys; not tried again under them."""

    track_id: str
    feature_keys: tuple[str, ...]
    stage: Stage
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """What is doubtful about a track that has examples; it stays ``ok``."""

    track_id: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SongEmbedding:
    """Mean features and mean tag logits over the windows of a song."""

    track_id: str
    feature_key: str
    embedding: tuple[float, ...]
    tag_logits: tuple[float, ...]


def select_pending(catalog: DuckDBPyConnection, feature_keys: Sequence[str]) -> list[PendingTrack]:
    """Return the tracks that miss examples, but for those rejected under these settings or aside.

    A track that no source leads to any more, because its file was replaced, is left alone.
    """
    statement = """
        select tracks.* exclude (added_at), list(feature_key order by feature_key) as feature_keys
        from tracks cross join (select unnest(?) as feature_key) as wanted
        anti join extracted using (track_id, feature_key)
        anti join rejected using (track_id, feature_key)
        anti join excluded_tracks using (track_id)
        semi join outcomes using (track_id)
        group by all order by track_id
    """
    rows = fetch_rows(catalog, statement, [list(feature_keys)])
    return [
        PendingTrack(feature_keys=tuple(row.pop("feature_keys")), track=Track(**row))
        for row in rows
    ]


def record_features(catalog: DuckDBPyConnection, features: Mapping[str, FeatureConfig]) -> None:
    """Record what each feature key stands for."""
    rows = [
        {
            "feature_key": key,
            "representation": config.representation,
            "fragment_s": config.fragment_s,
            "n_bands": config.shape[0],
            "n_frames": config.shape[1],
            "settings": json.dumps(config.as_document()),
        }
        for key, config in features.items()
    ]
    insert_rows(catalog, "features", rows, "on conflict do nothing")


def record_extraction(
    catalog: DuckDBPyConnection,
    shards: Sequence[Shard],
    rejections: Sequence[Rejection],
    warnings: Sequence[Warned] = (),
    embeddings: Sequence[SongEmbedding] = (),
) -> None:
    """Name shards and embeddings, and which tracks were left out or are doubtful, at once."""
    doubts = {warning.track_id: warning for warning in warnings}
    insert_rows(catalog, "shards", [shard_row(s) for s in shards], _UPSERT_SHARD)
    extracted = [row for shard in shards for row in _extracted_rows(shard, doubts)]
    insert_rows(catalog, "extracted", extracted, "on conflict do nothing")
    refusals = [row for rejection in rejections for row in _rejected_rows(rejection)]
    insert_rows(catalog, "rejected", refusals, "on conflict do nothing")
    means = [{**asdict(e), **_as_lists(e)} for e in embeddings]
    insert_rows(catalog, "song_embeddings", means, _UPSERT_EMBEDDING)


_UPSERT_SHARD = """
on conflict (shard) do update set n_rows = excluded.n_rows, n_bytes = excluded.n_bytes,
    digest = excluded.digest
"""


_UPSERT_EMBEDDING = """
on conflict (track_id, feature_key) do update set embedding = excluded.embedding,
    tag_logits = excluded.tag_logits
"""


def _as_lists(embedding: SongEmbedding) -> dict[str, list[float]]:
    return {"embedding": list(embedding.embedding), "tag_logits": list(embedding.tag_logits)}


def settle_outcomes(catalog: DuckDBPyConnection, feature_keys: Sequence[str]) -> None:
    """Say of every song whether it has examples under the settings that were asked for last.

    A song is ``ok`` with examples under one of the feature keys, with the reason of a warning if
    there is one, quarantined if it was left out under them, and retryable if its chunk gave
    neither. What the listing or the split left out stays so, and so do the copies that stand
    aside.
    """
    catalog.execute(_SETTLE, [list(feature_keys), _INTERRUPTED])


_INTERRUPTED = "the program failed on the chunk of this song; its log says why. Run it again."

_SETTLE = """
    with judged as (
        select track_id, stage, reason, message,
            row_number() over (partition by track_id order by feature_key) as nth
        from rejected where feature_key in (select unnest($1))
            and track_id not in (select track_id from extracted
                where feature_key in (select unnest($1)))
    ), standing as (
        select track_id, 'ok' as outcome, 'extract' as stage,
            arg_max(reason, (reason, feature_key)) as reason,
            arg_max(message, (reason, feature_key)) as message
        from extracted semi join tracks using (track_id)
        where feature_key in (select unnest($1)) group by track_id
        union all
        select track_id, 'quarantined', stage, reason, message from judged where nth = 1
        union all
        select track_id, 'retryable', 'extract', 'interrupted', $2 from tracks
        where track_id not in (select track_id from judged) and track_id not in (
            select track_id from extracted where feature_key in (select unnest($1)))
    )
    update outcomes set outcome = standing.outcome, stage = standing.stage,
        reason = standing.reason, message = standing.message, updated_at = now()
    from standing
    where outcomes.track_id = standing.track_id and outcomes.outcome <> 'duplicate'
        and outcomes.stage not in ('sources', 'split') and outcomes.reason <> 'label_unknown'
        and outcomes.track_id not in (select track_id from excluded_tracks)
        and (outcomes.outcome, outcomes.stage, outcomes.reason, outcomes.message)
            is distinct from
            (standing.outcome, standing.stage, standing.reason, standing.message)
"""


def shard_names(catalog: DuckDBPyConnection, feature_key: str) -> list[str]:
    """Return the shards of a feature key, in order."""
    statement = "select shard from shards where feature_key = ? order by shard"
    return [row["shard"] for row in fetch_rows(catalog, statement, [feature_key])]


def read_embedding(catalog: DuckDBPyConnection, feature_key: str) -> Embedding | None:
    """Return the embedding behind a feature key; none if it is a spectrogram."""
    statement = "select settings from features where feature_key = ?"
    rows = fetch_rows(catalog, statement, [feature_key])
    document = json.loads(rows[0]["settings"]).get("embedding") if rows else None
    return Embedding.from_document(document) if document else None


def all_shards(catalog: DuckDBPyConnection) -> list[str]:
    """Return the shards of every feature key."""
    rows = fetch_rows(catalog, "select shard from shards order by shard")
    return [row["shard"] for row in rows]


def count_examples(catalog: DuckDBPyConnection) -> int:
    """Count the examples of all feature keys."""
    rows = fetch_rows(catalog, "select coalesce(sum(n_rows), 0)::bigint as n from shards")
    return rows[0]["n"]


def count_song_bytes(catalog: DuckDBPyConnection, snapshot_ids: Sequence[str]) -> dict[str, float]:
    """Return the mean bytes on disk of a song's examples, by snapshot."""
    statement = """
        select snapshot_id, sum(n_bytes) / sum(n_songs) as bytes_per_song
        from snapshots join shards using (feature_key)
            join (select shard, count(*) as n_songs from extracted group by shard) using (shard)
        where snapshot_id in (select unnest(?))
        group by snapshot_id
    """
    rows = fetch_rows(catalog, statement, [list(snapshot_ids)])
    return {row["snapshot_id"]: row["bytes_per_song"] for row in rows}


def shard_row(shard: Shard) -> dict[str, str | int]:
    """Return a shard as the catalog names it."""
    return {
        "shard": shard.name,
        "feature_key": shard.feature_key,
        "n_rows": sum(shard.n_fragments.values()),
        "n_bytes": shard.n_bytes,
        "digest": shard.digest,
    }


def _extracted_rows(shard: Shard, doubts: Mapping[str, Warned]) -> list[dict[str, str | int]]:
    return [
        {
            "track_id": track_id,
            "feature_key": shard.feature_key,
            "shard": shard.name,
            "n_fragments": n_fragments,
            "reason": str(doubts[track_id].reason) if track_id in doubts else "",
            "message": doubts[track_id].message if track_id in doubts else "",
        }
        for track_id, n_fragments in shard.n_fragments.items()
    ]


def _rejected_rows(rejection: Rejection) -> list[dict[str, str]]:
    return [
        {
            "track_id": rejection.track_id,
            "feature_key": feature_key,
            "stage": str(rejection.stage),
            "reason": str(rejection.reason),
            "message": rejection.message,
        }
        for feature_key in rejection.feature_keys
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleFeatures:
    """Settings that are asked for first now, and the newest ones of the same name before them."""

    features: FeatureConfig
    before: dict[str, Any]


def read_stale_features(
    catalog: DuckDBPyConnection, features: Mapping[str, FeatureConfig]
) -> list[StaleFeatures]:
    """Find, for each feature key that the catalog does not know, shards under another key.

    They are of the same representation and fragment length: made with other settings of fragments,
    by another decoder, or by other code.
    """
    return [
        StaleFeatures(features=config, before=json.loads(row["settings"]))
        for key, config in features.items()
        for row in fetch_rows(
            catalog, _NEWEST_BEFORE, [config.representation, config.fragment_s, key]
        )
    ]


_NEWEST_BEFORE = """
    select settings from features join shards using (feature_key)
    where representation = $1 and fragment_s = $2
        and $3 not in (select feature_key from features)
    order by created_at desc limit 1
"""
