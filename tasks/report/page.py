"""The nightly report as HTML that needs no other file, Markdown and JSON."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any

from matplotlib.figure import Figure
from rich.filesize import decimal

from genre_core.audit.rules import Level
from genre_core.evaluation.bootstrap import Interval
from genre_core.figures.nightly import (
    ChampionScore,
    draw_champions,
    draw_confidence,
    draw_drift,
    draw_songs,
)
from genre_core.promotion import FEWEST_VALIDATION_SONGS
from genre_core.records import Reason, counted, name_song
from storage.catalog.nightly import NightOutcome, NightStep
from tasks.comparison import difference_sentences, doubt_sentences
from tasks.pages import fill_template, inline_mp3, inline_png, shown_s
from tasks.report.facts import ReportFacts, Row
from tasks.report.measures import DriftFacts, describe_certainty, values_of

HTML, MARKDOWN = "nightly.html", "nightly.md"
MAX_CHAMPIONS = 30
MIN_CHAMPIONS = 2
MAX_SHOWN = 40
MAX_SUSPECTS = 10
MAX_EXCERPTS = 20
SHOWN_DIGITS = 12
MIN_FREE = 0.1
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


def render_report(
    content: Mapping[str, Any], images: Mapping[str, bytes], excerpts: Mapping[str, bytes]
) -> dict[str, str]:
    """Return the report as HTML and as Markdown, by template.

    The HTML has images (PNG by name), and excerpts of songs (mp3 by track) beside their names.
    """
    sounds = {track_id: inline_mp3(mp3) for track_id, mp3 in excerpts.items()}
    figures = [(inline_png(png), CAPTIONS[name]) for name, png in images.items()]
    return {
        HTML: fill_template(HTML, {**content, "figures": figures, "excerpts": sounds}),
        MARKDOWN: fill_template(MARKDOWN, content),
    }


def describe_report(facts: ReportFacts) -> dict[str, Any]:
    """Return the content of the report as plain values by name."""
    night, usage = facts.night, facts.usage
    left_out = facts.with_outcome("quarantined", "retryable")
    return {
        "night_id": night.night_id,
        "headline": _headline(facts),
        "started_at": _shown_time(night.started_at),
        "ended_at": _shown_time(night.ended_at),
        "outcome": night.outcome,
        "message": night.message,
        "to_do": [*_songs_to_do(facts), *_models_to_do(facts)],
        "songs_in": [_song(song) for song in facts.with_outcome("ok")],
        "left_out": [_song(song) for song in left_out],
        "reasons": Counter(song["reason"] for song in left_out).most_common(),
        "duplicates": [_song(song) for song in facts.with_outcome("duplicate")],
        "conflicts": _conflicts(facts),
        "suspects": [_suspect(suspect) for suspect in facts.suspects],
        "most_suspects": MAX_SUSPECTS,
        "decision": _decision(facts.decision),
        "champion": facts.champion.version if facts.champion else None,
        "change": _CHANGES[facts.promotions[0]["kind"]] if facts.promotions else "stays",
        "provisional": _provisional(facts),
        "networks": _networks(facts),
        "networks_fault": facts.comparison_fault,
        "differences": _differences(facts),
        "audit": _audit(facts),
        **describe_certainty(facts.certainty),
        "drift": [drift.as_document() for drift in facts.drift.drifts],
        "drift_notes": list(facts.drift.notes),
        "steps": [_step(step) for step in night.steps],
        "disk": [[name, decimal(n_bytes)] for name, n_bytes in usage.places],
        "disk_total": decimal(usage.total_bytes),
        "disk_free": decimal(usage.free_bytes),
        "most_shown": MAX_SHOWN,
    }


def choose_excerpts(content: Mapping[str, Any]) -> list[str]:
    """Return the tracks of a report whose excerpts help to decide: conflicts, then suspects."""
    conflicting = [track_id for one in content["conflicts"] for track_id in one["track_ids"]]
    suspect = [one["track_id"] for one in content["suspects"][:MAX_SUSPECTS]]
    return list(dict.fromkeys(filter(None, (*conflicting, *suspect))))[:MAX_EXCERPTS]


def draw_figures(facts: ReportFacts) -> dict[str, Figure]:
    """Draw what there is to show: ``songs``, ``drift``, ``champions``; perhaps nothing."""
    figures = {}
    if facts.library:
        figures["songs"] = draw_songs(_count_by_genre(facts.songs), _count_by_genre(facts.library))
    if facts.drift.songs:
        figures["drift"] = _draw_drift(facts.drift)
    if len(facts.champions) >= MIN_CHAMPIONS:
        figures["champions"] = draw_champions(
            [_champion_score(row) for row in facts.champions[-MAX_CHAMPIONS:]]
        )
    return figures


def _draw_drift(drift: DriftFacts) -> Figure:
    unseen = [one for one in drift.songs if not one.song.is_trained_on]
    confidence = values_of(unseen, lambda one: one.confidence)
    new, known = values_of(drift.songs, lambda one: one.levels)
    if not new.shape[1]:
        return draw_confidence(confidence)
    drifting = {found.name for found in drift.drifts if found.drifts}
    bands = [f"level of band {band + 1}" in drifting for band in range(new.shape[1])]
    return draw_drift((new, known), confidence, bands)


def _champion_score(row: Row) -> ChampionScore:
    """What is drawn of a promotion: its score, or else its validation score."""
    name = "validation_macro_f1" if row["macro_f1"] is None else "macro_f1"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    value = row[name]
    return ChampionScore(
        version=row["version"],
        day=f"{row['promoted_at']:%d %b}",
        network=row["network"],
        score=Interval(
            value=value, low=value if low is None else low, high=value if high is None else high
        ),
        evaluated_on="validation" if row["macro_f1"] is None else row["judged_on"],
    )


def _count_by_genre(songs: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Count songs, or sum rows that are counts in ``n``, by genre and outcome."""
    counts: dict[str, Counter[str]] = {}
    for song in songs:
        counts.setdefault(song["genre"], Counter())[song["outcome"]] += song.get("n", 1)
    return {genre: dict(counter) for genre, counter in counts.items()}


