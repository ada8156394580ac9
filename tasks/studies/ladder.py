"""Ladder: what is left to train, one training protocol a task, and the table of all rungs."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from prefect import task

from genre_core.audit.label_permutation import subsample_songs
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.errors import UsageError
from genre_core.figures.studies import draw_ladder
from genre_core.studies.ladder.rungs import (
    FEWEST_GENRES,
    Division,
    Labels,
    LadderConfig,
    Rung,
    describe_groups,
    divisible_genres,
    group_songs,
)
from genre_core.studies.ladder.scores import (
    Accuracy,
    LadderCell,
    RungScore,
    Verdicts,
    judge_cell,
    largest_share,
    measure_accuracy,
)
from storage.catalog.audits import read_audited_songs, read_duplicates
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import shard_names
from storage.catalog.snapshots import Snapshot
from storage.examples import read_examples
from storage.home import DataLayout
from storage.reports import read_document, write_document, write_text
from tasks.keras_import import import_learning
from tasks.studies.record import Study, keep_figure, keep_numbers, open_store

FOLDER, CELLS = "ladder", "cells"
VERSION = 1
"""Raise it when a cell comes to say something else of the same songs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderPlan:
    """What is measured: the songs, their recordings, and a snapshot a representation.

    ``n_library`` counts the songs of the library, of which ``songs`` may be some.
    """

    config: LadderConfig
    fragment_s: float
    snapshots: Mapping[str, Snapshot]
    songs: tuple[AuditedSong, ...]
    recordings: Mapping[str, str]
    n_library: int
    name: str

    @property
    def genres(self) -> tuple[str, ...]:
        """Those of the songs; a label is an index into them."""
        return tuple(sorted({song.genre for song in self.songs}))

    @property
    def library_id(self) -> str:
        """That of the snapshots."""
        return next(iter(self.snapshots.values())).library_id


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderReport:
    """The rungs, and where table and figure are."""

    scores: tuple[RungScore, ...]
    caption: str
    seconds: float
    folder: Path

    def as_document(self) -> dict[str, object]:
        """Give plain values by name."""
        rungs = [score.as_document() for score in self.scores]
        return {"caption": self.caption, "seconds": round(self.seconds, 1), "rungs": rungs}


@task
def plan_ladder(
    layout: DataLayout,
    config: LadderConfig,
    snapshots: Mapping[str, Snapshot],
    fragment_s: float,
    name: str,
) -> LadderPlan:
    """Choose the songs, so many at most."""
    snapshot = next(iter(snapshots.values()))
    library = read_audited_songs(layout, snapshot.snapshot_id)
    recordings = name_recordings(library, read_duplicates(layout))
    songs = tuple(subsample_songs(library, recordings, config.n_songs, seed=0))
    if len({song.genre for song in songs}) < FEWEST_GENRES:
        raise UsageError("The songs of the ladder are of one genre. Ask for more with --songs.")
    return LadderPlan(
        config=config,
        fragment_s=fragment_s,
        snapshots=dict(snapshots),
        songs=songs,
        recordings=recordings,
        n_library=len(library),
        name=name,
    )


@task
def select_ladder_cells(layout: DataLayout, plan: LadderPlan) -> list[LadderCell]:
    """Give the cells that are not finished, seed after seed, from the top rung down."""
    return [
        c for c in _cells(plan) if read_document(_cell_folder(layout), _digest(plan, c)) is None
    ]


@task
def train_ladder_cell(layout: DataLayout, plan: LadderPlan, cell: LadderCell) -> None:
    """Train and score a rung with a seed, and keep what came out right."""
    start = time.monotonic()
    learning, n_genres = import_learning(), len(plan.genres)
    learn = learning.make_learner(plan.config, cell.rung.n_softmaxes, n_genres)
    genre_of_track = {song.track_id: song.genre for song in plan.songs}
    feature_key = plan.snapshots[cell.rung.representation].feature_key
    with open_catalog(layout) as catalog:
        shards = shard_names(catalog, feature_key)
    examples = read_examples(layout, shards, genre_of_track, plan.genres)
    found = judge_cell(examples, plan.songs, plan.recordings, cell, plan.config, n_genres, learn)
    document = {
        "rung": cell.rung.number,
        "labels": str(cell.labels),
        "seed": cell.seed,
        "seconds": time.monotonic() - start,
        "verdicts": asdict(found),
    }
    write_document(_cell_folder(layout), _digest(plan, cell), document)


