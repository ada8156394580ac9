"""Songs without a genre: taken in, never learned from, and labelled by listing or decision."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from genre_core.dataset.labels import LabelRules
from storage.catalog.assignments import read_library
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.publish import publish
from storage.catalog.recordings import decide_genre, settle_recordings
from storage.catalog.status import read_status
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.conftest import hiss, write_song
from tests.tasks.steps import ingest_listing, scanned

pytestmark = pytest.mark.usefixtures("quiet_runs")

RULES = LabelRules(genres=("jazz", "rock"))


def ingest(layout: DataLayout, music: Path, *, unlabelled: bool = False) -> list[str]:
    """Ingest a library; return the names of the songs that were new or listed otherwise."""
    rules = replace(RULES, takes_unlabelled=unlabelled)
    names = scanned(ingest_listing(layout, music, rules))
    in_catalog(layout, settle_recordings)
    return names


def ingest_unlabelled(layout: DataLayout, music: Path) -> list[str]:
    return ingest(layout, music, unlabelled=True)


def songs(folder: Path, *names: str) -> Path:
    """Write songs that differ by their names alone; a name gives the same sound in any folder."""
    for name in names:
        write_song(folder / name, hiss, seed=sum(Path(name).stem.encode()), duration_s=1.0)
    return folder


def manifest(folder: Path, text: str) -> Path:
    (folder / "songs.csv").write_text("path,genre\n" + text, encoding="utf-8")
    return folder / "songs.csv"


def by_place(layout: DataLayout) -> dict[str, tuple[str, str, str]]:
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select source, genre, outcome, reason from outcomes")
    return {
        str(Path(r["source"]).relative_to(layout.home.parent)): (
            r["genre"],
            r["outcome"],
            r["reason"],
        )
        for r in rows
    }


def candidates(layout: DataLayout) -> list[str]:
    """Return the genres of the candidates for a training, as if all songs were extracted."""
    with open_catalog(layout) as catalog:
        tracks = fetch_rows(catalog, "select track_id from tracks")
        rows = [{**t, "feature_key": "k", "shard": "s", "n_fragments": 1} for t in tracks]
        insert_rows(catalog, "extracted", rows, "on conflict do nothing")
    songs, _ = in_catalog(layout, read_library, ["k"], ())
    return sorted(song.genre for song in songs)


OK, ALIEN = ("", "ok", ""), ("", "quarantined", "label_unknown")


def test_songs_of_a_loose_folder_are_taken_in_and_never_learned_from(
    layout: DataLayout, tmp_path: Path
) -> None:
    pool = songs(tmp_path / "pool", "a.wav", "deep/down/b.wav")

    ingest_unlabelled(layout, pool)
    publish(layout)

    assert by_place(layout) == {"pool/a.wav": OK, "pool/deep/down/b.wav": OK}
    assert candidates(layout) == []
    assert read_status(layout)["unlabelled"] == 2
    assert ingest_unlabelled(layout, pool) == []


def test_without_the_option_a_row_without_a_genre_is_left_out_as_before(
    layout: DataLayout, tmp_path: Path
) -> None:
    listed = manifest(songs(tmp_path / "m", "a.wav"), "a.wav,\n")

    ingest(layout, listed)
    left_out = by_place(layout)
    ingest_unlabelled(layout, listed)

    assert left_out == {"m/a.wav": ALIEN}
    assert by_place(layout) == {"m/a.wav": OK}


@pytest.mark.parametrize("genre", ["", "polka"])
def test_an_unlabelled_song_stays_one_where_a_plain_listing_gives_it_no_genre(
    layout: DataLayout, tmp_path: Path, genre: str
) -> None:
    folder = songs(tmp_path / "m", "a.wav", "b.wav", "c.wav")
    ingest_unlabelled(layout, manifest(folder, "a.wav,\n"))

    looked_at = ingest(layout, manifest(folder, f"a.wav,{genre}\nb.wav,jazz\nc.wav,rock\n"))

    assert sorted(looked_at) == ["b.wav", "c.wav"]
    assert by_place(layout)["m/a.wav"] == OK


def test_a_song_that_is_listed_with_a_genre_later_has_it(
    layout: DataLayout, tmp_path: Path
) -> None:
    pool = songs(tmp_path / "pool", "jazz/a.wav", "rock/b.wav")
    ingest_unlabelled(layout, pool)

    assert ingest(layout, pool) == ["a.wav", "b.wav"]

    assert candidates(layout) == ["jazz", "rock"]
    assert {genre for genre, *_ in by_place(layout).values()} == {"jazz", "rock"}


def test_a_labelled_song_that_is_listed_without_a_genre_keeps_it(
    layout: DataLayout, tmp_path: Path
) -> None:
    library = songs(tmp_path / "library", "jazz/a.wav")
    ingest(layout, library)

    assert ingest_unlabelled(layout, library) == []

    assert by_place(layout) == {"library/jazz/a.wav": ("jazz", "ok", "")}
    assert candidates(layout) == ["jazz"]


@pytest.mark.parametrize("labelled_first", [True, False])
def test_an_unlabelled_copy_of_a_labelled_song_is_its_duplicate(
    layout: DataLayout, tmp_path: Path, labelled_first: bool
) -> None:
    library = songs(tmp_path / "library", "jazz/a.wav")
    pool = songs(tmp_path / "pool", "a.wav")

    for step in (ingest, ingest_unlabelled) if labelled_first else (ingest_unlabelled, ingest):
        step(layout, library if step is ingest else pool)

    assert by_place(layout) == {
        "library/jazz/a.wav": ("jazz", "ok", ""),
        "pool/a.wav": ("", "duplicate", "duplicate_content"),
    }
    assert candidates(layout) == ["jazz"]


def test_a_labelled_song_that_moves_into_an_unlabelled_folder_keeps_its_genre(
    layout: DataLayout, tmp_path: Path
) -> None:
    library = songs(tmp_path / "library", "jazz/a.wav")
    ingest(layout, library)
    (tmp_path / "pool").mkdir()
    shutil.move(library / "jazz" / "a.wav", tmp_path / "pool" / "a.wav")

    ingest_unlabelled(layout, tmp_path / "pool")

    assert candidates(layout) == ["jazz"]


def test_a_copy_is_unlabelled_again_when_the_listing_takes_the_only_label_back(
    layout: DataLayout, tmp_path: Path
) -> None:
    listed = manifest(songs(tmp_path / "m", "a.wav"), "a.wav,jazz\n")
    ingest(layout, listed)
    ingest_unlabelled(layout, songs(tmp_path / "pool", "a.wav"))
    before = candidates(layout)

    ingest(layout, manifest(tmp_path / "m", "a.wav,\n"))

    assert before == ["jazz"]
    assert candidates(layout) == []
    assert by_place(layout) == {"m/a.wav": ALIEN, "pool/a.wav": OK}


def test_a_decision_labels_a_song_and_outlasts_the_next_listing(
    layout: DataLayout, tmp_path: Path
) -> None:
    pool = songs(tmp_path / "pool", "a.wav", "b.wav")
    ingest_unlabelled(layout, pool)

    with open_catalog(layout) as catalog:
        decide_genre(catalog, str(pool / "a.wav"), "jazz", {"jazz"}, "ada")
    ingest_unlabelled(layout, pool)
    publish(layout)

    assert candidates(layout) == ["jazz"]
    assert read_status(layout)["unlabelled"] == 1


def test_unlabelled_songs_do_not_make_the_built_in_library_step_back(
    layout: DataLayout, tmp_path: Path
) -> None:
    ingest(layout, songs(layout.builtin, "jazz/built in.wav"))
    ingest_unlabelled(layout, songs(tmp_path / "pool", "a.wav"))
    alone = candidates(layout)

    ingest(layout, songs(tmp_path / "library", "rock/own.wav"))

    assert alone == ["jazz"]
    assert candidates(layout) == ["rock"]
