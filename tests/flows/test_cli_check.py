"""Commands check and ingest on libraries that are laid out in other ways."""

import json
import shutil
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen.id3 import TALB, TCON, TIT2, TPE1

from storage.catalog.query import query_rows
from storage.home import DataLayout
from tests.conftest import SOUNDS, encode, write_song
from tests.flows.conftest import Call

WELL, FAILURE, USAGE = 0, 1, 2
ARTISTS = {"ABBA": "Pop", "Air": "Electronic", "Blur": "Rock", "Nena": "Pop", "Queen": "Rock"}


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten songs of twelve seconds as mp3."""
    folder = tmp_path_factory.mktemp("songs")
    made = [write_song(folder / f"{n}.wav", SOUNDS["hums"], n, 12.0) for n in range(10)]
    return [encode(wav, wav.with_suffix(".mp3"), "-b:a", "64k") for wav in made]


@pytest.fixture
def song(songs: list[Path]) -> Path:
    return songs[0]


def tagged(song: Path, place: Path, **tags: str) -> Path:
    """Copy a song and tag it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(song, place)
    file = mutagen.File(place)
    file.tags is not None or file.add_tags()
    frames = {"artist": TPE1, "title": TIT2, "album": TALB, "genre": TCON}
    for name, text in tags.items():
        file.tags.add(frames[name](encoding=3, text=[text]))
    file.save()
    return place


@pytest.fixture
def artist_tree(songs: list[Path], tmp_path: Path) -> Path:
    """A tree of artists and albums whose genres are in the tags."""
    left = iter(songs)
    for artist, genre in ARTISTS.items():
        for title, song in (("one", next(left)), ("two", next(left))):
            place = tmp_path / "music" / artist / "An Album" / f"{title}.mp3"
            tagged(song, place, artist=artist, genre=genre, title=title)
    return tmp_path / "music"


def files_of(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_mtime_ns) for path in folder.rglob("*")}


def problems_of(document: dict[str, Any]) -> dict[str, int]:
    return {problem["kind"]: problem["n_songs"] for problem in document["problems"]}


def test_a_tree_of_artists_is_refused_with_what_to_do_and_taken_in_by_its_tags(
    genreflow: Call, artist_tree: Path, tmp_path: Path
) -> None:
    refused = genreflow("ingest", artist_tree)
    assert refused.code == USAGE
    assert (
        "The genres are artists: 5 of 5 have the name of one (ABBA, Air, Blur, Nena, Queen)."
        in refused.err
    )
    assert "10 of 10 songs that were scanned have a genre in their tags" in refused.err
    assert "use --label-from tag" in refused.err

    taken = genreflow("ingest", artist_tree, "--label-from", "tag")
    assert taken.code == WELL
    assert f"Labels of {artist_tree} are in the tags of its files: " in taken.err
    layout = DataLayout(tmp_path / "home")
    genres = "select distinct genre from outcomes order by genre"
    found = [row["genre"] for row in query_rows(layout, genres)]
    assert found == ["Electronic", "Pop", "Rock"]

    for again in (("ingest", artist_tree), ("ingest",)):  # the home remembers where labels are
        assert genreflow(*again).code == WELL
        assert [row["genre"] for row in query_rows(layout, genres)] == found


def test_a_home_with_songs_refuses_artists_as_new_genres(
    genreflow: Call, artist_tree: Path, song: Path, tmp_path: Path
) -> None:
    for genre in ("rock", "jazz"):
        tagged(song, tmp_path / "first" / genre / "a.mp3", artist=f"{genre} band")
    assert genreflow("ingest", tmp_path / "first").code == WELL

    assert genreflow("ingest", artist_tree).code == USAGE
    assert genreflow("ingest", artist_tree, "--yes").code == WELL


def test_songs_in_no_genre_folder_are_refused_with_what_to_do(
    genreflow: Call, song: Path, tmp_path: Path
) -> None:
    tagged(song, tmp_path / "music" / "a.mp3", genre="Jazz")

    refused = genreflow("ingest", tmp_path / "music")

    assert refused.code == USAGE
    assert "None of 1 song has a genre." in refused.err
    assert "use --label-from tag" in refused.err