@task
def conclude_ladder(layout: DataLayout, plan: LadderPlan) -> LadderReport:
    """Score all rungs; keep table and figure in the reports and in a run of kind ``ladder``."""
    from storage.models.runs import log_file, log_scores, open_run

    kept = {cell: _read_cell(layout, plan, cell) for cell in _cells(plan)}
    scores = tuple(_score(plan, rung, kept) for rung in plan.config.rungs)
    seconds = sum(float(str(document["seconds"])) for document in kept.values())
    report = LadderReport(
        scores=scores,
        caption=_caption(plan, seconds),
        seconds=seconds,
        folder=layout.reports / FOLDER,
    )
    tracking = open_store(layout)
    with open_run(tracking, "ladder", "ladder", {"library_id": plan.library_id}) as run_id:
        study = Study(run_id=run_id, folder=report.folder)
        keep_figure(layout, study, draw_ladder(scores, _title(plan)), FOLDER)
        keep_numbers(layout, study, report.as_document(), FOLDER)
        log_scores(tracking, run_id, _metrics(scores))
        path = write_text(report.folder, f"{FOLDER}.md", ladder_page(report))
        log_file(tracking, run_id, path)
    return report


def ladder_page(report: LadderReport) -> str:
    """Give the table of the rungs in Markdown."""
    head = "| rung | mended | by fragment | by song | chance |"
    lines = ["# The ladder", "", report.caption, "", head, "| --- " * 5 + "|"]
    rows = [f"| {' | '.join(row)} |" for score in report.scores for row in ladder_rows(score)]
    notes = [f"- {note}" for note in ladder_notes(report.scores)]
    return "\n".join([*lines, *rows, "", *notes, "", f"![The ladder]({FOLDER}.png)", ""])


def ladder_rows(score: RungScore) -> list[tuple[str, ...]]:
    """Give a rung as people read it: a row for true labels, one for random ones.

    Columns are number, what was mended, accuracy by fragment, by song, and chance: the share of
    the largest genre, or 1 / genres.
    """
    rung = score.rung
    if score.true is None or score.random is None:
        return [(str(rung.number), rung.mended, "not testable", "–", "–")]
    return [
        (str(rung.number), rung.mended, *_numbers(score.true), f"{score.largest:.2f}"),
        ("", "– random labels", *_numbers(score.random), f"{score.chance:.2f}"),
    ]


def ladder_notes(scores: Sequence[RungScore]) -> list[str]:
    """Say of rungs what cannot be tested or makes them weak, and on how many songs they rest."""
    return [
        f"Rung {score.rung.number} ({score.n_songs} songs): {score.note}."
        for score in scores
        if score.note
    ]


def _numbers(accuracy: Accuracy) -> tuple[str, str]:
    return str(accuracy.fragment), str(accuracy.song) if accuracy.song else "–"


def _cells(plan: LadderPlan) -> list[LadderCell]:
    """Give all cells; those of the first seed come first, so that an early stop leaves a table."""
    rungs = [rung for rung in plan.config.rungs if _can_test(plan, rung)]
    return [
        LadderCell(rung=rung, labels=labels, seed=seed)
        for seed, rung, labels in product(plan.config.seeds, rungs, Labels)
    ]


def _can_test(plan: LadderPlan, rung: Rung) -> bool:
    groups = group_songs(plan.songs, plan.recordings, rung.division)
    return not rung.by_song or len(divisible_genres(plan.songs, groups)) >= FEWEST_GENRES


