"""What needs Keras in a training: to fit, to build a head, to predict, each a call for `in_worker`.

Nothing here imports Prefect, MLflow or DuckDB, which a worker process has no use for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from genre_core.errors import GenreflowError
from genre_core.evaluation.songs import FragmentedSongs, gather_songs
from genre_core.examples import digest_examples
from genre_core.records import Split
from genre_core.representations.embeddings import SongValues, song_values
from genre_core.training.head import Head
from genre_core.training.rules import EpochScores, TrainingConfig
from storage.examples import StoredExamples
from storage.models.network_file import SavedNetwork, load_network, save_network
from tasks.keras_import import import_training, numeric_params


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """What a network is trained from."""

    network: str
    shape: tuple[int, int]
    n_genres: int
    seed: int
    training: TrainingConfig
    train: StoredExamples
    validation: StoredExamples


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the numbers of a training depend on besides its settings."""

    params: Mapping[str, str]
    """Those of `numeric_params`."""
    examples_digest: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A trained network; of a head, ``curve`` is empty."""

    network: SavedNetwork
    curve: tuple[EpochScores, ...] = ()


def fit_stored(fitting: Fitting, report: Callable[[Basis | EpochScores], None]) -> Fitted:
    """Train a network on stored examples; report what it is trained from, then each epoch."""
    training, examples = import_training(), (fitting.train.read(), fitting.validation.read())
    report(Basis(params=numeric_params(), examples_digest=digest_examples(*examples)))
    try:
        model = training.seeded_network(
            fitting.network, fitting.shape, fitting.n_genres, fitting.seed
        )
    except ValueError as error:
        raise GenreflowError(str(error)) from error
    curve = training.fit_network(model, *examples, fitting.training, fitting.seed, report)
    return Fitted(network=save_network(model), curve=tuple(curve))


def build_fitted(head: Head, name: str) -> Fitted:
    """Build the network of a fitted head."""
    import_training()
    from genre_core.networks.head import build_head

    return Fitted(network=save_network(build_head(head, name)))


def predict_stored(
    file: Path, stored: Mapping[Split, StoredExamples], groups: Mapping[str, str]
) -> tuple[dict[Split, FragmentedSongs], SongValues]:
    """Return the songs of each split with the predictions of a network, and their embeddings."""
    training, values, songs = import_training(), SongValues(), {}
    model = load_network(file)
    for split, one in stored.items():
        examples = one.read()
        predicted = training.predict_genres(model, examples.matrices)
        songs[split] = gather_songs(predicted, examples.labels, examples.track_ids, groups)
        values |= song_values(examples)
    return songs, values
