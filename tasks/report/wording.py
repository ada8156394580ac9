"""A night in words: the headline, the decision about the champion, and what is left to a person."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from genre_core.audit.rules import Level
from genre_core.evaluation.bootstrap import Interval
from genre_core.records import Reason, name_song
from tasks.report.facts import Morning, Row

SHOWN_DIGITS = 12
LEAST_FREE = 0.1
UNITS = ("B", "KB", "MB", "GB", "TB")


def shown_bytes(n_bytes: float) -> str:
    """Give bytes as people read them: ``1.5 MB``, by thousands."""
    place = 0
    while n_bytes >= 1000 and place < len(UNITS) - 1:
        n_bytes, place = n_bytes / 1000, place + 1
    return f"{n_bytes:.3g} {UNITS[place]}"


def count_words(n: int, one: str, many: str = "") -> str:
    """Give a number with its noun: ``1 song``, ``2 songs``."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def headline(morning: Morning) -> str:
    """Say the night in one sentence."""
    counts = Counter(song["outcome"] for song in morning.songs)
    n_left_out = counts["quarantined"] + counts["retryable"]
    if not morning.songs:
        songs = "Nothing new came in"
    else:
        songs = (
            f"{count_words(counts['ok'], 'song')} in, {n_left_out} left out, "
            f"{count_words(counts['duplicate'], 'duplicate')}"
        )
    return f"{songs}; {champion_words(morning)}."


def champion_words(morning: Morning) -> str:
    """Say who reigns: promoted, staying, or nobody."""
    if morning.promotions:
        promoted = morning.promotions[0]
        kind = "back to version" if promoted["kind"] == "rollback" else "new champion: version"
        return f"{kind} {promoted['version']}"
    if morning.champion is None:
        return "there is no champion yet"
    return f"the champion stays, version {morning.champion.version}"


def decision_facts(row: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Give what the last decision of the night rests on, name by name."""
    if row is None:
        return []
    facts = [
        ("reason", row["reason"]),
        ("challenger, macro F1 by song", shown_interval(row, "macro_f1")),
        ("champion before it", shown_interval(row, "previous_macro_f1")),
        ("gain, song by song", shown_interval(row, "gain")),
        ("judged on", f"{row['judged_on']}, {row['n_songs']} songs" if row["judged_on"] else ""),
        ("audit", row["audit_verdict"]),
        ("decided by", row["who"]),
    ]
    return [(name, said) for name, said in facts if said]


def shown_interval(row: Mapping[str, Any], name: str) -> str:
    """Give a score with its interval; empty where it is missing."""
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


def things_to_do(morning: Morning) -> list[str]:
    """Say what only a person can decide or mend; code stands between backticks."""
    return [
        *_failures(morning),
        *_conflicts(morning),
        *_suspects(morning),
        *_labels(morning),
        *_audit(morning),
        *_drift(morning),
        *_champion(morning),
        *_disk(morning),
    ]


def has_failed(outcome: str) -> bool:
    """Tell whether the outcome of a night or a step is a failure."""
    return outcome.lower() in {"failed", "crashed", "error"}


def _failures(morning: Morning) -> list[str]:
    failed = [step for step in morning.night.steps if has_failed(step["outcome"])]
    return [
        f"Step {step['step']} failed: {step['message'] or 'the log says why.'}" for step in failed
    ]


def _conflicts(morning: Morning) -> list[str]:
    found = group_conflicts(morning.conflicts)
    if not found:
        return []
    n_new = sum(conflict["is_new"] for conflict in found)
    waits = "waits" if len(found) == 1 else "wait"
    return [
        f"{count_words(len(found), 'recording')} under several genres {waits} for your decision "
        f"({n_new} new this night): see below."
    ]


def _suspects(morning: Morning) -> list[str]:
    if not morning.suspects:
        return []
    n_new = sum(suspect["is_new"] for suspect in morning.suspects)
    found = count_words(len(morning.suspects), "label looks wrong", "labels look wrong")
    return [f"{found} ({n_new} new this night): see below, or `genreflow suspects`."]


def _labels(morning: Morning) -> list[str]:
    unknown = [song for song in morning.songs if song["reason"] == Reason.LABEL_UNKNOWN]
    if not unknown:
        return []
    return [
        f"{count_words(len(unknown), 'song')} left out for a label that is no genre here; map it "
        "below `[genre_map]` in `genreflow.toml`."
    ]


def _audit(morning: Morning) -> list[str]:
    audit = morning.audit
    if audit is None or audit.verdict is not Level.FAIL:
        return []
    failed = ", ".join(check.name for check in audit.checks if check.level is Level.FAIL)
    return [
        f"The audit failed ({failed}): scores cannot be trusted, and nothing is promoted. "
        "`genreflow audit` tells why."
    ]


def _drift(morning: Morning) -> list[str]:
    found = [drift.name for drift in morning.drift.drifts if drift.drifts]
    if not found:
        return []
    return [
        f"New songs differ from what the champion was measured on ({', '.join(found)}): listen to "
        "some. If the library goes that way, the champion needs training on them."
    ]


def _champion(morning: Morning) -> list[str]:
    if morning.champion:
        return []
    return ["There is no champion: `genreflow run` trains and promotes the first."]


def _disk(morning: Morning) -> list[str]:
    usage = morning.usage
    if usage.free_bytes >= LEAST_FREE * usage.disk_bytes:
        return []
    return [f"The disk is nearly full: {shown_bytes(usage.free_bytes)} are free."]
