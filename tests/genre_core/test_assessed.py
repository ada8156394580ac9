"""Counts of assessed songs by source, by hand, and the interval of their coverage."""

import numpy as np
import pytest

from genre_core.evaluation.bootstrap import interval_rng
from genre_core.evaluation.certainty import (
    AssessedSong,
    SourceSummary,
    set_coverage,
    summarise,
    summarise_sources,
)


def song(
    source: str, group_id: str, is_covered: bool, n_alternatives: int, unknown: bool | None
) -> AssessedSong:
    return AssessedSong(
        source=source,
        group_id=group_id,
        is_covered=is_covered,
        n_alternatives=n_alternatives,
        unknown=unknown,
    )


SONGS = [
    song("a.org", "Ada", True, 1, False),
    song("b.org", "Bach", True, 2, True),
    song("b.org", "Bach", False, 1, True),
    song("b.org", "Clara", True, 3, False),
    song("c.org", "Dora", True, 2, None),
]


def test_songs_are_counted_by_source_the_largest_first() -> None:
    found = summarise_sources(SONGS)

    assert found == [
        SourceSummary(source="b.org", n_songs=3, n_covered=2, mean_alternatives=2.0, n_unknown=2),
        SourceSummary(source="a.org", n_songs=1, n_covered=1, mean_alternatives=1.0, n_unknown=0),
        SourceSummary(
            source="c.org", n_songs=1, n_covered=1, mean_alternatives=2.0, n_unknown=None
        ),
    ]
    assert summarise("all", SONGS).mean_alternatives == pytest.approx(9 / 5)


def test_the_interval_of_the_coverage_is_wider_where_artists_are_held_or_missed_as_a_whole() -> (
    None
):
    rng = np.random.default_rng(0)
    is_covered = rng.random(200) < 0.9
    alone = [song("", str(n), held, 1, None) for n, held in enumerate(is_covered.tolist())]
    by_artist = [song("", str(n // 10), n // 10 < 18, 1, None) for n in range(200)]

    one, other = (set_coverage(songs, interval_rng("a")) for songs in (alone, by_artist))

    assert one.value == pytest.approx(is_covered.mean())
    assert other.value == pytest.approx(0.9)
    assert one.low < one.value < one.high <= 1
    assert other.high - other.low > 2 * (one.high - one.low)
