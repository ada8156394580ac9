"""Split: what is too little to train on is reported in a sentence, and places are frozen."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from genre_core.records import LEARNING_SPLITS, Source
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.query import query_rows
from storage.catalog.snapshots import read_placements
from storage.sources.listing import list_sources
from tasks.splits import assign_splits, split_examples
from tests.catalogs import in_catalog

Store = Callable[[Sequence[Source]], None]

pytestmark = pytest.mark.usefixtures("quiet_runs")


@pytest.mark.parametrize(
    ("names", "genres", "message"),
    [
        ((), (), r"examples of none\. `genreflow status` shows"),
        (("hums/song 0.wav", "hums/song 1.flac"), (), r"At least two genres .* examples of hums"),
        (("hums/song 0.wav", "hiss/song 2.mp3"), (), r"with 2 songs, .* three of each genre"),
        (
            ("hums/song 0.wav", "hiss/song 2.mp3"),
            ("hums", "jazz"),
            r"examples of: jazz\. It has hiss, hums\.",
        ),
        (("hiss/short.wav",), (), r"1 song is too short.*lower min_track_s"),
    ],
)
def test_a_library_that_is_too_small_to_train_on_is_refused(
    config: Settings,
    store_songs: Store,
    library: Path,
    names: tuple[str, ...],
    genres: tuple[str, ...],
    message: str,
) -> None:
    store_songs([s for s in list_sources(library) if names and s.location.endswith(names)])

    with pytest.raises(UsageError, match=message):
        assign_splits.fn(config.layout, config.features, genres, 0)


@pytest.mark.flow
def test_each_length_has_a_snapshot_of_the_same_songs_on_the_same_sides(
    finished: Settings,
) -> None:
    rows = query_rows(finished.layout, "select * from snapshots order by snapshot_id")

    placements = [in_catalog(finished.layout, read_placements, row["snapshot_id"]) for row in rows]
    assert len(placements) == 2
    assert placements[0] == placements[1]
    assert len({row["library_id"] for row in rows}) == 1
    assert {(row["n_tracks"], row["n_examples"], row["seed"]) for row in rows} == {(18, 54, 0)}


@pytest.mark.flow
def test_artists_stand_on_one_side_and_every_genre_on_all(finished: Settings) -> None:
    statement = """
        select artist, splits.genre, list(distinct split) as sides, count(*) as n_songs
        from splits join tracks using (track_id)
        where snapshot_id = (select min(snapshot_id) from snapshots) group by all
    """

    rows = query_rows(finished.layout, statement)
    sides = {(row["genre"], side) for row in rows for side in row["sides"]}
    assert len(rows) == 15
    assert {len(row["sides"]) for row in rows} == {1}
    assert sides == {
        (genre, side) for genre in ("clicks", "hiss", "hums") for side in LEARNING_SPLITS
    }


@pytest.mark.flow
def test_the_examples_of_the_splits_are_all_those_of_the_snapshot_and_share_no_song(
    finished_copy: Settings,
) -> None:
    layout = finished_copy.layout
    snapshot = assign_splits.fn(layout, finished_copy.features, (), 0)[0]

    examples = {split: split_examples(layout, snapshot, split) for split in LEARNING_SPLITS}
    songs_of = [set(found.track_ids) for found in examples.values()]
    assert sum(map(len, examples.values())) == snapshot.n_examples
    assert sum(map(len, songs_of)) == len(set.union(*songs_of)) == snapshot.n_tracks


@pytest.mark.flow
def test_asked_again_the_snapshots_are_the_same_whatever_the_seed(
    finished_copy: Settings,
) -> None:
    layout, features = finished_copy.layout, finished_copy.features
    first = assign_splits.fn(layout, features, (), 0)

    again = assign_splits.fn(layout, features, (), 1)

    assert [replace(snapshot, seed=0) for snapshot in again] == first


@pytest.mark.flow
def test_an_artist_stays_on_one_side_when_genres_are_trained_one_after_the_other(
    finished_copy: Settings,
) -> None:
    layout, features = finished_copy.layout, finished_copy.features
    with open_catalog(layout) as catalog:
        catalog.execute("delete from assignments")
        catalog.execute("update tracks set artist = 'artist ' || (rowid % 5)")

    for pair in (("clicks", "hiss"), ("hiss", "hums"), ("clicks", "hums")):
        assign_splits.fn(layout, features, pair, 0)

    with open_catalog(layout) as catalog:
        sides = fetch_rows(
            catalog,
            """
            select artist, count(distinct split) as n from assignments join tracks
            using (track_id) where split_level = 'group' group by artist
            """,
        )
    assert len(sides) == 5
    assert {row["n"] for row in sides} == {1}
