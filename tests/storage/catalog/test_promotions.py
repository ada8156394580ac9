"""The challenger that the registry names: the last one that was rejected, while nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.catalog.promotions import (
    Challenge,
    Promotion,
    read_challenger_version,
    record_challenge,
    record_promotion,
)

if TYPE_CHECKING:
    from tests.storage.catalog.conftest import Store


def challenge(version: int, *, promoted: bool) -> Challenge:
    run_id = f"run {version}"
    return Challenge(
        version=version,
        promoted=promoted,
        run_id=run_id,
        previous_run_id="run 1",
        snapshot_id="s",
        reason="",
        n_songs=6,
    )


def promotion(version: int, kind: str) -> Promotion:
    return Promotion(
        version=version,
        previous_version=1,
        run_id=f"run {version}",
        previous_run_id="run 1",
        snapshot_id="s",
        reason="",
        validation_macro_f1=0.5,
        previous_validation_macro_f1=0.4,
        kind=kind,
    )


def test_a_rejected_challenger_stays_one_until_another_is_promoted(store: Store) -> None:
    before = store.call(read_challenger_version)
    store.call(record_challenge, challenge(2, promoted=False))
    rejected = store.call(read_challenger_version)

    store.call(record_challenge, challenge(3, promoted=True))

    assert (before, rejected, store.call(read_challenger_version)) == (None, 2, None)


@pytest.mark.parametrize("kind", ["manual", "rollback"])
def test_a_choice_of_a_person_ends_the_challenge(store: Store, kind: str) -> None:
    store.call(record_challenge, challenge(2, promoted=False))
    store.call(record_promotion, promotion(1, kind))

    assert store.call(read_challenger_version) is None
