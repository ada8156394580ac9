"""Command export-dataset: a snapshot as Parquet that others can read."""

import io
import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml

from genre_core.dataset.exported import Sound
from genre_core.errors import GenreflowError
from genre_core.records import SnapshotChoice, Split, Track
from storage import datasets
from storage.catalog.connection import open_catalog
from storage.catalog.removals import RemovedSong, record_removal
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from storage.lock import hold_home
from tasks import export_dataset as export
from tasks.export_dataset import export_dataset
from tests.conftest import hiss, write_song
from tests.flows.conftest import Call
from tests.storage.catalog.conftest import Store

USAGE = 2
SPLITS = {
    "a": Split.TRAIN,
    "d": Split.TRAIN,
    "b": Split.VALIDATION,
    "c": Split.TEST,
    "golden": Split.GOLDEN,
}
SECRET = "https://ada:secret@example.org/c.mp3?token=1234"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A store with its songs, by title, and their snapshot."""

    store: Store
    tracks: dict[str, Track]
    snapshot: Snapshot


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Five songs of two genres, one of them golden; the sound of two is there. To be read only."""
    store = Store(DataLayout(tmp_path_factory.mktemp("made") / "home"), Path())
    songs = {name: store.track(name, "rock" if name == "d" else "jazz", "Ada") for name in SPLITS}
    songs["c"] = replace(songs["c"], location=SECRET)
    songs["b"] = replace(songs["b"], licence="CC BY-ND 4.0")
    songs["d"] = replace(songs["d"], licence="All rights reserved")
    for name in ("a", "d"):
        sound = {"suffix": ".wav", "channels": 1, "codec": "pcm_s16le", "duration_s": 45.0}
        songs[name] = replace(songs[name], **sound)
        path = store.layout.song(songs[name].track_id, ".wav")
        write_song(path, hiss, seed=1, duration_s=45.0)
    store.add_songs(*songs.values())
    store.extract("key", *songs.values())
    for name, split in SPLITS.items():
        store.assign(songs[name], split=split)
    return Made(store=store, tracks=songs, snapshot=store.freeze("key", *songs.values()))


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Made:
    """The same in the home of the command line, to be changed."""
    shutil.copytree(made.store.layout.home, tmp_path / "home")
    return replace(made, store=Store(DataLayout(tmp_path / "home"), Path()))


