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
    result = genreflow("golden", "--home", finished.home)

    assert result.code == 0
    assert "A genre gives golden songs once it has 10 artists" in result.out


def test_a_frozen_version_is_shown_with_its_songs_by_genre(
    genreflow: Call, finished_copy: Settings
) -> None:
    plant_golden(finished_copy.layout)

    result = genreflow("golden", "--home", finished_copy.home)

    counts = [str(3 * N_PLANTED), *[str(N_PLANTED)] * 3]
    assert [line.split() for line in result.out.splitlines() if line.split()[:1] == ["1"]] == [
        ["1", *counts]
    ]
    assert "No version is frozen" not in result.out


def test_a_home_that_is_not_there_is_told_and_not_made(genreflow: Call, tmp_path: Path) -> None:
    result = genreflow("golden", "--home", tmp_path / "nowhere")

    assert result.code == 2
    assert "There is no store in" in result.err
    assert not (tmp_path / "nowhere").exists()
