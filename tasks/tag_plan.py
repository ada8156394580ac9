"""Tags: what to write into the user's files, and what that rests on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from os.path import realpath
from pathlib import Path
from typing import Any

import numpy as np

from genre_core.evaluation.thresholds import HeldOutSong, Threshold
from genre_core.locations import location_of, path_of
from genre_core.networks.registry import HEADS
from genre_core.records import Split
from genre_core.representations.features import FeatureConfig
from genre_core.tagging import (
    SENTENCES,
    TagMode,
    TagPrediction,
    TagReason,
    choose_genres,
    find_objection,
)
from genre_core.training.songs import EmbeddedSongs
from genre_core.training.tag_prior import TagTable, prior_matrix, tag_table
from storage.catalog.connection import Catalog, open_catalog
from storage.catalog.embeddings import read_embedded_library
from storage.catalog.promotions import read_champion
from storage.catalog.runs import Prediction, Run, read_confidences, read_run
from storage.catalog.snapshots import (
    Snapshot,
    find_snapshot,
    read_features,
    read_fold_groups,
    read_placements,
)
from storage.catalog.songs import TaggedSource, read_files
from storage.home import DataLayout
from storage.models.champion import has_exported, read_export
from storage.sources.identity import file_version
from storage.tags.files import (
    TagUnwritable,
    require_writable,
)
from storage.tags.formats import read_genres
from storage.tags.journal import Entry, Journal
from tasks.predict import SongPrediction

HELD_OUT = "held_out"
"""Key of held-out songs in the document of an exported model."""
MOST_HELD_OUT = 5_000
_NOTHING = TagPrediction(genre="", confidence=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What the store knows: the files of its songs, and predictions of tracks.

    ``held_out`` are predictions of labelled songs by models that were not fitted on them; by
    `Threshold`, they show from which confidence on a genre may be written.
    """

    files: tuple[TaggedSource, ...] = ()
    predictions: Mapping[str, TagPrediction] = field(default_factory=dict)
    held_out: tuple[HeldOutSong, ...] = ()
    genres: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChange:
    """What is to be done with the tags of a song, or was done.

    ``former`` are the genres of its file, ``genres`` those that it is to have. An empty ``reason``:
    they are written; ``message`` explains any other.
    """

    song: str
    genre: str = ""
    confidence: float | None = None
    former: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    reason: TagReason = TagReason.WRITTEN
    message: str = ""


def read_tag_library(
    layout: DataLayout, tag_prior: TagTable, locations: Sequence[str] | None = None
) -> Library:
    """Read what the store knows of its songs; files of some locations alone, or all (None).

    A model that was imported brings its held-out songs, until the home promotes one of its own.
    """
    if not layout.catalog.exists():
        return _with_imported(layout, Library())
    names = None if locations is None else [*locations, *map(place_of, locations)]
    with open_catalog(layout) as catalog:
        files = tuple(read_files(catalog, names))
        champion = read_champion(catalog)
        if champion is None:
            return _with_imported(layout, Library(files=files))
        run = read_run(catalog, champion.run_id)
        snapshot = find_snapshot(catalog, run.snapshot_id) if run else None
        if run is None or snapshot is None:
            return Library(files=files)
        stored = read_confidences(catalog, run.run_id)
        predict = _prepare_held_out(catalog, run, snapshot, stored, tag_prior)
    held_out = tuple(predict())  # a head is fitted: the catalog is open no longer
    return Library(
        files=files,
        predictions=_join_predictions(stored, held_out),
        held_out=held_out,
        genres=snapshot.genres,
    )


def _with_imported(layout: DataLayout, library: Library) -> Library:
    """Return a library with what its imported model brings, if it has one."""
    if not has_exported(layout.champion):
        return library
    document = read_export(layout.champion).document
    held_out = tuple(HeldOutSong(track_id="", **row) for row in document.get(HELD_OUT, ()))
    return replace(library, held_out=held_out, genres=tuple(document["genres"]))


def describe_held_out(layout: DataLayout, tag_prior: TagTable) -> dict[str, Any]:
    """Return held-out songs for the document of an exported model, without naming any.

    `tag` fits thresholds on them where the model is used. At most `MOST_HELD_OUT`, of all artists
    alike: a draw.
    """
    songs = read_tag_library(layout, tag_prior).held_out
    if len(songs) > MOST_HELD_OUT:
        drawn = np.random.default_rng(0).permutation(len(songs))[:MOST_HELD_OUT]
        songs = tuple(songs[nth] for nth in sorted(drawn.tolist()))
    numbers = {
        group: str(nth) for nth, group in enumerate(dict.fromkeys(s.group_id for s in songs))
    }
    rows = [asdict(replace(song, group_id=numbers[song.group_id])) for song in songs]
    for row in rows:
        del row["track_id"]
    return {HELD_OUT: rows} if rows else {}


def _join_predictions(
    stored: Sequence[Prediction], held_out: Sequence[HeldOutSong]
) -> dict[str, TagPrediction]:
    """Return predictions by track; of training songs, by models that were not fitted on them."""
    known = {
        p.track_id: TagPrediction(genre=p.predicted, confidence=p.confidence, unknown=p.unknown)
        for p in stored
    }
    return known | {
        song.track_id: replace(
            known.get(song.track_id, _NOTHING), genre=song.predicted, confidence=song.confidence
        )
        for song in held_out
        if song.is_out_of_fold
    }


