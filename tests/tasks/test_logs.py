"""Logs as JSON lines."""

import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from genre_core.errors import CatalogMismatch
from tasks.logs import JsonFormatter, JsonLines
from tasks.workers import Worker

COMMAND = (sys.executable, "-c", "from flows.cli.start import main; main()")


def record_of(error: Exception) -> dict[str, str]:
    try:
        raise error
    except Exception as raised:
        made = logging.getLogger("x").makeRecord(
            "x",
            logging.ERROR,
            "",
            0,
            "%s was left out",
            ("a.mp3",),
            (type(raised), raised, raised.__traceback__),
            extra={"track_id": "ab12"},
        )
    return json.loads(JsonFormatter().format(made))


def test_a_record_is_one_line_with_its_track_code_and_traceback() -> None:
    foreseen, fault = (
        record_of(CatalogMismatch("no shard")),
        record_of(ZeroDivisionError("one\ntwo")),
    )

    assert (foreseen["message"], foreseen["track_id"]) == ("a.mp3 was left out", "ab12")
    assert (foreseen["code"], fault["code"]) == ("catalog-mismatch", "unforeseen")
    assert "ZeroDivisionError: one\ntwo" in fault["traceback"]
    assert foreseen["time"].endswith("+00:00")


def test_credentials_in_a_record_are_hidden() -> None:
    made = record_of(ValueError("https://me:secret@host.example/a?token=abc"))

    assert "secret" not in json.dumps(made)
    assert "token=abc" not in json.dumps(made)


def test_what_anything_prints_becomes_a_record_a_line() -> None:
    seen: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("genreflow").addHandler(handler)
    try:
        stream = JsonLines(io.StringIO())
        print("half", end="", file=stream)
        print(" a line\n\nand one", file=stream)
        print("at the end", end="", file=stream)
        stream.flush()
    finally:
        logging.getLogger("genreflow").removeHandler(handler)

    assert seen == ["half a line", "and one", "at the end"]


def fail_in_worker() -> None:
    try:
        raise ZeroDivisionError("in a worker")
    except ZeroDivisionError:
        logging.getLogger("genreflow").exception("it failed")


def test_a_worker_process_sends_message_and_traceback_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = Worker()
    worker.call(fail_in_worker, (), None)
    worker.end()

    [record] = [one for one in caplog.records if one.name == "genreflow"]
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "it failed"
    assert "ZeroDivisionError: in a worker" in line["traceback"]


def test_every_line_of_standard_error_is_json_whatever_is_wrong(tmp_path: Path) -> None:
    wrong = [["sql", "select 1", "--home", str(tmp_path), "--log-json"], ["--log-json", "ingst"]]

    ended = [subprocess.run([*COMMAND, *line], capture_output=True, text=True) for line in wrong]

    records = [[json.loads(line) for line in one.stderr.splitlines()] for one in ended]
    assert [one.returncode for one in ended] == [2, 2]
    assert [one[-1]["code"] for one in records] == ["no-store", "usage"]
    assert all(one[-1]["level"] == "ERROR" for one in records)
