"""The small network against the thesis's four, and what each augmentation does, by artist.

``PYTHONPATH=. .venv/bin/python benchmarks/small_network.py MUSIC [MINUTES [SEEDS [source]]]``

Songs are split five times by artist (by song where a genre has too few artists, as in training), or
with ``source`` by where they come from, as the audit names sources; genres of one source are then
trained on and not scored. One part tests, the next one validates, three train. Every condition sees
the same parts and seeds.
Rounds are done in turn until MINUTES are over; the table says how many each condition has done.
Nothing is chosen by the test: strengths of the augmentation are those of its papers or smaller.
"""

import hashlib
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from genre_core.audit.songs import AuditedSong
from genre_core.dataset.artists import Credit, name_artists
from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import assign
from genre_core.errors import TrackRejected
from genre_core.examples import Examples, Float32Array
from genre_core.records import Source, Split
from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.signal.fragments import FragmentConfig, draw_starts, track_rng
from genre_core.studies.ladder.folds import group_songs
from genre_core.studies.ladder.rungs import Division
from genre_core.training import fit as training
from genre_core.training.augmentation import AugmentationConfig
from genre_core.training.rules import TrainingConfig
from storage.audio.decode import read_fragments
from storage.audio.probe import probe_audio
from storage.sources.listing import list_sources

