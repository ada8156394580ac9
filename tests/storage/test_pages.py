"""Which reports name a song, in whatever way their format writes it."""

from pathlib import Path

import pytest

from storage.catalog.removals import RemovedSong
from storage.home import DataLayout
from storage.reports import naming_reports


def removed(artist: str) -> RemovedSong:
    return RemovedSong(track_id="a" * 64, packets_id="", artist=artist, title="")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("report.html", "<p>Simon &amp; Garfunkel</p>"),
        ("report.md", r"Simon \& Garfunkel"),
        ("report.json", '{"artist": "Simon & Garfunkel"}'),
    ],
)
def test_an_artist_is_found_in_each_format(tmp_path: Path, name: str, text: str) -> None:
    layout = DataLayout(tmp_path)
    layout.reports.mkdir()
    (layout.reports / name).write_text(text, "utf-8")

    assert naming_reports(layout, [removed("Simon & Garfunkel")]) == [layout.reports / name]
    assert naming_reports(layout, [removed("Simon")]) == [layout.reports / name]
    assert naming_reports(layout, [removed("Paul")]) == []


def test_letters_that_json_writes_as_numbers_and_markdown_with_escapes_are_read(
    tmp_path: Path,
) -> None:
    layout = DataLayout(tmp_path)
    layout.reports.mkdir()
    (layout.reports / "a.json").write_text(r'{"artist": "Bj\u00f6rk"}', "utf-8")
    (layout.reports / "b.md").write_text(r"AC\_DC\*", "utf-8")

    assert naming_reports(layout, [removed("Björk")]) == [layout.reports / "a.json"]
    assert naming_reports(layout, [removed("AC_DC*")]) == [layout.reports / "b.md"]