def _headline(facts: ReportFacts) -> str:
    """Return the run in one sentence."""
    counts = Counter(song["outcome"] for song in facts.songs)
    songs = (
        f"{counted(counts['ok'], 'song')} in, {counts['quarantined'] + counts['retryable']} left "
        f"out, {counted(counts['duplicate'], 'duplicate')}"
    )
    champion = "there is no champion yet"
    if facts.promotions:
        is_rollback = facts.promotions[0]["kind"] == "rollback"
        kind = "back to version" if is_rollback else "new champion: version"
        champion = f"{kind} {facts.promotions[0]['version']}"
    elif facts.champion:
        champion = f"the champion stays, version {facts.champion.version}"
    return f"{songs if facts.songs else 'Nothing new came in'}; {champion}."


def _songs_to_do(facts: ReportFacts) -> Iterator[str]:
    """Yield what a person must fix or decide of songs; code is between backticks."""
    for step in facts.night.steps:
        if step.outcome == NightOutcome.FAILED:
            yield f"Step {step.step} failed: {step.message or 'see the log.'}"
    if conflicts := _conflicts(facts):
        waits = "waits" if len(conflicts) == 1 else "wait"
        yield (
            f"{counted(len(conflicts), 'recording')} under several genres {waits} for your "
            f"decision ({_n_new(conflicts)} new in this run): see below."
        )
    if facts.suspects:
        found = counted(len(facts.suspects), "label looks wrong", "labels look wrong")
        n_new = _n_new(facts.suspects)
        yield f"{found} ({n_new} new in this run): see below, or `genreflow suspects`."
    if unknown := [song for song in facts.songs if song["reason"] == Reason.LABEL_UNKNOWN]:
        yield (
            f"{counted(len(unknown), 'song')} left out for a label that is no genre here; map it "
            "below `[genre_map]` in `genreflow.toml`."
        )


def _models_to_do(facts: ReportFacts) -> Iterator[str]:
    """Yield what a person must look into of models, and of the disk."""
    if facts.audit and facts.audit.verdict is Level.FAIL:
        failed = [check.name for check in facts.audit.checks if check.level is Level.FAIL]
        yield (
            f"The audit failed ({', '.join(failed)}): scores cannot be trusted, and nothing is "
            "promoted. `genreflow audit` shows why."
        )
    if drifting := [drift.name for drift in facts.drift.drifts if drift.drifts]:
        yield (
            "New songs differ from those that the champion was evaluated on "
            f"({', '.join(drifting)}). Check some of them; if the library changes that way, train "
            "on them."
        )
    if not facts.champion:
        yield "There is no champion: `genreflow run` trains and promotes the first."
    if facts.usage.free_bytes < MIN_FREE * facts.usage.disk_bytes:
        yield f"The disk is nearly full: {decimal(facts.usage.free_bytes)} are free."


def _n_new(rows: Sequence[Row]) -> int:
    return sum(row["is_new"] for row in rows)


def _song(song: Row) -> dict[str, str]:
    names = ("source", "track_id", "genre", "stage", "reason", "message", "like", "outcome")
    shown = name_song(song["artist"], song["title"], song["source"])
    return {"name": shown, **{name: song[name] for name in names}}


def _conflicts(facts: ReportFacts) -> list[Row]:
    """Put the claims of each recording together, with the commands that decide it.

    A song that is listed under several genres has none: only its listing can settle that.
    """
    grouped = groupby(facts.conflicts, key=lambda row: row["recording"])
    return [_conflict(recording, list(claims)) for recording, claims in grouped]


