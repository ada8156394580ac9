"""What has been extracted: shards, embeddings, and the tracks that have none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genre_core.records import Reason, Stage, Track
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig
from storage.catalog.connection import (
    Catalog,
    fetch_map,
    fetch_records,
    fetch_rows,
    fetch_values,
    insert_rows,
)


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
class NamedShard:
    """A shard that the catalog names; ``values_bytes`` is the size of its unpacked matrices."""

    name: str
    feature_key: str
    n_bytes: int
    digest: str
    values_bytes: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleFeatures:
    """Feature settings that are new, and the newest ones of the same name before them."""

    features: FeatureConfig
    before: dict[str, Any]


def select_pending(catalog: Catalog, feature_keys: Sequence[str]) -> list[PendingTrack]:
    """Return the tracks that miss examples and are neither rejected nor excluded.

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
    rows = fetch_rows(catalog, statement, [feature_keys])
    return [
        PendingTrack(feature_keys=tuple(row.pop("feature_keys")), track=Track(**row))
        for row in rows
    ]


def record_features(catalog: Catalog, features: Mapping[str, FeatureConfig]) -> None:
    """Record the settings of each feature key."""
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
    catalog: Catalog,
    shards: Sequence[Shard],
    rejections: Sequence[Rejection],
    warnings: Sequence[Warned] = (),
    embeddings: Sequence[SongEmbedding] = (),
) -> None:
    """Record shards, embeddings, and which tracks were left out or are doubtful."""
    doubts = {warning.track_id: warning for warning in warnings}
    extracted = [
        {
            "track_id": track_id,
            "feature_key": shard.feature_key,
            "shard": shard.name,
            "n_fragments": n_fragments,
            "reason": doubts[track_id].reason if track_id in doubts else "",
            "message": doubts[track_id].message if track_id in doubts else "",
        }
        for shard in shards
        for track_id, n_fragments in shard.n_fragments.items()
    ]
    rejected = [asdict(rejection) for rejection in rejections]
    rejected = [{**r, "feature_key": key} for r in rejected for key in r.pop("feature_keys")]
    name_shards(catalog, shards)
    insert_rows(catalog, "extracted", extracted, "on conflict do nothing")
    insert_rows(catalog, "rejected", rejected, "on conflict do nothing")
    names = SongEmbedding.__dataclass_fields__  # asdict copies value by value: 2 ms a song
    embedded = [{name: getattr(song, name) for name in names} for song in embeddings]
    insert_rows(catalog, "song_embeddings", embedded, _UPSERT_EMBEDDING)


_UPSERT_EMBEDDING = """
on conflict (track_id, feature_key) do update set embedding = excluded.embedding,
    tag_logits = excluded.tag_logits
"""


def name_shards(catalog: Catalog, shards: Sequence[Shard]) -> None:
    """Add shards to the catalog; one of the same name is replaced."""
    rows = [
        {
            "shard": shard.name,
            "feature_key": shard.feature_key,
            "n_rows": sum(shard.n_fragments.values()),
            "n_bytes": shard.n_bytes,
            "digest": shard.digest,
        }
        for shard in shards
    ]
    replace = """
        on conflict (shard) do update set n_rows = excluded.n_rows, n_bytes = excluded.n_bytes,
            digest = excluded.digest
    """
    insert_rows(catalog, "shards", rows, replace)


def settle_outcomes(
    catalog: Catalog, feature_keys: Sequence[str], *, decides_short: bool = True
) -> None:
    """Set the outcome of every song by its examples under the current settings.

    A song is ``ok`` with examples under one of the feature keys, with the reason of a warning if
    there is one, quarantined if it was left out under them, and retryable if its chunk gave
    neither. What the listing or the split left out stays so, and so do excluded duplicates.
    Unless it ``decides_short``, songs neither become too short nor cease to be.
    """
    catalog.execute(_SETTLE, [list(feature_keys), _INTERRUPTED, decides_short])


def settle_rejected(catalog: Catalog, feature_keys: Sequence[str]) -> None:
    """Quarantine the songs that were rejected under all of the feature keys, before extraction."""
    catalog.execute(_SETTLE_REJECTED, [list(feature_keys)])


_SETTLE_REJECTED = """
    update outcomes set outcome = 'quarantined', stage = refused.stage, reason = refused.reason,
        message = refused.message, updated_at = now()
    from (select track_id, arg_min(stage, feature_key) as stage,
            arg_min(reason, feature_key) as reason, arg_min(message, feature_key) as message
        from rejected where feature_key in (select unnest($1))
        group by track_id having count(*) = len($1)) as refused
    where outcomes.track_id = refused.track_id and outcomes.outcome = 'ok'
        and outcomes.track_id not in (select track_id from excluded_tracks)
"""

_INTERRUPTED = "the program failed on the chunk of this song; see its log. Run it again."

