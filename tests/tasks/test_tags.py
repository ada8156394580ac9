"""Tags written into the user's files and taken back, whatever happens in between."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mutagen
import pytest

from flows.settings import Settings
from genre_core.locations import location_of
from genre_core.records import Outcome, Result, Stage
from genre_core.tagging import TagReason
from storage.catalog.connection import fetch_map
from storage.catalog.query import query_rows
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from storage.sources.identity import file_version
from storage.sources.listing import list_library
from storage.sources.tagged import keep_own, list_tagged
from storage.tags.journal import Journal
from tasks.tag_plan import TagChange
from tasks.tags import TagReturn, take_tags_back, write_tags
from tests.catalogs import in_catalog
from tests.conftest import hum, write_song
from tests.shared import Shared

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = (".mp3", ".flac", ".wav", ".ogg", ".m4a")
Make = Callable[..., Path]


@pytest.fixture
def make(shared: Shared, tmp_path: Path) -> Make:
    """Make a short song with a title, as a file of the user."""
    wav = write_song(tmp_path / "made.wav", hum, seed=5, duration_s=2.0)

    def encode(name: str, *options: str) -> Path:
        path = tmp_path / "music" / name
        path.parent.mkdir(exist_ok=True)
        return shared.encode(path, "-i", wav, "-metadata", "title=Song", *options)

    return encode


@pytest.fixture
def home(tmp_path: Path) -> DataLayout:
    layout = DataLayout(tmp_path / "home")
    layout.home.mkdir()
    return layout


def change(path: Path, *genres: str, former: tuple[str, ...] = ()) -> TagChange:
    return TagChange(
        song=location_of(path), genre=genres[0], confidence=0.95, former=former, genres=genres
    )


def write(layout: DataLayout, changes: list[TagChange]) -> list[TagChange]:
    return list(write_tags(layout, changes))


def genre_of(path: Path) -> list[str]:
    tags = mutagen.File(path, easy=True).tags or {}
    return list(tags.get("genre", []))


def test_a_written_file_comes_back_byte_for_byte_with_its_time(
    home: DataLayout, make: Make
) -> None:
    songs = [make(f"song{suffix}") for suffix in SUFFIXES]
    former = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in songs}

    write(home, [change(path, "jazz", "soul") for path in songs])

    assert all(path.read_bytes() != former[path][0] for path in songs)
    assert all(one.how == "exactly" for one in take_tags_back(home))
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in songs} == former
    assert take_tags_back(home) == []
    assert sorted(path.name for path in songs[0].parent.iterdir()) == sorted(p.name for p in songs)


def test_what_is_written_twice_is_taken_back_to_the_first(home: DataLayout, make: Make) -> None:
    song = make("song.mp3")
    former = song.read_bytes()
    write(home, [change(song, "jazz")])
    write(home, [change(song, "a much longer genre", former=("jazz",))])

    take_tags_back(home)

    assert song.read_bytes() == former


def test_edits_of_the_user_stay_when_a_genre_is_taken_back(home: DataLayout, make: Make) -> None:
    song = make("song.flac")
    write(home, [change(song, "jazz")])
    edited = mutagen.File(song)
    edited["title"], edited["genre"] = "Another", ["jazz", "bebop"]
    edited.save()

    (returned,) = take_tags_back(home)

    assert (returned.how, returned.genres) == ("edited", ("bebop",))
    assert mutagen.File(song)["title"] == ["Another"]
    assert take_tags_back(home) == []


def test_a_genre_that_the_user_changed_since_stays(home: DataLayout, make: Make) -> None:
    song = make("song.flac")
    write(home, [change(song, "jazz")])
    edited = mutagen.File(song)
    edited["genre"] = "bebop"
    edited.save()

    (returned,) = take_tags_back(home)

    assert returned.how == "kept"
    assert genre_of(song) == ["bebop"]


def test_a_command_that_was_killed_before_the_file_changed_leaves_nothing(
    home: DataLayout, make: Make
) -> None:
    song = make("song.flac")
    former = song.read_bytes()
    write(home, [change(song, "jazz")])
    part = song.with_name(Journal(home).find(location_of(song))[0].part)
    song.write_bytes(former)
    part.write_bytes(b"half of")

    (returned,) = take_tags_back(home)

    assert returned.how == "exactly"
    assert song.read_bytes() == former
    assert not part.exists()


def test_a_line_that_a_kill_has_cut_is_passed_over(home: DataLayout, make: Make) -> None:
    first, second = make("a.flac"), make("b.flac")
    former = second.read_bytes()
    write(home, [change(first, "jazz")])
    with home.tag_journal.open("ab") as file:
        file.write(b'{"did": "tag", "loca')
    write(home, [change(second, "jazz")])

    assert [one.how for one in take_tags_back(home)] == ["exactly", "exactly"]
    assert second.read_bytes() == former


WRITER = """
import sys
from pathlib import Path
from storage.home import DataLayout
from tasks.tag_plan import TagChange
from tasks.tags import take_tags_back, write_tags
home, music = DataLayout(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)
while True:
    list(write_tags(home, [
        TagChange(song=str(path), genre="jazz", confidence=1.0, genres=("jazz",))
        for path in sorted(music.iterdir()) if not path.name.startswith(".")]))
    take_tags_back(home)