def _conflict(recording: str, claims: Sequence[Row]) -> Row:
    genres = sorted({claim["genre"] for claim in claims})
    is_listed = claims[0]["stage"] == "sources"
    return {
        "name": claims[0]["title"] or claims[0]["source"],
        "genres": genres,
        "sources": [f"{claim['genre']}: {claim['source']}" for claim in claims],
        "track_ids": [claim["track_id"] for claim in claims],
        "commands": [] if is_listed else _decide(recording, genres),
        "is_new": any(claim["is_new"] for claim in claims),
    }


def _suspect(suspect: Row) -> Row:
    """Return what a page shows of a song whose label looks wrong, with commands that decide it."""
    track_id, genres = suspect["track_id"], (suspect["genre"], suspect["predicted"])
    shown = ("genre", "confidence", "predicted", "predicted_confidence", "is_new")
    return {
        "track_id": track_id,
        "name": _name(suspect),
        **{name: suspect[name] for name in shown},
        "neighbours": [f"{near['genre']} ({_name(near)})" for near in suspect["neighbours"]],
        "near": [
            {"track_id": near["track_id"], "genre": near["genre"], "name": _name(near)}
            for near in suspect["neighbours"]
        ],
        "commands": _decide(track_id, genres),
    }


def _decide(track_id: str, genres: Sequence[str]) -> list[str]:
    name = shlex.quote(track_id[:SHOWN_DIGITS])
    return [f"genreflow decide {name} {shlex.quote(genre)}" for genre in genres]


def _name(track: Row) -> str:
    return name_song(track["artist"], track["title"], track["track_id"][:SHOWN_DIGITS])


def _decision(row: Row | None) -> list[tuple[str, str]]:
    """Return what the last decision is based on, as names and values."""
    if row is None:
        return []
    facts = [
        ("reason", row["reason"]),
        ("challenger, macro F1 by song", _shown_interval(row, "macro_f1")),
        ("champion before it", _shown_interval(row, "previous_macro_f1")),
        ("gain, song by song", _shown_interval(row, "gain")),
        (
            "evaluated on",
            f"{row['judged_on']}, {counted(row['n_songs'], 'song')}" if row["judged_on"] else "",
        ),
        ("audit", row["audit_verdict"]),
        ("triggered by", row["who"]),
    ]
    return [(name, text) for name, text in facts if text]


def _shown_interval(row: Row, name: str) -> str:
    """Return a score with its interval; empty if it is missing."""
    if row[name] is None:
        return ""
    return str(Interval.from_columns(row, name) or f"{row[name]:.2f}")


def _provisional(facts: ReportFacts) -> str:
    """A warning if the first champion was selected on few validation songs."""
    last = facts.champions[-1] if facts.champions else None
    if not last or last["previous_version"] is not None:
        return ""
    if last["n_validation_songs"] >= FEWEST_VALIDATION_SONGS:
        return ""
    return (
        "It is provisional: it was chosen on "
        f"{counted(last['n_validation_songs'], 'validation song')}, fewer than "
        f"{FEWEST_VALIDATION_SONGS}."
    )


def _networks(facts: ReportFacts) -> list[Row]:
    """A row per group: scores with intervals, and the comparison with the best."""
    if facts.comparison is None:
        return []
    sentences = {one.name: one.sentence for one in facts.comparison.differences}
    return [
        {
            "network": group.title,
            "seeds": len(group.runs),
            "parameters": group.runs[0].n_parameters,
            "validation": str(group.validation.macro_f1),
            "test": str(group.test.macro_f1),
            "accuracy": str(group.test.accuracy),
            "against_best": sentences.get(group.title, "the best on validation"),
            "is_new": any(run.run_id in facts.new_runs for run in group.runs),
        }
        for group in facts.comparison.groups
    ]


def _differences(facts: ReportFacts) -> list[str]:
    """Return what the comparison of the networks says, ties in one sentence."""
    if facts.comparison is None:
        return []
    return [
        *doubt_sentences(facts.comparison.groups),
        *difference_sentences(facts.comparison.differences),
    ]


def _audit(facts: ReportFacts) -> dict[str, Any] | None:
    if facts.audit is None:
        return None
    wrong = [check for check in facts.audit.checks if check.level is not Level.PASS]
    return {
        "verdict": str(facts.audit.verdict),
        "checks": [f"{check.name} ({check.level}): {check.message}" for check in wrong],
    }


def _step(step: NightStep) -> Row:
    is_failed = step.outcome == NightOutcome.FAILED
    return {**asdict(step), "shown_s": shown_s(step.seconds), "is_failed": is_failed}


def _shown_time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
