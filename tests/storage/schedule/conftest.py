"""A plan whose every path holds what a schedule has to escape."""

from datetime import time
from pathlib import Path

import pytest

from storage.schedule.plan import Plan

ODD = '50 % of "it\'s" $HOME \\n ü;'


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A program that writes where it is, what it is given, and a variable, into a file."""
    folder = tmp_path / ODD
    folder.mkdir()
    program = folder / "a program"
    program.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$PWD" "$@" "$NAME" > done.part\nmv done.part done\n'
        '[ "$1" = night ]\n',
        "utf-8",
    )
    program.chmod(0o700)
    return Plan(
        home=folder,
        at=time(3, 5),
        program=str(program),
        folder=folder,
        variables={"NAME": ODD},
        night=("night", "--home", str(folder)),
        failed=("morning", "--failed"),
        log=folder / "log",
    )
