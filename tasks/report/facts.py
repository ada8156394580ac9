"""The facts of a nightly report: what one run changed, gathered from the stores."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from genre_core.errors import GenreflowError
from storage.catalog.audits import Audit, read_audit, read_last_audit, suspect_rows
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import (
    NightRecord,
    count_library,
    read_challenges,
    read_conflicts,
    read_new_songs,
    read_promotions,
)
from storage.catalog.runs import read_library_runs, read_predicted_splits
from storage.catalog.snapshots import NEWEST, Snapshot, SnapshotChoice, choose_snapshot
from storage.home import DataLayout
from storage.maintenance.retention import Usage, measure_usage
from storage.models.champion import Champion
from tasks.comparison import Comparison, compare_groups
from tasks.predict import find_champion
from tasks.report.measures import NightCertainty, NightDrift, measure_certainty, measure_drift

Row = dict[str, Any]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightFacts:
    """One nightly run with all that its report shows.

    Attributes
    ----------
    songs : tuple of dict
        The sources that are new, with their outcomes.
    conflicts : tuple of dict
        One row a source of every recording with several genres.
    suspects : tuple of dict
        Songs whose label looks wrong; ``is_new`` since this run.
    library : tuple of dict
        Songs by genre and outcome.
    comparison : Comparison or None
        None without finished runs, or if they cannot be compared: ``comparison_fault``.
    new_runs : frozenset of str
        The training runs of this nightly run.
    challenges, promotions : tuple of dict
        Those of this run, the last one first.
    champions : tuple of dict
        All promotions, the first one first.
    """

    night: NightRecord
    songs: tuple[Row, ...]
    conflicts: tuple[Row, ...]
    suspects: tuple[Row, ...]
    library: tuple[Row, ...]
    drift: NightDrift
    certainty: NightCertainty
    comparison: Comparison | None
    comparison_fault: str
    new_runs: frozenset[str]
    challenges: tuple[Row, ...]
    promotions: tuple[Row, ...]
    champions: tuple[Row, ...]
    champion: Champion | None
    audit: Audit | None
    usage: Usage

    @property
    def decision(self) -> Row | None:
        """The last challenge, promotion or rollback."""
        last = (*self.challenges[:1], *self.promotions[:1])
        return max(last, key=lambda row: row.get("judged_at") or row["promoted_at"], default=None)

    def with_outcome(self, *outcomes: str) -> list[Row]:
        """Return the songs with one of some outcomes."""
        return [song for song in self.songs if song["outcome"] in outcomes]


def gather_facts(
    layout: DataLayout, night: NightRecord, choice: SnapshotChoice = NEWEST
) -> NightFacts:
    """Gather what a nightly run changed, from the catalog, the shards and the registry."""
    since = night.started_at
    with open_catalog(layout) as catalog:
        songs, conflicts = read_new_songs(catalog, since), read_conflicts(catalog, since)
        library, challenges = count_library(catalog), read_challenges(catalog, since)
        champions = read_promotions(catalog)
        snapshot = choose_snapshot(catalog, choice)
    comparison, fault, new_runs = _compare(layout, snapshot, since)
    champion = find_champion(layout)
    promotions = [row for row in reversed(champions) if row["promoted_at"] >= since]
    return NightFacts(
        night=night,
        songs=tuple(songs),
        conflicts=tuple(conflicts),
        suspects=tuple(_read_suspects(layout, since)),
        library=tuple(library),
        drift=measure_drift(layout, since),
        certainty=measure_certainty(layout, champion),
        comparison=comparison,
        comparison_fault=fault,
        new_runs=new_runs,
        challenges=tuple(challenges),
        promotions=tuple(promotions),
        champions=tuple(champions),
        champion=champion,
        audit=_find_audit(layout, [*challenges, *promotions], snapshot),
        usage=measure_usage(layout),
    )


def _read_suspects(layout: DataLayout, since: datetime) -> list[Row]:
    """Return the suspects; none where the published store cannot be read."""
    if not layout.published.exists():
        return []
    try:
        rows = suspect_rows(layout)
    except GenreflowError as error:
        logger.warning("Suspects are left out of the report: %s", error)
        return []
    return [{**row, "is_new": row["found_at"] >= since} for row in rows]


def count_by_genre(songs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Count songs, or sum rows that are counts in ``n``, by genre and outcome."""
    counts: dict[str, Counter[str]] = {}
    for song in songs:
        counts.setdefault(song["genre"], Counter())[song["outcome"]] += song.get("n", 1)
    return {genre: dict(counter) for genre, counter in counts.items()}


def _compare(
    layout: DataLayout, snapshot: Snapshot | None, since: datetime
) -> tuple[Comparison | None, str, frozenset[str]]:
    """Compare the runs on the library of a snapshot; the second value says why if it cannot."""
    if snapshot is None:
        return None, "No run has finished yet.", frozenset()
    with open_catalog(layout) as catalog:
        runs = read_library_runs(catalog, snapshot.library_id)
        predicted = read_predicted_splits(catalog, [run.run_id for run in runs])
    if not runs:
        return None, f"No run has finished on {snapshot} yet.", frozenset()
    new_runs = frozenset(run.run_id for run in runs if run.started_at >= since)
    try:
        return compare_groups([run.as_row() for run in runs], predicted), "", new_runs
    except GenreflowError as error:
        return None, str(error), new_runs


def _find_audit(
    layout: DataLayout, decided: Sequence[Row], snapshot: Snapshot | None
) -> Audit | None:
    """Audit of the last decision, or else the last one of a snapshot."""
    with open_catalog(layout) as catalog:
        if decided and decided[0]["audit_id"]:
            return read_audit(catalog, decided[0]["audit_id"])
        return read_last_audit(catalog, snapshot.snapshot_id) if snapshot else None
