"""Commands that ask: help, sql, status, compare, doctor; what programs rely on."""

import json
import re

import pytest

from flows.cli.main import app
from flows.settings import Settings
from tests.flows.conftest import Call

COMMANDS = sorted(
    command.name or command.callback.__name__.replace("_", "-")
    for command in app.registered_commands
    if command.callback and not command.hidden
)
CHAMPION_KEYS = {"version", "run_id", "network", "representation", "fragment_s", "genres"}


def test_the_commands_are_those_of_the_manual() -> None:
    assert (
        sorted(
            (
                *("run", "ingest", "extract", "train", "compare", "promote", "classify"),
                *("sql", "status", "doctor", "ui", "demo-library", "retry", "conflicts", "decide"),
                *("audit", "sweep", "kernels", "explain", "ladder", "thesis-report"),
                *("golden", "morning", "remove", "reproduce", "serve", "tidy"),
                *("backup", "restore", "curve", "next", "similar", "suspects"),
                *("export", "night", "schedule", "playlists", "web", "check", "tag", "untag"),
                *("benchmark", "export-dataset", "export-model", "import-labels", "import-model"),
                "support-bundle",
            )
        )
        == COMMANDS
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(genreflow: Call, command: str) -> None:
    result = genreflow(command, "--help")

    assert result.code == 0
    assert f"Example: genreflow {command}" in result.out
    assert "--" in result.out


def test_the_version_is_that_of_the_package(genreflow: Call) -> None:
    result = genreflow("--version")

    assert (result.code, result.out) == (0, "genreflow 0.1.0\n")


@pytest.mark.flow
class TestOverAFinishedStore:
    """Each document is the whole standard output."""

    def test_status_gives_the_documented_object(self, genreflow: Call, finished: Settings) -> None:
        result = genreflow("status", "--home", finished.home, "--json")

        status = json.loads(result.out)
        assert (result.code, result.err) == (0, "")
        assert {"tracks", "outcomes", "examples", "snapshot_id", "champion"} <= status.keys()
        assert status["tracks"] == 20
        assert status["outcomes"] == {"ok": 18, "duplicate": 1, "quarantined": 4, "retryable": 0}
        assert status["examples"] == 108
        assert status["champion"].keys() >= CHAMPION_KEYS
        assert status["champion"]["version"] == 1
        assert status["champion"]["genres"] == ["clicks", "hiss", "hums"]

    def test_status_tells_people_the_same(self, genreflow: Call, finished: Settings) -> None:
        result = genreflow("status", "--home", finished.home)

        assert "Stored: 20 tracks, " in result.out
        assert "and 108 examples." in result.out
        assert (
            "All songs: 23, of which 18 ok, 1 duplicate, 4 quarantined, 0 retryable." in result.out
        )
        assert "Champion: version 1, " in result.out

    def test_sql_gives_an_array_of_objects(self, genreflow: Call, finished: Settings) -> None:
        statement = "select genre, count(*) as n from tracks group by genre order by genre"

        result = genreflow("sql", statement, "--home", finished.home, "--json")

        assert (result.code, result.err) == (0, "")
        assert json.loads(result.out) == [
            {"genre": "clicks", "n": 6},
            {"genre": "hiss", "n": 8},
            {"genre": "hums", "n": 6},
        ]

    @pytest.mark.parametrize(
        ("statement", "rows"),
        [
            ("select 1 as a where false", []),
            ("select null as a, date '2020-02-29' as b", [{"a": None, "b": "2020-02-29"}]),
            ("select 'nan'::float as a, '-inf'::double as b", [{"a": None, "b": None}]),
            ("select [1.5, 'nan'::float] as a", [{"a": [1.5, None]}]),
            ("select map {'x': 1} as a, {'k': [2]} as b", [{"a": {"x": 1}, "b": {"k": [2]}}]),
        ],
    )
    def test_sql_gives_json_that_every_program_can_read(
        self, genreflow: Call, finished: Settings, statement: str, rows: list[object]
    ) -> None:
        result = genreflow("sql", statement, "--home", finished.home, "--json")

        def refuse(word: str) -> None:
            raise ValueError(f"{word} is no JSON")

        assert json.loads(result.out, parse_constant=refuse) == rows

    def test_sql_shows_a_table_to_people(self, genreflow: Call, finished: Settings) -> None:
        result = genreflow("sql", "select 'a [b] c' as word, 42 as n", "--home", finished.home)

        assert "word" in result.out
        assert "a [b] c" in result.out
        assert "42" in result.out

    def test_compare_averages_seeds_and_weighs_each_network_against_the_best(
        self, genreflow: Call, finished: Settings
    ) -> None:
        result = genreflow("compare", "--home", finished.home, "--json")

        document = json.loads(result.out)
        best = document["groups"][0]
        value, low, high = best["test"]["macro_f1"]
        scores = [row["validation_macro_f1"] for row in document["runs"]]
        assert len(scores) == 4
        assert scores == sorted(scores, reverse=True)
        assert [row["champion"] for row in document["runs"]].count(True) == 1
        assert [group["seeds"] for group in document["groups"]] == [[0]] * 4
        assert best["run_ids"] == [document["runs"][0]["run_id"]]
        assert value == pytest.approx(document["runs"][0]["test_macro_f1"])
        assert (low, high) == tuple(
            document["runs"][0][f"test_macro_f1_{end}"] for end in ("low", "high")
        )
        assert {d["best"] for d in document["differences"]} == {best["name"]}
        assert [d["standing"] for d in document["differences"]] == ["cannot be told apart"] * 3

    def test_compare_stars_the_champion_and_shows_intervals(
        self, genreflow: Call, finished: Settings
    ) -> None:
        result = genreflow("compare", "--home", finished.home)

        rows = [line for line in result.out.splitlines() if re.search(r"(dense|cnn) +1", line)]
        table = [row for row in rows if "significant" not in row]
        assert len(table) == 4
        assert sum("★" in row for row in table) == 1
        assert all(len(re.findall(r"\d\.\d\d \[\d\.\d\d, \d\.\d\d\]", row)) == 3 for row in table)

    def test_compare_names_its_snapshot_and_takes_one_by_name(
        self, genreflow: Call, finished: Settings
    ) -> None:
        home = ("--home", finished.home)
        document = json.loads(genreflow("compare", *home, "--json").out)
        snapshot_id = document["snapshot_id"]

        named = genreflow("compare", *home, "--snapshot", snapshot_id[:8])
        unknown = genreflow("compare", *home, "--snapshot", "ffff")

        assert f"Runs on snapshot {snapshot_id} (18 songs of 3 genres)." in named.out
        assert (unknown.code, "There is no snapshot ffff" in unknown.err) == (2, True)

    def test_the_home_may_be_named_before_the_command_or_in_the_environment(
        self, genreflow: Call, finished: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = genreflow("--home", finished.home, "status", "--json")
        monkeypatch.setenv("GENREFLOW_HOME", str(finished.home))
        around = genreflow("status", "--json")

        assert json.loads(before.out)["tracks"] == json.loads(around.out)["tracks"] == 20
