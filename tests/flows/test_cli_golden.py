"""The command golden shows the golden songs, or why there are none."""

from pathlib import Path

import pytest

from flows.settings import Settings
from tests.flows.conftest import Call
from tests.tasks.contests import N_PLANTED, plant_golden

pytestmark = pytest.mark.flow


def test_a_small_library_is_told_why_nothing_is_put_aside(
    genreflow: Call, finished: Settings
) -> None:
    said = genreflow("golden", "--home", finished.home)

    assert said.code == 0
    assert "A genre gives golden songs once it has 10 artists" in said.out


def test_a_frozen_version_is_shown_with_its_songs_by_genre(
    genreflow: Call, finished_copy: Settings
) -> None:
    plant_golden(finished_copy.layout)

    said = genreflow("golden", "--home", finished_copy.home)

    counts = [str(3 * N_PLANTED), *[str(N_PLANTED)] * 3]
    assert [line.split() for line in said.out.splitlines() if line.split()[:1] == ["1"]] == [
        ["1", *counts]
    ]
    assert "No version is frozen" not in said.out


def test_a_home_that_is_not_there_is_told_and_not_made(genreflow: Call, tmp_path: Path) -> None:
    said = genreflow("golden", "--home", tmp_path / "nowhere")

    assert said.code == 2
    assert "There is no store in" in said.err
    assert not (tmp_path / "nowhere").exists()
