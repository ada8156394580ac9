"""Songs that are added one by one become a library with a manifest."""

from pathlib import Path

from storage.home import DataLayout
from storage.sources.added import add_song
from storage.sources.listing import list_sources

ID = "0123456789abcdef" * 4


def test_an_added_song_is_listed_under_the_genre_named_last(tmp_path: Path) -> None:
    layout, song = DataLayout(tmp_path / "home"), tmp_path / "song.mp3"
    song.write_bytes(b"sound")

    first = add_song(layout, song, "../Étude: №1.mp3", ID, "jazz")
    again = add_song(layout, song, "another name.mp3", ID, "folk, or Hip-Hop/Rap")
    other = add_song(layout, song, "", "f" * 64, "rock")

    assert first == again
    assert first.name == "Étude_ _1-0123456789ab.mp3"
    assert first.read_bytes() == b"sound"
    listed = {source.location: source.genre for source in list_sources(layout.added)}
    assert listed == {str(first): "folk, or Hip-Hop/Rap", str(other): "rock"}


def test_a_name_of_many_bytes_is_cut_between_its_letters(tmp_path: Path) -> None:
    layout, song = DataLayout(tmp_path / "home"), tmp_path / "song.mp3"
    song.write_bytes(b"sound")

    letters = add_song(layout, song, "\N{GOTHIC LETTER AHSA}" * 80 + ".mp3", ID, "jazz")
    accents = add_song(layout, song, "e\N{COMBINING ACUTE ACCENT}.mp3", "f" * 64, "jazz")

    assert letters.name == "\N{GOTHIC LETTER AHSA}" * 37 + "-0123456789ab.mp3"
    assert accents.name == "é-ffffffffffff.mp3"
