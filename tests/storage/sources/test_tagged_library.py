"""Labels in the tags of files, in all formats, and in a library of beets."""

import os
import subprocess
import sys
from pathlib import Path

import mutagen
import pytest
from beets.library import Item, Library
from mutagen.id3 import ID3, TCON

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.listing import Layout, list_library, list_sources
from tests.storage.conftest import Encode

# what mutagen calls the genre in each format, beside ID3
KEYS = {
    **{"song.flac": "genre", "song.ogg": "genre", "song.opus": "genre"},
    **{"song.m4a": "\xa9gen", "song.wv": "Genre", "song.wma": "WM/Genre"},
}


def tag(path: Path, *genres: str) -> None:
    """Name the genres of a file in its tags, with mutagen."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    if path.name in KEYS:
        file.tags[KEYS[path.name]] = list(genres)
    else:
        file.tags.add(TCON(encoding=3, text=list(genres)))
    file.save()


@pytest.mark.parametrize("name", [*KEYS, "song.mp3", "song.aiff", "song.wav"])
def test_every_genre_of_the_tags_is_a_label_in_every_format(
    encode: Encode, name: str, tmp_path: Path
) -> None:
    song = tmp_path / name
    song.write_bytes(encode(name).read_bytes())
    tag(song, "Jazz", "Hip-Hop/Rap")

    (several,) = list_sources(tmp_path, label_from="tag")
    tag(song, "Jazz")
    (one,) = list_sources(tmp_path, label_from="tag")

    assert (several.genre, several.labels) == ("", ("Jazz", "Hip-Hop/Rap"))
    assert (one.genre, one.labels, one.label_fault) == ("Jazz", (), "")


def test_numbers_of_id3_and_semicolons_are_genres(encode: Encode, tmp_path: Path) -> None:
    for name, text in {"number": "(17)", "numbers": "(17)(8)", "joined": "Soul; Funk"}.items():
        song = tmp_path / f"{name}.mp3"
        song.write_bytes(encode("song.mp3").read_bytes())
        tags = ID3(song)
        tags.add(TCON(encoding=0, text=[text]))
        tags.save(song, v2_version=3)

    songs = {Path(s.location).stem: s for s in list_sources(tmp_path, label_from="tag")}

    assert songs["number"].genre == "Rock"
    assert songs["numbers"].labels == ("Rock", "Jazz")
    assert songs["joined"].labels == ("Soul", "Funk")


def test_a_song_without_a_genre_tag_has_a_fault_or_is_unlabelled(
    encode: Encode, tmp_path: Path
) -> None:
    (tmp_path / "rock").mkdir()
    (tmp_path / "rock" / "bare.mp3").write_bytes(encode("song.mp3").read_bytes())
    (tmp_path / "rock" / "bare.ogg").write_bytes(encode("song.ogg").read_bytes())
    (tmp_path / "rock" / "broken.mp3").write_bytes(b"no sound")
    os.mkfifo(tmp_path / "rock" / "pipe.mp3")

    faulty = list_library(tmp_path, label_from="tag")
    unlabelled = list_sources(tmp_path, label_from="tag", takes_unlabelled=True)

    assert faulty.layout is Layout.TAG
    assert [(s.genre, bool(s.label_fault)) for s in faulty.sources] == [("", True)] * 4
    assert [(s.genre, s.is_unlabelled, s.label_fault) for s in unlabelled] == [("", True, "")] * 4


def test_folders_or_the_manifest_are_taken_as_the_user_says(tmp_path: Path) -> None:
    (tmp_path / "rock").mkdir()
    (tmp_path / "rock" / "a.mp3").touch()
    with pytest.raises(UsageError, match=r"has no manifest\.csv"):
        list_sources(tmp_path, label_from="manifest")
    (tmp_path / "manifest.csv").write_text("path,genre\nrock/a.mp3,jazz\n")

    found = {form: list_library(tmp_path, label_from=form) for form in ("", "folder", "manifest")}

    assert {form: listed.sources[0].genre for form, listed in found.items()} == {
        "": "jazz",
        "folder": "rock",
        "manifest": "jazz",
    }
    with pytest.raises(UsageError, match="is a table of songs and has their labels itself"):
        list_sources(tmp_path / "manifest.csv", label_from="tag")


@pytest.fixture
def beets_library(tmp_path: Path) -> Path:
    """A library that beets has made: its settings, its database, and three songs of its folder."""
    music = tmp_path / "Música #1"
    (tmp_path / "config.yaml").write_text(f'directory: "{music}"\nplugins: export\n')
    library = Library(str(tmp_path / "library.db"), str(music))
    for name, genres in {"a": ["Jazz"], "b": ["Rock", "Pop"], "c": []}.items():
        song = music / "ABBA" / f"{name}.mp3"
        song.parent.mkdir(parents=True, exist_ok=True)
        song.touch()
        library.add(Item(path=str(song).encode(), title=name, artist="Ä & b", genres=genres))
    library._close()
    return tmp_path / "library.db"


def facts(sources: list[Source]) -> list[tuple[str, str, tuple[str, ...], bool, bool]]:
    return [
        (s.title, s.genre, s.labels, s.is_unlabelled, bool(s.label_fault))
        for s in sorted(sources, key=lambda source: source.title)
    ]


def test_a_library_of_beets_is_read_and_not_changed(beets_library: Path) -> None:
    before = {path: path.read_bytes() for path in beets_library.parent.glob("library.db*")}

    listed = list_library(beets_library)
    unlabelled = list_sources(beets_library, takes_unlabelled=True)

    assert listed.layout is Layout.BEETS
    assert facts(listed.sources) == [
        ("a", "Jazz", (), False, False),
        ("b", "", ("Rock", "Pop"), False, False),
        ("c", "", (), False, True),
    ]
    assert facts(unlabelled)[2] == ("c", "", (), True, False)
    assert {source.artist for source in listed.sources} == {"Ä & b"}
    assert all(Path(source.location).is_file() for source in listed.sources)
    assert {path: path.read_bytes() for path in beets_library.parent.glob("library.db*")} == before


def test_an_export_of_beets_is_a_listing(beets_library: Path, tmp_path: Path) -> None:
    export = [sys.executable, "-m", "beets", "-c", str(tmp_path / "config.yaml")]
    export += ["-l", str(beets_library), "export", "--library", "--format", "json"]
    export += ["--include-keys", "path,artist,title,genres", "--output", str(tmp_path / "a.json")]

    subprocess.run(export, check=True, env=os.environ | {"BEETSDIR": str(tmp_path)})

    assert facts(list_sources(tmp_path / "a.json")) == facts(list_sources(beets_library))


def test_genres_of_any_form_are_labels(tmp_path: Path) -> None:
    genres = ['"Jazz; Soul"', '["Jazz", "Jazz"]', "1980", "null", '["", "a\\u0000b"]', "{}"]
    items = [f'{{"path": "/{n}.mp3", "genres": {text}}}' for n, text in enumerate(genres)]
    (tmp_path / "songs.json").write_text(f"[{', '.join(items)}]")

    listed = list_sources(tmp_path / "songs.json")

    found = [source.labels or source.genre for source in listed]
    assert found == [("Jazz", "Soul"), "Jazz", "1980", "", "ab", ""]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("songs.json", "[{]", "is not JSON"),
        ("songs.json", '{"path": "/a.mp3"}', "is no list of songs"),
        ("songs.json", '[{"genre": "Jazz"}]', "has songs without a `path`"),
        ("songs.json", '[{"path": 3}]', "has songs without a `path`"),
        ("songs.json", '[{"path": "/a\\u0000.mp3"}]', "has songs without a `path`"),
        ("library.db", "no database", "is no library of beets"),
    ],
)
def test_what_is_of_beets_by_name_alone_is_refused(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(UsageError, match=message):
        list_sources(tmp_path / name)
