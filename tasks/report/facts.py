"""The facts of a nightly report: what one run changed, gathered from the stores."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from genre_core.errors import GenreflowError
from genre_core.records import SnapshotChoice
from storage.catalog.audits import Audit, read_audit, read_library_audit, suspect_rows
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import (
    NightRecord,
    count_library,
    read_challenges,
    read_conflicts,
    read_drift_songs,
    read_new_songs,
    read_promotions,
)
from storage.catalog.promotions import read_champion
from storage.catalog.runs import (
    PredictedSplit,
    Run,
    read_library_runs,
    read_predicted_splits,
    read_run,
)
from storage.catalog.snapshots import NEWEST, Snapshot, choose_snapshot
from storage.home import DataLayout
from storage.maintenance.retention import Usage, measure_usage
from storage.models.champion import Champion
from tasks.comparison import Comparison, compare_groups
from tasks.report.measures import (
    MAX_SONGS,
    CertaintyFacts,
    DriftFacts,
    measure_certainty,
    measure_drift,
    read_assessed_songs,
)

Row = dict[str, Any]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """One nightly run with all that its report shows.

    Attributes
    ----------
    songs : list of dict
        The sources that are new, with their outcomes.
    conflicts : list of dict
        One row a source of every recording with several genres.
    suspects : list of dict
        Songs whose label looks wrong; ``is_new`` since this run.
    library : list of dict
        Songs by genre and outcome.
    comparison : Comparison or None
        None without finished runs, or if they cannot be compared: ``comparison_fault``.
    new_runs : frozenset of str
        The training runs of this nightly run.
    challenges, promotions : list of dict
        Those of this run, the last one first.
    champions : list of dict
        All promotions, the first one first.
    """

    night: NightRecord
    songs: list[Row]
    conflicts: list[Row]
    suspects: list[Row]
    library: list[Row]
    drift: DriftFacts
    certainty: CertaintyFacts
    comparison: Comparison | None
    comparison_fault: str
    new_runs: frozenset[str]
    challenges: list[Row]
    promotions: list[Row]
    champions: list[Row]
    champion: Champion | None
    audit: Audit | None
    usage: Usage

    @property
    def decision(self) -> Row | None:
        """The last challenge, promotion or rollback."""
        return _last_decision(self.challenges, self.promotions)

    def with_outcome(self, *outcomes: str) -> list[Row]:
        """Return the songs with one of some outcomes."""
        return [song for song in self.songs if song["outcome"] in outcomes]


def gather_facts(
    layout: DataLayout, night: NightRecord, choice: SnapshotChoice = NEWEST
) -> ReportFacts:
    """Gather what a nightly run changed, from the catalog and the shards."""
    since = night.started_at
    with open_catalog(layout) as catalog:
        songs, conflicts = read_new_songs(catalog, since), read_conflicts(catalog, since)
        library, challenges = count_library(catalog), read_challenges(catalog, since)
        champions, champion = read_promotions(catalog), read_champion(catalog)
        promotions = [row for row in reversed(champions) if row["promoted_at"] >= since]
        snapshot = choose_snapshot(catalog, choice)
        audit = read_library_audit(catalog, snapshot.library_id) if snapshot else None
        decision = _last_decision(challenges, promotions)
        if decision and decision["audit_id"]:
            audit = read_audit(catalog, decision["audit_id"])
        runs = read_library_runs(catalog, snapshot.library_id) if snapshot else []
        predicted = read_predicted_splits(catalog, [run.run_id for run in runs])
        run = read_run(catalog, champion.run_id) if champion else None
        assessed = read_assessed_songs(catalog, run) if run else []
        run_id = champion.run_id if champion else ""
        drift_songs, shards = read_drift_songs(catalog, run_id, since, MAX_SONGS)
    comparison, fault = _compare(snapshot, runs, predicted)
    return ReportFacts(
        night=night,
        songs=songs,
        conflicts=conflicts,
        suspects=_read_suspects(layout, since),
        library=library,
        drift=measure_drift(layout, champion, drift_songs, shards),
        certainty=measure_certainty(layout, champion, run, assessed),
        comparison=comparison,
        comparison_fault=fault,
        new_runs=frozenset(run.run_id for run in runs if run.started_at >= since),
        challenges=challenges,
        promotions=promotions,
        champions=champions,
        champion=champion,
        audit=audit,
        usage=measure_usage(layout),
    )


def _last_decision(challenges: Sequence[Row], promotions: Sequence[Row]) -> Row | None:
    """Return the later one of the first rows: a challenge, or a promotion or rollback."""
    last = (*challenges[:1], *promotions[:1])
    return max(last, key=lambda row: row.get("judged_at") or row["promoted_at"], default=None)


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


def _compare(
    snapshot: Snapshot | None, runs: Sequence[Run], predicted: Sequence[PredictedSplit]
) -> tuple[Comparison | None, str]:
    """Compare the runs on the library of a snapshot, or return why that is impossible."""
    if not runs:
        return None, f"No run has finished{f' on {snapshot}' if snapshot else ''} yet."
    try:
        return compare_groups([run.as_row() for run in runs], predicted), ""
    except GenreflowError as error:
        return None, str(error)
