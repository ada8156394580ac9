"""Tags: what to write into the user's files, the writing, and the taking back."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os.path import realpath
from pathlib import Path

from genre_core.errors import TrackRejected
from genre_core.evaluation.thresholds import HeldOutSong, Threshold
from genre_core.locations import location_of, path_of
from genre_core.networks.registry import HEADS
from genre_core.records import AudioFacts, Split
from genre_core.tagging import (
    SENTENCES,
    TagMode,
    TagPrediction,
    TagReason,
    choose_genres,
    find_objection,
    without_written,
)
from genre_core.training.tag_prior import TagTable, prior_matrix, tag_table
from storage.audio.probe import probe_audio
from storage.catalog.connection import Catalog, open_catalog
from storage.catalog.embeddings import read_embedded_library
from storage.catalog.promotions import read_champion
from storage.catalog.runs import Prediction, Run, read_confidences, read_run
from storage.catalog.snapshots import Snapshot, find_snapshot, read_features, read_fold_groups
from storage.catalog.songs import TaggedSource, follow_versions, read_files
from storage.home import DataLayout
from storage.sources.identity import file_version
from storage.tags.files import (
    TagUnwritable,
    explain_os_error,
    part_of,
    replace_file,
    require_writable,
)
from storage.tags.formats import read_genres, write_genres
from storage.tags.journal import Entry, Journal
from storage.tags.patch import apply_patch, find_patch
from tasks.predict import SongPrediction

HELD_OUT_SPLITS = (Split.VALIDATION, Split.TEST)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TagReturn:
    """What became of a file that is taken back.

    ``how``: ``exactly``, byte for byte; ``edited``, the genres alone, for it was edited since;
    ``kept``, for the user has changed the genre since; ``bare``, nothing was written; ``failed``.
    """

    song: str
    how: str
    genres: tuple[str, ...] = ()
    message: str = ""


class _Versions:
    """The versions of files before and after they were written: their sound is the same."""

    def __init__(self) -> None:
        self._before: dict[str, str] = {}
        self._after: dict[str, str] = {}

    def note_before(self, song: str) -> None:
        self._before[song] = file_version(song)

    def note_after(self, song: str) -> None:
        self._after[song] = file_version(song)

    def record(self, layout: DataLayout) -> None:
        """Note them in the catalog, so that the next ingest need not fetch the songs again."""
        written = {song: self._before[song] for song in self._after}
        if written and layout.catalog.exists():
            with open_catalog(layout) as catalog:
                follow_versions(catalog, written, self._after)


def read_tag_library(
    layout: DataLayout, tag_prior: TagTable, locations: Sequence[str] | None = None
) -> Library:
    """Read what the store knows of its songs; files of some locations alone, or all (None)."""
    wanted = None if locations is None else [location_of(realpath(path_of(p))) for p in locations]
    with open_catalog(layout) as catalog:
        both = None if wanted is None else sorted({*wanted, *(locations or ())})
        files = read_files(catalog, both)
        champion = read_champion(catalog)
        run = read_run(catalog, champion.run_id) if champion else None
        snapshot = find_snapshot(catalog, run.snapshot_id) if run else None
        if run is None or snapshot is None:
            return Library(files=tuple(files))
        stored = read_confidences(catalog, run.run_id)
        held_out = _read_held_out(catalog, run, snapshot, stored, tag_prior)
    unknown = {prediction.track_id: prediction.unknown for prediction in stored}
    predictions = {
        p.track_id: TagPrediction(genre=p.predicted, confidence=p.confidence, unknown=p.unknown)
        for p in stored
    }
    predictions |= {
        song.track_id: TagPrediction(
            genre=song.predicted,
            confidence=song.confidence,
            unknown=unknown.get(song.track_id),
        )
        for song in held_out
    }
    return Library(
        files=tuple(files),
        predictions=predictions,
        held_out=tuple(held_out),
        genres=snapshot.genres,
    )


def _read_held_out(
    catalog: Catalog,
    run: Run,
    snapshot: Snapshot,
    stored: Sequence[Prediction],
    tag_prior: TagTable,
) -> list[HeldOutSong]:
    """Return predictions of labelled songs by models that were not fitted on their artists.

    A head is fitted again in folds of artists, so that every song counts; of a network, validation
    and test songs count alone.
    """
    if run.network in HEADS:
        return _predict_out_of_fold(catalog, run, snapshot, tag_prior)
    groups = read_fold_groups(catalog, snapshot.snapshot_id)
    return [
        HeldOutSong(
            track_id=p.track_id,
            group_id=groups[p.track_id],
            genre=p.genre,
            predicted=p.predicted,
            confidence=p.confidence or 0.0,
        )
        for p in stored
        if p.split in HELD_OUT_SPLITS and p.track_id in groups
    ]


def _predict_out_of_fold(
    catalog: Catalog, run: Run, snapshot: Snapshot, tag_prior: TagTable
) -> list[HeldOutSong]:
    from genre_core.training.head import fit_head  # scikit-learn takes half a second to import

    embedding = read_features(catalog, snapshot.feature_key).embedding
    library = read_embedded_library(catalog, snapshot.feature_key, snapshot.genres)
    songs = library.songs.divisible()
    if embedding is None or len(songs.genres) < 2:
        return []
    prior = prior_matrix(songs.genres, embedding, tag_table(tag_prior))
    if not HEADS[run.network]:
        prior = prior * 0
    fitted = fit_head(
        songs.values, songs.labels, songs.group_ids, prior, len(songs.genres), run.seed
    )
    best = fitted.out_of_fold.argmax(axis=1)
    return [
        HeldOutSong(
            track_id=str(songs.track_ids[nth]),
            group_id=str(songs.group_ids[nth]),
            genre=songs.genres[songs.labels[nth]],
            predicted=songs.genres[best[nth]],
            confidence=float(fitted.out_of_fold[nth, best[nth]]),
        )
        for nth in range(len(songs))
        if fitted.is_scored[nth]
    ]


def select_songs(library: Library, locations: Sequence[str] | None) -> dict[str, TagPrediction]:
    """Return the files to tag, once each, with what the store knows of them.

    Those that it cannot predict, or whose file changed since its ingest, have no genre yet.
    """
    known, none = {}, TagPrediction(genre="", confidence=None)
    for file in library.files:
        is_same = file_version(file.source) == file.version
        found = library.predictions.get(file.track_id, none) if is_same else none
        known[location_of(realpath(path_of(file.source)))] = TagPrediction(
            genre=found.genre,
            confidence=found.confidence,
            unknown=found.unknown,
            label=file.label,
        )
    if locations is None:
        return known
    places = dict.fromkeys(_place_of(location) for location in locations)
    return {place: known.get(place, _name_new(place)) for place in places}


def _name_new(place: str) -> TagPrediction:
    error = "it is an address, and only files have tags" if "://" in place else ""
    return TagPrediction(genre="", confidence=None, error=error)


def _place_of(location: str) -> str:
    return location if "://" in location else location_of(realpath(path_of(location)))


def add_predictions(
    songs: Mapping[str, TagPrediction], predicted: Iterable[SongPrediction]
) -> dict[str, TagPrediction]:
    """Return songs with the predictions that were made of their files."""
    made = {prediction.song: prediction for prediction in predicted}
    return {
        song: known
        if song not in made
        else TagPrediction(
            genre=made[song].genre,
            confidence=made[song].confidence,
            unknown=made[song].unknown,
            label=known.label,
            error=made[song].error,
        )
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
    known = {"song": song, "genre": prediction.genre, "confidence": prediction.confidence}
    objection = find_objection(prediction, threshold)
    if objection:
        message = prediction.error or SENTENCES[objection]
        return TagChange(**known, reason=objection, message=message)  # type: ignore[arg-type]
    try:
        current = _read_current(Path(path_of(song)))
    except TagUnwritable as error:
        return TagChange(
            **known,  # type: ignore[arg-type]
            reason=TagReason.UNWRITABLE,
            message=str(error),
        )
    entries = journal.find(song)
    is_ours = bool(entries) and entries[-1].genres == current
    own = entries[0].former if is_ours else current
    genres, reason = choose_genres(own, prediction.genre, mode)
    if genres == current and not reason:
        reason = TagReason.ALREADY
    return TagChange(
        **known,  # type: ignore[arg-type]
        former=current,
        genres=current if reason else genres,
        reason=reason,
        message=SENTENCES.get(reason, ""),
    )


def _read_current(path: Path) -> tuple[str, ...]:
    """Return the genres of a file that can be written."""
    require_writable(path)
    with path.open("rb") as file:
        return read_genres(file)


def write_tags(layout: DataLayout, changes: Iterable[TagChange]) -> Iterator[TagChange]:
    """Write what was planned; a file that cannot be written now keeps its tags, with the reason.

    The home is held by the caller.
    """
    journal = Journal(layout)
    journal.sweep()
    versions = _Versions()
    try:
        for change in changes:
            yield _write(journal, change, versions)
    finally:
        versions.record(layout)


def _write(journal: Journal, change: TagChange, versions: _Versions) -> TagChange:
    if change.reason:
        return change
    path = Path(path_of(change.song))
    try:
        versions.note_before(change.song)
        _write_file(journal, path, change)
        versions.note_after(change.song)
    except TagUnwritable as error:
        return TagChange(
            song=change.song,
            genre=change.genre,
            confidence=change.confidence,
            former=change.former,
            genres=change.former,
            reason=TagReason.UNWRITABLE,
            message=str(error),
        )
    return change


def _write_file(journal: Journal, path: Path, change: TagChange) -> None:
    found = require_writable(path)
    if _read_current(path) != change.former:
        raise TagUnwritable("its genres were changed meanwhile")
    former = _read_bytes(path)
    content = write_genres(former, path.name, change.genres)
    facts, part = _probe(path), part_of(path)
    journal.add(
        Entry(
            location=change.song,
            part=part.name,
            former=change.former,
            genres=change.genres,
            former_sha256=_digest(former),
            sha256=_digest(content),
            former_mtime_ns=found.st_mtime_ns,
            patch=find_patch(former, content),
        )
    )
    replace_file(path, part, content, found, lambda made: _require_same(facts, made))


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain_os_error(error) from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _probe(path: Path) -> AudioFacts:
    """Return the digest of the packets of a file and its other tags, as FFmpeg reads them."""
    try:
        return probe_audio(path)
    except TrackRejected as error:
        raise TagUnwritable(f"its sound cannot be checked: {error}") from error


def _require_same(facts: AudioFacts, made: Path) -> None:
    """Refuse a file whose sound or other tags FFmpeg reads otherwise than before."""
    if _probe(made) != facts:
        raise TagUnwritable("its sound or its other tags would not stay as they are")


def take_tags_back(layout: DataLayout, locations: Sequence[str] | None = None) -> list[TagReturn]:
    """Take back what was written into files, or into all of them (None).

    The home is held by the caller.
    """
    journal = Journal(layout)
    journal.sweep()
    places = sorted(journal.entries) if locations is None else [*map(_place_of, locations)]
    versions = _Versions()
    returned = [_take_back(journal, place, versions) for place in dict.fromkeys(places)]
    versions.record(layout)
    return returned


def _take_back(journal: Journal, song: str, versions: _Versions) -> TagReturn:
    """Take the entries of one file back, the last first; one that was moved is found by content."""
    path, how = Path(path_of(song)), "exactly"
    try:
        moved = () if journal.find(song) else journal.find_content(_digest(_read_bytes(path)))
        entries = [*journal.find(song), *moved]
        if not entries:
            return TagReturn(song=song, how="bare")
        versions.note_before(song)
        for entry in reversed(entries):
            done = _restore(path, entry)
            journal.take_back(entry)
            how = done if how == "exactly" else how
        versions.note_after(song)
        genres = _read_current(path)
    except TagUnwritable as error:
        return TagReturn(song=song, how="failed", message=str(error))
    return TagReturn(song=song, how=how, genres=genres)


def _restore(path: Path, entry: Entry) -> str:
    """Take one entry back; return how, as in `TagReturn`."""
    found, content = require_writable(path), _read_bytes(path)
    digest = _digest(content)
    if digest == entry.former_sha256:  # it was never written, or taken back before a kill
        return "exactly"
    if digest == entry.sha256:
        former = apply_patch(content, entry.patch)
        if _digest(former) != entry.former_sha256:
            raise TagUnwritable("the journal does not fit it")
        mtime_ns = entry.former_mtime_ns
        replace_file(path, path.with_name(entry.part), former, found, _accept, mtime_ns)
        return "exactly"
    current = _read_current(path)
    genres = without_written(current, entry.former, entry.genres)
    if genres is None:
        return "kept"
    if genres != current:
        facts, made = _probe(path), write_genres(content, path.name, genres)
        part = path.with_name(entry.part)
        replace_file(path, part, made, found, lambda made: _require_same(facts, made))
    return "edited"


def _accept(_made: Path) -> None:
    """Check nothing: the digest of the former file says enough."""
