"""The parameters and the name of one training."""

from dataclasses import replace

import pytest

from storage.models.runs import RunCell, run_name, run_params


def test_a_run_is_named_by_what_a_comparison_varies(cell: RunCell) -> None:
    assert run_name(cell) == "cnn 1.5 s seed 0"


def test_a_whole_number_of_seconds_is_written_without_a_fraction(cell: RunCell) -> None:
    whole = replace(cell, fragment_s=3.0)

    assert run_name(whole) == "cnn 3 s seed 0"
    assert run_params(whole)["fragment_s"] == "3"


def test_a_representation_other_than_the_thesis_stands_in_the_name(cell: RunCell) -> None:
    assert run_name(replace(cell, representation="logmel")) == "cnn logmel 1.5 s seed 0"


def test_every_run_has_the_same_parameters_and_those_of_its_training(cell: RunCell) -> None:
    assert run_params(cell) == {
        "network": "cnn",
        "representation": "thesis",
        "fragment_s": "1.5",
        "seed": "0",
        "genres": "jazz, rock",
        "n_genres": "2",
        "n_train": "140",
        "n_validation": "30",
        "n_test": "30",
        "batch_size": "32",
        "learning_rate": "0.001",
    }


def test_a_setting_cannot_bear_the_name_of_a_fact_of_the_cell(cell: RunCell) -> None:
    doubled = replace(cell, config={"seed": 7})

    with pytest.raises(ValueError, match="config must not set seed"):
        run_params(doubled)
