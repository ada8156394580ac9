"""Made-up songs, examples of them, and a learner that memorises in milliseconds."""

import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from genre_core.audit.learners import Fit, Learner
from genre_core.audit.songs import AuditedSong
from genre_core.dataset.artists import Credit, name_artists
from genre_core.examples import Examples, Float32Array
from genre_core.records import Split

SPLITS = [Split.TRAIN] * 7 + [Split.VALIDATION] + [Split.TEST] * 2
N_FRAGMENTS = 6


def make_song(number: int, genre: str, **changes: object) -> AuditedSong:
    """A song of an artist of its own; of ten songs, seven train, one validates, two test."""
    split = changes.pop("split", SPLITS[number % len(SPLITS)])
    facts: dict[str, object] = {
        "track_id": f"{genre}{number:04d}",
        "genre": genre,
        "split": split,
        "assigned": str(split),
        "group_id": f"artist:{genre}{number}",
        "split_level": "group",
        "location": f"/music/{genre}/{number}.mp3",
        "artist": f"{genre} {number}",
    }
    facts |= changes
    credit = Credit(artist=str(facts["artist"]))
    return AuditedSong(**{"artists": name_artists([credit])[0], **facts})  # type: ignore[arg-type]


def make_library(n_songs: int, genres: Sequence[str] = ("jazz", "rock")) -> list[AuditedSong]:
    return [make_song(number, genre) for genre in genres for number in range(n_songs)]


def of_split(songs: Sequence[AuditedSong], split: Split) -> list[AuditedSong]:
    return [song for song in songs if song.split == split]


def make_examples(
    songs: Sequence[AuditedSong], centre_of: Callable[[AuditedSong], Float32Array]
) -> Examples:
    """Six fragments a song, 2 bands x 3 frames, close to the centre of the song."""
    rng = np.random.default_rng(5)
    genres = sorted({song.genre for song in songs})
    matrices = [
        centre_of(song) + rng.normal(0, 0.01, (N_FRAGMENTS, 2, 3)).astype(np.float32)
        for song in songs
    ]
    return Examples(
        matrices=np.concatenate(matrices),
        labels=np.repeat([genres.index(song.genre) for song in songs], N_FRAGMENTS),
        track_ids=np.repeat(np.array([song.track_id for song in songs], object), N_FRAGMENTS),
    )


def own_centre(song: AuditedSong) -> Float32Array:
    """A place of its own for each song, whatever its genre."""
    return (
        np.random.default_rng(zlib.crc32(song.track_id.encode()))
        .normal(0, 1, (2, 3))
        .astype(np.float32)
    )


def one_learner(examples: Examples, fit: Fit, n_draws: int = 8) -> list[Learner]:
    """The learners of a check where there is one alone."""
    return [Learner(name="a learner", fit=fit, examples=examples, n_draws=n_draws)]


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forests of a fifth of the trees: the songs of these tests are told apart by any of them."""
    monkeypatch.setattr("genre_core.audit.baselines.FILE_TREES", 20)
    monkeypatch.setattr("genre_core.audit.baselines.METADATA_TREES", 8)


@pytest.fixture
def memorise() -> Fit:
    """The nearest neighbour of two genres: memorises what it was trained on."""

    def fit(train: Examples, scored: Examples, seed: int) -> Float32Array:
        nearest = KNeighborsClassifier(1).fit(train.matrices.reshape(len(train), -1), train.labels)
        probabilities = np.zeros((len(scored), 2), np.float32)
        found = nearest.predict_proba(scored.matrices.reshape(len(scored), -1))
        probabilities[:, nearest.classes_] = found
        return probabilities

    return fit
