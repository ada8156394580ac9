"""Files under any names: each is listed once, and found again, also by a manifest."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from genre_core.locations import path_of
from storage.sources.listing import list_sources
from tests.fuzz.test_spoilt_files import IS_SHORT, N_INPUTS

ODD = (
    b"\xff",
    "é".encode(),
    b"e\xcc\x81",
    b"\\udce9",
    b"\\",
    b"\n",
    b" ",
    b"\x1b[2J",
    b'"',
    b"[b]",
)
WORDS = st.lists(st.sampled_from(ODD) | st.binary(max_size=3), max_size=5)
# a first letter, so that no name is hidden
NAMES = WORDS.map(lambda words: b"x" + b"".join(words).replace(b"/", b"").replace(b"\0", b""))


@settings(
    max_examples=N_INPUTS // 5,
    derandomize=IS_SHORT,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(names=st.sets(st.tuples(NAMES, NAMES), min_size=1, max_size=5))
def test_songs_under_any_names_are_listed_once_and_found_again(
    tmp_path_factory: pytest.TempPathFactory, names: set[tuple[bytes, bytes]]
) -> None:
    root = tmp_path_factory.mktemp("names")
    songs = {os.fsencode(root / "music") + b"/%b/%b.mp3" % name for name in names}
    for song in songs:
        Path(os.fsdecode(song)).parent.mkdir(parents=True, exist_ok=True)
        Path(os.fsdecode(song)).touch()

    locations = [source.location for source in list_sources(root / "music", takes_unlabelled=True)]
    rows = (json.dumps({"path": location, "genre": "rock"}) for location in locations)
    (root / "songs.jsonl").write_text("\n".join(rows), encoding="utf-8")

    assert sorted(os.fsencode(path_of(location)) for location in locations) == sorted(songs)
    listed = list_sources(root / "songs.jsonl")
    assert sorted(source.location for source in listed) == sorted(locations)
    assert {source.genre for source in list_sources(root / "music")} <= {
        "",
        *(os.fsdecode(genre) for genre, _ in names),
    }
