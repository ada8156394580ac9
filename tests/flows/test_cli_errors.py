"""What goes wrong is one sentence on standard error; no traceback, no standard output."""

import errno
import logging
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from flows.cli.errors import Unforeseen, find_cause, find_silence
from flows.settings import Settings
from genre_core.errors import TransientError
from storage.home import DataLayout
from storage.lock import hold_home
from tests.flows.conftest import PROGRAM, Call, CommandResult
from tests.flows.test_ui import free_port

FAILURE, USAGE = 1, 2


def sentence_of(result: CommandResult) -> str:
    """Return the one sentence that a command printed, and nothing else."""
    assert result.out == ""
    assert "Traceback" not in result.err
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result.err
    assert lines[0].startswith("genreflow: ")
    return lines[0]


@pytest.mark.parametrize(
    "command",
    [("status",), ("status", "--json"), ("sql", "select 1", "--json"), ("compare", "--json")],
)
def test_no_store_yet(genreflow: Call, tmp_path: Path, command: tuple[str, ...]) -> None:
    result = genreflow(*command)

    assert result.code == USAGE
    assert f"There is no store in {tmp_path}/home yet" in sentence_of(result)


@pytest.mark.parametrize("place", ["home/songs/", "genreflow.toml"])
def test_status_of_a_home_without_a_store_names_the_next_command(
    genreflow: Call, tmp_path: Path, place: str
) -> None:
    if place.endswith("/"):
        (tmp_path / place).mkdir(parents=True)
    else:
        (tmp_path / place).write_text('genres = ["rock"]\n')

    result = genreflow("status")

    assert result.code == 0
    assert result.err == ""
    assert "no store in" in result.out
    assert "genreflow run MUSIC" in result.out


def test_no_champion_yet(genreflow: Call, library: Path) -> None:
    result = genreflow("classify", library / "hums" / "song 0.wav", "--json")

    assert result.code == USAGE
    assert "There is no champion in" in sentence_of(result)


def test_a_folder_without_songs_to_classify(genreflow: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    result = genreflow("classify", "empty")

    assert result.code == USAGE
    assert "There is no song in empty" in sentence_of(result)


def test_an_unknown_network_names_those_there_are(genreflow: Call) -> None:
    result = genreflow("train", "--network", "vgg")

    assert result.code == USAGE
    assert "no network 'vgg'. Choose among: head, head_no_prior, dense" in sentence_of(result)


@pytest.mark.parametrize(
    "command",
    [
        ("status", "--wrong"),
        ("bogus",),
        ("classify",),
        ("train", "--seed", "one"),
        ("train", "--fragment-s", "long"),
        ("ui", "--mlflow-port", "no"),
    ],
)
def test_a_wrong_option_or_command_is_a_usage_error(
    genreflow: Call, command: tuple[str, ...]
) -> None:
    result = genreflow(*command)

    assert result.code == USAGE
    assert result.out == ""
    assert result.err.startswith("Usage: genreflow")
    assert "Traceback" not in result.err


@pytest.mark.flow
@pytest.mark.parametrize("command", ["train", "sweep"])
def test_a_genre_that_no_song_has_names_those_there_are(
    genreflow: Call, finished: Settings, command: str
) -> None:
    result = genreflow(command, "--genre", "hums", "--genre", "polka", "--home", finished.home)

    assert result.code == USAGE
    assert "has the genre 'polka'. It has: clicks (6), hiss (8), hums (" in sentence_of(result)


@pytest.mark.flow
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("selct 1", "The query failed: Parser Error: syntax error"),
        ("delete from tracks", "A DELETE statement is refused: the store is read-only."),
    ],
)
def test_bad_sql(genreflow: Call, finished: Settings, statement: str, words: str) -> None:
    result = genreflow("sql", statement, "--home", finished.home, "--json")

    assert result.code == USAGE
    assert result.out == ""
    assert result.err.startswith(f"genreflow: {words}")
    assert "Traceback" not in result.err


