"""The nightly report as HTML that needs no other file, Markdown and JSON."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genre_core.audit.rules import Level
from genre_core.evaluation.bootstrap import Float64Array, Interval
from genre_core.figures.nightly import (
    ChampionScore,
    draw_champions,
    draw_confidence,
    draw_drift,
    draw_songs,
)
from genre_core.records import Reason, name_song
from storage.catalog.nightly import NightStep
from storage.catalog.status import FEWEST_VALIDATION_SONGS
from tasks.comparison import RunGroup
from tasks.pages import fill_template, inline_png
from tasks.report.facts import NightFacts, Row, count_by_genre
from tasks.report.measures import NightDrift, describe_certainty, values_of

MAX_CHAMPIONS = 30
MIN_CHAMPIONS = 2


def draw_figures(facts: NightFacts) -> dict[str, Figure]:
    """Draw what there is to show: ``songs``, ``drift``, ``champions``; perhaps nothing."""
    figures = {}
    if facts.library:
        figures["songs"] = draw_songs(count_by_genre(facts.songs), count_by_genre(facts.library))
    if facts.drift.songs:
        figures["drift"] = _draw_drift(facts.drift)
    if len(facts.champions) >= MIN_CHAMPIONS:
        figures["champions"] = draw_champions(
            [_champion_score(row) for row in facts.champions[-MAX_CHAMPIONS:]]
        )
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
    drifting = {found.name for found in drift.drifts if found.drifts}
    bands = [f"level of band {band + 1}" in drifting for band in range(new.shape[1])]
    return draw_drift((new, known), sure, bands)


def _levels(drift: NightDrift, is_new: bool) -> Float64Array:
    return np.array([one.levels for one in drift.songs if one.song.is_new is is_new])


def _champion_score(row: Row) -> ChampionScore:
    """What is drawn of a promotion: its score, or else its validation score."""
    name = "validation_macro_f1" if row["macro_f1"] is None else "macro_f1"
    value = row[name]
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return ChampionScore(
        version=row["version"],
        day=f"{row['promoted_at']:%d %b}",
        network=row["network"],
        score=Interval(
            value=value, low=value if low is None else low, high=value if high is None else high
        ),
        evaluated_on="validation" if row["macro_f1"] is None else row["judged_on"],
    )


HTML, MARKDOWN = "nightly.html", "nightly.md"
MAX_SHOWN = 40
MAX_SUSPECTS = 10
CAPTIONS = {
    "songs": "New songs and the full library, by genre and outcome.",
    "drift": "New songs beside validation songs, as the champion reads and predicts them.",
    "champions": "The score of each champion when it was promoted.",
}
_CHANGES = {
    "promotion": "was promoted in this run",
    "rollback": "was put back by a rollback",
    "manual": "was chosen by a person",
}


def render_report(facts: NightFacts, images: Mapping[str, bytes]) -> dict[str, str]:
    """Return the report as HTML with its images (PNG by name) and as Markdown, by template."""
    content = describe_night(facts)
    figures = [(inline_png(png), CAPTIONS[name]) for name, png in images.items()]
    return {
        HTML: fill_template(HTML, {**content, "figures": figures}),
        MARKDOWN: fill_template(MARKDOWN, content),
    }


def describe_night(facts: NightFacts) -> dict[str, Any]:
    """Return the content of the report as plain values by name."""
    return {
        **_describe_night(facts),
        **_describe_songs(facts),
        **_describe_champion(facts),
        **describe_certainty(facts.certainty),
        **_describe_drift(facts),
        "steps": [_step(step) for step in facts.night.steps],
        **_describe_disk(facts),
        "most_shown": MAX_SHOWN,
    }


def _describe_night(facts: NightFacts) -> dict[str, Any]:
    night = facts.night
    return {
        "night_id": night.night_id,
        "headline": headline(facts),
        "started_at": _shown_time(night.started_at),
        "ended_at": _shown_time(night.ended_at),
        "outcome": night.outcome,
        "message": night.message,
        "to_do": things_to_do(facts),
    }


def _describe_songs(facts: NightFacts) -> dict[str, Any]:
    return {
        "songs_in": [_song(song) for song in facts.with_outcome("ok")],
        "left_out": [_song(song) for song in facts.with_outcome("quarantined", "retryable")],
        "reasons": _reasons(facts),
        "duplicates": [_song(song) for song in facts.with_outcome("duplicate")],
        "conflicts": group_conflicts(facts.conflicts),
        "suspects": [describe_suspect(suspect) for suspect in facts.suspects],
        "most_suspects": MAX_SUSPECTS,
    }


def _describe_champion(facts: NightFacts) -> dict[str, Any]:
    return {
        "decision": decision_facts(facts.decision),
        "champion": facts.champion.version if facts.champion else None,
        "change": _CHANGES[facts.promotions[0]["kind"]] if facts.promotions else "stays",
        "provisional": _provisional(facts),
        "networks": _networks(facts),
        "networks_fault": facts.comparison_fault,
        "audit": _audit(facts),
    }


def _provisional(facts: NightFacts) -> str:
    """A warning if the first champion was selected on few validation songs."""
    last = facts.champions[-1] if facts.champions else None
    if not last or last["previous_version"] is not None or last["judged_on"] != "validation":
        return ""
    if last["n_songs"] is None or last["n_songs"] >= FEWEST_VALIDATION_SONGS:
        return ""
    return (
        f"It is provisional: {last['n_songs']} validation songs are fewer than "
        f"{FEWEST_VALIDATION_SONGS}."
    )


def _describe_drift(facts: NightFacts) -> dict[str, Any]:
    return {
        "drift": [drift.as_document() for drift in facts.drift.drifts],
        "drift_notes": list(facts.drift.notes),
    }


def _describe_disk(facts: NightFacts) -> dict[str, Any]:
    return {
        "disk": [[name, shown_bytes(n_bytes)] for name, n_bytes in facts.usage.places],
        "disk_total": shown_bytes(facts.usage.total_bytes),
        "disk_free": shown_bytes(facts.usage.free_bytes),
    }


def _song(song: Row) -> dict[str, str]:
    names = ("source", "genre", "stage", "reason", "message", "like", "outcome")
    shown = name_song(song["artist"], song["title"], song["source"])
    return {"name": shown, **{name: song[name] for name in names}}


def _reasons(facts: NightFacts) -> list[tuple[str, int]]:
    left_out = facts.with_outcome("quarantined", "retryable")
    return Counter(song["reason"] for song in left_out).most_common()


def _networks(facts: NightFacts) -> list[dict[str, Any]]:
    """A row per group: scores with intervals, and the comparison with the best."""
    if facts.comparison is None:
        return []
    standings = {one.name: one.sentence for one in facts.comparison.differences}
    return [
        {
            **_network(group),
            "against_best": standings.get(group.title, "the best on validation"),
            "is_new": any(run.run_id in facts.new_runs for run in group.runs),
        }
        for group in facts.comparison.groups
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


def _audit(facts: NightFacts) -> dict[str, Any] | None:
    if facts.audit is None:
        return None
    wrong = [check for check in facts.audit.checks if check.level is not Level.PASS]
    return {
        "verdict": str(facts.audit.verdict),
        "checks": [f"{check.name} ({check.level}): {check.message}" for check in wrong],
    }


def _step(step: NightStep) -> dict[str, Any]:
    is_failed = has_failed(step.outcome)
    return {**asdict(step), "shown_s": _shown_s(step.seconds), "is_failed": is_failed}


def _shown_s(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def _shown_time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


SHOWN_DIGITS = 12
MIN_FREE = 0.1
UNITS = ("B", "KB", "MB", "GB", "TB")


def shown_bytes(n_bytes: float) -> str:
    """Return bytes as text: ``1.5 MB``, in powers of 1000."""
    place = 0
    while n_bytes >= 1000 and place < len(UNITS) - 1:
        n_bytes, place = n_bytes / 1000, place + 1
    return f"{n_bytes:.3g} {UNITS[place]}"


def count_words(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 song``, ``2 songs``."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def headline(facts: NightFacts) -> str:
    """Return the run in one sentence."""
    counts = Counter(song["outcome"] for song in facts.songs)
    n_left_out = counts["quarantined"] + counts["retryable"]
    if not facts.songs:
        songs = "Nothing new came in"
    else:
        songs = (
            f"{count_words(counts['ok'], 'song')} in, {n_left_out} left out, "
            f"{count_words(counts['duplicate'], 'duplicate')}"
        )
    return f"{songs}; {champion_words(facts)}."


def champion_words(facts: NightFacts) -> str:
    """Return the champion in words: new, unchanged or none."""
    if facts.promotions:
        promoted = facts.promotions[0]
        kind = "back to version" if promoted["kind"] == "rollback" else "new champion: version"
        return f"{kind} {promoted['version']}"
    if facts.champion is None:
        return "there is no champion yet"
    return f"the champion stays, version {facts.champion.version}"


def decision_facts(row: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return what the last decision is based on, as names and values."""
    if row is None:
        return []
    facts = [
        ("reason", row["reason"]),
        ("challenger, macro F1 by song", shown_interval(row, "macro_f1")),
        ("champion before it", shown_interval(row, "previous_macro_f1")),
        ("gain, song by song", shown_interval(row, "gain")),
        ("evaluated on", f"{row['judged_on']}, {row['n_songs']} songs" if row["judged_on"] else ""),
        ("audit", row["audit_verdict"]),
        ("triggered by", row["who"]),
    ]
    return [(name, text) for name, text in facts if text]


