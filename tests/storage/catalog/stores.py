"""Stores to publish."""

from dataclasses import replace

from genre_core.dataset.suspects import Neighbour, Suspect
from storage.catalog.audits import record_suspects
from storage.catalog.promotions import Promotion, record_promotion
from storage.catalog.query import query
from storage.catalog.recordings import settle_recordings
from storage.catalog.runs import Prediction, record_run
from storage.catalog.song_map import record_map
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from tests.storage.catalog.conftest import Store


def fill(store: Store) -> None:
    """One row at least in every view."""
    tracks = store.three_songs()
    snapshot = store.freeze("key", *tracks)
    store.call(record_songs, [], [replace(store.copy_of(tracks[0]), genre="rock")])
    store.call(settle_recordings)
    prediction = Prediction(
        run_id="run",
        track_id=tracks[0].track_id,
        split="test",
        genre="jazz",
        predicted="rock",
        probability=0.75,
    )
    store.call(record_run, store.run("run", snapshot), [prediction])
    store.embed({track: (1.0, 0.0) for track in tracks})
    columns = {"track_id": [tracks[0].track_id], "x": [0.5], "y": [0.5], "is_landmark": [True]}
    store.call(record_map, "made", columns)
    suspect = Suspect(
        track_id=tracks[1].track_id,
        genre="jazz",
        confidence=0.1,
        predicted="rock",
        predicted_confidence=0.75,
        neighbours=(Neighbour(track_id=tracks[2].track_id, cosine=0.5),),
    )
    store.call(record_suspects, "made", [suspect])
    store.call(
        record_promotion,
        Promotion(
            version=1,
            run_id="run",
            previous_version=None,
            previous_run_id=None,
            snapshot_id=snapshot.snapshot_id,
            validation_macro_f1=0.7,
            previous_validation_macro_f1=None,
            reason="first",
        ),
    )


def rows_of(layout: DataLayout) -> dict[str, list[str]]:
    """All rows of all tables, sorted, as text."""
    names = query(layout, "select table_name from duckdb_tables() order by table_name")[1]
    return {n: sorted(map(str, query(layout, f"from {n}")[1])) for (n,) in names}
