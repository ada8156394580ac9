"""What a tracking server answers when a model is fetched: trouble of its own, or a model gone."""

import pytest
import requests
from mlflow.exceptions import MlflowException

from genre_core.errors import GenreflowError, TransientError, UsageError
from storage.models.store import told

SERVER = "http://127.0.0.1:5000"


def answer_with(status: int) -> None:
    """Fail as MLflow does when it fetches a file and the server answers so."""
    response = requests.Response()
    response.status_code = status
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        raise MlflowException(f"The file could not be fetched: {error}") from error


@pytest.mark.parametrize(("status", "expected"), [(500, TransientError), (403, UsageError)])
def test_a_server_in_trouble_is_told_in_a_sentence_with_its_address(
    status: int, expected: type[GenreflowError]
) -> None:
    with pytest.raises(expected, match=SERVER), told(SERVER):
        answer_with(status)


def test_that_a_file_is_gone_is_an_answer_and_no_trouble() -> None:
    with pytest.raises(MlflowException, match="404"), told(SERVER):
        answer_with(404)