def shown_interval(row: Mapping[str, Any], name: str) -> str:
    """Return a score with its interval; empty if it is missing."""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return ""
    return f"{value:.2f}" if low is None else str(Interval(value=value, low=low, high=high))


def group_conflicts(conflicts: Sequence[Row]) -> list[dict[str, Any]]:
    """Put the claims of each recording together, with the commands that decide it.

    A song that is listed under several genres has none: only its listing can settle that.
    """
    grouped = groupby(conflicts, key=lambda row: row["recording"])
    return [_conflict(recording, list(claims)) for recording, claims in grouped]


def _conflict(recording: str, claims: Sequence[Row]) -> dict[str, Any]:
    genres = sorted({claim["genre"] for claim in claims})
    is_listed = claims[0]["stage"] == "sources"
    decide = f"genreflow decide {shlex.quote(recording[:SHOWN_DIGITS])}"
    return {
        "name": claims[0]["title"] or claims[0]["source"],
        "genres": genres,
        "sources": [f"{claim['genre']}: {claim['source']}" for claim in claims],
        "commands": [] if is_listed else [f"{decide} {shlex.quote(g)}" for g in genres],
        "is_new": any(claim["is_new"] for claim in claims),
    }


def describe_suspect(suspect: Row) -> dict[str, Any]:
    """Return what a page shows of a song whose label looks wrong, with commands that decide it."""
    decide = f"genreflow decide {suspect['track_id'][:SHOWN_DIGITS]}"
    genres = (suspect["genre"], suspect["predicted"])
    return {
        "name": name_song(suspect["artist"], suspect["title"], suspect["track_id"][:SHOWN_DIGITS]),
        "genre": suspect["genre"],
        "confidence": suspect["confidence"],
        "predicted": suspect["predicted"],
        "predicted_confidence": suspect["predicted_confidence"],
        "neighbours": [describe_neighbour(near) for near in suspect["neighbours"]],
        "commands": [f"{decide} {shlex.quote(genre)}" for genre in genres],
        "is_new": suspect["is_new"],
    }


