"""Reports: figures and documents appear whole under their names."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from storage.catalog.removals import RemovedSong
from storage.home import DataLayout
from storage.reports import reports_naming, write_document, write_figure


def test_a_figure_becomes_a_png(tmp_path: Path) -> None:
    path = write_figure(tmp_path / "new", "curve", Figure(figsize=(1, 1)))

    assert path == tmp_path / "new" / "curve.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(path.parent.iterdir()) == [path]


def test_a_document_becomes_json_and_replaces_the_one_before(tmp_path: Path) -> None:
    write_document(tmp_path, "numbers", {"kernels": [4, 8]})

    path = write_document(tmp_path, "numbers", {"kernels": [16, 32]})

    assert json.loads(path.read_text("utf-8")) == {"kernels": [16, 32]}


def test_what_cannot_be_written_leaves_the_one_before_and_no_part(tmp_path: Path) -> None:
    path = write_document(tmp_path, "numbers", {"accuracy": 0.5})

    with pytest.raises(ValueError, match="nan"):
        write_document(tmp_path, "numbers", {"accuracy": float("nan")})

    assert json.loads(path.read_text("utf-8")) == {"accuracy": 0.5}
    assert list(tmp_path.iterdir()) == [path]


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

    assert reports_naming(layout, [removed("Simon & Garfunkel")]) == [layout.reports / name]
    assert reports_naming(layout, [removed("Simon")]) == [layout.reports / name]
    assert reports_naming(layout, [removed("Paul")]) == []


def test_letters_that_json_writes_as_numbers_and_markdown_with_escapes_are_read(
    tmp_path: Path,
) -> None:
    layout = DataLayout(tmp_path)
    layout.reports.mkdir()
    (layout.reports / "a.json").write_text(r'{"artist": "Bj\u00f6rk"}', "utf-8")
    (layout.reports / "b.md").write_text(r"AC\_DC\*", "utf-8")

    assert reports_naming(layout, [removed("Björk")]) == [layout.reports / "a.json"]
    assert reports_naming(layout, [removed("AC_DC*")]) == [layout.reports / "b.md"]
