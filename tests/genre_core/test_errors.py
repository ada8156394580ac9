"""Errors that cross processes, and the words that records are kept under."""

import pickle

import pytest

from genre_core.errors import (
    CatalogMismatch,
    GenreflowError,
    TrackRejected,
    TransientError,
    UsageError,
)
from genre_core.records import Reason


def test_a_rejection_tells_its_sentence_and_knows_its_reason() -> None:
    rejection = TrackRejected(Reason.TOO_SHORT, "the track lasts 41.0 s")

    assert str(rejection) == "the track lasts 41.0 s"
    assert rejection.reason == "too_short"


def test_a_rejection_survives_the_way_between_processes() -> None:
    rejection = pickle.loads(pickle.dumps(TrackRejected(Reason.SILENT, "no sound")))

    assert (rejection.reason, str(rejection)) == ("silent", "no sound")


@pytest.mark.parametrize(
    ("arguments", "reason", "sentence"),
    [
        ((Reason.TIMED_OUT, "no answer in time"), "timed_out", "no answer in time"),
        (("no answer in time",), "", "no answer in time"),
        ((), "", ""),
    ],
)
def test_a_failure_for_a_while_may_have_a_reason(
    arguments: tuple[str, ...], reason: str, sentence: str
) -> None:
    failure = pickle.loads(pickle.dumps(TransientError(*arguments)))

    assert (failure.reason, str(failure)) == (reason, sentence)


@pytest.mark.parametrize("error", [CatalogMismatch, TrackRejected, TransientError, UsageError])
def test_every_error_that_is_foreseen_is_one_family(error: type[Exception]) -> None:
    assert issubclass(error, GenreflowError)


@pytest.mark.parametrize("error", [TrackRejected, TransientError, UsageError])
def test_no_error_names_the_password_or_the_signature_of_an_address(error: type[Exception]) -> None:
    failure = error(Reason.NOT_FOUND, "http://me:secret@host/a.mp3?sig=secret is gone.")

    assert "secret" not in f"{failure} {failure!r}"
    assert "http://host/a.mp3 is gone." in repr(failure)
