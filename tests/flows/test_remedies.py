"""Remedies for songs that were left out: what is offered, and how many songs it brings back."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows.remedies import MEANINGS, find_remedy, group_left_out
from flows.settings import Settings
from genre_core.records import Reason
from genre_core.signal.fragments import FragmentConfig
from storage.catalog.review import LeftOut


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def song(
    reason: Reason, duration_s: float | None = None, genre: str = "", source: str = ""
) -> LeftOut:
    return LeftOut(
        source=source or f"/music/{duration_s}.mp3",
        reason=str(reason),
        message="",
        genre=genre,
        stage="convert",
        track_id="",
        artist="",
        title="",
        duration_s=duration_s,
    )


def offered(config: Settings, *songs: LeftOut) -> list[str]:
    return [one.sentence for group in group_left_out(config, songs) for one in group.remedies]


def fragments(**changes: object) -> Settings:
    return Settings(fragments=replace(FragmentConfig(), **changes))


SHORT = [song(Reason.TOO_SHORT, s) for s in (2.0, 30.0, 62.0, 75.0, 100.0)]


def test_a_lower_length_says_how_many_songs_come_back() -> None:
    # 100 s is 90 s or more; so are 100, 75 and 62 s 60 s or more; 2 s is shorter than a fragment
    assert offered(fragments(min_track_s=120.0), *SHORT) == [
        "Lower the minimum length to 90 s: 1 song comes back",
        "Lower the minimum length to 60 s: 3 songs come back",
        "Lower the minimum length to 30 s: 4 songs come back",
    ]


def test_the_thesis_protocol_needs_smaller_margins_too() -> None:
    config = fragments(protocol="thesis", margin_s=30.0)
    (group,) = group_left_out(config, SHORT)
    values = [remedy.values for remedy in group.remedies]

    # margins of 30 s on both sides and 3 s between them: 63 s
    assert values[0] == {"fragments.min_track_s": 90.0}
    assert values[1] == {"fragments.min_track_s": 60.0, "fragments.margin_s": 28.5}


def test_a_song_shorter_than_a_fragment_has_no_remedy() -> None:
    assert offered(fragments(min_track_s=120.0), SHORT[0]) == []


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({"genres": ("jazz", "rock")}, {"genres": ("jazz", "rock", "polka")}),
        ({"genre_map": {"Jazz": "jazz"}}, {"genre_map.polka": "polka"}),
    ],
)
def test_a_label_that_is_no_genre_yet_may_become_one(
    changes: dict[str, object], values: dict[str, object]
) -> None:
    songs = [song(Reason.LABEL_UNKNOWN, genre=genre) for genre in ("polka", "polka", "", "a, b")]
    (group,) = group_left_out(Settings(**changes), songs)

    (remedy,) = group.remedies
    assert remedy.sentence == "Take “polka” as a genre: 2 songs come back"
    assert remedy.values == values
    assert remedy.command == "genreflow retry --reason label_unknown"


def test_a_larger_limit_is_offered_for_files_that_keep_to_it(tmp_path: Path) -> None:
    large = tmp_path / "set.wav"
    with large.open("wb") as file:
        file.truncate(3 << 29)  # 1.5 GiB, none of them on the disk

    found = offered(Settings(), song(Reason.TOO_LARGE, source=str(large)))

    assert found == ["Allow files of up to 2 GiB: 1 song comes back"]


def test_what_may_have_changed_is_tried_again_and_what_is_final_is_not() -> None:
    songs = [song(Reason.NOT_FOUND), song(Reason.NOT_FOUND), song(Reason.SILENT)]
    assert offered(Settings(), *songs) == ["Try these 2 songs again", "Try this song again"]
    assert offered(Settings(), song(Reason.REMOVED), song(Reason.SPLIT_CONFLICT)) == []


def test_a_remedy_that_is_not_offered_is_not_found() -> None:
    config = fragments(min_track_s=120.0)
    assert find_remedy(config, SHORT, "fragments.min_track_s=90.0") is not None
    assert find_remedy(config, SHORT, "limits.max_bytes=1") is None


def test_a_variable_of_the_environment_is_named_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENREFLOW_FRAGMENTS__MIN_TRACK_S", "120")
    (group,) = group_left_out(fragments(min_track_s=120.0), SHORT)
    assert all("GENREFLOW_FRAGMENTS__MIN_TRACK_S" in one.fault for one in group.remedies)


def test_every_reason_that_leaves_a_song_out_has_words() -> None:
    without = {Reason.NONE, Reason.CLIPPED, Reason.LABEL_CONFLICT}
    duplicates = {reason for reason in Reason if reason.startswith("duplicate")}
    assert set(Reason) - without - duplicates == set(MEANINGS)
