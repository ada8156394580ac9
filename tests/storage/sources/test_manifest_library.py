"""Libraries as tables."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.listing import list_sources


def _write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_a_folder_with_a_manifest_is_read_by_it(tmp_path: Path) -> None:
    (tmp_path / "rock").mkdir()
    (tmp_path / "rock" / "a.mp3").touch()
    text = "path,genre,artist,album,title,licence\nrock/a.mp3,metal,Ada,Notes,One,CC0\n"
    _write(tmp_path / "manifest.csv", text)

    (source,) = list_sources(tmp_path)

    assert source.location == str(tmp_path / "rock" / "a.mp3")
    assert (source.genre, source.artist, source.album) == ("metal", "Ada", "Notes")
    assert (source.title, source.licence) == ("One", "CC0")


def test_a_row_may_name_a_path_or_an_address(tmp_path: Path) -> None:
    text = "url,Path,GENRE\nhttps://example.org/a.mp3,,jazz\n,/music/b.mp3,rock\n,../c.mp3,rock\n"
    manifest = _write(tmp_path / "songs.csv", text)

    sources = list_sources(manifest)

    assert {source.location: source.genre for source in sources} == {
        "https://example.org/a.mp3": "jazz",
        "/music/b.mp3": "rock",
        str(tmp_path.parent / "c.mp3"): "rock",
    }


def test_an_address_in_the_column_of_paths_is_an_address(tmp_path: Path) -> None:
    address = "HTTPS://me:secret@example.org/a.mp3"
    manifest = _write(tmp_path / "songs.csv", f"path,genre\n {address},jazz\n")

    assert [source.location for source in list_sources(manifest)] == [address]


def test_quotes_newlines_and_a_byte_order_mark_are_understood(tmp_path: Path) -> None:
    text = 'path,genre,title\n"Пе\nсня, ""1"".mp3",джаз,"a ""b"", c"\n'
    manifest = _write(tmp_path / "songs.csv", text, "utf-8-sig")

    [source] = list_sources(manifest)

    assert source.location == str(tmp_path / 'Пе\nсня, "1".mp3')
    assert (source.genre, source.title) == ("джаз", 'a "b", c')


def test_equal_rows_stay_two_sources(tmp_path: Path) -> None:
    manifest = _write(tmp_path / "songs.csv", "path,genre\na.mp3,rock\na.mp3,rock\n")

    assert len(list_sources(manifest)) == 2


def test_the_three_kinds_of_manifest_give_the_same_sources(tmp_path: Path) -> None:
    rows = [
        {"path": "b.mp3", "genre": "rock", "artist": "311"},
        {"path": "歌.mp3", "genre": "jazz", "artist": None},
    ]
    csv_text = "path,genre,artist\nb.mp3,rock,311\n歌.mp3,jazz,\n"
    by_csv = _write(tmp_path / "songs.csv", csv_text)
    by_jsonl = _write(tmp_path / "songs.jsonl", "\n\n".join(map(json.dumps, rows)))
    by_parquet = tmp_path / "songs.parquet"
    pq.write_table(pa.Table.from_pylist(rows), by_parquet)

    listings = [list_sources(manifest) for manifest in (by_csv, by_jsonl, by_parquet)]

    assert listings[0] == listings[1] == listings[2]
    assert [source.artist for source in listings[0]] == ["311", ""]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("songs.csv", "path,title\na.mp3,A\n", r"needs the columns 'genre'.*path, title"),
        ("songs.csv", "song,genre\na.mp3,rock\n", r"'path' or 'url'; it has: song, genre"),
        ("songs.csv", "", r"it has: none"),
        ("songs.csv", "path,genre\n", "holds no songs"),
        ("songs.csv", "path,genre\na, b.mp3,rock\n", "line 2: more fields than columns"),
        ("songs.csv", 'path,genre\n"a.mp3,rock\n', "line 2: no well-formed row"),
        (
            "songs.csv",
            'path,genre\nb.mp3,rock\n"a.mp3,rock\nc.mp3,rock\n',
            "line 3: no well-formed",
        ),
        ("songs.csv", "path,genre,Genre\na.mp3,rock,jazz\n", "has the column 'genre' twice"),
        ("songs.jsonl", '{"path": "a", "genre": "x", "GENRE": "y"}\n', "line 1 has .* twice"),
        ("songs.jsonl", '{"path": "a.mp3", "genre": true}\n', "line 1: True is not text"),
        ("songs.jsonl", '{"path": "a.mp3", "genre": Infinity}\n', "line 1: inf is not text"),
        ("songs.tsv", "path,genre\na.mp3,rock\n", "it has: path,genre"),
        ("songs.csv", "path,genre\na\0.mp3,rock\n", "line 2|CSV"),
        ("songs.jsonl", '{"path": "a.mp3", "genre": "x"}\n{"path":\n', "line 2: not JSON"),
        ("songs.jsonl", '["a.mp3", "rock"]\n', "line 1: no JSON object"),
        ("songs.jsonl", '{"path": ["a.mp3"], "genre": "rock"}\n', "line 1: .* is not text"),
        ("songs.jsonl", '{"path": "\\ud800.mp3", "genre": "x"}\n', "no character"),
        ("songs.jsonl", "\n", "holds no songs"),
        ("songs.parquet", "path,genre\na.mp3,rock\n", "cannot be read as Parquet"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    manifest = _write(tmp_path / name, text)

    with pytest.raises(UsageError, match=sentence) as refusal:
        list_sources(manifest)

    assert "\n" not in str(refusal.value)


def test_nan_and_numbers_of_a_table_are_read_as_what_they_stand_for(tmp_path: Path) -> None:
    rows = [
        {"path": "a.mp3", "genre": "rock", "artist": float("nan"), "tags": ["x"], "live": True},
        {"path": "b.mp3", "genre": float("nan"), "artist": "Nan", "tags": None, "live": None},
    ]
    by_jsonl = _write(tmp_path / "songs.jsonl", "\n".join(map(json.dumps, rows)))
    by_csv = _write(tmp_path / "songs.csv", "path,genre,artist\na.mp3,rock,nan\nb.mp3,NaN,Nan\n")
    by_parquet = tmp_path / "songs.parquet"
    numbers = {"path": ["a.mp3", "b.mp3"], "genre": ["rock", None], "artist": [311.0, float("nan")]}
    pq.write_table(pa.table(numbers), by_parquet)

    for manifest in (by_jsonl, by_csv):
        a, b = list_sources(manifest)
        assert (a.genre, a.artist, b.artist) == ("rock", "", "Nan")
        assert "no genre" in b.label_fault
    assert [source.artist for source in list_sources(by_parquet)] == ["311", ""]


def test_missing_values_that_were_made_text_are_empty_in_each_kind(tmp_path: Path) -> None:
    row = {"path": "a.mp3", "genre": "nan", "artist": "<NA>"}
    by_jsonl = _write(tmp_path / "songs.jsonl", json.dumps(row))
    by_parquet = tmp_path / "songs.parquet"
    pq.write_table(pa.Table.from_pylist([row]), by_parquet)

    for manifest in (by_jsonl, by_parquet):
        (song,) = list_sources(manifest)
        assert (song.genre, song.artist) == ("", "")


def test_the_mark_of_excel_before_the_header_is_no_row(tmp_path: Path) -> None:
    manifest = _write(tmp_path / "songs.csv", "sep=;\r\npath;genre\r\na.mp3;rock\r\n")

    assert [source.genre for source in list_sources(manifest)] == ["rock"]


def test_a_path_may_begin_at_the_users_folder_or_be_a_file_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    song = tmp_path / "é 1.mp3"
    song.touch()
    address = song.as_uri()
    text = f"path,url,genre\n~/é 1.mp3,,a\n{address},,b\n,{address},c\n"

    listed = list_sources(_write(tmp_path / "lists.csv", text))

    assert [source.location for source in listed] == [str(song)] * 3


@pytest.mark.parametrize(
    ("name", "mark"), [("songs.tsv", "\t"), ("songs.csv", ";"), ("songs.csv", "\t")]
)
def test_fields_may_be_separated_by_tabs_or_semicolons(
    tmp_path: Path, name: str, mark: str
) -> None:
    text = 'path,genre,artist\na.mp3,rock,"x, y"\n,,\n\nb.mp3,jazz,,,\n'
    manifest = _write(tmp_path / name, text.replace(",", mark).replace(f"x{mark}", "x,"))

    a, b = list_sources(manifest)

    assert (a.genre, a.artist) == ("rock", "x, y")
    assert (b.genre, b.label_fault) == ("jazz", "")


@pytest.mark.parametrize(
    "written",
    [
        *("M\u00fasica/\u00e9/a.mp3", "Mu\u0301sica/e\u0301/a.mp3", "Mu\u0301sica/\u00e9/a.mp3"),
        *("M\u00fasica\\\u00e9\\a.mp3", " M\u00fasica/\u00e9/a.mp3 "),
    ],
)
def test_a_path_finds_the_file_that_it_means(tmp_path: Path, written: str) -> None:
    song = tmp_path / "M\u00fasica" / "e\u0301" / "a.mp3"
    song.parent.mkdir(parents=True)
    song.touch()
    manifest = _write(tmp_path / "songs.jsonl", json.dumps({"path": written, "genre": "rock"}))

    assert [source.location for source in list_sources(manifest)] == [str(song)]


@pytest.mark.parametrize("name", ["songs.csv", "songs.jsonl"])
def test_another_encoding_is_refused(tmp_path: Path, name: str) -> None:
    manifest = _write(tmp_path / name, "path,genre\ncafé.mp3,chanson\n", "latin-1")

    with pytest.raises(UsageError, match="not UTF-8"):
        list_sources(manifest)


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("songs.csv", "path,genre\na.mp3,rock\nb.mp3,\n", "songs.csv, line 3: no genre"),
        ("songs.csv", "path,url,genre\n,,rock\na.mp3,,rock\n", "line 2: neither path nor url"),
        ("songs.jsonl", '{"path": "a.mp3", "genre": "x"}\n{"path": "b"}\n', "line 2: no genre"),
    ],
)
def test_a_row_that_lacks_something_is_listed_with_its_fault_beside_the_others(
    tmp_path: Path, name: str, text: str, fault: str
) -> None:
    sources = list_sources(_write(tmp_path / name, text))

    faults = [source.label_fault for source in sources if source.label_fault]
    assert len(sources) == 2
    assert len(faults) == 1
    assert fault in faults[0]


def test_a_parquet_manifest_may_lack_a_genre_in_a_row_and_not_the_column(tmp_path: Path) -> None:
    table = pa.table({"path": ["a.mp3", "b.mp3"], "genre": ["rock", None]})
    pq.write_table(table, tmp_path / "songs.parquet")
    pq.write_table(table.select(["path"]), tmp_path / "bare.parquet")

    faults = [source.label_fault for source in list_sources(tmp_path / "songs.parquet")]

    assert faults[0] == ""
    assert "row 2: no genre" in faults[1]
    with pytest.raises(UsageError, match="needs the columns 'genre'"):
        list_sources(tmp_path / "bare.parquet")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("songs.csv", "path,artist\na.mp3,Ada\n"),
        ("songs.csv", "path,genre,artist\na.mp3,,Ada\n"),
        ("manifest.csv", "path,genre,artist\na.mp3, ,Ada\n"),
        ("songs.jsonl", '{"path": "a.mp3", "genre": null, "artist": "Ada"}\n'),
    ],
)
def test_a_manifest_without_labels_may_lack_the_genre(tmp_path: Path, name: str, text: str) -> None:
    _write(tmp_path / name, text)
    place = tmp_path if name == "manifest.csv" else tmp_path / name

    assert list_sources(place, takes_unlabelled=True) == [
        Source(location=str(tmp_path / "a.mp3"), genre="", artist="Ada", is_unlabelled=True)
    ]


def test_unlabelled_rows_stand_beside_labelled_and_faulty_ones(tmp_path: Path) -> None:
    manifest = _write(tmp_path / "songs.csv", "path,genre,artist\na.mp3,jazz,\nb.mp3,,\n,,A\n")

    labelled, unlabelled, faulty = list_sources(manifest, takes_unlabelled=True)

    assert (labelled.genre, labelled.is_unlabelled, labelled.label_fault) == ("jazz", False, "")
    assert (unlabelled.genre, unlabelled.is_unlabelled, unlabelled.label_fault) == ("", True, "")
    assert faulty.location.endswith("songs.csv, line 4")
    assert faulty.label_fault
    with pytest.raises(UsageError, match="needs the columns 'path' or 'url'; it has: name"):
        list_sources(_write(tmp_path / "names.csv", "name\na\n"), takes_unlabelled=True)


def test_a_parquet_manifest_claims_no_more_rows_than_it_can_hold(tmp_path: Path) -> None:
    table = pa.table({"path": ["a.mp3"] * 3_000_000, "genre": ["rock"] * 3_000_000})
    pq.write_table(table, tmp_path / "songs.parquet")

    with pytest.raises(UsageError, match="claims 3000000 rows"):
        list_sources(tmp_path / "songs.parquet")
