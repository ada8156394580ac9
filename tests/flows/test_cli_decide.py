"""Commands conflicts and decide: a person settles what the sources disagree about."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from genre_core.records import Outcome, Reason, Result, Stage, Track
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.recordings import settle_recordings
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.flows.conftest import Call

USAGE, FAILURE = 2, 1


def track(name: str, genre: str, bit_rate: int) -> Track:
    return Track(
        track_id=name * 16,
        location=f"/music/{genre}/{name}.mp3",
        genre=genre,
        artist="Ada",
        album="",
        title=f"Song {name}",
        licence="",
        duration_s=180.0,
        sample_rate=44_100,
        channels=2,
        codec="mp3",
        suffix=".mp3",
        bit_rate=bit_rate,
    )


def arrived(song: Track) -> Outcome:
    return Outcome(
        location=song.location,
        genre=song.genre,
        result=Result.OK,
        stage=Stage.DOWNLOAD,
        track_id=song.track_id,
    )


@pytest.fixture
def home(tmp_path: Path) -> DataLayout:
    """A store in which one recording stands under two genres, and another song under one."""
    layout = DataLayout(tmp_path / "home")
    songs = [track("abcd", "jazz", 128_000), track("ef01", "rock", 320_000)]
    other = track("2345", "soul", 128_000)
    in_catalog(layout, record_songs, [*songs, other], [arrived(song) for song in (*songs, other)])
    with open_catalog(layout) as catalog:
        catalog.execute(
            "insert into duplicates values (?, ?, 0.95, 0)", [song.track_id for song in songs]
        )
    with open_catalog(layout) as catalog:
        settle_recordings(catalog)
    publish(layout)
    return layout


def standing(layout: DataLayout) -> dict[str, tuple[str, str]]:
    rows = query_rows(layout, "select source, outcome, reason from outcomes")
    return {Path(row["source"]).stem: (row["outcome"], row["reason"]) for row in rows}


def test_conflicts_list_every_source_of_a_recording(genreflow: Call, home: DataLayout) -> None:
    result = genreflow("conflicts", "--json")

    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == [
        {
            "recording": "abcd" * 16,
            "track_id": name * 16,
            "source": f"/music/{genre}/{name}.mp3",
            "genre": genre,
            "artist": "Ada",
            "title": f"Song {name}",
            "stage": "duplicates",
        }
        for name, genre in (("abcd", "jazz"), ("ef01", "rock"))
    ]


def test_conflicts_list_what_is_listed_under_several_genres(
    genreflow: Call, home: DataLayout
) -> None:
    listed = Outcome(
        location="https://example.org/a",
        genre="jazz, rock",
        result=Result.QUARANTINED,
        stage=Stage.SOURCES,
        reason=Reason.LABEL_CONFLICT,
        source_id="madeup 1",
    )
    in_catalog(home, record_songs, [], [listed])
    publish(home)

    rows = json.loads(genreflow("conflicts", "--json").out)
    shown = genreflow("conflicts").out

    assert [(r["recording"], r["stage"]) for r in rows if r["genre"] == "jazz, rock"] == [
        ("madeup 1", "sources")
    ]
    assert "https://example.org/a" in shown
    assert "(listing)" in shown


@pytest.mark.parametrize("name", ["/music/jazz/abcd.mp3", "ef01ef01"])
def test_a_decision_takes_effect_at_once_and_ends_the_conflict(
    genreflow: Call, home: DataLayout, name: str
) -> None:
    result = genreflow("decide", name, "soul")

    assert (result.code, result.err) == (0, "")
    assert standing(home) == {
        "abcd": ("duplicate", "duplicate_recording"),
        "ef01": ("ok", ""),
        "2345": ("ok", ""),
    }
    rows = query_rows(home, "select distinct genre, duplicate_of from tracks order by all")
    assert rows == [
        {"genre": "soul", "duplicate_of": "ef01" * 16},
        {"genre": "soul", "duplicate_of": None},
    ]
    assert "No recording needs a decision." in genreflow("conflicts").out


def test_a_genre_of_the_settings_may_be_chosen(
    genreflow: Call, home: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENREFLOW_GENRES", '["polka"]')

    assert genreflow("decide", "abcdabcd", "polka").code == 0


def test_a_genre_that_only_built_in_songs_have_may_be_chosen_as_the_page_offers_it(
    genreflow: Call, home: DataLayout
) -> None:
    with open_catalog(home) as catalog:
        catalog.execute("update tracks set is_builtin = true where genre = 'soul'")

    assert genreflow("decide", "abcdabcd", "soul").code == 0


def test_a_later_decision_holds(genreflow: Call, home: DataLayout) -> None:
    genreflow("decide", "abcdabcd", "jazz")

    genreflow("decide", "ef01ef01", "rock")

    rows = query_rows(home, "select distinct genre from tracks where artist = 'Ada' order by all")
    assert [row["genre"] for row in rows] == ["rock", "soul"]


def test_a_decision_outlives_a_new_copy_under_a_third_genre(
    genreflow: Call, home: DataLayout
) -> None:
    genreflow("decide", "abcdabcd", "jazz")
    again = replace(arrived(track("abcd", "soul", 128_000)), location="/music/again.mp3")

    in_catalog(home, record_songs, [], [again])
    in_catalog(home, settle_recordings)
    publish(home)

    assert standing(home)["again"] == ("duplicate", "duplicate_recording")
    assert standing(home)["ef01"] == ("ok", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("/nowhere.mp3", "jazz"), "The store has no song /nowhere.mp3."),
        (("abcd", "jazz"), "The store has no song abcd."),
        (("abcdabcd", "polka"), "genre 'polka'. Choose one of: jazz, rock, soul"),
    ],
)
def test_what_nobody_knows_is_refused(
    genreflow: Call, home: DataLayout, words: tuple[str, str], sentence: str
) -> None:
    result = genreflow("decide", *words)

    assert (result.code, result.out) == (USAGE, "")
    assert sentence in result.err
    assert standing(home)["abcd"] == ("quarantined", "label_conflict")


@pytest.mark.parametrize("words", [("conflicts",), ("decide", "song.mp3", "jazz")])
def test_no_store_yet_is_told(genreflow: Call, tmp_path: Path, words: tuple[str, ...]) -> None:
    result = genreflow(*words)

    assert result.code == USAGE
    assert "There is no store in" in result.err
    assert not (tmp_path / "home").exists()