N_FOLDS = 5
N_RESAMPLED = 2_000
FRAGMENTS = FragmentConfig(protocol="thesis", n_fragments=4)
TRAINING = {"max_epochs": 30, "batch_size": 16, "patience_epochs": 30}
MASKS = {"band_mask": 0.2, "frame_mask": 0.2}
AUGMENTATIONS: Mapping[str, Mapping[str, float]] = {
    "plain": {},
    "all": {**MASKS, "mixup": 0.2, "tilt": 0.15, "low_pass": 0.4},
    "masks": MASKS,
    "mixup": {"mixup": 0.2},
    "tilt": {"tilt": 0.15},
    "low_pass": {"low_pass": 0.4},
}
THESIS_NETWORKS = ("dense", "cnn", "rnn", "combined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A network, a representation and an augmentation, each by its name."""

    network: str
    representation: str
    augmentation: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Library:
    """Songs with labels, groups and, by representation, matrices of their fragments."""

    genres: tuple[str, ...]
    labels: np.ndarray
    groups: np.ndarray
    is_testable: np.ndarray
    matrices: Mapping[str, Float32Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Round:
    """What every condition is given: songs of each side, by number, and a seed."""

    seed: int
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


SMALL = Condition(network="resnet_small", representation="logmel")
MAIN_CONDITIONS = (
    SMALL,
    *(Condition(network=name, representation="thesis") for name in THESIS_NETWORKS),
    replace(SMALL, augmentation="all"),
    Condition(network="cnn", representation="logmel"),
)
OTHER_CONDITIONS = (
    *(replace(SMALL, augmentation=name) for name in ("masks", "mixup", "tilt", "low_pass")),
    *(Condition(network=name, representation="logmel") for name in ("dense", "rnn", "combined")),
)
Results = dict[tuple[Condition, str], list[tuple[np.ndarray, np.ndarray]]]


ACROSS_SOURCES = (
    SMALL,
    replace(SMALL, augmentation="tilt"),
    *(Condition(network=name, representation="logmel") for name in ("cnn", "rnn")),
)


def main(music: str, minutes: float = 15.0, n_seeds: int = 3, apart: str = "artist") -> None:
    """Train every condition in every round that fits the time, and show the table."""
    end = time.monotonic() + 60 * minutes
    library = read_library(music, group_by_source if apart == "source" else group_by_artist)
    blocks = (ACROSS_SOURCES,) if apart == "source" else (MAIN_CONDITIONS, OTHER_CONDITIONS)
    _say(
        f"{len(library.labels)} songs of {', '.join(library.genres)}, "
        f"{len(set(library.groups))} groups, {FRAGMENTS.n_fragments} fragments each"
    )
    results: Results = defaultdict(list)
    order = product(range(n_seeds), blocks)
    for seed, conditions in order:
        for part, condition in product(rounds(library, seed), conditions):
            if time.monotonic() < end:
                score_condition(library, part, condition, results)
                _say(f"seed {part.seed}: {_name(condition)} done")
    show(library, results)


def group_by_artist(sources: Sequence[Source]) -> list[str]:
    """Return the group of each song, as training splits them."""
    candidates = [
        Candidate(track_id=_track_id(source), genre=source.genre, artists=artists)
        for source, artists in zip(sources, _name_artists(sources), strict=True)
    ]
    plan = assign(candidates, {}, seed=0)
    group_of_track = {place.track_id: place.group_id for place in plan.assignments}
    return [group_of_track[candidate.track_id] for candidate in candidates]


def group_by_source(sources: Sequence[Source]) -> list[str]:
    """Return the group of each song, songs of one source or artist together."""
    songs = [
        AuditedSong(
            track_id=_track_id(source),
            genre=source.genre,
            split=Split.TRAIN,
            assigned="",
            group_id="",
            split_level="",
            location=source.location,
            artist=source.artist,
            artists=artists,
            album=source.album,
        )
        for source, artists in zip(sources, _name_artists(sources), strict=True)
    ]
    groups = group_songs(songs, {song.track_id: song.track_id for song in songs}, Division.SOURCE)
    return [groups[song.track_id] for song in songs]


def _name_artists(sources: Sequence[Source]) -> list[tuple[str, ...]]:
    return name_artists([Credit(artist=one.artist, title=one.title) for one in sources])


def read_library(music: str, group: Callable[[Sequence[Source]], list[str]]) -> Library:
    """Decode the fragments of every song that is long enough, and turn them into matrices."""
    songs = list(_songs(music))
    sources = [source for source, _ in songs]
    sounds = [sound for _, sound in songs]
    genres = tuple(sorted({source.genre for source in sources}))
    groups = group(sources)
    pairs = {(source.genre, name) for source, name in zip(sources, groups, strict=True)}
    n_groups = Counter(genre for genre, _ in pairs)
    return Library(
        genres=genres,
        labels=np.array([genres.index(source.genre) for source in sources]),
        groups=np.array(groups),
        is_testable=np.array([n_groups[source.genre] > 1 for source in sources]),
        matrices={name: _matrices(name, sounds) for name in ("thesis", "logmel")},
    )


def rounds(library: Library, seed: int) -> Iterator[Round]:
    """Return five rounds; each song tests once in them."""
    folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    parts = [test for _, test in folds.split(library.labels, library.labels, library.groups)]
    for number in range(N_FOLDS):
        turned = (parts[number], parts[(number + 1) % N_FOLDS])
        test, validation = (part[library.is_testable[part]] for part in turned)
        train = np.setdiff1d(np.arange(len(library.labels)), np.concatenate([test, validation]))
        yield Round(seed=N_FOLDS * seed + number, test=test, validation=validation, train=train)


def score_condition(library: Library, part: Round, condition: Condition, results: Results) -> None:
    """Train one condition in one round, and keep what it says of each song."""
    matrices = library.matrices[condition.representation]
    augmentation = AugmentationConfig(**AUGMENTATIONS[condition.augmentation])
    model = training.seeded_network(
        condition.network, matrices.shape[2:], len(library.genres), part.seed
    )
    config = TrainingConfig(augmentation=augmentation, **TRAINING)
    train, validation = (_examples(library, matrices, s) for s in (part.train, part.validation))
    training.fit_network(model, train, validation, config, part.seed, lambda scores: None)
    for side, songs in (("validation", part.validation), ("test", part.test)):
        flat = matrices[songs].reshape(-1, *matrices.shape[2:])
        by_fragment = training.predict_genres(model, flat)
        by_song = by_fragment.reshape(len(songs), FRAGMENTS.n_fragments, -1).mean(axis=1)
        results[condition, side].append((songs, by_song.argmax(axis=1)))


def show(library: Library, results: Results) -> None:
    """Show macro F1 by song with 95 % intervals from a bootstrap over groups.

    The difference is to the small network without augmentation, in the same rounds.
    """
    for condition in dict.fromkeys(condition for condition, _ in results):
        if n_rounds := len(results[condition, "test"]):
            validation = _resampled(library, results[condition, "validation"])
            test = _resampled(library, results[condition, "test"])
            reference = _resampled(library, results[SMALL, "test"][:n_rounds])
            _say(
                f"{_name(condition):<30} {n_rounds:>2} rounds  validation {validation[0]:.3f}  "
                f"test {test[0]:.3f} {_interval(test[1:])}  "
                f"less small {test[0] - reference[0]:+.3f} {_interval(test[1:] - reference[1:])}"
            )


def _name(condition: Condition) -> str:
    return f"{condition.network} {condition.representation} {condition.augmentation}"


def _resampled(library: Library, rounds: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return macro F1 of what was predicted, then of groups drawn again; the same for everyone."""
    confusions = _confusions_by_group(library, rounds)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(
        len(confusions), np.full(len(confusions), 1 / len(confusions)), N_RESAMPLED
    )
    weights = np.concatenate([np.ones((1, len(confusions))), draws])
    totals = np.einsum("rg,gtp->rtp", weights, confusions)
    right = np.diagonal(totals, axis1=1, axis2=2)
    songs = totals.sum(axis=2)
    scores = 2 * right / np.maximum(songs + totals.sum(axis=1), 1)
    return (scores * (songs > 0)).sum(axis=1) / np.maximum((songs > 0).sum(axis=1), 1)


def _confusions_by_group(
    library: Library, rounds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Count true and predicted genres of each group: (n_groups, n_genres, n_genres)."""
    names = sorted(set(library.groups))
    counts = np.zeros((len(names), len(library.genres), len(library.genres)))
    for songs, predicted in rounds:
        numbers = np.searchsorted(names, library.groups[songs])
        np.add.at(counts, (numbers, library.labels[songs], predicted), 1)
    return counts


def _interval(values: np.ndarray) -> str:
    low, high = np.quantile(values, (0.025, 0.975))
    return f"[{low:+.3f}, {high:+.3f}]"


def _songs(music: str) -> Iterator[tuple[Source, Float32Array]]:
    for source in list_sources(music):
        path = Path(source.location)
        try:
            facts = probe_audio(path)
            starts_s = draw_starts(facts.duration_s, FRAGMENTS, track_rng(_track_id(source)))
            yield source, read_fragments(path, facts, starts_s.tolist(), FRAGMENTS.longest_s)
        except TrackRejected as rejection:
            _say(f"{path.name} is left out: {rejection.reason}")


def _matrices(representation: str, sounds: Sequence[Float32Array]) -> Float32Array:
    """Return float32 (n_songs, n_fragments, n_bands, n_frames)."""
    config = FeatureConfig(representation=representation, fragments=FRAGMENTS)
    return np.stack([matrices_of(sound, config) for sound in sounds])


def _examples(library: Library, matrices: Float32Array, songs: np.ndarray) -> Examples:
    return Examples(
        matrices=matrices[songs].reshape(-1, *matrices.shape[2:]),
        labels=np.repeat(library.labels[songs], FRAGMENTS.n_fragments),
        track_ids=np.repeat(songs, FRAGMENTS.n_fragments).astype(object),
    )


def _track_id(source: Source) -> str:
    return hashlib.sha256(Path(source.location).name.encode()).hexdigest()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:3]), *map(int, sys.argv[3:4]), *sys.argv[4:])