def _prepare_held_out(
    catalog: Catalog,
    run: Run,
    snapshot: Snapshot,
    stored: Sequence[Prediction],
    tag_prior: TagTable,
) -> Callable[[], list[HeldOutSong]]:
    """Read what predictions of labelled songs are made of, by models not fitted on their artists.

    The champion itself predicts validation and test songs; validation songs are not held out of a
    network, whose epoch and temperature they chose. A head predicts its training songs out of fold.
    """
    groups, is_head = read_fold_groups(catalog, snapshot.snapshot_id), run.network in HEADS
    splits = (Split.VALIDATION, Split.TEST) if is_head else (Split.TEST,)
    own = [p for p in stored if p.split in splits and p.track_id in groups and not p.unknown]
    held_out = [_hold_out(p, groups[p.track_id]) for p in own]
    if not is_head:
        return lambda: held_out
    features = read_features(catalog, snapshot.feature_key)
    songs = read_embedded_library(catalog, snapshot.feature_key, snapshot.genres).songs
    split_of = {m.track_id: m.split for m in read_placements(catalog, snapshot.snapshot_id)}
    songs = songs.of(np.array([split_of.get(t) == Split.TRAIN for t in songs.track_ids], bool))
    songs = replace(songs, group_ids=np.array([groups[t] for t in songs.track_ids], object))
    return lambda: [*held_out, *_predict_out_of_fold(run, songs.divisible(), features, tag_prior)]


def _hold_out(prediction: Prediction, group_id: str) -> HeldOutSong:
    return HeldOutSong(
        track_id=prediction.track_id,
        group_id=group_id,
        genre=prediction.genre,
        predicted=prediction.predicted,
        confidence=prediction.confidence or 0.0,
    )


def _predict_out_of_fold(
    run: Run, songs: EmbeddedSongs, features: FeatureConfig, tag_prior: TagTable
) -> list[HeldOutSong]:
    """Predict the training songs of a head by heads fitted as it was, in folds of artists."""
    from genre_core.training.head import fit_head  # scikit-learn takes half a second to import

    if features.embedding is None or len(songs.genres) < 2:
        return []
    prior = prior_matrix(songs.genres, features.embedding, tag_table(tag_prior))
    if not HEADS[run.network]:
        prior = np.zeros_like(prior)
    groups, n_genres = songs.group_ids, len(songs.genres)
    fitted = fit_head(songs.values, songs.labels, groups, prior, n_genres, run.seed)
    best = fitted.out_of_fold.argmax(axis=1)
    return [
        HeldOutSong(
            track_id=str(songs.track_ids[nth]),
            group_id=str(groups[nth]),
            genre=songs.genres[songs.labels[nth]],
            predicted=songs.genres[best[nth]],
            confidence=float(fitted.out_of_fold[nth, best[nth]]),
            is_out_of_fold=True,
        )
        for nth in np.flatnonzero(fitted.is_scored)
    ]


def select_songs(library: Library, locations: Sequence[str] | None) -> dict[str, TagPrediction]:
    """Return the files to tag, once each, with what the store knows of them.

    Those that it cannot predict, or whose file changed since its ingest, have no genre yet.
    """
    known = {}
    for file in library.files:
        is_same = file_version(file.source) == file.version
        found = library.predictions.get(file.track_id, _NOTHING) if is_same else _NOTHING
        known[place_of(file.source)] = replace(found, label=file.label)
    if locations is None:
        return known
    places = dict.fromkeys(place_of(location) for location in locations)
    return {place: known.get(place, _name_new(place)) for place in places}


def _name_new(place: str) -> TagPrediction:
    error = "it is an address, and only files have tags" if "://" in place else ""
    return replace(_NOTHING, error=error)


def place_of(location: str) -> str:
    """Return the location of a file with its links resolved, under which the journal has it."""
    return location if "://" in location else location_of(realpath(path_of(location)))


def add_predictions(
    songs: Mapping[str, TagPrediction], predicted: Iterable[SongPrediction]
) -> dict[str, TagPrediction]:
    """Return songs with the predictions that were made of their files."""
    made = {one.song: one for one in predicted}
    return {
        song: replace(
            known,
            genre=made[song].genre,
            confidence=made[song].confidence,
            unknown=made[song].unknown,
            error=made[song].error,
        )
        if song in made
        else known
        for song, known in songs.items()
    }


def plan_tags(
    layout: DataLayout,
    songs: Mapping[str, TagPrediction],
    thresholds: Mapping[str, Threshold],
    mode: TagMode,
) -> list[TagChange]:
    """Return what is to be written into each file; nothing is changed."""
    journal = Journal(layout)
    return [
        _plan(journal, song, prediction, thresholds.get(prediction.genre), mode)
        for song, prediction in songs.items()
    ]


def _plan(
    journal: Journal,
    song: str,
    prediction: TagPrediction,
    threshold: Threshold | None,
    mode: TagMode,
) -> TagChange:
    """Plan one file; genres that were written before are none of the user's own."""
    change = TagChange(song=song, genre=prediction.genre, confidence=prediction.confidence)
    if objection := find_objection(prediction, threshold):
        return replace(change, reason=objection, message=prediction.error or SENTENCES[objection])
    try:
        current = read_current(Path(path_of(song)))
    except TagUnwritable as error:
        return replace(change, reason=TagReason.UNWRITABLE, message=str(error))
    own = _select_own(journal.find(song), current)
    genres, reason = choose_genres(own, prediction.genre, mode)
    if reason or genres == current:
        genres, reason = current, reason or TagReason.ALREADY
    message = SENTENCES.get(reason, "")
    return replace(change, former=current, genres=genres, reason=reason, message=message)


def _select_own(entries: Sequence[Entry], current: tuple[str, ...]) -> tuple[str, ...]:
    """Return the genres of a file that the user gave it, without those that were written."""
    return entries[0].former if entries and entries[-1].genres == current else current


def read_current(path: Path) -> tuple[str, ...]:
    """Return the genres of a file that can be written."""
    require_writable(path)
    with path.open("rb") as file:
        return read_genres(file)
