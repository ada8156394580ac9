"""The rungs: each mends one fault of the published protocol and keeps what was mended before."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from genre_core.audit.songs import AuditedSong, name_sources
from genre_core.dataset.groups import fold_artist
from genre_core.errors import UsageError
from genre_core.examples import Int64Array
from genre_core.networks.registry import NETWORKS

RECURRENT = ("rnn", "rnn_tanh", "gru", "lstm")
"""Networks that recur and nothing else: only they can be made to recur over frequency."""

FEWEST_FOLDS = 2


class Division(StrEnum):
    """What keeps the examples that are trained on from those that are scored."""

    RESHUFFLED = "reshuffled"
    FRAGMENT = "fragment"
    SONG = "song"
    ARTIST = "artist"
    SOURCE = "source"


class Axis(StrEnum):
    """What a recurrent network recurs over."""

    FREQUENCY = "frequency"
    TIME = "time"


class Labels(StrEnum):
    """Whose labels are learnt: those of the library, or some drawn at random for each song."""

    TRUE = "true"
    RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A protocol, and what it mends of the one above it.

    Attributes
    ----------
    number : int
        0 is the published protocol.
    mended : str
        What people read.
    why : str
        In one word, what was wrong before.
    representation : str
    division : Division
    n_softmaxes : int
        2: the loss applies softmax to what is a softmax already.
    axis : Axis
    """

    number: int
    mended: str
    why: str
    representation: str
    division: Division
    n_softmaxes: int
    axis: Axis

    @property
    def by_song(self) -> bool:
        """Whether whole songs are scored, so that there is a score by song."""
        return self.division in (Division.SONG, Division.ARTIST, Division.SOURCE)


_PUBLISHED = Rung(
    number=0,
    mended="nothing: as published",
    why="everything",
    representation="getec_int16",
    division=Division.RESHUFFLED,
    n_softmaxes=2,
    axis=Axis.FREQUENCY,
)


def _climb() -> tuple[Rung, ...]:
    """Mend the faults one after the other."""
    steps: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("split drawn once, by fragment", "contamination", {"division": Division.FRAGMENT}),
        ("one softmax", "saturation", {"n_softmaxes": 1}),
        ("recurrence over time", "axis", {"axis": Axis.TIME}),
        ("float32, not int16", "overflow", {"representation": "getec"}),
        ("12 bands by maximum", "dominance", {"representation": "thesis"}),
        ("split by song", "overlap", {"division": Division.SONG}),
        ("split by artist", "artist", {"division": Division.ARTIST}),
        ("whole sources held out", "origin", {"division": Division.SOURCE}),
    )
    rungs = [_PUBLISHED]
    for number, (mended, why, change) in enumerate(steps, start=1):
        rungs.append(replace(rungs[-1], number=number, mended=mended, why=why, **change))  # type: ignore[arg-type]
    return tuple(rungs)


