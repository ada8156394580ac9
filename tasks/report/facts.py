"""What a morning page rests on: everything that one night changed, gathered from the stores."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from genre_core.errors import GenreflowError
from storage.catalog.audits import Audit, read_audit, read_last_audit, read_snapshot, suspect_rows
from storage.catalog.nightly import (
    MorningNight,
    count_library,
    read_challenges,
    read_conflicts,
    read_new_songs,
    read_promotions,
)
from storage.catalog.runs import read_comparable_runs, read_predicted_splits
from storage.home import DataLayout
from storage.maintenance.usage import Usage, measure_usage
from storage.models.champion import Champion
from tasks.comparison import Comparison, compare_groups
from tasks.predict import find_champion
from tasks.report.certainty import NightCertainty, measure_certainty
from tasks.report.drift import NightDrift, measure_drift

Row = dict[str, Any]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """One night, with all that its page shows.

    Attributes
    ----------
    songs : tuple of dict
        The sources that came to light, with what became of each.
    conflicts : tuple of dict
        One row a claim of every recording that waits for a decision.
    suspects : tuple of dict
        The songs whose label looks wrong, those that were found first this night with ``is_new``.
    library : tuple of dict
        Songs by genre and outcome.
    comparison : Comparison or None
        None where no run has finished, or runs cannot be compared; ``comparison_fault`` says why.
    new_runs : frozenset of str
        The runs of this night.
    challenges, promotions : tuple of dict
        Those of this night, the last one first.
    reigns : tuple of dict
        All promotions, the first one first.
    """

    night: MorningNight
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
    reigns: tuple[Row, ...]
    champion: Champion | None
    audit: Audit | None
    usage: Usage

    @property
    def decision(self) -> Row | None:
        """What was decided last: a challenge, a promotion or a rollback."""
        last = (*self.challenges[:1], *self.promotions[:1])
        return max(last, key=lambda row: row.get("judged_at") or row["promoted_at"], default=None)

    def with_outcome(self, *outcomes: str) -> list[Row]:
        """Give the songs of the night with one of some outcomes."""
        return [song for song in self.songs if song["outcome"] in outcomes]


def gather_morning(layout: DataLayout, night: MorningNight) -> Morning:
    """Gather what a night changed, from the catalog, the shards and the exported champion."""
    since = night.started_at
    comparison, fault, new_runs = _compare(layout, since)
    reigns = read_promotions(layout)
    champion = find_champion(layout)
    challenges = read_challenges(layout, since)
    promotions = [row for row in reversed(reigns) if row["promoted_at"] >= since]
    return Morning(
        night=night,
        songs=tuple(read_new_songs(layout, since)),
        conflicts=tuple(read_conflicts(layout, since)),
        suspects=tuple(_read_suspects(layout, since)),
        library=tuple(count_library(layout)),
        drift=measure_drift(layout, since),
        certainty=measure_certainty(layout, champion),
        comparison=comparison,
        comparison_fault=fault,
        new_runs=new_runs,
        challenges=tuple(challenges),
        promotions=tuple(promotions),
        reigns=tuple(reigns),
        champion=champion,
        audit=_find_audit(layout, [*challenges, *promotions]),
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


def _compare(layout: DataLayout, since: datetime) -> tuple[Comparison | None, str, frozenset[str]]:
    """Compare the runs on the library used last; say why where that cannot be done."""
    runs = read_comparable_runs(layout)
    if not runs:
        return None, "No run has finished yet.", frozenset()
    new_runs = frozenset(run.run_id for run in runs if run.started_at >= since)
    try:
        judged = read_predicted_splits(layout, [run.run_id for run in runs])
        return compare_groups([run.as_row() for run in runs], judged), "", new_runs
    except GenreflowError as error:
        return None, str(error), new_runs


def _find_audit(layout: DataLayout, decided: Sequence[Row]) -> Audit | None:
    """Give the audit that the night decided by, or the last one of the snapshot used last."""
    if decided and decided[0]["audit_id"]:
        return read_audit(layout, decided[0]["audit_id"])
    snapshot = read_snapshot(layout)
    return read_last_audit(layout, snapshot.snapshot_id) if snapshot else None
