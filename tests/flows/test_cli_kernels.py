"""The commands kernels and explain, and what they say when they cannot work."""

import pytest

from tests.flows.conftest import Call


def test_kernels_refuses_a_negative_seed(genreflow: Call) -> None:
    result = genreflow("kernels", "--quick", "--seed", "-1")

    assert result.code == 2
    assert "Name a seed of 0 or more" in result.err


def test_explain_without_a_champion_says_what_to_do(genreflow: Call) -> None:
    result = genreflow("explain", "song.mp3")

    assert result.code == 2
    assert "There is no champion" in result.err


@pytest.mark.parametrize("command", ["kernels", "explain"])
def test_a_study_explains_itself_with_an_example(genreflow: Call, command: str) -> None:
    result = genreflow(command, "--help")

    assert result.code == 0
    assert f"genreflow {command}" in result.out
