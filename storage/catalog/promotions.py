"""Promotions, challenges of the champion, and the golden songs that decide them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from genre_core.errors import UsageError
from storage.catalog.assignments import IN_LIBRARY
from storage.catalog.connection import (
    Catalog,
    fetch_map,
    fetch_records,
    fetch_rows,
    fetch_values,
    insert_rows,
)
from storage.catalog.runs import Run
from storage.models.champion import Champion

FEWEST_SONGS = 2
"""Golden songs of each genre before the first version is frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Champion (``previous``) and challenger on the songs that ``judged_on`` names.

    Scores are macro F1 and ``gain`` is their difference, with the ends of 95 % intervals; None
    where there was nothing to compare with.
    """

    run_id: str
    previous_run_id: str | None
    snapshot_id: str
    reason: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion(Compared):
    """One change of the champion; the last row is the current champion.

    ``kind`` is ``promotion``, ``rollback`` or ``manual`` (a version that a person chose).
    """

    version: int
    previous_version: int | None
    validation_macro_f1: float
    previous_validation_macro_f1: float | None
    kind: str = "promotion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge(Compared):
    """One challenge of the champion, promoted or rejected."""

    version: int
    promoted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSong:
    """A song on which champion and challenger are compared."""

    track_id: str
    genre: str
    group_id: str
    split: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A frozen version: the genre of each of its songs, by track id."""

    version: int
    genre_of_track: Mapping[str, str]

    @property
    def name(self) -> str:
        """Value of ``judged_on`` in promotions and challenges."""
        return f"golden {self.version}"

    @property
    def n_songs(self) -> dict[str, int]:
        """The number of songs of each genre."""
        return dict(sorted(Counter(self.genre_of_track.values()).items()))


def record_promotion(catalog: Catalog, promotion: Promotion) -> None:
    """Add a promotion; rows are never changed."""
    insert_rows(catalog, "promotions", [asdict(promotion)])


def read_last_promotion(catalog: Catalog) -> Promotion | None:
    """Return the current champion, as its promotion; None before the first."""
    return _read_promotion(catalog, "true", [])


def read_champion(catalog: Catalog) -> Champion | None:
    """Return version, run and model of the current champion; None before the first promotion."""
    statement = """
        select version, run_id, coalesce(model_uri, '') as model_uri
        from promotions left join runs using (run_id) order by promotion_id desc limit 1
    """
    return next(iter(fetch_records(catalog, Champion, statement)), None)


def require_replaced(catalog: Catalog) -> tuple[Promotion, tuple[int, str]]:
    """Return the champion, and version and run that it replaced; a `UsageError` if none."""
    champion = read_last_promotion(catalog)
    previous = read_previous_version(catalog, champion) if champion else None
    if champion is None or previous is None:
        raise UsageError("There is no previous champion to roll back to.")
    return champion, previous


def read_previous_version(catalog: Catalog, champion: Promotion) -> tuple[int, str] | None:
    """Return version and run that the last promotion of this version replaced; None if none."""
    made = _read_promotion(catalog, "version = ? and kind <> 'rollback'", [champion.version])
    if made is None or made.previous_version is None:
        return None
    return made.previous_version, made.previous_run_id or ""


def read_challenger_version(catalog: Catalog) -> int | None:
    """Return the version that the champion was challenged by last; None if it is not rejected."""
    statement = """
        select version from challenges where not promoted
            and challenge_id = (select max(challenge_id) from challenges)
            and judged_at > coalesce(
                (select max(promoted_at) from promotions), '-infinity'::timestamptz)
    """
    return next(iter(fetch_values(catalog, statement)), None)


def record_challenge(catalog: Catalog, challenge: Challenge) -> None:
    """Add a challenge, unless it repeats the last one of the same two models."""
    last = read_last_challenge(catalog, challenge.run_id, challenge.previous_run_id)
    same = ("promoted", "judged_on", "reason", "audit_id", "audit_verdict")
    if last and all(getattr(last, name) == getattr(challenge, name) for name in same):
        return
    insert_rows(catalog, "challenges", [asdict(challenge)])


