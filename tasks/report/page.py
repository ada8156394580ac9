"""The morning page: what a night changed, as HTML that needs no other file, Markdown and JSON."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genre_core.audit.rules import Level
from genre_core.evaluation.bootstrap import Float64Array, Interval
from genre_core.figures.nightly import Reign, draw_confidence, draw_drift, draw_reigns, draw_songs
from genre_core.records import name_song
from storage.catalog.status import FEWEST_VALIDATION_SONGS
from tasks.comparison import RunGroup
from tasks.pages import fill_template, inline_png
from tasks.report.certainty import describe_certainty
from tasks.report.drift import NightDrift, values_of
from tasks.report.facts import Morning, Row, count_by_genre
from tasks.report.wording import (
    decision_facts,
    describe_suspect,
    group_conflicts,
    has_failed,
    headline,
    shown_bytes,
    things_to_do,
)

MOST_REIGNS = 30
FEWEST_REIGNS = 2


def draw_morning(morning: Morning) -> dict[str, Figure]:
    """Draw what there is to show: ``songs``, ``drift``, ``reigns``; perhaps nothing."""
    figures = {}
    if morning.library:
        figures["songs"] = draw_songs(
            count_by_genre(morning.songs), count_by_genre(morning.library)
        )
    if morning.drift.songs:
        figures["drift"] = _draw_drift(morning.drift)
    if len(morning.reigns) >= FEWEST_REIGNS:
        figures["reigns"] = draw_reigns([_reign(row) for row in morning.reigns[-MOST_REIGNS:]])
    return figures


def _draw_drift(drift: NightDrift) -> Figure:
    unseen = [one for one in drift.songs if not one.song.is_trained_on]
    new, known = (_levels(drift, is_new) for is_new in (True, False))
    sure = (
        values_of(unseen, True, lambda one: one.confidence),
        values_of(unseen, False, lambda one: one.confidence),
    )
    if not new.shape[1]:
        return draw_confidence(sure)
    drifting = {asked.name for asked in drift.drifts if asked.drifts}
    bands = [f"level of band {band + 1}" in drifting for band in range(new.shape[1])]
    return draw_drift((new, known), sure, bands)


def _levels(drift: NightDrift, is_new: bool) -> Float64Array:
    return np.array([one.levels for one in drift.songs if one.song.is_new is is_new])


def _reign(row: Row) -> Reign:
    """Give what is drawn of a promotion; one of an older genreflow has its validation score."""
    name = "validation_macro_f1" if row["macro_f1"] is None else "macro_f1"
    value = row[name]
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return Reign(
        version=row["version"],
        day=f"{row['promoted_at']:%d %b}",
        network=row["network"],
        score=Interval(
            value=value, low=value if low is None else low, high=value if high is None else high
        ),
        judged_on="validation" if row["macro_f1"] is None else row["judged_on"],
    )


HTML, MARKDOWN = "morning.html", "morning.md"
MOST_SHOWN = 40
MOST_SUSPECTS = 10
CAPTIONS = {
    "songs": "Songs of this night and of the whole library, by genre and outcome.",
    "drift": "New songs beside validation songs, as the champion reads and judges them.",
    "reigns": "The score of each champion when it was promoted.",
}
_CHANGES = {
    "promotion": "was promoted this night",
    "rollback": "is back since this night, by a rollback",
    "manual": "was chosen this night",
}


def render_morning(morning: Morning, images: Mapping[str, bytes]) -> dict[str, str]:
    """Give the page as HTML with its images (PNG by name) and as Markdown, by the template."""
    told = tell_morning(morning)
    figures = [(inline_png(png), CAPTIONS[name]) for name, png in images.items()]
    return {
        HTML: fill_template(HTML, {**told, "figures": figures}),
        MARKDOWN: fill_template(MARKDOWN, told),
    }


def tell_morning(morning: Morning) -> dict[str, Any]:
    """Give everything that the page says, as plain values by name."""
    return {
        **_tell_night(morning),
        **_tell_songs(morning),
        **_tell_champion(morning),
        **describe_certainty(morning.certainty),
        **_tell_drift(morning),
        "steps": [_step(step) for step in morning.night.steps],
        **_tell_disk(morning),
        "most_shown": MOST_SHOWN,
    }


def _tell_night(morning: Morning) -> dict[str, Any]:
    night = morning.night
    return {
        "night_id": night.night_id,
        "headline": headline(morning),
        "started_at": _shown_time(night.started_at),
        "ended_at": _shown_time(night.ended_at),
        "outcome": night.outcome,
        "message": night.message,
        "to_do": things_to_do(morning),
    }


def _tell_songs(morning: Morning) -> dict[str, Any]:
    """Give the songs that came, by what became of them, and those that wait for a decision."""
    return {
        "songs_in": [_song(song) for song in morning.with_outcome("ok")],
        "left_out": [_song(song) for song in morning.with_outcome("quarantined", "retryable")],
        "reasons": _reasons(morning),
        "duplicates": [_song(song) for song in morning.with_outcome("duplicate")],
        "conflicts": group_conflicts(morning.conflicts),
        "suspects": [describe_suspect(suspect) for suspect in morning.suspects],
        "most_suspects": MOST_SUSPECTS,
    }


def _tell_champion(morning: Morning) -> dict[str, Any]:
    """Give who reigns and why, beside the networks and the audit that this rests on."""
    return {
        "decision": decision_facts(morning.decision),
        "champion": morning.champion.version if morning.champion else None,
        "change": _CHANGES[morning.promotions[0]["kind"]] if morning.promotions else "stays",
        "provisional": _provisional(morning),
        "networks": _networks(morning),
        "networks_fault": morning.comparison_fault,
        "audit": _audit(morning),
    }


def _provisional(morning: Morning) -> str:
    """Say that the first champion rests on few validation songs; empty if it does not."""
    last = morning.reigns[-1] if morning.reigns else None
    if not last or last["previous_version"] is not None or last["judged_on"] != "validation":
        return ""
    if last["n_songs"] is None or last["n_songs"] >= FEWEST_VALIDATION_SONGS:
        return ""
    return (
        f"It is provisional: {last['n_songs']} validation songs are fewer than "
        f"{FEWEST_VALIDATION_SONGS}."
    )


def _tell_drift(morning: Morning) -> dict[str, Any]:
    return {
        "drift": [drift.as_document() for drift in morning.drift.drifts],
        "drift_notes": list(morning.drift.notes),
    }


def _tell_disk(morning: Morning) -> dict[str, Any]:
    return {
        "disk": [[name, shown_bytes(n_bytes)] for name, n_bytes in morning.usage.places],
        "disk_total": shown_bytes(morning.usage.total_bytes),
        "disk_free": shown_bytes(morning.usage.free_bytes),
    }


def _song(song: Row) -> dict[str, str]:
    names = ("source", "genre", "stage", "reason", "message", "like", "outcome")
    shown = name_song(song["artist"], song["title"], song["source"])
    return {"name": shown, **{name: song[name] for name in names}}


def _reasons(morning: Morning) -> list[tuple[str, int]]:
    left_out = morning.with_outcome("quarantined", "retryable")
    return Counter(song["reason"] for song in left_out).most_common()


def _networks(morning: Morning) -> list[dict[str, Any]]:
    """Give a row a group: scores with intervals, and how it stands to the best."""
    if morning.comparison is None:
        return []
    standings = {one.name: one.sentence for one in morning.comparison.differences}
    return [
        {
            **_network(group),
            "against_best": standings.get(group.title, "the best on validation"),
            "is_new": any(run.run_id in morning.new_runs for run in group.runs),
        }
        for group in morning.comparison.groups
    ]


def _network(group: RunGroup) -> dict[str, Any]:
    return {
        "network": group.title,
        "seeds": len(group.runs),
        "parameters": group.runs[0].n_parameters,
        "validation": str(group.validation.macro_f1),
        "test": str(group.test.macro_f1),
        "accuracy": str(group.test.accuracy),
    }


def _audit(morning: Morning) -> dict[str, Any] | None:
    if morning.audit is None:
        return None
    wrong = [check for check in morning.audit.checks if check.level is not Level.PASS]
    return {
        "verdict": str(morning.audit.verdict),
        "checks": [f"{check.name} ({check.level}): {check.message}" for check in wrong],
    }


def _step(step: Row) -> dict[str, Any]:
    return {**step, "shown_s": _shown_s(step["seconds"]), "is_failed": has_failed(step["outcome"])}


def _shown_s(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def _shown_time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
