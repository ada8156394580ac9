"""Tables of ``genreflow sql`` fit the window and round numbers; CSV and JSON do not round."""

from pathlib import Path

import pytest

from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.home import DataLayout
from tests.flows.conftest import Call

WIDE = "select repeat('word ', 9) as a, " + ", ".join(f"'{n} {n}' as c{n}" for n in range(12))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    layout = DataLayout(tmp_path / "home")
    with open_catalog(layout):
        pass
    publish(layout)
    return layout.home


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("2/3", "0.6667"),
        ("12345.678", "12345.678"),
        ("1/30000::double", "3.333e-05"),
        ("[2/3, 1.0]", "[0.6667, 1.0]"),
        ("'nan'::double", "nan"),
        ("12345678901", "12345678901"),
    ],
)
def test_numbers_in_tables_are_rounded(
    genreflow: Call, home: Path, number: str, shown: str
) -> None:
    said = genreflow("sql", f"select {number} as n", "--home", home)

    assert said.out.splitlines()[3].strip("│ ") == shown


def test_csv_holds_all_digits_and_a_header(genreflow: Call, home: Path) -> None:
    said = genreflow("sql", "select 2/3 as n, 'a,\"b\"' as t, null as x", "--home", home, "--csv")

    assert said.out == 'n,t,x\n0.6666666666666666,"a,""b""",\n'


def test_csv_and_json_at_once_are_refused(genreflow: Call, home: Path) -> None:
    assert genreflow("sql", "select 1", "--home", home, "--csv", "--json").code == 2


@pytest.mark.parametrize("statement", [WIDE, "select repeat('x', 300) as a, 1 as b"])
def test_tables_fit_the_window_and_lose_nothing(
    genreflow: Call, home: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    said = genreflow("sql", statement, "--home", home)

    assert max(map(len, said.out.splitlines())) <= 80
    if statement is WIDE:
        assert all(f"c{n}" in said.out and f"{n} {n}" in said.out for n in range(12))
        assert "word word" in said.out
    else:
        assert said.out.count("x") == 300


def test_names_from_outside_are_text(genreflow: Call, home: Path) -> None:
    said = genreflow("sql", "select chr(27) || '[2J[bold]' as \"[/red]\"", "--home", home)

    assert "\x1b" not in said.out
    assert "[/red]" in said.out
    assert r"\x1b[2J[bold]" in said.out
