"""A representation that cannot be made of a song leaves the other representations be."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from flows.settings import Settings
from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import Reason, Source
from genre_core.representations import registry
from genre_core.representations.registry import REPRESENTATIONS, Representation
from genre_core.representations.spectrum import cut_frames
from genre_core.representations.waveform import envelope_matrices
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from tasks.extract import select_tracks

Store = Callable[[Sequence[Source]], None]
STEADY = 0.05
"""A click dies away within its beat: half of its scaled envelope lies below this; a hum stays."""


def rhythm_matrices(fragments: Float32Array) -> Float32Array:
    """Return the envelope of songs that fall silent between their beats; others have no rhythm."""
    envelopes = envelope_matrices(fragments)
    if np.median(envelopes) > STEADY:
        raise TrackRejected(Reason.NOT_REPRESENTED, "nothing in the song beats.")
    return envelopes


def endless_matrices(fragments: Float32Array) -> Float32Array:
    """Return frames of a minute, which no fragment is long enough for: a mistake of its author."""
    return cut_frames(fragments, 60 * 44_100, 44_100)


ENVELOPE = REPRESENTATIONS["envelope"]


@pytest.fixture
def config(config: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The thesis's matrices, and two representations of which one judges and one is wrong."""
    more = {
        "rhythm": Representation(
            matrices=rhythm_matrices,
            n_bands=1,
            n_frames=ENVELOPE.n_frames,
            settings={"steady": STEADY},
        ),
        "endless": Representation(
            matrices=endless_matrices,
            n_bands=1,
            n_frames=ENVELOPE.n_frames,
            settings={"frame_s": 60},
        ),
    }
    monkeypatch.setattr(registry, "REPRESENTATIONS", MappingProxyType({**REPRESENTATIONS, **more}))
    names = ("thesis", "rhythm", "endless")
    return replace(config, representations=names, fragment_lengths_s=(1.0,))


@pytest.fixture
def songs(library: Path) -> list[Source]:
    names = {"clicks": "clicks/song 1.flac", "hums": "hums/song 0.wav"}
    return [Source(location=str(library / name), genre=genre) for genre, name in names.items()]


def test_the_others_keep_their_matrices_and_the_failed_one_says_why(
    config: Settings, store_songs: Store, songs: list[Source]
) -> None:
    store_songs(songs)

    publish(config.layout)
    made = query_rows(
        config.layout, "select distinct genre, representation from spectrograms order by all"
    )
    assert [(row["genre"], row["representation"]) for row in made] == [
        ("clicks", "rhythm"),
        ("clicks", "thesis"),
        ("hums", "thesis"),
    ]
    assert [refusal[:3] for refusal in refusals(config)] == [
        ("clicks", "endless", "not_represented"),
        ("hums", "endless", "not_represented"),
        ("hums", "rhythm", "not_represented"),
    ]
    assert "is shorter than a frame" in refusals(config)[0][3]
    assert refusals(config)[2][3] == "nothing in the song beats."

    outcomes = query_rows(config.layout, "select outcome from outcomes")
    assert [row["outcome"] for row in outcomes] == ["ok", "ok"]
    assert select_tracks.fn(config.layout, config.features) == []


def refusals(config: Settings) -> list[tuple[str, str, str, str]]:
    """Return genre, representation, reason and message of what was not made."""
    statement = """
        select genre, representation, reason, message
        from rejected join tracks using (track_id) join features using (feature_key) order by all
    """
    with open_catalog(config.layout) as catalog:
        rows = fetch_rows(catalog, statement)
    return [(r["genre"], r["representation"], r["reason"], r["message"]) for r in rows]
