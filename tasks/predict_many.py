"""Predict songs, many of them in processes; the predictions are the same, in the order given."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

from genre_core.errors import TransientError
from genre_core.locations import escape_text
from storage.home import DataLayout
from tasks.champion import load_classifier, read_classifier
from tasks.predict import Classifier, SongPrediction, classify_song, use_fragments
from tasks.workers import WorkerDied, Workers, count_cores

FEW = 8
"""Songs that this process predicts before a worker process has started."""


def classify_each(
    layout: DataLayout,
    songs: Sequence[str],
    n_fragments: int | None = None,
    n_processes: int | None = None,
) -> Iterator[SongPrediction]:
    """Yield the champion's prediction of each song (path or URL), in order, as soon as it is there.

    ``n_fragments`` is the number of fragments or windows a song; by default as in training.
    ``n_processes`` is by default the number of cores, for a few songs one: this process.
    """
    classifier = use_fragments(load_classifier(layout), n_fragments)
    n_processes = n_processes or (count_cores() if len(songs) > FEW else 1)
    if n_processes == 1:
        for song in songs:
            yield classify_song(classifier, song)
        return
    workers = Workers(n_processes)
    try:
        yield from workers.side_by_side(
            partial(_classify_in_worker, workers, classifier.version, layout, n_fragments), songs
        )
    finally:
        workers.end()


def _classify_in_worker(
    workers: Workers, version: int, layout: DataLayout, n_fragments: int | None, song: str
) -> SongPrediction:
    """Predict a song in a worker process; one that dies on it is the song's error."""
    try:
        return workers.call(_classify, (layout, version, n_fragments, song))
    except WorkerDied as death:
        sentence = f"{song}: the program ended on it. {death}"
        return SongPrediction(song=song, champion=version, error=escape_text(sentence))


def _classify(
    layout: DataLayout, version: int, n_fragments: int | None, song: str
) -> SongPrediction:
    """Predict a song in a worker process, which has loaded the champion."""
    return classify_song(_load_once(layout, version, n_fragments), song)


@lru_cache(maxsize=1)
def _load_once(layout: DataLayout, version: int, n_fragments: int | None) -> Classifier:
    """Load the champion; a process beside the one that writes the home exports nothing."""
    classifier = read_classifier(layout.champion, n_threads=1)
    if classifier.version != version:
        raise TransientError("Another champion was promoted meanwhile. Run the command again.")
    return use_fragments(classifier, n_fragments)