def test_a_home_inside_the_music_is_no_part_of_it(
    genreflow: Call, songs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    music = tmp_path / "music"
    for genre, song in (("rock", songs[0]), ("jazz", songs[1])):
        tagged(song, music / genre / "a.mp3", artist=f"{genre} band")
    monkeypatch.chdir(music)
    monkeypatch.setenv("GENREFLOW_HOME", "data")

    assert [genreflow("ingest", ".").code for _ in range(2)] == [WELL, WELL]

    found = query_rows(DataLayout(music / "data"), "select genre, outcome from outcomes order by 1")
    assert found == [{"genre": "jazz", "outcome": "ok"}, {"genre": "rock", "outcome": "ok"}]
    checked = genreflow("check", ".", "--json")
    assert [row["genre"] for row in json.loads(checked.out)["genres"]] == ["jazz", "rock"]


def test_a_check_shows_what_would_be_learned_and_writes_nothing(
    genreflow: Call, artist_tree: Path, tmp_path: Path
) -> None:
    before = files_of(tmp_path)

    result = genreflow("check", artist_tree, "--label-from", "tag", "--json")
    refused = genreflow("check", artist_tree, "--json")
    shown = genreflow("check", artist_tree)

    document = json.loads(result.out)
    assert (result.code, document["is_refused"]) == (WELL, False)
    assert [(g["genre"], g["n_songs"], g["n_artists"]) for g in document["genres"]] == [
        ("Pop", 4, 2),
        ("Rock", 4, 2),
        ("Electronic", 2, 1),
    ]
    assert problems_of(document) == {"one_artist": 2, "few_artists": 8, "few_songs": 10}
    assert (refused.code, json.loads(refused.out)["is_refused"]) == (FAILURE, True)
    assert shown.code == FAILURE
    assert "use --label-from tag" in shown.out
    assert files_of(tmp_path) == before


def test_a_check_names_unreadable_short_missing_and_repeated_songs(
    genreflow: Call, song: Path, tmp_path: Path
) -> None:
    music = tmp_path / "music"
    tagged(song, music / "a.mp3", artist="Ada", title="Same")
    tagged(song, music / "b.mp3", artist="ada", title="same!")
    tagged(song, music / "c.mp3", title="Bach")
    (music / "broken.ogg").write_bytes(b"no sound at all")
    write_song(music / "short.wav", SOUNDS["hiss"], seed=2, duration_s=2.0)
    rows = [f"{name},{genre}" for name, genre in {"a.mp3": "Jazz", "b.mp3": "jazz"}.items()]
    rows += ["c.mp3,rock", "broken.ogg,rock", "short.wav,rock", "gone.flac,rock", "c.mp3,"]
    (music / "manifest.csv").write_text("\n".join(["path,genre", *rows]))

    document = json.loads(genreflow("check", music, "--json").out)
    kinds = [problem["kind"] for problem in document["problems"]]
    songs = {p["kind"]: [Path(s).name for s in p["songs"]] for p in document["problems"]}

    assert kinds.count("unreadable") == 2
    assert {
        Path(s).name for p in document["problems"] if p["kind"] == "unreadable" for s in p["songs"]
    } == {"broken.ogg", "gone.flac"}
    assert songs["duplicates"] == ["b.mp3"]
    assert songs["too_short"] == ["short.wav"]
    assert songs["no_genre"] == ["c.mp3"]
    assert {g["genre"]: g["labels"] for g in document["genres"]}["Jazz"] == {"Jazz": 1, "jazz": 1}


def test_a_library_of_unreadable_songs_is_nothing_to_learn(genreflow: Call, tmp_path: Path) -> None:
    for name in ("jazz/a.mp3", "rock/b.mp3"):
        (tmp_path / "music" / name).parent.mkdir(parents=True)
        (tmp_path / "music" / name).write_bytes(b"no sound")

    result = genreflow("check", tmp_path / "music")

    assert result.code == FAILURE
    assert "No song that can be read has a genre." in result.out
    assert "2 songs (.mp3) that cannot be read" in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("/no/music",), "is not there"),
        (("--label-from", "manifest", "."), "has no manifest.csv"),
        (("--label-from", "polka", "."), "polka"),
    ],
)
def test_a_check_of_nothing_is_refused(
    genreflow: Call, arguments: tuple[str, ...], message: str
) -> None:
    result = genreflow("check", *arguments)

    assert result.code == USAGE
    assert message in result.err