"""


def test_files_come_back_after_kills_at_any_moment(home: DataLayout, make: Make) -> None:
    songs = [make(f"song{suffix}") for suffix in SUFFIXES]
    former = {path: path.read_bytes() for path in songs}
    words = [sys.executable, "-c", WRITER, str(home.home), str(songs[0].parent)]
    for nth in range(3):
        writer = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.05 + 0.13 * nth)
        writer.kill()
        writer.communicate()
        assert all(mutagen.File(path).info.length > 1 for path in songs)

    take_tags_back(home)

    assert {path: path.read_bytes() for path in songs} == former
    assert not [path for path in songs[0].parent.iterdir() if path not in songs]


def test_a_format_without_tags_that_can_be_written_is_named(home: DataLayout, make: Make) -> None:
    (written,) = write(home, [change(make("song.webm", "-c:a", "libopus"), "jazz")])

    assert "files .webm have no tags" in written.message


def test_a_file_that_another_program_has_locked_is_left_alone(home: DataLayout, make: Make) -> None:
    song = make("song.flac")
    with song.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)

        (written,) = write(home, [change(song, "jazz")])

    assert "in use by another program" in written.message
    assert genre_of(song) == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.chmod(0o444), "read-only"),
        (lambda path: os.link(path, path.with_name("other.flac")), "hard links"),
        (Path.unlink, "not there"),
        (lambda path: path.write_bytes(b"fLaC" + bytes(100)), "cannot be"),
    ],
)
def test_a_file_that_cannot_be_written_is_named_with_the_reason(
    home: DataLayout, make: Make, spoil: Callable[[Path], object], reason: str
) -> None:
    song, good = make("song.flac"), make("good.flac")
    spoil(song)
    former = song.read_bytes() if song.exists() else b""

    written = write(home, [change(song, "jazz"), change(good, "jazz")])

    assert [one.reason for one in written] == [TagReason.UNWRITABLE, TagReason.WRITTEN]
    assert reason in written[0].message
    assert former == (song.read_bytes() if song.exists() else b"")
    assert genre_of(good) == ["jazz"]


def test_links_rights_and_attributes_stay(home: DataLayout, make: Make) -> None:
    song = make("song.flac")
    link = song.with_name("link.flac")
    link.symlink_to(song)
    song.chmod(0o640)
    os.setxattr(song, "user.comment", b"mine")

    write(home, [change(song, "jazz")])

    assert link.is_symlink()
    assert genre_of(link) == ["jazz"]
    assert song.stat().st_mode & 0o777 == 0o640
    assert os.getxattr(song, "user.comment") == b"mine"


def test_a_song_that_was_moved_is_found_by_its_content(home: DataLayout, make: Make) -> None:
    song = make("song.flac")
    former = song.read_bytes()
    write(home, [change(song, "jazz")])
    moved = song.rename(song.with_name("moved.flac"))

    (returned,) = take_tags_back(home, [str(moved)])

    assert returned == TagReturn(song=str(moved), how="exactly")
    assert moved.read_bytes() == former


def test_what_was_written_is_no_label_of_the_user(home: DataLayout, make: Make) -> None:
    own, bare, other = (
        make("own.flac", "-metadata", "genre=Rock"),
        make("bare.flac"),
        make("o.flac"),
    )
    write(home, [change(own, "Rock", "jazz", former=("Rock",)), change(bare, "jazz")])
    edited = mutagen.File(other)
    edited["genre"] = "soul"
    edited.save()

    listed = keep_own(list_tagged(own.parent, True), Journal(home), True)

    named = {Path(song.location).name: (song.genre, song.labels) for song in listed}
    assert named == {"own.flac": ("Rock", ()), "bare.flac": ("", ()), "o.flac": ("soul", ())}
    assert [song.is_unlabelled for song in listed] == [True, False, False]


def test_what_was_written_is_no_label_in_beets_nor_after_the_file_was_moved(
    home: DataLayout, make: Make, tmp_path: Path
) -> None:
    moved, other = make("moved.flac"), make("other.flac", "-metadata", "genre=jazz")
    write(home, [change(moved, "jazz")])
    moved = moved.rename(moved.with_name("new name.flac"))
    names = [{"path": str(path), "genre": "jazz"} for path in (moved, other)]
    (tmp_path / "songs.json").write_text(json.dumps(names))

    listed = list_library(tmp_path / "songs.json")
    songs = keep_own(listed.sources, Journal(home), False)

    assert listed.layout.reads_tags
    assert {Path(song.location).name: song.genre for song in songs} == {
        "new name.flac": "",
        "other.flac": "jazz",
    }
    assert "`genreflow tag` wrote" in next(s.label_fault for s in songs if not s.genre)


def test_versions_are_recorded_although_taking_back_fails_in_between(
    home: DataLayout, make: Make
) -> None:
    songs = [make("a.flac"), make("b.flac")]
    places = [location_of(path) for path in songs]
    write(home, [change(path, "jazz") for path in songs])
    outcomes = [
        Outcome(
            location=place,
            genre="jazz",
            result=Result.RETRYABLE,
            stage=Stage.DOWNLOAD,
            version=file_version(place),
        )
        for place in places
    ]
    in_catalog(home, record_songs, [], outcomes)
    *first, line = home.tag_journal.read_text().splitlines()
    spoilt = json.loads(line)
    spoilt["patch"]["n_bytes"] = 1 << 60
    home.tag_journal.write_text("\n".join([*first, json.dumps(spoilt)]))

    with pytest.raises(MemoryError):
        take_tags_back(home)

    held = in_catalog(home, fetch_map, "select source, version from outcomes")
    assert [held[place] == file_version(place) for place in places] == [True, True]
    assert genre_of(songs[0]) == []


def library_state(layout: DataLayout) -> list[dict[str, object]]:
    return query_rows(
        layout,
        "select source, track_id, outcome, attempts, duration_s from outcomes "
        "join tracks using (track_id) order by source",
    )


@pytest.mark.flow
@pytest.mark.both
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("noted", [True, False])
def test_ingest_knows_songs_that_were_tagged_and_taken_back(
    config: Settings, make: Make, tmp_path: Path, noted: bool
) -> None:
    from flows.ingest import ingest

    songs = [make(f"song{suffix}", "-af", f"volume={n}dB") for n, suffix in enumerate(SUFFIXES)]
    own = replace(config, music=str(tmp_path / "music"), unlabelled=True, genres=())
    ingest(own)
    first, files = library_state(own.layout), sorted((own.layout.songs).rglob("*.*"))
    steps: list[Callable[[], object]] = [
        lambda: write(own.layout, [change(path, "jazz") for path in songs]),
        lambda: take_tags_back(own.layout),
    ]

    for step in steps:
        step()
        if not noted:
            for path in songs:
                os.utime(path)
        report = ingest(own)
        assert report.n_new == (0 if noted else len(songs))
        now = library_state(own.layout)
        assert [{**row, "attempts": 1} for row in now] == [{**row, "attempts": 1} for row in first]
    assert sorted(own.layout.songs.rglob("*.*")) == files
