"""Songs without genres: folders of any shape, and tables that lack the column or fields in it."""

from pathlib import Path

import pytest

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.listing import list_sources
from tests.storage.sources.conftest import write_fma


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def labels(sources: list[Source]) -> dict[str, tuple[str, bool, bool]]:
    return {Path(s.location).name: (s.genre, s.is_unlabelled, bool(s.label_fault)) for s in sources}


def test_every_song_of_a_folder_of_any_shape_is_unlabelled(tmp_path: Path) -> None:
    touch(tmp_path, "loose.mp3", "Ada/Notes/one.flac", "rock/two.ogg", "cover.jpg", ".hid/x.mp3")

    assert labels(list_sources(tmp_path, takes_unlabelled=True)) == {
        "loose.mp3": ("", True, False),
        "one.flac": ("", True, False),
        "two.ogg": ("", True, False),
    }


def test_a_song_that_links_lead_to_twice_is_listed_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp3")
    (tmp_path / "b.mp3").symlink_to(tmp_path / "a.mp3")

    (source,) = list_sources(tmp_path, takes_unlabelled=True)

    assert source.location == str(tmp_path / "a.mp3")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("songs.csv", "path,artist\na.mp3,Ada\n"),
        ("songs.csv", "path,genre,artist\na.mp3,,Ada\n"),
        ("manifest.csv", "path,genre,artist\na.mp3, ,Ada\n"),
        ("songs.jsonl", '{"path": "a.mp3", "genre": null, "artist": "Ada"}\n'),
    ],
)
def test_a_manifest_may_lack_the_genre_and_its_tags_count(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    place = tmp_path if name == "manifest.csv" else tmp_path / name

    location = str(tmp_path / "a.mp3")
    assert list_sources(place, takes_unlabelled=True) == [
        Source(location=location, genre="", artist="Ada", is_unlabelled=True)
    ]


def test_rows_of_a_manifest_keep_the_genres_that_they_have(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text("path,genre\na.mp3,jazz\nb.mp3,\n,\n", encoding="utf-8")

    found = labels(list_sources(tmp_path / "songs.csv", takes_unlabelled=True))

    assert found["a.mp3"] == ("jazz", False, False)
    assert found["b.mp3"] == ("", True, False)
    assert found["songs.csv, line 4"] == ("", False, True)


def test_a_labelled_listing_still_wants_a_genre(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text("path,genre\nb.mp3,\n", encoding="utf-8")

    assert labels(list_sources(tmp_path / "songs.csv")) == {"b.mp3": ("", False, True)}


def test_clips_of_a_collection_without_a_top_genre_are_unlabelled(tmp_path: Path) -> None:
    fma = write_fma(tmp_path / "fma")

    found = labels(list_sources(fma, takes_unlabelled=True))

    assert found["000002.mp3"] == ("Hip-Hop", False, False)
    assert found["000005.mp3"] == ("", True, False)


def test_what_is_neither_folder_nor_table_or_holds_no_song_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "songs.csv").write_text("name\na\n", encoding="utf-8")

    for name in ("gone", "empty", "notes.txt"):
        with pytest.raises(UsageError):
            list_sources(tmp_path / name, takes_unlabelled=True)
    with pytest.raises(UsageError, match="needs the columns 'path' or 'url'; it has: name"):
        list_sources(tmp_path / "songs.csv", takes_unlabelled=True)
