"""Commands playlists and export: the library's genres for other programs."""

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest

from genre_core.locations import location_of
from genre_core.records import Track
from storage.catalog.promotions import Promotion, record_promotion
from storage.catalog.publish import publish
from storage.catalog.runs import Prediction, record_run
from storage.home import DataLayout
from storage.sources.listing import list_sources
from tests.flows.conftest import Call
from tests.storage.catalog.conftest import Store

FAILURE, USAGE = 1, 2
# the label of each song, and what the champion predicts: genre, confidence, unknown
SONGS = {
    "Blue in Green": ("jazz", None),
    "#1 Crush": ("rock", ("jazz", 0.99, False)),
    "sure": ("", ("jazz", 0.93, False)),
    "unsure": ("", ("jazz", 0.6, False)),
    "strange": ("", ("jazz", 0.97, True)),
    "new": ("", None),
}


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return tmp_path / "music"


@pytest.fixture
def songs(tmp_path: Path, music: Path) -> dict[str, Track]:
    """A published store of six songs, two of them labelled, and a champion."""
    store = Store(DataLayout(tmp_path / "home"), tmp_path)
    tracks = {}
    for name, (genre, _) in SONGS.items():
        place = music / f"{name}.mp3"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"sound")
        artist = "=1+1" if name == "new" else "Ada"
        tracks[name] = replace(store.track(name, genre, artist=artist), location=str(place))
    store.add_songs(*tracks.values())
    store.extract("key", *tracks.values())
    snapshot = store.freeze("key", tracks["Blue in Green"])
    predictions = [
        Prediction(
            run_id="run",
            track_id=tracks[name].track_id,
            split="test" if label else "unlabelled",
            genre=label,
            predicted=found[0],
            probability=0.5,
            confidence=found[1],
            unknown=found[2],
            alternatives=(found[0], "rock"),
        )
        for name, (label, found) in SONGS.items()
        if found
    ]
    store.call(record_run, store.run("run", snapshot), predictions)
    promotion = Promotion(
        version=3,
        run_id="run",
        previous_version=None,
        previous_run_id=None,
        snapshot_id=snapshot.snapshot_id,
        validation_macro_f1=0.7,
        previous_validation_macro_f1=None,
        reason="first",
    )
    store.call(record_promotion, promotion)
    publish(store.layout)
    return tracks


def played(playlist: Path) -> list[Path]:
    """The files that a player opens: each line that is no comment, from the playlist's folder."""
    lines = playlist.read_text("utf-8").splitlines()
    return [(playlist.parent / line).resolve() for line in lines if not line.startswith("#")]


def test_a_label_counts_and_a_sure_prediction_fills_where_there_is_none(
    genreflow: Call, songs: dict[str, Track], music: Path
) -> None:
    result = genreflow("playlists", music / "lists", "--min-confidence", "0.9")

    assert result.code == 0
    lists = sorted((music / "lists").iterdir())
    assert [path.name for path in lists] == ["jazz.m3u8", "rock.m3u8"]
    assert played(lists[0]) == [music / "Blue in Green.mp3", music / "sure.mp3"]
    assert played(lists[1]) == [music / "#1 Crush.mp3"]
    assert "1 unknown" in result.out
    assert "1 below a confidence of 0.9" in result.out
    assert "1 without a label and a prediction" in result.out
    assert "\n../Blue in Green.mp3\n" in lists[0].read_text("utf-8")
    assert "#EXTINF:180,Ada - Blue in Green\n" in lists[0].read_text("utf-8")


def test_paths_are_absolute_where_no_folder_is_shared_and_never_a_comment(
    genreflow: Call, songs: dict[str, Track], music: Path
) -> None:
    assert genreflow("playlists", music).code == 0
    assert "\n./#1 Crush.mp3\n" in (music / "rock.m3u8").read_text("utf-8")
    assert played(music / "rock.m3u8") == [music / "#1 Crush.mp3"]

    exported = genreflow("export", "--format", "m3u").out
    assert f"\n{music}/sure.mp3\n" in exported
    assert "strange.mp3" not in exported


def test_a_playlist_of_somebody_else_or_changed_since_stays(
    genreflow: Call, songs: dict[str, Track], music: Path
) -> None:
    lists = music / "lists"
    lists.mkdir()
    (lists / "rock.m3u8").write_text("#EXTM3U\nmy own.mp3\n")

    first = genreflow("playlists", lists)
    (lists / "jazz.m3u8").write_text((lists / "jazz.m3u8").read_text() + "my own.mp3\n")
    changed = (lists / "jazz.m3u8").read_bytes()
    second = genreflow("playlists", lists)

    assert (first.code, second.code) == (FAILURE, FAILURE)
    assert (lists / "rock.m3u8").read_text() == "#EXTM3U\nmy own.mp3\n"
    assert (lists / "jazz.m3u8").read_bytes() == changed
    assert "rock.m3u8 was not written" in first.err
    assert "jazz.m3u8 was not written" in second.err


def test_our_playlists_follow_the_library_and_none_is_removed(
    genreflow: Call, songs: dict[str, Track], music: Path
) -> None:
    lists = music / "lists"
    genreflow("playlists", lists, "--min-confidence", "0.5")
    (music / "unsure.mp3").unlink()
    (music / "#1 Crush.mp3").unlink()

    result = genreflow("playlists", lists, "--min-confidence", "0.5")

    assert result.code == 0
    assert played(lists / "jazz.m3u8") == [music / "Blue in Green.mp3", music / "sure.mp3"]
    assert "rock.m3u8 stays from before" in result.out
    assert (lists / "rock.m3u8").is_file()


