"""Recordings: the best copy is kept, and nothing depends on the order in which copies came."""

from dataclasses import replace

import pytest

from genre_core.dataset.recordings import (
    Claim,
    choose_best,
    group_duplicates,
    is_lossless,
    settle_recording,
)
from genre_core.records import Track


def track(name: str, codec: str = "mp3", bit_rate: int = 128_000, **changes: object) -> Track:
    song = Track(
        track_id=name,
        location=f"/music/{name}",
        genre="jazz",
        artist="",
        album="",
        title=name,
        licence="",
        duration_s=180.0,
        sample_rate=44_100,
        channels=2,
        codec=codec,
        suffix=".mp3",
        bit_rate=bit_rate,
    )
    return replace(song, **changes)


def claim(name: str, genre: str = "jazz", track_id: str = "", is_gone: bool = False) -> Claim:
    return Claim(
        location=f"/music/{name}",
        shown_location=f"/music/{name}",
        track_id=track_id or name,
        genre=genre,
        is_gone=is_gone,
    )


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (track("z", "flac", 700_000), track("a", "mp3", 320_000)),
        (track("z", "pcm_s16le", 100), track("a", "aac", 320_000)),
        (track("z", "mp3", 192_000), track("a", "flacless", 128_000)),
        (track("z", sample_rate=48_000), track("a")),
        (track("z"), track("a", channels=1)),
        (track("z"), track("a", duration_s=175.0)),
        (track("a"), track("z")),
    ],
)
def test_the_best_copy_is_chosen_in_whatever_order(better: Track, worse: Track) -> None:
    assert choose_best([better, worse]) == choose_best([worse, better]) == better


@pytest.mark.parametrize("codec", ["mp3", "aac", "vorbis", "opus", "wmav2", "pcm_mulaw"])
def test_codecs_that_lose_something_are_not_lossless(codec: str) -> None:
    assert not is_lossless(codec)


def test_copies_of_copies_are_one_recording_named_by_its_smallest_track() -> None:
    found = group_duplicates([("c", "d"), ("x", "y"), ("b", "c")])

    assert found == {"b": "b", "c": "b", "d": "b", "x": "x", "y": "x"}


LABELS = {"": "", "d": "duplicate_recording", "c": "duplicate_content", "!": "label_conflict"}


@pytest.mark.parametrize(
    ("claims", "decided", "kept", "genre", "location", "reasons"),
    [
        ("a:jazz b:jazz", "", "b", "jazz", "/music/b", "d-"),
        ("a:jazz b:rock", "", "", "", "", "!!"),
        ("a:jazz b:rock", "soul", "b", "soul", "/music/b", "d-"),  # a person decides
        ("a:jazz b:jazz", "jazz soul", "", "", "", "!!"),  # two people do not
        ("1=a:jazz 2=a:jazz", "", "a", "jazz", "/music/1", "-c"),  # one file in two places
        ("~1=a:rock 2=a:jazz", "", "a", "jazz", "/music/2", "c-"),  # the first is gone
        ("~1=a:jazz 2=a:", "", "a", "jazz", "/music/2", "c-"),
        ("~a:jazz ~b:rock", "", "", "", "", "!!"),
        ("a:jazz", "", "a", "jazz", "/music/a", "-"),  # no source names b
        ("a:jazz b:", "", "a", "jazz", "/music/a", "-d"),  # b has no genre
        ("a: b:", "", "b", "", "/music/b", "d-"),
        ("a: b:", "soul", "b", "soul", "/music/b", "d-"),
        ("a:jazz b:rock c=a:", "", "", "", "", "!!d"),
        ("", "", "b", None, "/music/b", ""),
    ],
)
def test_sources_settle_which_copy_is_kept_and_its_genre(
    claims: str, decided: str, kept: str, genre: str | None, location: str, reasons: str
) -> None:
    """Copy b is better than a; ``~name=track:genre`` is a file that is gone."""
    made = []
    for text in claims.split():
        place, named = text.strip("~").split(":")
        name, _, track_id = place.partition("=")
        made.append(claim(name, named, track_id, is_gone=text.startswith("~")))
    tracks = [track("a"), track("b", "flac", 800_000)]
    if not any(one.track_id == "b" for one in made) and "=" in claims:
        tracks = tracks[:1]

    settled = settle_recording(tracks, made, set(decided.split()))
    again = settle_recording(tracks[::-1], made[::-1], set(decided.split()))

    assert (settled.kept, settled.genre, settled.location) == (kept, genre, location)
    assert (again.kept, frozenset(again.outcomes)) == (kept, frozenset(settled.outcomes))
    found = {outcome.location: str(outcome.reason) for outcome in settled.outcomes}
    expected = [LABELS[mark.strip("-")] for mark in reasons]
    assert [found[one.location] for one in made] == expected
    reason = "duplicate_recording" if kept else "label_conflict"
    assert {(one.track_id, str(one.reason), one.duplicate_of) for one in settled.excluded} == {
        (one.track_id, reason, kept or "a") for one in tracks if one.track_id != kept
    }


def test_messages_name_the_copy_that_is_kept_where_the_file_is_now_and_five_other_places() -> None:
    tracks = [track("a"), track("b", "flac", 800_000)]
    gone = [claim("old", "rock", "a", is_gone=True), claim("new", "jazz", "a")]
    many = [claim(str(n), "rock" if n else "jazz", "a") for n in range(9)]

    copies = settle_recording(tracks, [claim("a"), claim("b")], set()).outcomes
    moved = settle_recording([track("a")], gone, set()).outcomes
    torn = settle_recording([track("a")], many, set()).outcomes

    assert copies[0].message == (
        "the same recording as /music/b (flac, 800 kbit/s), which is kept as the best copy"
    )
    assert moved[1].message == "the file is gone; the same one is now /music/new (jazz)"
    assert "several genres: jazz, rock; it is also /music/1 (rock)," in torn[0].message
    assert "/music/5 (rock) and 3 more." in torn[0].message
    assert "/music/6" not in torn[0].message
