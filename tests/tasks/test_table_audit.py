"""The audit of feature tables whose truth is known, since they are made here."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import genreflow
from flows.cli.main import app, main
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level
from genre_core.audit.table import TableColumns, subsample_rows
from genre_core.audit.table_duplicates import find_duplicates
from genre_core.audit.table_plan import TablePlan
from genre_core.errors import UsageError
from storage.feature_columns import select_features
from storage.feature_tables import read_feature_table
from tasks.table_audit import audit_table

N_ARTISTS, PER_ARTIST, N_FEATURES = 96, 3, 12
GENRES = np.array(["blues", "jazz", "metal"])
BY_ARTIST = {"label": "genre", "group": "artist", "features": ("f*",)}


def make_table(*, of_artist: float = 0.0, of_genre: float = 0.0) -> pd.DataFrame:
    """Rows whose features depend on the artist, the genre, both or neither, and on chance."""
    rng = np.random.default_rng(5)
    artist = np.repeat(np.arange(N_ARTISTS), PER_ARTIST)
    genre = artist % len(GENRES)
    values = rng.normal(size=(len(artist), N_FEATURES))
    values += of_artist * rng.normal(size=(N_ARTISTS, N_FEATURES))[artist]
    values += of_genre * np.eye(len(GENRES), N_FEATURES)[genre]
    table = pd.DataFrame(values, columns=[f"f{n}" for n in range(N_FEATURES)])
    return table.assign(
        genre=GENRES[genre],
        artist=[f"artist {n}" for n in artist],
        by_row=rng.choice(["train", "val", "test"], len(artist), p=[0.7, 0.15, 0.15]),
        by_artist=np.where(artist < 72, "train", "test"),
        bitrate=np.array([128, 192, 320])[genre],
        noise=rng.normal(size=len(artist)),
        site=[f"site {n % 4}" for n in artist // 3],
    )


def run(table: object, **columns: object) -> dict[CheckName, Check]:
    audited = audit_table(table, TableColumns(**(BY_ARTIST | columns)))
    return {check.name: check for check in audited.checks}


def test_signatures_of_artists_score_on_random_rows_and_by_chance_with_artists_apart() -> None:
    found = run(make_table(of_artist=3))[CheckName.GROUP_LEAK]

    scores = found.details["scores"]["a nearest neighbour"]
    assert found.level is Level.FAIL
    assert scores["audited"][0] > 0.9
    assert scores["groups_apart"][1] < 1 / 3 < scores["groups_apart"][2]


def test_genres_that_hold_for_other_artists_pass() -> None:
    checks = run(make_table(of_genre=5), source="site")

    assert {name: check.level for name, check in checks.items()} == {
        CheckName.OVERLAP: Level.PASS,
        CheckName.GROUP_LEAK: Level.PASS,
        CheckName.PERMUTED: Level.PASS,
        CheckName.TABLE_SOURCES: Level.PASS,
    }
    assert checks[CheckName.TABLE_SOURCES].value > 0.9


def test_a_left_out_source_is_scored_after_its_artists_are_left_out_of_training() -> None:
    albums = [f"album {row // 3} {row % 3 // 2}" for row in range(N_ARTISTS * PER_ARTIST)]
    signature, common = make_table(of_artist=9), make_table(of_genre=5)

    of_artist, of_genre = (
        run(table.assign(album=albums), source="album")[CheckName.TABLE_SOURCES]
        for table in (signature, common)
    )

    assert of_artist.level is not Level.PASS
    assert of_artist.interval.low < 1 / 3 < of_artist.interval.high
    assert (of_genre.level, of_genre.value > 0.9) == (Level.PASS, True)


def test_artists_who_are_in_each_source_leave_nothing_to_train_on() -> None:
    table = make_table(of_genre=5)

    found = run(table.assign(site=np.arange(len(table)) % 3), source="site")

    check = found[CheckName.TABLE_SOURCES]
    assert (check.level, check.value) == (Level.INCONCLUSIVE, None)
    assert "groups span the sources" in check.message


def test_a_split_that_cuts_artists_fails_in_three_checks_and_one_that_does_not_passes() -> None:
    table = make_table(of_artist=3)

    cut, whole = run(table, split="by_row"), run(table, split="by_artist")

    three = (CheckName.OVERLAP, CheckName.GROUP_LEAK, CheckName.PERMUTED)
    assert [cut[name].level for name in three] == [Level.FAIL] * 3
    assert cut[CheckName.PERMUTED].interval.low > 1 / 3
    assert [whole[name].level for name in three] == [Level.PASS] * 3


def test_the_control_of_two_classes_says_whether_features_reveal_the_artist() -> None:
    two = np.array(["jazz", "metal"])[np.arange(N_ARTISTS * PER_ARTIST) // PER_ARTIST % 2]
    signature, noise = make_table(of_artist=3), make_table()

    reveals, hides = (
        run(table.assign(genre=two))[CheckName.PERMUTED] for table in (signature, noise)
    )

    assert reveals.details["on_random_rows"][1] > 0.9
    assert "a leak would show" in reveals.message
    assert "do not reveal the group" in hides.message


def test_a_column_that_reveals_the_genre_warns_and_noise_beside_it_does_not() -> None:
    table = make_table(of_genre=4)

    found = run(table, shortcuts=("bitrate", "noise"))[CheckName.SHORTCUTS]

    assert (found.level, found.details["by_cue"]["bitrate"]) == (Level.WARN, 1.0)
    assert found.details["by_cue"]["noise"] < 0.5


def test_few_artists_are_inconclusive() -> None:
    few = make_table(of_artist=3).iloc[: 7 * PER_ARTIST]

    checks = run(few)

    assert checks[CheckName.GROUP_LEAK].level is Level.INCONCLUSIVE
    assert checks[CheckName.PERMUTED].level is Level.INCONCLUSIVE


@pytest.mark.filterwarnings("error")
def test_a_class_of_two_rows_is_no_reason_for_fewer_folds() -> None:
    table = make_table().iloc[:30].assign(genre=["rare"] * 2 + ["common"] * 28)
    read = read_feature_table(table, TableColumns(**BY_ARTIST))

    plan = TablePlan(table=read, units=read.groups, config=AuditConfig(n_folds=5))

    assert sorted(np.concatenate([scored for _, scored in plan.row_pairs()])) == list(range(30))
    assert len(plan.row_pairs()) == 5


def test_rows_with_an_artist_each_say_nothing_about_artists() -> None:
    table = make_table().assign(artist=range(N_ARTISTS * PER_ARTIST))

    found = run(table)[CheckName.GROUP_LEAK]

    assert found.level is Level.INCONCLUSIVE
    assert "each row has its own artist" in found.message


def test_duplicates_across_a_split_are_counted_identical_or_nearly() -> None:
    table = make_table()
    features = [name for name in table if name.startswith("f")]
    train, test = table.index[table.by_artist == "train"], table.index[table.by_artist == "test"]
    table.loc[test[0], "genre"] = next(g for g in GENRES if g != table.genre[train[0]])
    table.loc[test[:3], features] = table.loc[train[:3], features].to_numpy()
    table.loc[test[5], features] = table.loc[train[5], features].to_numpy() + 0.001

    found = run(table, split="by_artist")[CheckName.OVERLAP]

    assert found.level is Level.FAIL
    assert (found.details["n_identical_rows"], found.details["n_near_identical_rows"]) == (3, 1)
    expected = (table.genre[test].to_numpy() != table.genre[train[: len(test)]].to_numpy())[
        [0, 1, 2, 5]
    ].sum()
    assert json.loads(json.dumps(found.details))["n_with_other_label"] == expected


def test_unrelated_rows_are_no_duplicates() -> None:
    features = np.random.default_rng(1).normal(size=(3000, 10)).astype(np.float32)

    found = find_duplicates(features, np.arange(3000).astype(str))

    assert (found.identical, found.near) == ((), ())


@pytest.mark.parametrize("kind", ["two features", "columns of zeros and ones"])
def test_rows_of_few_values_that_are_equal_by_chance_are_no_duplicates(kind: str) -> None:
    rng, table = np.random.default_rng(3), make_table()
    tempo = rng.integers(10, size=len(table))
    table = table.drop(columns=[name for name in table if name.startswith("f")])
    if kind == "two features":
        table = table.assign(f0=tempo, f1=rng.integers(2, size=len(table)))
    else:
        table = table.assign(**{f"f{n}": (tempo == n).astype(float) for n in range(10)})

    checks = run(table, split="by_artist")

    n_equal = int(table.duplicated([name for name in table if name.startswith("f")]).sum())
    assert checks[CheckName.OVERLAP].level is Level.PASS
    assert checks[CheckName.OVERLAP].details["n_equal_rows"] == n_equal
    assert f"{n_equal} rows are equal" in checks[CheckName.OVERLAP].message
    assert checks[CheckName.PERMUTED].details["n_groups"] == N_ARTISTS - 72  # of the test rows


def test_fragments_of_a_track_are_a_leak_of_their_own() -> None:
    table = make_table(of_artist=3)

    found = run(table.assign(track=table.artist), group="", track="track")[CheckName.GROUP_LEAK]

    assert found.level is Level.FAIL


def test_folds_are_a_split_whose_every_fold_is_scored() -> None:
    table = make_table(of_artist=3)
    table = table.assign(fold=np.arange(len(table)) % 5 + 1)

    found = run(table, split="fold")[CheckName.GROUP_LEAK]

    assert (found.level, found.details["n_rows"]) == (Level.FAIL, len(table))


def test_a_path_a_frame_and_an_arrow_table_with_a_list_column_are_read_alike(
    tmp_path: Path,
) -> None:
    frame = make_table(of_artist=1)
    features = [name for name in frame if name.startswith("f")]
    rows = pa.array(frame[features].to_numpy(np.float32).ravel())
    listed = pa.Table.from_pandas(frame.drop(columns=features)).append_column(
        "embedding", pa.FixedSizeListArray.from_arrays(rows, N_FEATURES)
    )
    frame.to_parquet(tmp_path / "table.parquet")
    frame.to_csv(tmp_path / "table.csv", index=False)

    read = [
        read_feature_table(table, TableColumns(**(BY_ARTIST | {"features": (name,)})))
        for table, name in (
            (frame, "f0..f11"),
            (tmp_path / "table.parquet", "f0..f11"),
            (tmp_path / "table.csv", "f0..f11"),
            (listed, "embedding"),
        )
    ]

    for one in read:
        assert np.array_equal(one.features, frame[features].to_numpy(np.float32))
        assert one.groups.tolist() == frame.artist.tolist()


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_file_that_is_named_is_read_and_no_pattern(tmp_path: Path, suffix: str) -> None:
    frame = make_table()
    for name, rows in (("t1", 30), ("t2", 40), ("t[12]", 50)):
        written = frame.iloc[:rows]
        path = tmp_path / f"{name}.{suffix}"
        written.to_parquet(path) if suffix == "parquet" else written.to_csv(path, index=False)

    read = read_feature_table(tmp_path / f"t[12].{suffix}", TableColumns(**BY_ARTIST))

    assert len(read) == 50


def test_a_file_that_is_no_table_is_named_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "t[12].parquet"
    path.write_bytes(b"no table")

    with pytest.raises(UsageError, match=r"t\[12\]\.parquet"):
        read_feature_table(path, TableColumns(**BY_ARTIST))


def test_few_rows_are_drawn_by_group_and_from_each_where_groups_are_large() -> None:
    small, large = np.repeat(np.arange(1000), 5).astype(str), np.repeat(["a", "b"], 2500)

    of_small, of_large = subsample_rows(small, 500, 0), subsample_rows(large, 500, 0)

    assert (len(of_small), len(set(small[of_small]))) == (500, 100)
    assert 400 < len(of_large) <= 500
    assert set(large[of_large]) == {"a", "b"}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("f2..f10", ["f2", "f10"]),
        ("mfcc_*", ["mfcc_a", "mfcc_b"]),
        ("mfcc_a..zcr", ["mfcc_a", "mfcc_b", "zcr"]),
    ],
)
def test_a_range_follows_numbers_or_the_order_of_the_table(pattern: str, names: list[str]) -> None:
    columns = ["f10", "f2", "mfcc_a", "mfcc_b", "zcr"]
    if pattern == "f2..f10":
        columns += [f"f{n}" for n in range(3, 10)]
        names = [f"f{n}" for n in range(2, 11)]

    assert select_features([pattern], dict.fromkeys(columns, "DOUBLE")) == names


FAULTS = {
    "a missing column, with one that is near": ({"group": "artst"}, "mean artist or by_artist?"),
    "no features": ({"features": ()}, "f0..fold"),
    "features that are texts": ({"features": ("f0", "by_row")}, "by_row (VARCHAR)"),
    "a range beyond the end": ({"features": ("f0..f99",)}, "The last one of this name is f11."),
    "a label of one value": ({"label": "one"}, "only 'x'"),
    "a label that is none": ({"label": "noise"}, "that is no label"),
    "a label that is empty": ({"label": "empty"}, "is empty"),
    "many features that are no numbers": (
        {"features": ("f0", "holes")},
        "holes; the first is row 1",
    ),
    "a split of many values": ({"split": "artist"}, "has 96 values"),
    "the label as a feature": ({"label": "code", "features": ("f0", "code")}, "code cannot be a"),
    "the shortcut alone as a feature": (
        {"shortcuts": ("noise",), "features": ("noise..noise",)},
        "names no column but noise",
    ),
    "a source that is empty": ({"source": "empty"}, "empty is empty"),
    "a fold that is missing": ({"split": "fold"}, "is empty in 1 row"),
    "a subset that is not known": ({"split": "typo"}, "not known: tset"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_table_that_cannot_be_audited_is_refused(fault: str) -> None:
    columns, words = FAULTS[fault]
    table = make_table().assign(one="x", empty=None, holes=np.nan)
    table = table.assign(typo=table.by_artist.replace("test", "tset"), code=table.bitrate)
    table = table.assign(fold=[np.nan, *(table.index[1:] % 3)])

    with pytest.raises(UsageError) as refused:
        run(table, **columns)

    assert words in str(refused.value)


def test_a_pattern_of_features_leaves_out_the_columns_that_are_something_else() -> None:
    columns = dict.fromkeys(["f0", "f1", "f_genre", "f_artist", "f_rate"], "DOUBLE")

    for pattern in ("f*", "f0..f_rate"):
        assert select_features([pattern], columns, ("f_genre", "f_artist", "f_rate")) == [
            "f0",
            "f1",
        ]


def test_missing_texts_are_no_common_artist_and_no_source() -> None:
    table, missing = make_table(), [None, "nan", "<NA>"]
    table.loc[[3, 100, 200], "artist"] = table.loc[[3, 100, 200], "site"] = missing

    audited = audit_table(table, TableColumns(**(BY_ARTIST | {"source": "site"})))

    assert audited.facts["n_groups"] == N_ARTISTS + 3
    assert audited.facts["n_sources"] == 4
    assert audited.notes[0].startswith("3 rows without artist: each counts as one of its own")
    assert audited.notes[1] == "3 rows without site: left out of its check."
    check = next(c for c in audited.checks if c.name is CheckName.TABLE_SOURCES)
    assert check.details["n_rows"] == len(table) - 3


def test_rows_that_cannot_be_used_are_left_out_and_named() -> None:
    table = make_table()
    table.loc[3, "f2"], table.loc[5, "genre"], table.loc[8, "artist"] = np.inf, None, None

    read = read_feature_table(table, TableColumns(**BY_ARTIST))

    assert len(read) == len(table) - 2
    assert [note.split(" ")[:2] for note in read.notes] == [["1", "row"]] * 3


def test_the_package_audits_a_frame_and_the_same_twice_and_prints_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    frame, columns = make_table(of_artist=1), {"label": "genre", "group": "artist"}

    one, other = (genreflow.audit(frame, **columns, features="f0..f5,f*") for _ in range(2))

    assert one.as_document()["checks"] == other.as_document()["checks"]
    assert one.facts["n_features"] == N_FEATURES
    assert capsys.readouterr() == ("", "")


def test_the_command_writes_json_and_a_page_and_leaves_with_1_at_a_leak(tmp_path: Path) -> None:
    make_table(of_artist=3).to_parquet(tmp_path / "t.parquet")
    named = ["--label", "genre", "--group", "artist", "--features", "f0..f11", "--source", "site"]

    ended = CliRunner().invoke(
        app,
        [
            "audit",
            str(tmp_path / "t.parquet"),
            *named,
            "--html",
            str(tmp_path / "p.html"),
            "--json",
        ],
    )

    document, page = json.loads(ended.stdout), (tmp_path / "p.html").read_text()
    assert (ended.exit_code, document["verdict"]) == (1, "fail")
    assert document["checks"][-1]["name"] == "leave_one_source_out"
    assert {"name", "level", "value", "interval", "chance", "message", "details"} <= set(
        document["checks"][1]
    )
    assert document["checks"][1]["message"][2:] in page.replace("<code>", "`").replace(
        "</code>", "`"
    )
    assert "http" not in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--label", "genre"], "Columns are of a table."),
        (["{table}"], "Name the column of the class with --label."),
        (["{table}", "--label", "genre", "--html", "{table}"], "Name one that ends with .html."),
        (["{table}", "--label", "genre", "--html", "no/p.html"], "There is no folder no."),
        (["{table}", "--snapshot", "1d83c472"], "--snapshot is of your library."),
    ],
)
def test_arguments_that_do_not_fit_are_refused_and_nothing_is_written(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("genre,f0\njazz,1\n")

    given = [argument.format(table=table) for argument in arguments]
    monkeypatch.setattr("sys.argv", ["genreflow", "audit", *given])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert table.read_text() == "genre,f0\njazz,1\n"