def read_last_challenge(
    catalog: Catalog, run_id: str, previous_run_id: str | None
) -> Challenge | None:
    """Return the last challenge of two models."""
    statement = """
        select * exclude (challenge_id, judged_at) from challenges
        where run_id = ? and previous_run_id is not distinct from ?
        order by challenge_id desc limit 1
    """
    found = fetch_records(catalog, Challenge, statement, [run_id, previous_run_id])
    return found[0] if found else None


def count_challenges(
    catalog: Catalog, judged_on: str, run_id: str, previous_run_id: str | None
) -> int:
    """Return the number of a challenge among all on these songs, from 1; repeats keep theirs."""
    statement = """
        select run_id, previous_run_id from challenges
        where judged_on = ? and previous_run_id is not null and gain is not null
        group by all order by min(challenge_id)
    """
    rows = fetch_rows(catalog, statement, [judged_on])
    pairs = [(row["run_id"], row["previous_run_id"]) for row in rows]
    pair = (run_id, previous_run_id)
    return pairs.index(pair) + 1 if pair in pairs else len(pairs) + 1


def read_candidate_runs(catalog: Catalog, library_id: str) -> list[Run]:
    """Return the runs on a library that may challenge: after a person's choice, only newer ones.

    Rolling back, or choosing a version, rejects the runs that existed; the next challenger is a
    new training.
    """
    statement = """
        select runs.* from runs join snapshots using (snapshot_id)
        where library_id = ?
            and (started_at > coalesce((select max(promoted_at) from promotions
                    where kind <> 'promotion'), '-infinity'::timestamptz)
                or run_id = (select arg_max(run_id, promotion_id) from promotions))
        order by started_at
    """
    return fetch_records(catalog, Run, statement, [library_id])


def read_validation_songs(
    catalog: Catalog, snapshot_id: str, former_id: str = ""
) -> list[ScoredSong]:
    """Return the validation songs of a snapshot.

    Those of a former snapshot are added whose genre the snapshot lacks, if they still have that
    genre in the store.
    """
    statement = """
        with own as (select * from snapshot_tracks where snapshot_id = $1)
        select track_id, genre, group_id, split from own where split = 'validation'
        union all
        select track_id, genre, group_id, split from snapshot_tracks
            semi join tracks using (track_id, genre) anti join own using (genre)
        where snapshot_id = $2 and split = 'validation' order by track_id
    """
    return fetch_records(catalog, ScoredSong, statement, [snapshot_id, former_id])


def read_golden_songs(catalog: Catalog, version: int, genres: Sequence[str]) -> list[ScoredSong]:
    """Return the songs of a frozen version that are of these genres and still in the store.

    Songs that are excluded as duplicates are left out: the other copy may be in training.
    """
    statement = """
        select track_id, golden_songs.genre, group_id, split
        from golden_songs join assignments using (track_id) semi join tracks using (track_id)
        where version = ? and golden_songs.genre in (select unnest(?))
            and track_id not in (select track_id from excluded_tracks) order by track_id
    """
    return fetch_records(catalog, ScoredSong, statement, [version, list(genres)])


def read_predictable(catalog: Catalog, run_id: str, track_ids: Sequence[str]) -> set[str]:
    """Return those of these songs that have examples under the feature key of a run."""
    statement = """
        select track_id from extracted where track_id in (select unnest($2)) and feature_key = (
            select feature_key from runs join snapshots using (snapshot_id) where run_id = $1)
    """
    return set(fetch_values(catalog, statement, [run_id, list(track_ids)]))


