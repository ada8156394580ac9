"""Text from outside is text: in tables, messages, bars, logs and tracebacks."""

import io
import logging

import pytest
from rich.table import Table

from flows.cli.start import guard
from flows.cli.tables import plain_table, predictions_table
from tasks.predict import SongPrediction
from tasks.terminal import Terminal, cell

NAMES = ["[/red]", "[bold]loud[/bold]", "[link=http://evil.example]x[/link]", ":smiley:"]
TITLE = "\x1b]0;owned\x07\x1b[2J"


def printed(*renderables: object) -> str:
    console = Terminal(width=80)
    with console.capture() as captured:
        console.print(*renderables)
    return captured.get()


@pytest.mark.parametrize("name", NAMES)
def test_markup_in_a_name_is_shown_as_it_is_written(name: str) -> None:
    table = plain_table(name, (name,), [(name,)])

    assert name in printed(name)
    assert printed(table).count(name) == 3


def test_genres_of_a_prediction_are_no_markup() -> None:
    prediction = SongPrediction(
        song="http://me:secret@host/a.mp3?sig=secret",
        genre="[/red]",
        confidence=0.7,
        probabilities={"[/red]": 0.7, "[b]": 0.3},
        alternatives=("[/red]", "[b]"),
    )

    shown = printed(predictions_table([prediction]))

    assert shown.splitlines()[-1].split() == ["a.mp3", "[/red]", "0.70", "[b]", "0.30"]


def test_no_control_sequence_passes_the_terminal() -> None:
    table = Table(title=TITLE)
    table.add_column(TITLE)
    table.add_row(TITLE)

    assert not {"\x1b", "\x07"} & set(printed(TITLE) + printed(table))


def test_a_cell_is_as_wide_as_what_is_shown() -> None:
    lines = printed(plain_table("", ("a", "b"), [("\x1b[2J", "|"), ("1234567", "|")])).splitlines()

    assert len({line.index("|") for line in lines[-2:]}) == 1
    assert cell(TITLE).plain == r"\x1b]0;owned\x07\x1b[2J"


@pytest.mark.parametrize("sequence", ["\x1b]52;c;eA==\x07", "\x1b[31m", "\x9b2J"])
def test_what_libraries_print_holds_no_control_sequence(sequence: str) -> None:
    written = io.BytesIO()
    stream = guard(written)

    stream.write(f"Traceback: {sequence}\n")
    stream.flush()

    assert written.getvalue().decode().isprintable() is False  # the line feed alone
    assert written.getvalue().decode().rstrip("\n").isprintable()


def test_logs_hold_no_secret_and_no_control_sequence() -> None:
    address, written = "http://me:hunter2@host/a.mp3?sig=hunter2", io.StringIO()
    logger = logging.Logger("songs")  # one that no configuration of a library has disabled
    logger.addHandler(logging.StreamHandler(written))

    try:
        raise OSError(f"{address}{TITLE}")
    except OSError as error:
        logger.exception("%s: %s", TITLE, error)

    assert "http://host/a.mp3" in written.getvalue()
    assert not any(part in written.getvalue() for part in ("hunter2", "\x1b", "\x07"))
