"""What an exported dataset says of where a song came from."""

import pytest

from genre_core.dataset.exported import public_source


@pytest.mark.parametrize(
    "location",
    [
        "/home/alice/x.mp3",
        "~/music/x.mp3",
        "music/alice/x.mp3",
        "//nas/alice/music/x.mp3",
        "file:///home/alice/x.mp3",
        "smb://alice@nas/music/x.mp3",
        r"C:\Users\alice\x.mp3",
        r"\\nas\alice\x.mp3",
        "x.mp3",
    ],
)
def test_what_is_no_web_address_is_a_name_without_folders(location: str) -> None:
    assert public_source(location) == "x.mp3"


def test_a_web_address_stays_without_its_secrets() -> None:
    location = "https://ada:secret@example.org/songs/x.mp3?token=1234"

    assert public_source(location) == "https://example.org/songs/x.mp3?token=***"
