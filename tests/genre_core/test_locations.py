"""Names of files become text and back; credentials and tokens are shown nowhere."""

import os

import pytest

from genre_core.errors import UsageError
from genre_core.locations import (
    location_of,
    mask_location,
    path_of,
    printable,
    quote_formula,
    show_addresses,
    show_location,
)


@pytest.mark.parametrize(
    ("name", "location"),
    [
        (b"/m/caf\xc3\xa9.mp3", "/m/café.mp3"),
        (b"/m/caf\xe9.mp3", "/m/caf\\udce9.mp3"),
        (b"/m/caf\\udce9.mp3", "/m/caf\\udc5cudce9.mp3"),
        (b"/m/back\\slash.mp3", "/m/back\\slash.mp3"),
    ],
)
def test_the_name_of_a_file_is_text_that_leads_back_to_it(name: bytes, location: str) -> None:
    assert location_of(os.fsdecode(name)) == location
    assert os.fsencode(path_of(location)) == name


def test_the_message_of_an_error_is_text() -> None:
    assert str(UsageError("caf\udce9.mp3 is gone.")) == "caf\\udce9.mp3 is gone."


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("http://user:secret@host/song.mp3?token=secret#secret", "http://host/song.mp3"),
        ("https://user:sec/ret@host/song.mp3", "https://host/song.mp3"),
        ("http:user:secret@host/song.mp3", "http:host/song.mp3"),
        ("http://host/@artist/song.mp3", "http://host/@artist/song.mp3"),
        ("http://[::1/song.mp3", "http://[::1/song.mp3"),
        ("http:/user:secret@host/song.mp3", "http:/host/song.mp3"),
        ("http://user:secret＠host/song.mp3", "http://host/song.mp3"),
        ("//user:secret@host/song.mp3?sig=secret", "//host/song.mp3"),
        ("http://host/song.mp3;sig=secret?v=1", "http://host/song.mp3"),
        ("/music/what?/me@home.mp3", "/music/what?/me@home.mp3"),
    ],
)
def test_locations_are_shown_without_secrets(location: str, shown: str) -> None:
    assert show_location(location) == shown


@pytest.mark.parametrize(
    ("location", "masked"),
    [
        ("https://me:secret@host/a.mp3?token=secret#secret", "https://host/a.mp3?token=***"),
        ("https://host/a.mp3?id=3&Expires=9&secret", "https://host/a.mp3?id=3&Expires=***&***"),
        ("http:me:secret@host/a.mp3?sig=secret", "http:host/a.mp3?sig=***"),
        ("https://host/a.mp3?id=3;sig=secret", "https://host/a.mp3?id=***"),
        ("https://tube.example/watch?v=dQw4", "https://tube.example/watch?v=dQw4"),
        ("https://host/set?k=secret#madeup%202%20b", "https://host/set?k=***#madeup%202%20b"),
        ("/music/what?/me@home#1.mp3", "/music/what?/me@home#1.mp3"),
        ("youtube dQw4", "youtube dQw4"),
    ],
)
def test_masked_locations_keep_what_names_a_song(location: str, masked: str) -> None:
    assert mask_location(location) == masked
    assert mask_location(masked) == masked


@pytest.mark.parametrize("slashes", ["/", "//"])
def test_addresses_in_the_words_of_others_are_shown_without_secrets(slashes: str) -> None:
    text = f"GET HTTP:{slashes}me:secret@host/a?sig=secret failed"

    assert show_addresses(text) == f"GET HTTP:{slashes}host/a failed"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;ZWNobw==\x07", r"\x1b]52;c;ZWNobw==\x07"),
        ("\x9b2Jname\r", r"\x9b2Jname\r"),
        ("gp3.\u202etxt", r"gp3.\u202etxt"),
        ("two\nlines,\tBjörk 東京 [/red]", "two\nlines,\tBjörk 東京 [/red]"),
    ],
)
def test_control_characters_are_shown_not_obeyed(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@home", "\t=1", "\r=1"])
def test_a_text_in_a_table_is_no_formula(text: str) -> None:
    assert quote_formula(text) == f"'{text}"
    assert quote_formula(f"1{text}") == f"1{text}"
