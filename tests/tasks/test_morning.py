"""The page of a night: what it says of odd nights, and that nothing on it comes from elsewhere."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from genre_core.dataset.suspects import Neighbour, Suspect
from genre_core.errors import UsageError
from genre_core.records import Outcome, Reason, Result, Stage, Track
from storage.catalog.audits import record_suspects
from storage.catalog.connection import insert_rows, open_catalog
from storage.catalog.publish import publish
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from tasks.report.notify import make_report
from tests.catalogs import in_catalog

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    layout = DataLayout(tmp_path)
    with open_catalog(layout) as catalog:
        night = {"night_id": "2020-01-01", "flow_run_id": "f", "who": "schedule", "outcome": "done"}
        insert_rows(catalog, "nights", [{**night, "started_at": LONG_AGO}])
        step = {"night_id": "2020-01-01", "position": 1, "step": "ingest", "seconds": 125.0}
        insert_rows(catalog, "night_steps", [{**step, "outcome": "failed", "message": "no disk"}])
    return layout


def track(title: str, genre: str = "jazz") -> Track:
    return Track(
        track_id=hashlib.sha256(title.encode()).hexdigest(),
        location=f"/music/{genre}/{title}",
        genre=genre,
        artist="Ann",
        album="",
        title=title,
        licence="",
        duration_s=180.0,
        sample_rate=44_100,
        channels=2,
        codec="mp3",
        suffix=".mp3",
    )


def record(layout: DataLayout, songs: Sequence[Track], *outcomes: Outcome) -> None:
    in_catalog(layout, record_songs, songs, outcomes or [outcome(song) for song in songs])


def outcome(
    song: Track, result: Result = Result.OK, reason: Reason = Reason.NONE, message: str = ""
) -> Outcome:
    return Outcome(
        location=song.location,
        genre=song.genre,
        result=result,
        stage=Stage.DOWNLOAD,
        reason=reason,
        message=message,
        track_id=song.track_id,
    )


def test_the_report_of_an_empty_run_is_that_of_the_last_and_names_a_failed_step(
    layout: DataLayout,
) -> None:
    page = make_report(layout)

    assert page.headline == "Nothing new came in; there is no champion yet."
    assert page.content["networks_fault"] == "No run has finished yet."
    assert "no champion yet" in page.content["drift_notes"][0]
    assert "Nothing new came in" in page.page.read_text("utf-8")
    assert page.to_do[0] == "Step ingest failed: no disk"
    assert page.content["steps"][0]["shown_s"] == "2 min 05 s"
    folder = layout.reports / "nights"
    names = {f"{stem}.{end}" for stem in ("2020-01-01", "latest") for end in ("html", "md")}
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "latest.html").read_bytes() == page.page.read_bytes()


def test_what_was_decided_last_is_told_be_it_a_challenge_or_a_rollback(layout: DataLayout) -> None:
    challenge = {"run_id": "a", "snapshot_id": "s", "promoted": True, "reason": "It is better."}
    challenge |= {"who": "", "judged_on": "", "n_songs": 6, "audit_verdict": ""}
    challenge["audit_id"] = "of the challenge"
    audit = {"run_id": "a", "verdict": "pass", "seconds": 1.0, "settings": "{}"}
    change = {"version": 1, "run_id": "b", "snapshot_id": "s", "validation_macro_f1": 0.5}
    rollback = {**change, "reason": "Version 1 is back.", "kind": "rollback"}
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "challenges", [challenge])
        audit |= {"audit_id": "of the challenge", "snapshot_id": "s"}
        insert_rows(catalog, "audits", [audit])
    first = make_report(layout).content
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "promotions", [rollback])

    content = make_report(layout).content

    assert dict(first["decision"])["reason"] == "It is better."
    assert (first["audit"]["verdict"], content["audit"]) == ("pass", None)
    assert dict(content["decision"])["reason"] == "Version 1 is back."
    assert content["change"] == "was put back by a rollback"


def test_a_song_that_was_left_out_stands_there_with_its_reason(layout: DataLayout) -> None:
    song = track("broken")
    message = "the file ends after 3 s of 180 s"
    record(layout, [song], outcome(song, Result.QUARANTINED, Reason.TRUNCATED, message))

    page = make_report(layout)

    assert page.headline.startswith("0 songs in, 1 left out, 0 duplicates;")
    assert page.content["reasons"] == [("truncated", 1)]
    assert message in page.page.read_text("utf-8")
    assert f"| Ann – broken | truncated | {message} |" in page.markdown


def test_a_title_is_no_image_in_markdown(layout: DataLayout) -> None:
    song = track("![a](http://evil.example/p.png) | x")
    record(layout, [song], outcome(song, Result.QUARANTINED, Reason.SILENT, "silent"))

    markdown = make_report(layout).markdown

    assert r"Ann – \!\[a\]\(http://evil.example/p.png\) \| x | silent |" in markdown


def test_a_duplicate_names_the_song_that_it_is_a_copy_of(layout: DataLayout) -> None:
    song = track("first")
    copy = outcome(song, Result.DUPLICATE, Reason.DUPLICATE_CONTENT)
    copy = replace(copy, location="/copies/x.mp3")
    record(layout, [song], outcome(song), copy)

    page = make_report(layout)

    assert page.headline.startswith("1 song in, 0 left out, 1 duplicate;")
    assert "| /copies/x.mp3 | first | duplicate_content |" in page.markdown


def test_a_conflict_gives_the_commands_that_decide_it(layout: DataLayout) -> None:
    songs = [track("one", "jazz"), track("two", "hip hop")]
    waiting = [outcome(song, Result.QUARANTINED, Reason.LABEL_CONFLICT) for song in songs]
    record(layout, songs, *waiting)
    excluded = {"reason": "label_conflict", "duplicate_of": songs[0].track_id, "message": "two"}
    with open_catalog(layout) as catalog:
        excluded_rows = [{"track_id": song.track_id, **excluded} for song in songs]
        insert_rows(catalog, "excluded_tracks", excluded_rows)

    page = make_report(layout)

    (conflict,) = page.content["conflicts"]
    name = songs[0].track_id[:12]
    assert conflict["commands"] == [
        f"genreflow decide {name} 'hip hop'",
        f"genreflow decide {name} jazz",
    ]
    assert "1 recording under several genres waits for your decision" in page.to_do[1]
    assert f"genreflow decide {name} jazz" in page.markdown


def suspect(song: Track, near: Track) -> Suspect:
    return Suspect(
        track_id=song.track_id,
        genre=song.genre,
        confidence=0.04,
        predicted="hip hop",
        predicted_confidence=0.91,
        neighbours=(Neighbour(track_id=near.track_id, cosine=0.8),),
    )


def test_a_label_that_looks_wrong_is_shown_with_the_commands_that_decide_it(
    layout: DataLayout,
) -> None:
    songs = [track("one"), track("two")]
    record(layout, songs)
    in_catalog(layout, record_suspects, "key", [suspect(*songs)])
    publish(layout)

    page = make_report(layout)

    (content,) = page.content["suspects"]
    name = songs[0].track_id[:12]
    assert content["commands"] == [
        f"genreflow decide {name} jazz",
        f"genreflow decide {name} 'hip hop'",
    ]
    assert (content["name"], content["confidence"], content["is_new"]) == ("Ann – one", 0.04, True)
    assert content["neighbours"] == ["jazz (Ann – two)"]
    assert page.to_do[1].startswith("1 label looks wrong (1 new in this run)")
    assert f"`genreflow decide {name} 'hip hop'`" in page.markdown
    assert f"genreflow decide {name} jazz" in page.page.read_text("utf-8")


def test_a_title_is_text_and_never_a_script(layout: DataLayout) -> None:
    song = track("<script>alert(1)</script>")
    message = "<img src=x onerror=alert(1)>"
    left_out = track("<b>bold</b>")
    refused = outcome(left_out, Result.QUARANTINED, Reason.TRUNCATED, message)
    record(layout, [song, left_out], outcome(song), refused)

    page = make_report(layout)

    text = page.page.read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<img src=x" not in text
    assert "<b>bold" not in page.markdown
    assert "<img src=x" not in page.markdown


def test_the_page_needs_nothing_from_elsewhere(layout: DataLayout) -> None:
    record(layout, [track("one")])

    text = make_report(layout).page.read_text("utf-8")

    addresses = re.findall(r"""(?:src|href)=["']([^"']*)""", text)
    assert addresses
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in addresses)
    assert "url(" not in text
    assert "@import" not in text


def test_a_run_that_the_catalog_does_not_know_is_named_by_its_start(layout: DataLayout) -> None:
    record(layout, [track("one")])

    page = make_report(layout, started_at=datetime.now(UTC))

    assert page.headline.startswith("Nothing new came in")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.html", page.page.name)


def test_a_home_without_a_night_is_told_in_a_sentence(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path / "new")

    with pytest.raises(UsageError, match="There is no nightly run"):
        make_report(layout)

    assert not layout.home.exists()
