"""The plan of a ladder, and its table for people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product

from genre_core.audit.songs import AuditedSong
from genre_core.records import counted
from genre_core.studies.ladder.folds import (
    FEWEST_GENRES,
    describe_groups,
    divisible_genres,
    group_songs,
)
from genre_core.studies.ladder.rungs import Division, Labels, LadderConfig, Rung
from genre_core.studies.ladder.scores import (
    UNITS,
    LadderTrial,
    RungScore,
    TrialCounts,
    largest_share,
    measure_accuracy,
)

VERSION = 2
"""Raise it when a trial comes to count something else of the same songs, or by other bits."""

HEADINGS = ("rung", "change", "by fragment", "by song", "chance")


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderPlan:
    """What is measured: songs, their recordings, and the id and shards of the library.

    ``feature_keys`` are by representation, ``shards`` by feature key; ``n_library`` counts the
    songs of the library, of which ``songs`` may be some.
    """

    config: LadderConfig
    fragment_s: float
    library_id: str
    feature_keys: Mapping[str, str]
    shards: Mapping[str, Sequence[str]]
    songs: tuple[AuditedSong, ...]
    recordings: Mapping[str, str]
    n_library: int
    name: str

    @property
    def genres(self) -> tuple[str, ...]:
        """Those of the songs; a label is an index into them."""
        return tuple(sorted({song.genre for song in self.songs}))

    @property
    def genre_of_song(self) -> dict[str, str]:
        """``track_id`` to genre."""
        return {song.track_id: song.genre for song in self.songs}

    @property
    def trials(self) -> list[LadderTrial]:
        """All trials; those of the first seed come first, so that an early stop leaves a table."""
        rungs = [rung for rung in self.config.rungs if self._can_test(rung)]
        return [
            LadderTrial(rung=rung, labels=labels, seed=seed)
            for seed, rung, labels in product(self.config.seeds, rungs, Labels)
        ]

    @property
    def title(self) -> str:
        """Title of the figure."""
        return f"What fixing each fault does to the score of {self.config.network}, {self.name}"

    def caption(self, seconds: float) -> str:
        """Return what the scores rest on, in a sentence; ``seconds`` of training."""
        config = self.config
        songs = f"{counted(len(self.songs), 'song')} of {counted(len(self.genres), 'genre')}"
        drawn = f" (of {self.n_library})" if self.n_library > len(self.songs) else ""
        return (
            f"{self.name}: {songs}{drawn}, fragments of {self.fragment_s:g} s; {config.network}, "
            f"{config.epochs} epochs, {config.n_folds} folds, "
            f"{counted(len(config.seeds), 'seed')}; "
            "accuracy with 95 % intervals by bootstrap of artists, on the last rung of sources; "
            "chance of true labels is the largest genre's share; "
            f"{seconds:.0f} s of training."
        )

    def identity(self, trial: LadderTrial) -> list[object]:
        """Return all that the result of a trial depends on, as plain values."""
        config, rung = asdict(self.config), asdict(trial.rung)
        for name in ("seeds", "rungs", "n_songs"):
            del config[name]
        for name in ("number", "change", "fault"):
            del rung[name]
        songs = [[s.track_id, s.genre, self.recordings[s.track_id]] for s in self.songs]
        groups = sorted(self._groups(trial.rung.division).items())
        key = self.feature_keys[trial.rung.representation]
        return [VERSION, config, rung, trial.labels, trial.seed, key, songs, groups]

    def score(self, rung: Rung, counts: Mapping[LadderTrial, TrialCounts]) -> RungScore:
        """Score a rung over its trials, with intervals by artist or by a wider division."""
        drawn = max(Division.ARTIST, rung.division, key=list(Division).index)
        groups = self._groups(drawn)
        by_labels = {
            labels: [
                one for trial, one in counts.items() if (trial.rung, trial.labels) == (rung, labels)
            ]
            for labels in Labels
        }
        true = by_labels[Labels.TRUE]
        accuracies = {
            (labels, unit): interval
            for labels, trials in by_labels.items()
            for unit, interval in measure_accuracy(trials, groups, self.library_id).items()
        }
        return RungScore(
            rung=rung,
            accuracies=accuracies,
            largest=largest_share(true, self.genre_of_song) if true else float("nan"),
            chance=1 / len(self.genres),
            n_songs=len({track_id for one in true for track_id in one.track_ids}),
            note=self._note(rung.division),
        )

    def _groups(self, division: Division) -> dict[str, str]:
        return group_songs(self.songs, self.recordings, division)

    def _can_test(self, rung: Rung) -> bool:
        if not rung.by_song:
            return True
        return len(divisible_genres(self.songs, self._groups(rung.division))) >= FEWEST_GENRES

    def _note(self, division: Division) -> str:
        if division not in (Division.ARTIST, Division.SOURCE):
            return ""
        groups = self._groups(division)
        return describe_groups(self.songs, groups, division, self.config.n_folds)


def ladder_page(scores: Sequence[RungScore], caption: str) -> str:
    """Return the table of the rungs in Markdown."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(r for s in scores for r in ladder_rows(s))]
    table = [f"| {' | '.join(row)} |" for row in rows]
    notes = [f"- {note}" for note in ladder_notes(scores)]
    lines = ["# The ladder", "", caption, "", *table, "", *notes, "", "![The ladder](ladder.png)"]
    return "\n".join([*lines, ""])


def ladder_rows(score: RungScore) -> list[tuple[str, ...]]:
    """Return a rung as people read it: a row for true labels, one for random ones.

    Columns are number, change, accuracy by fragment, by song, and chance: the share of the
    largest genre, or 1 / genres.
    """
    number, change = str(score.rung.number), score.rung.change
    if not score.accuracies:
        return [(number, change, "not testable", "–", "–")]
    heads = {Labels.TRUE: (number, change), Labels.RANDOM: ("", "– random labels")}
    chances = {Labels.TRUE: score.largest, Labels.RANDOM: score.chance}
    return [
        (
            *head,
            *(str(score.accuracies.get((labels, u), "–")) for u in UNITS),
            f"{chances[labels]:.2f}",
        )
        for labels, head in heads.items()
    ]


def ladder_notes(scores: Sequence[RungScore]) -> list[str]:
    """Return the note of each rung that has one, with the number of its songs."""
    return [
        f"Rung {score.rung.number} ({counted(score.n_songs, 'song')}): {score.note}."
        for score in scores
        if score.note
    ]
