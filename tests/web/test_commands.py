"""Commands that a page starts: what they printed, and one of a name at a time."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.web.commands import Command, Commands, log_of
from genre_core.errors import TransientError
from storage.extras import ExtraMissing
from storage.home import DataLayout


def ended(log: Path, text: str, code: int) -> Command:
    log.write_text(text, "utf-8")
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    process.wait()
    return Command(("night",), log, process, datetime.now(UTC))


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("one\nVersion 2 was promoted.\n\n", 0, "Version 2 was promoted."),
        ("one\ngenreflow: no music\nSee https://a.library\n", 2, "no music"),
        ("genreflow: warned\nVersion 2 was promoted.", 0, "Version 2 was promoted."),
        ("Killed", 137, "Killed"),
        ("", 1, "The command has ended without a message."),
    ],
)
def test_a_command_that_failed_says_why_and_another_its_result(
    tmp_path: Path, text: str, code: int, sentence: str
) -> None:
    assert ended(tmp_path / "log", text, code).sentence == sentence


def test_no_path_of_the_home_is_shown(tmp_path: Path) -> None:
    found = ended(tmp_path / "log", f"genreflow: There is no store in {tmp_path} yet.", 2)
    assert found.sentence == "There is no store in the home yet."


def test_a_command_runs_once_at_a_time_and_its_output_is_kept(tmp_path: Path) -> None:
    layout, commands = DataLayout(tmp_path), Commands()
    first = commands.start(layout, ("morning",))
    with pytest.raises(TransientError, match="genreflow morning"):
        commands.start(layout, ("morning",))
    assert first.process.wait() == 2
    assert first.sentence.startswith("There is no store in the home yet")
    assert commands.start(layout, ("morning",)).process.wait() == 2


def test_a_command_whose_extra_is_missing_is_not_started_and_the_extra_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, commands = DataLayout(tmp_path), Commands()
    monkeypatch.setitem(sys.modules, "mlflow", None)  # as where it is not installed

    for name, extra in {"night": "nightly", "promote": "train", "retry": "train"}.items():
        with pytest.raises(ExtraMissing, match=rf"`genreflow {name}` needs .*\[{extra}\]"):
            commands.start(layout, (name,))
        assert not log_of(layout, name).exists()
