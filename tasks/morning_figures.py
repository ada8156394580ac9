"""The figures of a morning page."""

import numpy as np
from matplotlib.figure import Figure

from genre_core.bootstrap import Float64Array, Interval
from genre_core.figures.night import Reign, draw_confidence, draw_drift, draw_reigns, draw_songs
from tasks.morning_drift import NightDrift, values_of
from tasks.morning_facts import Morning, Row, count_by_genre

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
