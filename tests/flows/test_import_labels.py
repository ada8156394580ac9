"""Command import-labels: many decisions on genres, from a table that people edit."""

import csv
import hashlib
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.recordings import settle_recordings
from storage.home import DataLayout
from tests.flows.conftest import Call, CommandResult
from tests.storage.catalog.conftest import Store

FAILURE, USAGE = 1, 2
URL = "https://ada:secret@example.org/song.mp3?token=1234"


@pytest.fixture
def store(made: DataLayout, tmp_path: Path) -> Store:
    """The made store, to be changed."""
    shutil.copytree(made.home, tmp_path / "home")
    return Store(DataLayout(tmp_path / "home"), tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DataLayout:
    """Songs of two genres: ``one`` and ``copy`` are a recording, ``conflict`` and ``twin`` wait."""
    store = Store(DataLayout(tmp_path_factory.mktemp("made") / "home"), Path())
    tracks = {name: store.track(name) for name in ("one", "copy", "conflict", "twin", "free")}
    tracks["twin"] = replace(tracks["twin"], genre="rock", location="/music/rock/twin.mp3")
    tracks["free"] = replace(tracks["free"], genre="", location=URL)
    store.add_songs(*tracks.values())
    with open_catalog(store.layout) as catalog:
        for one, other in (("one", "copy"), ("conflict", "twin")):
            pair = sorted([tracks[one].track_id, tracks[other].track_id])
            catalog.execute("insert into duplicates values (?, ?, 0.95, 0)", pair)
        settle_recordings(catalog)
    publish(store.layout)
    return store.layout


@pytest.fixture
def labels(genreflow: Call, store: Store, tmp_path: Path) -> "Import":
    return Import(genreflow, tmp_path)


class Import:
    """Writes a table and imports it."""

    def __init__(self, genreflow: Call, folder: Path) -> None:
        self.genreflow, self.table = genreflow, folder / "labels.csv"

    def __call__(self, text: str | bytes, *options: str) -> CommandResult:
        self.table.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.genreflow("import-labels", self.table, *options)

    def results(self, text: str, *options: str) -> list[str]:
        """What became of each line."""
        return [line["result"] for line in json.loads(self(text, "--json", *options).out)["lines"]]


def track_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def genres(store: Store) -> dict[str, str]:
    rows = query_rows(store.layout, "select title, genre from tracks")
    return {row["title"]: row["genre"] for row in rows}


def test_a_table_from_sql_goes_back_with_its_changes_alone(
    genreflow: Call, store: Store, labels: Import
) -> None:
    exported = genreflow("sql", "--csv", "select track_id, title, genre from tracks").out
    rows = list(csv.DictReader(io.StringIO(exported)))
    for row in rows:
        if row["title"] in ("one", "copy", "free"):
            row["genre"] = "rock"
    edited = io.StringIO()
    writer = csv.DictWriter(edited, rows[0], delimiter=";")  # as a spreadsheet in Europe saves it
    writer.writeheader()
    writer.writerows(row for row in rows if row["title"] not in ("conflict", "twin"))

    result = labels("\ufeff" + edited.getvalue())

    assert result.code == 0
    assert "3 lines: 2 applied, 1 unchanged." in result.out
    assert genres(store) == {
        "one": "rock",
        "copy": "rock",
        "free": "rock",
        "conflict": "jazz",
        "twin": "rock",
    }
    decided = query_rows(store.layout, "select distinct decision_id, who from decisions")
    assert len(decided) == 2
    assert all(row["who"] for row in decided)


def test_each_line_says_what_became_of_it(labels: Import, store: Store) -> None:
    found = labels.results(
        "track_id,path,genre\n"
        f"{track_id('one')[:10]},,rock\n"
        f"{track_id('free')},,\n"
        ",/music/jazz/nowhere.mp3,rock\n"
        ",,rock\n"
        f"{track_id('free')},,jaz\n"
    )

    assert found == ["applied", "no_genre", "unknown_song", "no_song", "unknown_genre"]
    assert genres(store)["one"] == "rock"


def test_a_problem_is_exit_code_1_with_its_line_and_a_remedy(labels: Import) -> None:
    result = labels(f"track_id,genre\n{track_id('free')},Jaz\n")

    assert result.code == FAILURE
    assert "Did you mean 'jazz'?" in result.out
    assert "1 line: 1 unknown genre." in result.out


def test_new_genres_are_taken_on_demand(labels: Import, store: Store) -> None:
    result = labels(f"track_id,genre\n{track_id('free')},zouk\n", "--new-genres")

    assert result.code == 0
    assert genres(store)["free"] == "zouk"


def test_a_new_genre_of_two_lines_is_refused(labels: Import, store: Store) -> None:
    before = genres(store)

    result = labels(f'track_id,genre\n{track_id("free")},"zo\nuk"\n', "--new-genres", "--json")

    assert json.loads(result.out)["lines"][0]["result"] == "unknown_genre"
    assert genres(store) == before


def test_lines_that_contradict_each_other_apply_to_nothing(labels: Import, store: Store) -> None:
    before = genres(store)

    result = labels(f"track_id,genre\n{track_id('one')},rock\n{track_id('copy')},jazz\n", "--json")

    lines = json.loads(result.out)["lines"]
    assert [line["result"] for line in lines] == ["contradicted"] * 2
    assert "line 2, line 3" in lines[0]["message"]
    assert genres(store) == before


def test_a_label_that_a_waiting_recording_has_already_settles_it(
    labels: Import, store: Store
) -> None:
    found = labels.results("path,genre\n/music/jazz/conflict.mp3,jazz\n")

    waiting = query_rows(store.layout, "select * from label_conflicts")
    assert found == ["applied"]
    assert waiting == []
    assert genres(store)["twin"] == "jazz"


def test_a_song_is_found_by_its_masked_address_and_by_the_content_of_a_file(
    labels: Import, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "moved.mp3").write_bytes(b"free")  # the id of a track is the digest of its file

    found = labels.results(
        "path,genre\nhttps://example.org/song.mp3?token=***,rock\nmoved.mp3,rock\n"
    )

    assert found == ["applied", "unchanged"]
    assert genres(store)["free"] == "rock"


def test_the_beginning_of_two_ids_is_ambiguous(labels: Import, store: Store) -> None:
    twins = [replace(store.track(name), track_id="feedfeed" + name * 8) for name in ("01", "23")]
    store.add_songs(*(replace(one, location=f"/music/{one.track_id}") for one in twins))

    assert labels.results("track_id,genre\nfeedfeed,rock\nfeedfeed01,rock\n") == [
        "ambiguous",
        "applied",
    ]


def test_a_dry_run_reports_and_changes_nothing(labels: Import, store: Store) -> None:
    before = genres(store)

    result = labels(f"track_id,genre\n{track_id('one')},rock\n", "--dry-run")

    assert result.code == 0
    assert "jazz → rock" in result.out
    assert "Nothing was changed" in result.out
    assert genres(store) == before
    assert query_rows(store.layout, "from decisions") == []


def test_an_import_is_undone_by_its_numbers(genreflow: Call, labels: Import, store: Store) -> None:
    before = genres(store)
    imported = labels(f"track_id,genre\n{track_id('one')},rock\n{track_id('free')},rock\n")
    numbers = imported.out.split("--undo ")[1].split()[0]

    result = genreflow("decide", "--undo", numbers)

    assert result.code == 0
    assert numbers == "1-2"
    assert genres(store) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "needs the columns 'genre' and 'track_id' or 'path' or 'url'; it has: none"),
        (b"track_id|genre\n1|jazz\n", "it has: track_id|genre"),
        (b"track_id,label\n1,jazz\n", "it has: track_id, label"),
        (b"track_id,track_id,genre\n1,1,jazz\n", "has the column 'track_id' twice"),
        (b"track_id,genre\nx,jazz\ny,caf\xe9\n", "line 3, is not UTF-8. Save it as CSV in UTF-8"),
        ("track_id,genre\n".encode("utf-16"), "line 1, is not UTF-8"),
        (b'track_id,genre\nx,"jazz\n', "line 2: no well-formed row"),
        (b"track_id,genre\nx,jazz\ny,rock,pop\n", "line 3: more fields than columns"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_the_line(
    labels: Import, store: Store, content: bytes, message: str
) -> None:
    result = labels(content)

    assert result.code == USAGE
    assert message in result.err
    assert query_rows(store.layout, "from decisions") == []


def test_a_file_that_is_no_table_or_not_there_is_refused(
    genreflow: Call, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "labels.xlsx").write_bytes(b"PK")

    assert "Save it as CSV" in genreflow("import-labels", tmp_path / "labels.xlsx").err
    assert "There is no file" in genreflow("import-labels", tmp_path / "none.csv").err