def test_a_name_that_no_playlist_can_hold_is_left_out_and_counted(
    genreflow: Call, songs: dict[str, Track], music: Path
) -> None:
    store = Store(DataLayout(music.parent / "home"), music.parent)
    for name in ("two\nlines.mp3", os.fsdecode(b"caf\xe9.mp3"), "café 歌.mp3"):
        (music / name).write_bytes(b"sound")
        track = store.track(location_of(name), "soul")
        store.add_songs(replace(track, location=location_of(music / name)))
    publish(store.layout)

    result = genreflow("playlists", music)

    assert result.code == 0
    assert played(music / "soul.m3u8") == [music / "café 歌.mp3"]
    assert "2 without a file, or with one whose name no playlist can hold" in result.out


def test_names_of_genres_become_names_of_files_on_every_system(
    genreflow: Call, songs: dict[str, Track], music: Path
) -> None:
    store = Store(DataLayout(music.parent / "home"), music.parent)
    for genre in ("R/B", "R:B", "con", ".."):
        place = music / f"song {len(genre)}{ord(genre[1])}.mp3"
        place.write_bytes(b"sound")
        store.add_songs(replace(store.track(genre, genre), location=str(place)))
    publish(store.layout)

    assert genreflow("playlists", music / "lists").code == 0
    assert {path.name for path in (music / "lists").iterdir()} == {
        *("jazz.m3u8", "rock.m3u8", "R-B.m3u8", "R-B (2).m3u8", "con-.m3u8", "-.m3u8")
    }


def test_every_format_has_every_song_with_label_prediction_and_certainty(
    genreflow: Call, songs: dict[str, Track], music: Path, tmp_path: Path
) -> None:
    by_csv = list(csv.DictReader(io.StringIO(genreflow("export").out)))
    by_json = json.loads(genreflow("export", "--format", "json").out)
    assert genreflow("export", "--out", tmp_path / "songs.parquet").code == 0
    by_parquet = pyarrow.parquet.read_table(tmp_path / "songs.parquet").to_pylist()

    assert by_parquet == by_json
    assert [row["source"] for row in by_csv] == [row["source"] for row in by_json]
    sure = next(row for row in by_json if row["title"] == "sure")
    assert sure == {
        "track_id": songs["sure"].track_id,
        "source": str(music / "sure.mp3"),
        "artist": "Ada",
        "album": "Notes",
        "title": "sure",
        "duration_s": 180.5,
        "label": "",
        "prediction": "jazz",
        "confidence": 0.93,
        "unknown": False,
        "alternatives": ["jazz", "rock"],
        "split": "unlabelled",
        "champion": 3,
    }
    row = next(row for row in by_csv if row["title"] == "strange")
    assert (row["unknown"], row["alternatives"]) == ("true", '["jazz", "rock"]')
    artists = [next(r["artist"] for r in by if r["title"] == "new") for by in (by_csv, by_json)]
    assert artists == ["'=1+1", "=1+1"]  # the first is of a stranger, and no formula
    trained = next(row for row in by_csv if row["title"] == "Blue in Green")
    assert (trained["label"], trained["prediction"], trained["champion"]) == ("jazz", "", "")


def test_the_export_for_beets_names_files_and_the_fields_of_the_plugin(
    genreflow: Call, songs: dict[str, Track], music: Path
) -> None:
    items = json.loads(genreflow("export", "--format", "beets", "--min-confidence", "0.9").out)

    found = {(Path(i["path"]).stem, i["genreflow_genre"], i["genreflow_confidence"]) for i in items}
    assert found == {("Blue in Green", "jazz", None), ("#1 Crush", "rock", None)} | {
        ("sure", "jazz", 0.93)
    }


def test_no_prediction_becomes_a_label_where_the_export_for_beets_is_ingested(
    genreflow: Call, songs: dict[str, Track], tmp_path: Path
) -> None:
    genreflow("export", "--format", "beets", "--out", tmp_path / "genres.json")

    listed = list_sources(tmp_path / "genres.json", takes_unlabelled=True)

    assert {(Path(s.location).stem, s.genre, s.is_unlabelled) for s in listed} == {
        *(("Blue in Green", "jazz", False), ("#1 Crush", "rock", False)),
        *(("sure", "", True), ("unsure", "", True)),
    }


def test_a_file_that_is_there_is_replaced_only_on_demand(
    genreflow: Call, songs: dict[str, Track], tmp_path: Path
) -> None:
    (tmp_path / "mine.csv").write_text("mine")

    refused = genreflow("export", "--out", tmp_path / "mine.csv")
    assert (refused.code, (tmp_path / "mine.csv").read_text()) == (USAGE, "mine")
    assert genreflow("export", "--out", tmp_path / "mine.csv", "--yes").code == 0
    assert (tmp_path / "mine.csv").read_text().startswith("track_id,source,")
    unnamed = genreflow("export", "--out", tmp_path / "mine.txt")
    assert unnamed.code == USAGE
    assert "--format csv|json|parquet|m3u|beets" in unnamed.err
