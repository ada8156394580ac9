"""The registry before anything is promoted."""

from storage.models.registry import champion
from storage.models.store import Tracking


def test_before_the_first_promotion_there_is_no_champion(tracking: Tracking) -> None:
    assert champion(tracking) is None


def test_a_registered_model_without_an_alias_is_no_champion(tracking: Tracking) -> None:
    tracking.client.create_registered_model("genreflow")

    assert champion(tracking) is None
