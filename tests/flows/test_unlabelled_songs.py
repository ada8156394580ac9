"""Unlabelled songs through the pipeline: predicted by the champion, and in no training."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.main import app
from flows.settings import Settings
from storage.catalog.assignments import candidate_ids
from storage.catalog.nightly import count_new_tracks
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.snapshots import read_newest_snapshots
from storage.home import DataLayout
from tasks.spectrograms import key_features
from tests.catalogs import in_catalog
from tests.conftest import SOUNDS, write_song

pytestmark = [pytest.mark.flow, pytest.mark.keras]


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A song of each sound, in no genre folder."""
    for number, (name, sound) in enumerate(SOUNDS.items()):
        write_song(tmp_path / "pool" / f"{name}.wav", sound, seed=9000 + number)
    return tmp_path / "pool"


def predicted(layout: DataLayout) -> list[dict[str, object]]:
    statement = """
        select run_id, track_id, predictions.genre, predicted, probability, tracks.genre as label
        from predictions join tracks using (track_id) where split = 'unlabelled' order by track_id
    """
    return query_rows(layout, statement)


def test_unlabelled_songs_are_predicted_once_and_change_no_training(
    finished_copy: Settings, pool: Path
) -> None:
    from flows.extract import extract
    from flows.ingest import ingest
    from storage.catalog.connection import open_catalog
    from storage.catalog.recordings import decide_genre

    layout, keys = finished_copy.layout, list(key_features(finished_copy.features))
    before = in_catalog(layout, candidate_ids, keys, ())

    ingest(replace(finished_copy, music=str(pool), unlabelled=True))
    extract(finished_copy)

    champion = query_rows(layout, "select arg_max(run_id, promotion_id) as r from promotions")
    first = predicted(layout)
    assert {(row["run_id"], row["genre"], row["label"]) for row in first} == {
        (champion[0]["r"], "", "")
    }
    assert len(first) == 3
    assert {row["predicted"] for row in first} <= set(SOUNDS)
    assert in_catalog(layout, candidate_ids, keys, ()) == before
    snapshot = in_catalog(layout, read_newest_snapshots, keys)[0]
    came = in_catalog(layout, count_new_tracks, snapshot, keys, ())
    assert (came.n_new, came.n_gone) == (0, 0)

    shown = CliRunner().invoke(app, ["morning", "--home", str(layout.home), "--json"])
    new = [song for song in json.loads(shown.stdout)["songs_in"] if song["genre"] == ""]
    assert [song["outcome"] for song in new] == ["ok", "ok", "ok"]

    with open_catalog(layout) as catalog:
        decide_genre(catalog, str(pool / "hums.wav"), "hums", (), "ada")
    extract(finished_copy)
    publish(layout)

    assert len(predicted(layout)) == 2
    assert len(in_catalog(layout, candidate_ids, keys, ())) == len(before) + 1
