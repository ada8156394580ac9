"""Published facts of models: registered versions, test songs with predictions, audits."""

from dataclasses import dataclass
from datetime import datetime

from genre_core.audit.rules import CheckName
from genre_core.records import name_song
from storage.catalog.audits import Audit, as_audit
from storage.catalog.query import query_rows
from storage.home import DataLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A registered version: it was champion, or challenged one.

    ``reason`` says what its last challenge or promotion rested on. ``audit`` is the result of the
    last audit of its songs, empty without one.
    """

    version: int
    run_id: str
    network: str
    representation: str
    fragment_s: float
    test_macro_f1: float | None
    test_macro_f1_low: float | None
    test_macro_f1_high: float | None
    reason: str
    decided_at: datetime
    audit: str
    is_champion: bool
    is_previous: bool

    @property
    def title(self) -> str:
        """Name for people: ``version 2 (cnn, thesis, 3 s)``."""
        made_of = f"{self.network}, {self.representation}, {self.fragment_s:g} s"
        return f"version {self.version} ({made_of})"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedSong:
    """A song with its label, and what a run predicted; ``confidence`` is calibrated, or None."""

    track_id: str
    name: str
    label: str
    predicted: str
    confidence: float | None
    unknown: bool

    @property
    def is_right(self) -> bool:
        """Whether the prediction is the label."""
        return self.label == self.predicted


def read_versions(layout: DataLayout) -> list[Version]:
    """Return the registered versions whose runs are in the store: the champion, then the newest."""
    return [Version(**row) for row in query_rows(layout, _VERSIONS)]


def read_tested_songs(layout: DataLayout, run_id: str, split: str = "test") -> list[EvaluatedSong]:
    """Return the songs of a split that a run has predicted, the surest prediction first."""
    rows = query_rows(layout, _TESTED, [run_id, split])
    return [
        EvaluatedSong(
            name=name_song(row.pop("artist"), row.pop("title"), row.pop("source")),
            **row,
        )
        for row in rows
    ]


def read_published_audit(layout: DataLayout, library_id: str) -> Audit | None:
    """Return the last audit of a library from the published store; None before the first."""
    heads = query_rows(layout, _AUDIT, [library_id])
    if not heads:
        return None
    checks = query_rows(layout, _CHECKS, [heads[0]["audit_id"]])
    order = list(CheckName)
    return as_audit(heads[0], sorted(checks, key=lambda row: order.index(row["name"])))


_VERSIONS = """
    with decided as (
        select version, run_id, snapshot_id, reason, promoted_at as decided_at from promotions
        union all
        select version, run_id, snapshot_id, reason, judged_at from challenges
        where version is not null
    ),
    champion as (select version from promotions order by promotion_id desc limit 1),
    previous as (
        select previous_version as version from promotions semi join champion using (version)
        where kind <> 'rollback' order by promotion_id desc limit 1)
    select decided.version, decided.run_id, network, runs.representation, runs.fragment_s,
        test_macro_f1, test_macro_f1_low, test_macro_f1_high, reason, decided_at,
        coalesce((select arg_max(verdict, used_at) from audits
            where audits.snapshot_id = decided.snapshot_id), '') as audit,
        decided.version in (from champion) as is_champion,
        coalesce(decided.version in (from previous), false) as is_previous
    from decided join runs using (run_id)
    qualify row_number() over (partition by decided.version order by decided_at desc) = 1
    order by is_champion desc, decided.version desc
"""

_TESTED = """
    with sources as (
        select track_id, min(source) as source from outcomes where outcome = 'ok' group by track_id)
    select track_id, predictions.genre as label, predicted, confidence,
        coalesce(predictions.unknown, false) as unknown,
        coalesce(artist, '') as artist, coalesce(title, '') as title,
        coalesce(source, track_id) as source
    from predictions left join tracks using (track_id) left join sources using (track_id)
    where run_id = ? and split = ?
    order by confidence desc nulls last, track_id
"""

_AUDIT = """
    select audit_id, snapshot_id, run_id, verdict, seconds, settings
    from audits semi join (select snapshot_id from snapshots where library_id = ?)
        using (snapshot_id)
    order by used_at desc limit 1
"""

_CHECKS = "select * from audit_checks where audit_id = ?"
