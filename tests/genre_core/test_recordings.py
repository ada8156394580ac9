"""Recordings: the best copy is kept, and nothing depends on the order in which copies came."""

from dataclasses import replace
from itertools import permutations

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


def test_copies_that_agree_leave_the_best_and_link_the_others_to_it() -> None:
    tracks = [track("a"), track("b", "flac", 800_000), track("c")]

    settled = settle_recording(tracks, [claim("a"), claim("b"), claim("c")], set())

    assert (settled.kept, settled.location, settled.genre) == ("b", "/music/b", "jazz")
    assert [(a.track_id, str(a.reason), a.duplicate_of) for a in settled.excluded] == [
        ("a", "duplicate_recording", "b"),
        ("c", "duplicate_recording", "b"),
    ]
    assert {o.location: (str(o.result), str(o.reason)) for o in settled.outcomes} == {
        "/music/a": ("duplicate", "duplicate_recording"),
        "/music/b": ("ok", ""),
        "/music/c": ("duplicate", "duplicate_recording"),
    }
    assert settled.outcomes[0].message == (
        "the same recording as /music/b (flac, 800 kbit/s), which is kept as the best copy"
    )


def test_sources_of_one_file_are_copies_of_the_first_in_order() -> None:
    claims = [claim("2", track_id="a"), claim("1", track_id="a"), claim("3", track_id="a")]

    settled = settle_recording([track("a")], claims, set())

    assert settled.location == "/music/1"
    assert {o.location: (str(o.result), o.message) for o in settled.outcomes} == {
        "/music/1": ("ok", ""),
        "/music/2": ("duplicate", "the same sound as /music/1 (jazz)"),
        "/music/3": ("duplicate", "the same sound as /music/1 (jazz)"),
    }


def test_genres_that_disagree_set_every_copy_aside_and_name_the_other_places() -> None:
    tracks = [track("a"), track("b", "flac")]

    settled = settle_recording(tracks, [claim("a"), claim("b", "rock")], set())

    assert (settled.kept, settled.genre) == ("", "")
    assert [(a.track_id, str(a.reason), a.duplicate_of) for a in settled.excluded] == [
        ("a", "label_conflict", "a"),
        ("b", "label_conflict", "a"),
    ]
    assert {str(o.reason) for o in settled.outcomes} == {"label_conflict"}
    assert "several genres: jazz, rock; it is also /music/b (rock)." in settled.outcomes[0].message
    assert "genreflow decide" in settled.outcomes[0].message


def test_the_order_of_copies_and_sources_changes_nothing() -> None:
    tracks = [track("a"), track("b"), track("c", bit_rate=96_000)]
    claims = [claim("a"), claim("b"), claim("c", "rock")]

    open_ones = {
        frozenset(settle_recording(tracks, order, set()).outcomes) for order in permutations(claims)
    }
    kept = {settle_recording(order, claims, {"jazz"}).kept for order in permutations(tracks)}

    assert len(open_ones) == 1
    assert kept == {"a"}


def test_a_decision_stands_above_what_the_sources_say() -> None:
    claims = [claim("a"), claim("b", "rock")]

    settled = settle_recording([track("a"), track("b")], claims, {"soul"})

    assert (settled.kept, settled.genre) == ("a", "soul")


def test_decisions_that_disagree_wait_for_another() -> None:
    tracks = [track("a"), track("b")]

    settled = settle_recording(tracks, [claim("a"), claim("b")], {"soul", "jazz"})

    assert settled.kept == ""
    assert "several genres: jazz, soul" in settled.outcomes[0].message


def test_a_file_that_is_gone_has_no_say_beside_one_that_is_there() -> None:
    claims = [claim("old", "rock", "a", is_gone=True), claim("new", "jazz", "a")]

    settled = settle_recording([track("a")], claims, set())

    assert (settled.genre, settled.location) == ("jazz", "/music/new")
    assert settled.outcomes[1].message == "the file is gone; the same one is now /music/new (jazz)"


def test_files_that_are_all_gone_keep_their_say() -> None:
    claims = [claim("a", is_gone=True), claim("b", "rock", is_gone=True)]

    settled = settle_recording([track("a"), track("b")], claims, set())

    assert [str(outcome.reason) for outcome in settled.outcomes] == ["label_conflict"] * 2


def test_a_copy_that_no_source_names_is_not_kept() -> None:
    settled = settle_recording([track("a"), track("b", "flac")], [claim("a")], set())

    assert (settled.kept, [one.track_id for one in settled.excluded]) == ("a", ["b"])


def test_five_of_many_places_are_named() -> None:
    claims = [claim(str(n), "rock" if n else "jazz", "a") for n in range(9)]

    settled = settle_recording([track("a")], claims, set())

    assert "/music/5 (rock) and 3 more." in settled.outcomes[0].message
    assert "/music/6" not in settled.outcomes[0].message


def test_an_unlabelled_copy_takes_the_genre_and_does_not_take_the_place() -> None:
    tracks = [track("a"), track("b", "flac", 800_000)]

    settled = settle_recording(tracks, [claim("a"), claim("b", "")], set())

    assert (settled.kept, settled.genre, settled.location) == ("a", "jazz", "/music/a")
    assert {o.location: str(o.reason) for o in settled.outcomes} == {
        "/music/a": "",
        "/music/b": "duplicate_recording",
    }


def test_a_label_stands_though_its_file_is_gone_and_an_unlabelled_one_is_there() -> None:
    claims = [claim("old", track_id="a", is_gone=True), claim("new", "", track_id="a")]

    settled = settle_recording([track("a")], claims, set())

    assert (settled.kept, settled.genre, settled.location) == ("a", "jazz", "/music/new")


def test_unlabelled_copies_keep_the_best_without_a_genre() -> None:
    tracks = [track("a"), track("b", "flac", 800_000)]

    settled = settle_recording(tracks, [claim("a", ""), claim("b", "")], set())
    decided = settle_recording(tracks, [claim("a", ""), claim("b", "")], {"soul"})

    assert (settled.kept, settled.genre) == ("b", "")
    assert (decided.kept, decided.genre) == ("b", "soul")


def test_an_unlabelled_copy_is_no_side_of_a_conflict() -> None:
    tracks = [track("a"), track("b"), track("c")]

    settled = settle_recording(tracks, [claim("a"), claim("b", "rock"), claim("c", "")], set())

    assert settled.kept == ""
    assert {o.location: str(o.reason) for o in settled.outcomes} == {
        "/music/a": "label_conflict",
        "/music/b": "label_conflict",
        "/music/c": "duplicate_recording",
    }
    assert settled.outcomes[0].message.count("/music/") == 1


def test_a_recording_that_no_source_leads_to_keeps_the_genre_that_it_has() -> None:
    assert settle_recording([track("a")], [], set()).genre is None
