"""The facts of a promoted model for its card."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from genre_core.evaluation.calibration import bin_songs
from genre_core.evaluation.certainty import Certainty
from storage.catalog.connection import Catalog, fetch_rows

Facts = dict[str, Any]
_PLAIN = ("run_id", "network", "n_parameters", "snapshot_id", "library_id")
_CHOSEN = {"manual": "A person chose this version.", "rollback": "A person brought it back."}
"""What a card says of promotions whose reason names a person."""
Query = Callable[..., list[dict[str, Any]]]


def read_card_facts(catalog: Catalog, version: int) -> Facts | None:
    """Return the facts of a version that was promoted; None of others."""
    query = partial(fetch_rows, catalog)
    heads = query(_HEAD, [version])
    if not heads:
        return None
    head = heads[0]
    run_id, snapshot_id = head["run_id"], head["snapshot_id"]
    scored = {
        (row["metric"], row["genre"]): [row["value"], row["low"], row["high"]]
        for row in query(_SCORES, [run_id])
    }
    tested = query(_TESTED, [run_id])
    return {
        **{name: head[name] for name in _PLAIN},
        "reason": _CHOSEN.get(head["kind"], head["reason"]),
        **{name: f"{head[name]:%Y-%m-%d}" for name in ("trained_at", "promoted_at")},
        "splits": {row.pop("split"): row for row in query(_SPLITS, [snapshot_id])},
        "golden": _read_golden(query, head),
        "genres": [
            {**row, "recall": scored.get(("recall", row["genre"]))}
            for row in query(_GENRES, [snapshot_id])
        ],
        "licences": query(_LICENCES, [snapshot_id]),
        "n_builtin": query(_BUILTIN, [snapshot_id])[0]["n"],
        "scores": {name: scored.get((name, "")) for name in ("macro_f1", "accuracy")},
        "calibration": _measure_calibration(tested),
        "n_assessed": sum(row["unknown"] is not None for row in tested),
        "n_unknown": sum(row["unknown"] is True for row in tested),
        "audit": _read_audit(query, head["audit_id"]),
    }


def certainty_facts(temperature: float, certainty: Certainty) -> Facts:
    """Return what evaluation has fitted, for the same card."""
    facts: Facts = {"temperature": temperature}
    if certainty.least_probability is not None:
        names = ("coverage", "least_probability")
        facts["alternatives"] = {name: getattr(certainty, name) for name in names}
    if novelty := certainty.novelty:
        facts["unknown"] = {name: getattr(novelty, name) for name in ("threshold", "refuse_share")}
    return facts


def _read_golden(query: Query, head: Mapping[str, Any]) -> Facts | None:
    """Return the score on golden songs; None where it was compared on others."""
    kind, _, number = head["judged_on"].partition(" ")
    if kind != "golden" or head["golden_macro_f1"] is None:
        return None
    counted = query(_GOLDEN, [int(number), head["snapshot_id"]])[0]
    scores = [head[f"golden_macro_f1{end}"] for end in ("", "_low", "_high")]
    return {
        **counted,
        "n_songs": head["golden_n_songs"],
        "name": head["judged_on"],
        "macro_f1": scores,
    }


def _measure_calibration(tested: Sequence[Mapping[str, Any]]) -> Facts | None:
    """Compare confidence with correctness; None if no confidence was recorded."""
    known = [row for row in tested if row["confidence"] is not None]
    if not known:
        return None
    confidence = np.array([row["confidence"] for row in known])
    is_right = np.array([row["genre"] == row["predicted"] for row in known])
    return {
        "n_songs": len(known),
        "mean_confidence": float(confidence.mean()),
        "accuracy": float(is_right.mean()),
        "ece": bin_songs(confidence, is_right).error,
    }


def _read_audit(query: Query, audit_id: str) -> Facts | None:
    verdicts = query("select verdict from audits where audit_id = ?", [audit_id])
    if not verdicts:
        return None
    statement = "select name, level from audit_checks where audit_id = ? order by position"
    checks = query(statement, [audit_id])
    return {"verdict": verdicts[0]["verdict"], "checks": checks}


_HEAD = """
    select runs.run_id, network, n_parameters, runs.snapshot_id, library_id,
        started_at as trained_at, promoted_at, kind, reason, judged_on,
        n_songs as golden_n_songs, macro_f1 as golden_macro_f1,
        macro_f1_low as golden_macro_f1_low, macro_f1_high as golden_macro_f1_high,
        coalesce(nullif(audit_id, ''), (select arg_max(audit_id, used_at) from audits
            where audits.snapshot_id = promotions.snapshot_id), '') as audit_id
    from promotions join runs using (run_id)
        join snapshots on runs.snapshot_id = snapshots.snapshot_id
    where version = ? order by macro_f1 is not null desc, promotion_id desc limit 1
"""

_SCORES = """
    select metric, genre, value, low, high from scores where run_id = ? and split = 'test'
"""

_COUNTED = """
    count(*) as n_songs, count(distinct nullif(lower(trim(artist)), '')) as n_artists,
    count(*) filter (coalesce(trim(artist), '') = '') as n_unnamed
"""

_SPLITS = f"""
    select split, {_COUNTED} from snapshot_tracks left join tracks using (track_id)
    where snapshot_id = ? group by split order by split = 'test', split = 'validation'
"""

_GENRES = """
    select genre, count(*) filter (split = 'train') as train,
        count(*) filter (split = 'validation') as validation,
        count(*) filter (split = 'test') as test
    from snapshot_tracks where snapshot_id = ? group by genre order by genre
"""

_LICENCES = """
    select coalesce(licence, '') as licence, count(*) as n_songs
    from snapshot_tracks left join tracks using (track_id)
    where snapshot_id = ? and split = 'train' group by all order by n_songs desc, licence
"""

_BUILTIN = """
    select count(*) filter (is_builtin) as n
    from snapshot_tracks left join tracks using (track_id) where snapshot_id = ?
"""

_TESTED = """
    select genre, predicted, confidence, unknown
    from predictions where run_id = ? and split = 'test' order by track_id
"""

_GOLDEN = f"""
    select {_COUNTED} from golden_songs left join tracks using (track_id)
    where version = ? and golden_songs.genre in (
        select unnest(genres) from snapshots where snapshot_id = ?)
"""
