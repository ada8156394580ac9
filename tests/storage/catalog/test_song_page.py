"""Songs that tell how often the champion is right, and those that it was trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from genre_core.records import Split
from storage.catalog.promotions import Promotion, record_promotion
from storage.catalog.publish import publish
from storage.catalog.runs import Prediction, record_run
from storage.catalog.song_page import CheckedSongs, read_checked, read_trained_on

if TYPE_CHECKING:
    from tests.storage.catalog.conftest import Store

SPLITS = {
    "learned": Split.TRAIN,
    "chose": Split.VALIDATION,
    "right": Split.TEST,
    "wrong": Split.TEST,
    "strange": Split.TEST,
}


def promote(store: Store, network: str) -> dict[str, str]:
    """Promote a run that has predicted its validation and test songs; return their ids."""
    tracks = {name: store.track(name) for name in SPLITS}
    tracks["wrong"] = replace(tracks["wrong"], artist="Ada")
    tracks["right"] = replace(tracks["right"], artist=" ada")
    store.add_songs(*tracks.values())
    store.extract("key", *tracks.values())
    for name, split in SPLITS.items():
        store.assign(tracks[name], split=split)
    run = replace(store.run("run", store.freeze("key", *tracks.values())), network=network)
    predictions = [
        Prediction(
            run_id="run",
            track_id=tracks[name].track_id,
            split=split,
            genre="jazz",
            predicted="rock" if name == "wrong" else "jazz",
            probability=0.5,
            confidence=0.25 + 0.125 * place,
            unknown=name == "strange",
        )
        for place, (name, split) in enumerate(SPLITS.items())
        if split != Split.TRAIN
    ]
    store.call(record_run, run, predictions)
    promotion = Promotion(
        version=1,
        run_id="run",
        previous_version=None,
        previous_run_id=None,
        snapshot_id=run.snapshot_id,
        validation_macro_f1=0.7,
        previous_validation_macro_f1=None,
        reason="first",
    )
    store.call(record_promotion, promotion)
    publish(store.layout)
    return {name: track.track_id for name, track in tracks.items()}


@pytest.mark.parametrize(
    ("network", "confidences"), [("cnn", [0.5, 0.625]), ("head", [0.375, 0.5, 0.625])]
)
def test_validation_songs_tell_nothing_of_a_network_and_unknown_songs_of_no_model(
    store: Store, network: str, confidences: list[float]
) -> None:
    promote(store, network)

    found = read_checked(store.layout)

    assert sorted(found.confidences) == confidences
    right = dict(zip(found.confidences, found.is_right, strict=True))
    assert right[0.5]
    assert not right[0.625]
    assert len(set(found.artists)) == len(confidences) - 1  # two songs are by Ada


def test_the_songs_of_the_training_split_are_known(store: Store) -> None:
    ids = promote(store, "head")

    assert read_trained_on(store.layout) == {ids["learned"]}


def test_a_home_without_a_store_has_neither(store: Store) -> None:
    store.layout.published.unlink(missing_ok=True)

    assert read_checked(store.layout) == CheckedSongs(confidences=[], is_right=[], artists=[])
    assert read_trained_on(store.layout) == frozenset()