def describe_neighbour(near: Mapping[str, Any]) -> str:
    """Return the genre of a song, and which one it is."""
    name = name_song(near["artist"], near["title"], near["track_id"][:SHOWN_DIGITS])
    return f"{near['genre']} ({name})"


def things_to_do(facts: NightFacts) -> list[str]:
    """Return what a person must decide or fix; code is between backticks."""
    return [
        *_failures_to_do(facts),
        *_conflicts_to_do(facts),
        *_suspects_to_do(facts),
        *_labels_to_do(facts),
        *_audit_to_do(facts),
        *_drift_to_do(facts),
        *_champion_to_do(facts),
        *_disk_to_do(facts),
    ]


def has_failed(outcome: str) -> bool:
    """Tell whether the outcome of a run or a step is a failure."""
    return outcome.lower() in {"failed", "crashed", "error"}


def _failures_to_do(facts: NightFacts) -> list[str]:
    failed = [step for step in facts.night.steps if has_failed(step.outcome)]
    return [f"Step {step.step} failed: {step.message or 'see the log.'}" for step in failed]


def _conflicts_to_do(facts: NightFacts) -> list[str]:
    found = group_conflicts(facts.conflicts)
    if not found:
        return []
    n_new = sum(conflict["is_new"] for conflict in found)
    waits = "waits" if len(found) == 1 else "wait"
    return [
        f"{count_words(len(found), 'recording')} under several genres {waits} for your decision "
        f"({n_new} new in this run): see below."
    ]


def _suspects_to_do(facts: NightFacts) -> list[str]:
    if not facts.suspects:
        return []
    n_new = sum(suspect["is_new"] for suspect in facts.suspects)
    found = count_words(len(facts.suspects), "label looks wrong", "labels look wrong")
    return [f"{found} ({n_new} new in this run): see below, or `genreflow suspects`."]


def _labels_to_do(facts: NightFacts) -> list[str]:
    unknown = [song for song in facts.songs if song["reason"] == Reason.LABEL_UNKNOWN]
    if not unknown:
        return []
    return [
        f"{count_words(len(unknown), 'song')} left out for a label that is no genre here; map it "
        "below `[genre_map]` in `genreflow.toml`."
    ]


def _audit_to_do(facts: NightFacts) -> list[str]:
    audit = facts.audit
    if audit is None or audit.verdict is not Level.FAIL:
        return []
    failed = ", ".join(check.name for check in audit.checks if check.level is Level.FAIL)
    return [
        f"The audit failed ({failed}): scores cannot be trusted, and nothing is promoted. "
        "`genreflow audit` shows why."
    ]


def _drift_to_do(facts: NightFacts) -> list[str]:
    found = [drift.name for drift in facts.drift.drifts if drift.drifts]
    if not found:
        return []
    return [
        f"New songs differ from those that the champion was evaluated on ({', '.join(found)}). "
        "Check some of them; if the library changes that way, train on them."
    ]


def _champion_to_do(facts: NightFacts) -> list[str]:
    if facts.champion:
        return []
    return ["There is no champion: `genreflow run` trains and promotes the first."]


def _disk_to_do(facts: NightFacts) -> list[str]:
    usage = facts.usage
    if usage.free_bytes >= MIN_FREE * usage.disk_bytes:
        return []
    return [f"The disk is nearly full: {shown_bytes(usage.free_bytes)} are free."]
