"""Songs of every format that has tags, made by the packaged ffmpeg."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shared import Shared

TAGS = {"title": "Ünïcode 歌", "artist": "Ada", "album": "Notes", "comment": "a / b; c"}
FORMATS = {
    "v24.mp3": ("-b:a", "64k"),
    "v23.mp3": ("-b:a", "64k", "-id3v2_version", "3", "-write_id3v1", "1"),
    "song.flac": (),
    "song.ogg": ("-c:a", "libvorbis"),
    "flac.oga": ("-c:a", "flac"),
    "song.opus": ("-c:a", "libopus"),
    "song.m4a": ("-c:a", "aac"),
    "alac.m4a": ("-c:a", "alac"),
    "early.m4a": ("-c:a", "aac", "-movflags", "+faststart"),
    "song.wma": ("-c:a", "wmav2"),
    "song.wav": (),
    "song.aiff": ("-write_id3v2", "1"),
    "song.wv": (),
    "song.tta": (),
}
MakeSong = Callable[[str], Path]


@pytest.fixture
def make_song(sweep_wav: Path, shared: Shared, tmp_path: Path) -> MakeSong:
    """Make three seconds of the sweep in a format, with tags and without a genre."""

    def make(name: str) -> Path:
        tags = [word for key, value in TAGS.items() for word in ("-metadata", f"{key}={value}")]
        return shared.encode(tmp_path / name, "-t", "3", "-i", sweep_wav, *FORMATS[name], *tags)

    return make