_SETTLE = """
    with refused as (
        select track_id, stage, reason, message,
            row_number() over (partition by track_id order by feature_key) as nth
        from rejected where feature_key in (select unnest($1))
            and track_id not in (select track_id from extracted
                where feature_key in (select unnest($1)))
    ), current as (
        select track_id, 'ok' as outcome, 'extract' as stage,
            arg_max(reason, (reason, feature_key)) as reason,
            arg_max(message, (reason, feature_key)) as message
        from extracted semi join tracks using (track_id)
        where feature_key in (select unnest($1)) group by track_id
        union all
        select track_id, 'quarantined', stage, reason, message from refused where nth = 1
        union all
        select track_id, 'retryable', 'extract', 'interrupted', $2 from tracks
        where track_id not in (select track_id from refused) and track_id not in (
            select track_id from extracted where feature_key in (select unnest($1)))
    )
    update outcomes set outcome = current.outcome, stage = current.stage,
        reason = current.reason, message = current.message, updated_at = now()
    from current
    where outcomes.track_id = current.track_id and outcomes.outcome <> 'duplicate'
        and outcomes.stage not in ('sources', 'split') and outcomes.reason <> 'label_unknown'
        and outcomes.track_id not in (select track_id from excluded_tracks)
        and ($3 or 'too_short' not in (outcomes.reason, current.reason))
        and (outcomes.outcome, outcomes.stage, outcomes.reason, outcomes.message)
            is distinct from (current.outcome, current.stage, current.reason, current.message)
"""


def read_embedding(catalog: Catalog, feature_key: str) -> Embedding | None:
    """Return the embedding behind a feature key; none if it is a spectrogram."""
    found = fetch_values(
        catalog, "select settings from features where feature_key = ?", [feature_key]
    )
    document = json.loads(found[0]).get("embedding") if found else None
    return Embedding.from_document(document) if document else None


def shard_names(catalog: Catalog, feature_key: str) -> list[str]:
    """Return the shards of a feature key, in order."""
    statement = "select shard from shards where feature_key = ? order by shard"
    return fetch_values(catalog, statement, [feature_key])


def all_shards(catalog: Catalog) -> list[str]:
    """Return the shards of every feature key."""
    return fetch_values(catalog, "select shard from shards order by shard")


def named_shards(catalog: Catalog) -> list[NamedShard]:
    """Return the shards of every feature key, each key's oldest first."""
    statement = """
        select shard as name, feature_key, n_bytes, digest,
            (4::bigint * n_rows * n_bands * n_frames)::bigint as values_bytes
        from shards join features using (feature_key) order by feature_key, created_at, shard
    """
    return fetch_records(catalog, NamedShard, statement)


def count_named(catalog: Catalog, shards: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the number of fragments of each track, by shard, as the catalog has it."""
    statement = """
        select shard, track_id, n_fragments from extracted
        where shard in (select unnest(?)) order by shard, track_id
    """
    counts: dict[str, dict[str, int]] = {shard: {} for shard in shards}
    for row in fetch_rows(catalog, statement, [shards]):
        counts[row["shard"]][row["track_id"]] = row["n_fragments"]
    return counts


def count_examples(catalog: Catalog) -> int:
    """Count the examples of all feature keys."""
    return fetch_values(catalog, "select coalesce(sum(n_rows), 0)::bigint from shards")[0]


def count_song_bytes(catalog: Catalog, snapshot_ids: Sequence[str]) -> dict[str, float]:
    """Return the mean bytes on disk of a song's examples, by snapshot."""
    statement = """
        select snapshot_id, sum(n_bytes) / sum(n_songs)
        from snapshots join shards using (feature_key)
            join (select shard, count(*) as n_songs from extracted group by shard) using (shard)
        where snapshot_id in (select unnest(?))
        group by snapshot_id
    """
    return fetch_map(catalog, statement, [snapshot_ids])


def forget_shards(catalog: Catalog, shards: Sequence[str]) -> None:
    """Forget shards and the embeddings of their songs, so that they are extracted again."""
    wanted = [list(shards)]
    catalog.execute(
        "delete from song_embeddings where (track_id, feature_key) in (select (track_id, "
        "feature_key) from extracted where shard in (select unnest(?)))",
        wanted,
    )
    for table in ("extracted", "shards"):
        catalog.execute(f"delete from {table} where shard in (select unnest(?))", wanted)


def replace_shards(catalog: Catalog, old: Sequence[str], new: Shard) -> None:
    """Name one shard in place of several that hold its rows."""
    name_shards(catalog, [new])
    statement = "update extracted set shard = ? where shard in (select unnest(?))"
    catalog.execute(statement, [new.name, list(old)])
    catalog.execute("delete from shards where shard in (select unnest(?))", [list(old)])


def read_stale_features(
    catalog: Catalog, features: Mapping[str, FeatureConfig]
) -> list[StaleFeatures]:
    """Find, for each feature key that the catalog does not know, shards under another key.

    They are of the same representation and fragment length: made with other settings of fragments,
    by another decoder, or by other code.
    """
    statement = """
        select settings from features join shards using (feature_key)
        where representation = $1 and fragment_s = $2
            and $3 not in (select feature_key from features)
        order by created_at desc limit 1
    """
    return [
        StaleFeatures(features=config, before=json.loads(settings))
        for key, config in features.items()
        for settings in fetch_values(
            catalog, statement, [config.representation, config.fragment_s, key]
        )
    ]