def read_predicted(catalog: Catalog, run_id: str, track_ids: Sequence[str]) -> dict[str, str]:
    """Return the recorded predictions of a run for these songs, by track."""
    statement = """
        select track_id, predicted from predictions
        where run_id = ? and track_id in (select unnest(?))
    """
    return fetch_map(catalog, statement, [run_id, list(track_ids)])


def read_staleness(catalog: Catalog, new_id: str, old_id: str) -> float:
    """Return the share of the songs of a new snapshot that an old one lacks."""
    statement = """
        select coalesce(avg((track_id not in (
            select track_id from snapshot_tracks where snapshot_id = $2))::integer), 0)
        from snapshot_tracks where snapshot_id = $1
    """
    return float(fetch_values(catalog, statement, [new_id, old_id])[0])


def read_golden(catalog: Catalog) -> Golden | None:
    """Return the newest frozen version; None before the first."""
    versions = read_golden_versions(catalog)
    return versions[-1] if versions else None


def read_golden_versions(catalog: Catalog) -> list[Golden]:
    """Return all frozen versions, the first one first."""
    statement = "select version, track_id, genre from golden_songs order by version, track_id"
    found: dict[int, dict[str, str]] = {}
    for row in fetch_rows(catalog, statement):
        found.setdefault(row["version"], {})[row["track_id"]] = row["genre"]
    return [Golden(version=version, genre_of_track=songs) for version, songs in found.items()]


def read_next_golden(catalog: Catalog) -> Golden:
    """Return the songs that are assigned to the golden set now, as the next version."""
    statement = "select coalesce(max(version), 0)::integer + 1 from golden_songs"
    version = fetch_values(catalog, statement)[0]
    return Golden(version=version, genre_of_track=fetch_map(catalog, _NEXT_SONGS))


def read_split_by_song(catalog: Catalog) -> dict[str, int]:
    """Count the golden songs whose artist may have songs elsewhere, by genre."""
    statement = """
        select genre, count(*) from assignments
        where split = 'golden' and split_level = 'song' group by genre order by genre
    """
    return fetch_map(catalog, statement)


def freeze_golden(catalog: Catalog) -> Golden | None:
    """Freeze the first version once every genre has two golden songs; return the newest one."""
    if newest := read_golden(catalog):
        return newest
    coming = read_next_golden(catalog)
    genres = fetch_values(catalog, _GENRES)
    if not genres or any(coming.n_songs.get(genre, 0) < FEWEST_SONGS for genre in genres):
        return None
    return _freeze(catalog, coming)


def renew_golden(catalog: Catalog) -> Golden | None:
    """Freeze the golden songs of now as the next version; None if nothing differs."""
    newest, coming = read_golden(catalog), read_next_golden(catalog)
    if coming.genre_of_track == (newest.genre_of_track if newest else {}):
        return None
    return _freeze(catalog, coming)


def _freeze(catalog: Catalog, golden: Golden) -> Golden:
    rows = [
        {"version": golden.version, "track_id": track_id, "genre": genre}
        for track_id, genre in golden.genre_of_track.items()
    ]
    insert_rows(catalog, "golden_songs", rows)
    return golden


def _read_promotion(catalog: Catalog, where: str, parameters: Sequence[object]) -> Promotion | None:
    statement = f"""
        select * exclude (promotion_id, promoted_at) from promotions
        where {where} order by promotion_id desc limit 1
    """
    return next(iter(fetch_records(catalog, Promotion, statement, parameters)), None)


_GENRES = f"""
    select distinct tracks.genre from assignments join tracks using (track_id)
    where track_id not in (select track_id from excluded_tracks) and {IN_LIBRARY}
"""

_NEXT_SONGS = f"""
    select track_id, tracks.genre from assignments join tracks using (track_id)
    where split = 'golden' and track_id not in (select track_id from excluded_tracks)
        and location not in (
            select source from outcomes where reason in (
            'label_unknown', 'label_conflict', 'split_conflict'))
        and {IN_LIBRARY}
    order by track_id
"""