def _digest(plan: LadderPlan, cell: LadderCell) -> str:
    """Name a cell by all that its result depends on."""
    config, rung = asdict(plan.config), asdict(cell.rung)
    for name in ("seeds", "rungs", "n_songs"):
        del config[name]
    for name in ("number", "mended", "why"):
        del rung[name]
    songs = [[song.track_id, song.genre, plan.recordings[song.track_id]] for song in plan.songs]
    groups = sorted(group_songs(plan.songs, plan.recordings, cell.rung.division).items())
    key = plan.snapshots[cell.rung.representation].feature_key
    facts = [VERSION, config, rung, cell.labels, cell.seed, key, songs, groups]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _cell_folder(layout: DataLayout) -> Path:
    return layout.reports / FOLDER / CELLS


def _read_cell(layout: DataLayout, plan: LadderPlan, cell: LadderCell) -> dict[str, object]:
    document = read_document(_cell_folder(layout), _digest(plan, cell))
    if document is None:
        raise UsageError("The ladder is not finished. `genreflow ladder` goes on where it stopped.")
    return document


def _score(
    plan: LadderPlan, rung: Rung, kept: Mapping[LadderCell, Mapping[str, object]]
) -> RungScore:
    drawn = max(Division.ARTIST, rung.division, key=list(Division).index)
    groups = group_songs(plan.songs, plan.recordings, drawn)
    true, random = (_verdicts(rung, labels, kept) for labels in Labels)
    genre_of_song = {song.track_id: song.genre for song in plan.songs}
    return RungScore(
        rung=rung,
        true=measure_accuracy(true, groups, plan.library_id) if true else None,
        random=measure_accuracy(random, groups, plan.library_id) if random else None,
        largest=largest_share(true, genre_of_song) if true else float("nan"),
        chance=1 / len(plan.genres),
        n_songs=len({t for one in true for t in one.track_ids}),
        note=_note(plan, rung),
    )


def _verdicts(
    rung: Rung, labels: Labels, kept: Mapping[LadderCell, Mapping[str, object]]
) -> list[Verdicts]:
    found = [d["verdicts"] for c, d in kept.items() if c.rung == rung and c.labels == labels]
    return [Verdicts(**{k: tuple(v) for k, v in dict(one).items()}) for one in found]  # type: ignore[call-overload]


def _note(plan: LadderPlan, rung: Rung) -> str:
    if rung.division not in (Division.ARTIST, Division.SOURCE):
        return ""
    groups = group_songs(plan.songs, plan.recordings, rung.division)
    return describe_groups(plan.songs, groups, rung.division, plan.config.n_folds)


def _title(plan: LadderPlan) -> str:
    return f"What mending each fault does to the score of {plan.config.network}, {plan.name}"


def _caption(plan: LadderPlan, seconds: float) -> str:
    config = plan.config
    songs = f"{len(plan.songs)} songs of {len(plan.genres)} genres"
    drawn = f" (of {plan.n_library})" if plan.n_library > len(plan.songs) else ""
    return (
        f"{plan.name}: {songs}{drawn}, fragments of {plan.fragment_s:g} s; {config.network}, "
        f"{config.epochs} epochs, {config.n_folds} folds, {len(config.seeds)} seed(s); accuracy "
        "with 95 % intervals by bootstrap of artists, on the last rung of sources; chance of true "
        f"labels is the largest genre's share; {seconds:.0f} s of training."
    )


def _metrics(scores: Sequence[RungScore]) -> dict[str, float]:
    """Give all accuracies under names such as ``ladder_6_true_song``, with both ends."""
    metrics: dict[str, float] = {}
    for score in scores:
        for labels in Labels:
            accuracy = getattr(score, labels)
            for unit in ("fragment", "song"):
                if interval := getattr(accuracy, unit, None):
                    name = f"ladder_{score.rung.number}_{labels}_{unit}"
                    metrics |= interval.as_columns(name)
    return metrics