@pytest.fixture(scope="module")
def folder(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot as a dataset, with the sound that may be shared."""
    folder = tmp_path_factory.mktemp("exported") / "set"
    export_dataset(made.store.layout, SnapshotChoice(), folder, Sound.FREE)
    return folder


def rows(folder: Path, table: str) -> list[tuple[str, str, int]]:
    """Title, split and number of rows, read by DuckDB."""
    statement = f"""
        select title, split, count(*)::int from read_parquet('{folder}/{table}/*.parquet')
        group by all order by all
    """
    return duckdb.sql(statement).fetchall()


def test_the_splits_of_a_snapshot_are_exported_without_golden_songs(folder: Path) -> None:
    expected = [("a", "train"), ("b", "validation"), ("c", "test"), ("d", "train")]
    assert rows(folder, "data") == [(*row, 2) for row in expected]
    assert rows(folder, "songs") == [(*row, 1) for row in expected]
    assert sorted(path.name for path in (folder / "data").iterdir()) == [
        f"{split}-00000-of-00001.parquet" for split in ("test", "train", "validation")
    ]


def test_the_features_are_the_matrices_of_the_shards(made: Made, folder: Path) -> None:
    table = pq.read_table(folder / "data" / "test-00000-of-00001.parquet")
    shards = f"{made.store.layout.shards}/key/*.parquet"
    stored = duckdb.sql(f"""
        select start_s, n_bands, n_frames, "values" from read_parquet('{shards}')
        where track_id = '{table["track_id"][0].as_py()}' order by fragment
    """).fetchall()
    assert table["start_s"].to_pylist() == [row[0] for row in stored]
    for found, (_, n_bands, n_frames, values) in zip(table["features"], stored, strict=True):
        matrix = np.array(values).reshape(n_bands, n_frames)
        np.testing.assert_array_equal(np.array(found.as_py()), matrix)


def test_the_card_names_tables_types_licences_and_what_is_not_there(folder: Path) -> None:
    _, header, text = (folder / "README.md").read_text("utf-8").split("---\n", 2)

    document = yaml.safe_load(header)
    features = {column["name"]: column for column in document["dataset_info"][0]["features"]}
    assert features["genre"]["dtype"]["class_label"]["names"] == {"0": "jazz", "1": "rock"}
    assert document["configs"][0]["data_files"][0] == {"split": "train", "path": "data/train-*"}
    assert "| rock | 1 | 1 | 0 | 0 | 0 | 0 |" in text
    assert "| All rights reserved | 1 |" in text
    assert "Golden songs" in text
    assert "3 of 4 songs have a licence that lets everybody share copies, 1 of them whole" in text


def test_no_path_and_no_secret_leaves_the_machine(made: Made, folder: Path) -> None:
    parquet = duckdb.sql(f"from read_parquet('{folder}/songs/*.parquet')").fetchall()

    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert "https://example.org/c.mp3?token=***" in {row[6] for row in parquet}
    for secret in ("secret", "1234", "/music", str(made.store.layout.home)):
        assert secret.encode() not in content
        assert secret not in str(parquet)


def test_the_sums_hold_and_croissant_has_the_same(folder: Path) -> None:
    checked = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    found = subprocess.run(checked, cwd=folder, capture_output=True, text=True, check=False)

    described = json.loads((folder / "croissant.json").read_text("utf-8"))
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = [file for file in described["distribution"] if file["@type"] == "cr:FileObject"]
    assert (found.returncode, found.stdout.count(": OK")) == (0, len(files) + 2)
    assert [file["sha256"] for file in files] == [sums[file["contentUrl"]] for file in files]


def test_sound_is_exported_of_songs_that_may_be_shared_alone(made: Made, folder: Path) -> None:
    table = pq.read_table(folder / "audio" / "train-00000-of-00001.parquet")

    song, _ = soundfile.read(
        made.store.layout.song(made.tracks["a"].track_id, ".wav"), dtype="int16"
    )
    assert set(table["title"].to_pylist()) == {"a"}
    for row in table.to_pylist():
        samples, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")
        start = round(row["start_s"] * rate)
        np.testing.assert_array_equal(samples, song[start : start + rate])


def test_a_song_that_was_removed_is_not_exported(
    genreflow: Call, copied: Made, tmp_path: Path
) -> None:
    gone = copied.tracks["b"].track_id
    song = RemovedSong(track_id=gone, packets_id="", artist="Ada", title="b")
    copied.store.call(record_removal, [song], {}, "asked for", "ada")

    result = genreflow("export-dataset", tmp_path / "set", "--json")

    document = json.loads(result.out)
    assert [row[0] for row in rows(tmp_path / "set", "songs")] == ["a", "c", "d"]
    assert (document["songs"], document["removed"]) == (3, 1)
    assert gone.encode() not in (tmp_path / "set" / "README.md").read_bytes()


def test_the_sound_of_all_songs_comes_with_a_warning(
    genreflow: Call, copied: Made, tmp_path: Path
) -> None:
    result = genreflow("export-dataset", tmp_path / "set", "--audio", "all")

    assert rows(tmp_path / "set", "audio") == [("a", "train", 2), ("d", "train", 2)]
    assert "keep it to yourself" in result.out
    assert "The sound of 2 songs could not be read" in result.out
    assert "do not share it" in (tmp_path / "set" / "README.md").read_text("utf-8")


def test_embeddings_of_the_same_songs_are_columns_of_the_songs(
    genreflow: Call, copied: Made, tmp_path: Path
) -> None:
    tracks = copied.tracks
    vectors = {track: (float(nth), 0.5) for nth, track in enumerate(tracks.values())}
    copied.store.embed(vectors)
    with open_catalog(copied.store.layout) as catalog:
        catalog.execute("insert into extracted select track_id, 'made', '', 1, '', '' from tracks")
    copied.store.freeze("made", *tracks.values())

    genreflow("export-dataset", copied.snapshot.snapshot_id[:8], tmp_path / "set")

    found = duckdb.sql(f"""
        select title, embedding_made, tag_logits_made
        from read_parquet('{tmp_path}/set/songs/*.parquet') order by title
    """).fetchall()
    assert [(title, list(values), list(tags)) for title, values, tags in found] == [
        (name, list(vectors[tracks[name]]), [0.0]) for name in ("a", "b", "c", "d")
    ]


@pytest.mark.parametrize("places", [["nowhere", "set"], ["one", "two", "three"], []])
def test_a_snapshot_that_is_not_there_is_refused(
    genreflow: Call, copied: Made, tmp_path: Path, places: list[str]
) -> None:
    result = genreflow("export-dataset", *places)

    assert result.code == USAGE
    assert not (tmp_path / "set").exists()


def test_large_parts_are_several_files(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("ROW_GROUP_BYTES", "MAX_FILE_BYTES", "ROWS_AT_ONCE"):
        monkeypatch.setattr(datasets, limit, 1)

    export_dataset(made.store.layout, SnapshotChoice(), tmp_path / "set", Sound.NONE)

    assert sorted(path.name for path in (tmp_path / "set" / "data").glob("train-*")) == [
        f"train-{nth:05d}-of-00004.parquet" for nth in range(4)
    ]
    assert rows(tmp_path / "set", "data")[-1] == ("d", "train", 2)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.export_dataset.LEAST_FREE_BYTES", 10**18)

    with pytest.raises(GenreflowError, match="Free some space"):
        export_dataset(made.store.layout, SnapshotChoice(), tmp_path / "set", Sound.NONE)

    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_without_a_folder_is_refused_and_a_folder_of_that_name_is_not(
    genreflow: Call, copied: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = copied.snapshot.snapshot_id[:8]

    forgotten = genreflow("export-dataset", name)
    meant = genreflow("export-dataset", f"./{name}")

    assert forgotten.code == USAGE
    assert f"{name} is a snapshot. Name the folder after it" in forgotten.err
    assert (meant.code, (tmp_path / name / "README.md").exists()) == (0, True)


def test_the_home_is_free_while_sound_is_decoded(
    copied: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = list[Path]()

    def decode(*arguments: object) -> object:
        with hold_home(copied.store.layout):  # as a night would
            held.append(copied.store.layout.home)
        return real(*arguments)

    real = export._decode
    monkeypatch.setattr(export, "_decode", decode)

    export_dataset(copied.store.layout, SnapshotChoice(), tmp_path / "set", Sound.FREE)

    assert held
    assert rows(tmp_path / "set", "audio") == [("a", "train", 2)]
