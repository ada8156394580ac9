"""Songs that a run was not fitted on, with the sources that the nightly report names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from genre_core.evaluation.certainty import AssessedSong
from genre_core.records import Split
from storage.catalog.runs import Prediction, record_run
from tasks.report.measures import read_assessed_songs

if TYPE_CHECKING:
    from tests.storage.catalog.conftest import Store


@pytest.mark.parametrize(
    ("locations", "sources"),
    [
        (  # collections: a site, and the folder above the genre
            ("https://a.org/1", "/one/jazz/Ada/b.mp3", "https://A.org/3", "/one/Rock/d.mp3"),
            ("a.org", "/one", "a.org", "/one"),
        ),
        (  # folders, where all are of one collection
            ("/one/jazz/Ada/a", "/one/jazz/Bob/b", "/one/rock/Eve/c", "/one/rock/Joe/d"),
            ("/one/jazz/Ada", "/one/jazz/Bob", "/one/rock/Eve", "/one/rock/Joe"),
        ),
        (  # the collection, where genres have one folder
            ("/one/jazz/a", "/one/jazz/b", "/one/rock/c", "/one/rock/d"),
            ("/one", "/one", "/one", "/one"),
        ),
    ],
)
def test_an_assessed_song_has_the_widest_source_that_tells_songs_of_two_genres_apart(
    store: Store, locations: tuple[str, ...], sources: tuple[str, ...]
) -> None:
    tracks = [
        replace(store.track(name, genre), location=location)
        for name, genre, location in zip(
            "abcd", ["jazz"] * 2 + ["rock"] * 2, locations, strict=True
        )
    ]
    store.add_songs(*tracks)
    store.extract("key", *tracks)
    store.assign(*tracks, split=Split.TEST)
    run = store.run("run", store.freeze("key", *tracks))
    predictions = [
        Prediction(
            run_id="run",
            track_id=track.track_id,
            split="test",
            genre=track.genre,
            predicted="jazz",
            probability=0.5,
            unknown=False,
            alternatives=("jazz", "soul"),
        )
        for track in tracks
    ]
    store.call(record_run, run, predictions)

    found = store.call(read_assessed_songs, run)

    expected = {
        track.track_id: AssessedSong(
            source=source,
            group_id=f"track:{track.track_id[:12]}",
            is_covered=track.genre == "jazz",
            n_alternatives=2,
            unknown=False,
        )
        for track, source in zip(tracks, sources, strict=True)
    }
    assert found == [expected[track_id] for track_id in sorted(expected)]