@pytest.mark.flow
@pytest.mark.usefixtures("prefect_server")
class TestInsideFlows:
    """Prefect's own tracebacks stay off the screen."""

    @pytest.mark.parametrize(
        ("command", "words"),
        [
            (("ingest",), "No music is named"),
            (("ingest", "LIBRARY", "--genre", "polka"), "There is: clicks ("),
            (("ingest", "/no/such/music"), "/no/such/music is not there"),
            (("ingest", "LIBRARY", "--cookies", "nowhere.txt"), "nowhere.txt cannot be read"),
            (("ingest", "LIBRARY", "--archive", "nowhere.txt"), "nowhere.txt cannot be read"),
        ],
    )
    def test_what_is_missing_is_named(
        self, genreflow: Call, library: Path, command: tuple[str, ...], words: str
    ) -> None:
        result = genreflow(*(library if word == "LIBRARY" else word for word in command))

        assert result.code == USAGE
        assert words in sentence_of(result)

    @pytest.mark.prefect
    def test_a_library_without_songs(self, genreflow: Call, tmp_path: Path) -> None:
        (tmp_path / "jazz").mkdir()

        result = genreflow("run", tmp_path)

        assert result.code == USAGE
        assert "holds no songs" in sentence_of(result)

    def test_another_run_that_is_at_work_in_the_same_home(
        self, genreflow: Call, library: Path, tmp_path: Path
    ) -> None:
        with hold_home(DataLayout(tmp_path / "home")):
            result = genreflow("ingest", library)

        assert result.code == FAILURE
        assert "Another run of genreflow is at work" in sentence_of(result)


@pytest.mark.flow
def test_a_prefect_server_that_is_down_is_told_by_its_address(program: Call, library: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}/api"

    result = program("ingest", library, PREFECT_API_URL=address, COLUMNS="300")

    assert result.code == FAILURE
    assert f"The Prefect server at {address} (PREFECT_API_URL) does not answer" in result.err
    assert "Traceback" not in result.err


def test_only_silence_of_a_server_that_was_named_is_told_so() -> None:
    refused = httpx.ConnectError("Connection refused")

    assert find_silence([refused], "") is None
    assert find_silence([ValueError("Failed to reach API")], "http://a/api") is None
    assert "http://a/api" in str(find_silence([ValueError(), refused], "http://a/api"))


def test_a_full_disk_is_shown_once_and_errors_that_main_reports_not_at_all() -> None:
    unforeseen, full = Unforeseen(), "The disk of /home is full. Free some space, then try again."
    error = TransientError(full)

    def shows(message: str, cause: Exception | None = None) -> bool:
        exc_info = (type(cause), cause, None) if cause else None
        return unforeseen.filter(
            logging.LogRecord("genreflow", logging.ERROR, "", 0, message, None, exc_info)
        )

    assert not shows("extract failed", error)
    assert not shows("Failed to write result: [Errno 28] No space left on device")
    assert shows(f"one.mp3 was left out: {full}")
    assert not shows(f"two.mp3 was left out: {full}")
    assert shows("another warning")
    assert shows("a bug", ValueError("bug"))


def test_a_damaged_state_of_prefect_ends_in_a_sentence(
    program: Call, tmp_path: Path, library: Path
) -> None:
    state = tmp_path / "home" / "prefect"
    state.mkdir(parents=True)
    (state / "prefect.db").write_bytes(b"no database" * 500)

    result = program("run", library, "--home", tmp_path / "home", PREFECT_HOME=str(state))

    assert result.code == FAILURE
    assert "prefect.db is damaged" in sentence_of(result)


@pytest.mark.long
def test_a_server_of_prefect_that_cannot_start_is_given_up(tmp_path: Path, library: Path) -> None:
    state = tmp_path / "home" / "prefect"
    state.mkdir(parents=True)
    with closing(sqlite3.connect(state / "prefect.db")) as of_later_version:
        of_later_version.execute("create table alembic_version as select 'later' as version_num")
        of_later_version.commit()
    alone = {name: value for name, value in os.environ.items() if "PREFECT" not in name}

    ended = subprocess.run(
        [PROGRAM, "--home", str(tmp_path / "home"), "run", str(library)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=alone,
    )

    assert ended.returncode == FAILURE
    assert f"Prefect's server does not start on {state}." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_names_settings_in_brackets(genreflow: Call) -> None:
    assert "the settings [keep]" in genreflow("tidy", "--help").out


def test_a_wrong_place_is_named_without_its_password(genreflow: Call) -> None:
    result = genreflow("ingest", "http://me:secret@host/list.csv?sig=secret")

    assert result.code == USAGE
    assert "secret" not in result.err
    assert "host/list.csv is not there" in sentence_of(result)


@pytest.mark.parametrize("command", ["--version", "--help"])
def test_an_output_that_takes_no_more_ends_in_a_sentence(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [PROGRAM, command], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert ended.returncode == FAILURE
    assert sentence_of(CommandResult(code=1, out="", err=ended.stderr)) == (
        "genreflow: The disk that is written to is full. Free some space, then try again."
    )


def test_a_full_disk_is_named_whatever_failed_after_it() -> None:
    error = RuntimeError("a library failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device", "/full/model.keras")

    assert str(find_cause(error)) == (
        "The disk of /full/model.keras is full. Free some space, then try again."
    )