RUNGS = _climb()


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderConfig:
    """How each rung is measured; the same on all, so that one thing changes at a time.

    Attributes
    ----------
    network : str
    seeds : tuple of int
        Each draws its own weights, folds and random labels; scores are averaged over them.
    epochs : int
        All of them are trained; none is chosen.
    n_folds : int
        Examples are scored by the network that was trained on the other folds.
    n_songs : int
        Songs that are used at most, drawn at random.
    batch_size, learning_rate : int, float
        As in all trainings; the rate stays.
    """

    network: str = "rnn"
    seeds: tuple[int, ...] = (0, 1)
    epochs: int = 30
    n_folds: int = 5
    n_songs: int = 240
    batch_size: int = 32
    learning_rate: float = 0.001
    rungs: tuple[Rung, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise UsageError(
                f"There is no network {self.network!r}. Choose among: {', '.join(NETWORKS)}."
            )
        if not self.seeds or min(self.seeds) < 0 or self.epochs < 1:
            raise UsageError("Name a seed of 0 or more, and at least one epoch.")
        if self.n_folds < FEWEST_FOLDS or self.n_songs < FEWEST_FOLDS:
            raise UsageError("The ladder needs two folds and two songs at least.")
        object.__setattr__(self, "rungs", _rungs_of(self.network))


def _rungs_of(network: str) -> tuple[Rung, ...]:
    """Leave out the rung that changes nothing for a network that recurs over nothing."""
    if network in RECURRENT:
        return RUNGS
    kept = [r for r, before in zip(RUNGS, (None, *RUNGS), strict=False) if _differs(r, before)]
    return tuple(replace(rung, axis=Axis.TIME) for rung in kept)


def _differs(rung: Rung, before: Rung | None) -> bool:
    return before is None or rung.axis == before.axis


FEWEST_GROUPS = 2
FEWEST_GENRES = 2
NEVER_SCORED = -1

Groups = Mapping[str, str] | Mapping[str, int]
"""``track_id`` to the name of what must not be torn apart, or to its fold."""


def group_songs(
    songs: Sequence[AuditedSong], recordings: Mapping[str, str], division: Division
) -> dict[str, str]:
    """Join songs that must stand in one fold.

    Parameters
    ----------
    songs : sequence of AuditedSong
    recordings : mapping
        Copies of one recording are one song, see `name_recordings`.
    division : Division
        ``ARTIST`` also joins songs of one artist, as far as artists are known, and ``SOURCE``
        those of one source, too: each holds what was held before.

    Returns
    -------
    dict
        ``track_id`` to its group.
    """
    from scipy.cluster.hierarchy import DisjointSet

    _, sources = name_sources(songs) if division == Division.SOURCE else ("", {})
    joined: DisjointSet[str] = DisjointSet(recordings[song.track_id] for song in songs)
    for song in songs:
        for key in _keys(song, sources, division):
            joined.add(key)
            joined.merge(recordings[song.track_id], key)
    return {song.track_id: joined[recordings[song.track_id]] for song in songs}


def divisible_genres(songs: Sequence[AuditedSong], groups: Groups) -> set[str]:
    """Give the genres that can be learnt while one of their groups is held out."""
    found: dict[str, set[str | int]] = defaultdict(set)
    for song in songs:
        found[song.genre].add(groups[song.track_id])
    return {genre for genre, names in found.items() if len(names) >= FEWEST_GROUPS}


def deal_songs(
    songs: Sequence[AuditedSong], groups: Mapping[str, str], n_folds: int, rng: np.random.Generator
) -> dict[str, int]:
    """Deal whole groups into folds, so that each genre is spread over them.

    Parameters
    ----------
    songs : sequence of AuditedSong
    groups : mapping
    n_folds : int
    rng : numpy.random.Generator
        Decides among groups of equal size.

    Returns
    -------
    dict
        ``track_id`` to its fold; -1 for songs of genres that stand in one fold alone, such
        as those of one group: they are trained on in all folds, and never scored.
    """
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for song in songs:
        members[groups[song.track_id]][song.genre] += 1
    fold_of_group = _deal_groups(members, n_folds, rng)
    folds = {song.track_id: fold_of_group[groups[song.track_id]] for song in songs}
    scored = divisible_genres(songs, folds)
    return {
        song.track_id: folds[song.track_id] if song.genre in scored else NEVER_SCORED
        for song in songs
    }


def deal_fragments(n_examples: int, n_folds: int, rng: np.random.Generator) -> Int64Array:
    """Deal examples into folds of equal size, whatever their songs."""
    return rng.permutation(np.arange(n_examples, dtype=np.int64) % n_folds)


def describe_groups(
    songs: Sequence[AuditedSong], groups: Groups, division: Division, n_folds: int
) -> str:
    """Say what a division cannot test, or what makes it weak; empty if there is nothing to say."""
    testable = divisible_genres(songs, groups)
    single = sorted({song.genre for song in songs} - testable)
    sentences = []
    if single:
        sentences.append(
            f"one {division} only, so trained on and not testable: {', '.join(single)}"
        )
    if few := _few(songs, groups, testable, n_folds):
        sentences.append(f"few {division}s: {few}")
    n_unknown = sum(not fold_artist(song.artist) for song in songs)
    if division == Division.ARTIST and n_unknown:
        sentences.append(f"{n_unknown} of {len(songs)} songs name no artist and stand alone")
    return "; ".join(sentences)


def _deal_groups(
    members: Mapping[str, Counter[str]], n_folds: int, rng: np.random.Generator
) -> dict[str, int]:
    """Give each group, the largest first, to the fold that has the fewest songs of its genres."""
    filled = [Counter[str]() for _ in range(n_folds)]
    names = [sorted(members)[at] for at in rng.permutation(len(members))]
    fold_of_group: dict[str, int] = {}
    for name in sorted(names, key=lambda name: -members[name].total()):
        counts = members[name]
        fold = min(range(n_folds), key=lambda at: (_crowd(filled[at], counts), filled[at].total()))
        filled[fold] += counts
        fold_of_group[name] = fold
    return fold_of_group


def _keys(song: AuditedSong, sources: Mapping[str, str], division: Division) -> list[str]:
    if division not in (Division.ARTIST, Division.SOURCE):
        return []
    artist, source = fold_artist(song.artist), sources.get(song.track_id)
    named = [f"artist:{artist}"] if artist else []
    return [*named, f"source:{source}"] if source is not None else named


def _crowd(filled: Counter[str], counts: Counter[str]) -> int:
    """Count the songs that a fold has of the genres of a group, each as often as the group."""
    return sum(n_songs * filled[genre] for genre, n_songs in counts.items())


def _few(songs: Sequence[AuditedSong], groups: Groups, testable: set[str], n_folds: int) -> str:
    held = {genre: {groups[s.track_id] for s in songs if s.genre == genre} for genre in testable}
    return ", ".join(
        f"{genre} {len(held[genre])}" for genre in sorted(held) if len(held[genre]) < n_folds
    )
