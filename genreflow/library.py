"""A library: a home, and what can be asked of it and done with it."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any

from genre_core.errors import UsageError
from genreflow.published import Published
from genreflow.session import prepared

if TYPE_CHECKING:
    from flows.settings import Settings
    from genre_core.examples import Float32Array
    from storage.catalog.embeddings import SimilarSong
    from storage.catalog.runs import Run
    from tasks.champion import CurrentClassifier
    from tasks.predict import SongPrediction as Prediction
    from tasks.studies.similar import Embedder


class Library(Published):
    """A home: the songs of a library, their spectrograms and embeddings, runs and champion.

    `genreflow.open` returns one. It holds the models that it has loaded and nothing else: no
    database stays open, no file is locked, and each attribute is read anew. Several libraries may
    be open in a process, and threads may share one; calls that write take turns, and the home is
    locked against other processes for so long.

    Examples
    --------
    >>> with genreflow.open("data") as library:
    ...     len(library.songs)
    54
    """

    def __init__(self, home: str | Path | None, settings: Mapping[str, object]) -> None:
        super().__init__(home, settings)
        self._classifier: CurrentClassifier | None = None
        self._embedders: dict[str, Embedder] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"genreflow.open({str(self.home)!r})"

    def __enter__(self) -> "Library":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the models that are loaded; the library may be used again."""
        with self._lock:
            self._classifier, self._embedders = None, {}

    def classify(self, song: str | Path) -> "Prediction":
        """Predict the genre of one song with the champion; nothing is stored.

        The model stays loaded, and is loaded anew once another champion was promoted.

        Parameters
        ----------
        song
            A file or a URL.

        Returns
        -------
        Prediction
            ``genre``; ``probabilities`` by genre, calibrated; ``confidence``, the probability of
            the genre; ``unknown``, whether the song is unlike all training songs; ``alternatives``,
            the genres that hold the right one with the set coverage; ``fragments``, the
            probabilities of each fragment, not calibrated.

        Raises
        ------
        UsageError
            If there is no champion yet.
        GenreflowError
            If the song cannot be read: `TrackRejected` or `TransientError`, with a ``reason``.

        Examples
        --------
        >>> prediction = library.classify(song)
        >>> prediction.genre, prediction.unknown
        ('classical', False)
        >>> len(prediction.fragments)
        6
        """
        from tasks.predict import predict_song

        with self._lock:
            current = self._classifier = self._classifier or self._new_classifier()
        with nullcontext() if current.is_loaded else prepared(self._settings):
            classifier = current.get()
        return predict_song(classifier, _location(song)).prediction

    def embed(self, song: str | Path, representation: str = "") -> "Float32Array":
        """Return the embedding of one song, computed as for the songs of the library.

        Parameters
        ----------
        song
            A file or a URL.
        representation
            Name of the embedding; by default the first one of the settings.

        Returns
        -------
        numpy.ndarray
            float32 (n_windows, n_features): a row for each window, in the order of the song. The
            mean over the windows is the ``embedding`` of the view ``song_embeddings``.

        Raises
        ------
        UsageError
            If the settings name no such embedding.
        GenreflowError
            If the song cannot be read.

        Examples
        --------
        >>> library.embed(song).shape
        (6, 400)
        """
        from tasks.studies.similar import embed_windows

        return embed_windows(_location(song), self._find_embedder(representation))

    def similar(
        self, song: str | Path, n: int = 10, *, among: str = "library", representation: str = ""
    ) -> "list[SimilarSong]":
        """Return the songs of the library that are nearest to a song, the nearest first.

        Parameters
        ----------
        song
            A source or the beginning of a ``track_id`` of the library; or any file or URL, which
            is embedded for this alone.
        n
            The number of songs.
        among
            ``library``, or only the songs that are ``labelled`` or ``unlabelled``.
        representation
            Name of the embedding; by default the first one of the settings that the store has.

        Returns
        -------
        list of SimilarSong
            With ``cosine``, the cosine of the mean embeddings, in -1..1.

        Raises
        ------
        UsageError
            If the store has no embeddings, or the song is not there.
        GenreflowError
            If the song cannot be read.

        Examples
        --------
        >>> [found.genre for found in library.similar(song, n=2)]
        ['classical', 'classical']
        """
        from flows.studies.similar import find_similar
        from storage.catalog.embeddings import Among, SimilarSong

        if among not in tuple(Among):
            raise UsageError(f"among is {among!r}. Use {', '.join(Among)}.")
        find = self._find_embedder
        _, rows = find_similar(
            self._settings, _location(song), find, representation, Among(among), n
        )
        return [SimilarSong(**row) for row in rows]

    def ingest(
        self,
        music: str | Path = "",
        *,
        unlabelled: bool = False,
        label_from: str = "",
        genres: Sequence[str] = (),
        any_genres: bool = False,
    ) -> dict[str, int]:
        """Take in the songs of a library, find duplicates, and publish; as ``genreflow ingest``.

        Parameters
        ----------
        music
            A folder with one folder a genre, a manifest, a library of beets, or a public
            collection; by default what the home was fed from before.
        unlabelled
            Take in songs without a genre: they are predicted, never trained on.
        label_from
            Where the labels of a folder are, if not as it is laid out: ``folder``, ``tag``, …
        genres
            Genres to use; by default all.
        any_genres
            Take a library whose genres look like none: one genre alone, or artists.

        Returns
        -------
        dict
            How many songs of the home have each outcome: ``ok``, ``duplicate``, ``quarantined``,
            ``retryable``. ``library.sql("from outcomes")`` has the reason of each.

        Raises
        ------
        UsageError
            If the music is not there, its genres are none, or an extra is missing.
        TransientError
            If another process writes into the home, or its disk is full.

        Examples
        --------
        >>> library.ingest("data/builtin-library")
        {'ok': 54, 'duplicate': 0, 'quarantined': 0, 'retryable': 0}
        """
        _require_extra_of("ingest")
        config = self._with(
            music=str(music), unlabelled=unlabelled, label_from=label_from, genres=tuple(genres)
        )
        from flows.cli.refusals import require_known_music, require_several_genres

        require_known_music(config, config.music, None)
        if config.music and not any_genres:
            require_several_genres(config)
        with prepared(config, writes=True):
            from flows.ingest import ingest

            return {str(name): n for name, n in ingest(config, self._settings).outcomes.items()}

    def train(
        self,
        networks: Sequence[str] = (),
        *,
        seeds: Sequence[int] = (),
        genres: Sequence[str] = (),
        fragment_lengths_s: Sequence[float] = (),
        representations: Sequence[str] = (),
    ) -> "list[Run]":
        """Train on what was ingested, compare, audit, promote the best; as ``genreflow train``.

        Spectrograms and embeddings that are missing are made first. What is finished is never done
        again, and after a kill the same call resumes.

        Parameters
        ----------
        networks, seeds, genres, fragment_lengths_s, representations
            What to train, in place of the settings; each network is trained with each seed on each
            representation and length (seconds) that it reads.

        Returns
        -------
        list of Run
            The runs of these settings, also those that were finished before.

        Raises
        ------
        UsageError
            If there is no store, a name is unknown, or the extra ``train`` is missing.
        TransientError
            If another process writes into the home, or its disk is full.

        Examples
        --------
        >>> (run,) = library.train(["head"])
        >>> run.network, run.representation
        ('head', 'musicnn')
        """
        _require_extra_of("train")
        config = self._with(
            networks=tuple(networks),
            seeds=tuple(seeds),
            genres=tuple(genres),
            fragment_lengths_s=tuple(fragment_lengths_s),
            representations=tuple(representations),
        )
        from flows.cli.refusals import require_trainable

        require_trainable(config)
        with prepared(config, writes=True):
            from flows.extract import extract
            from flows.train import train

            extract(config, self._settings)
            return list(train(config).runs)

    def _with(self, **options: object) -> "Settings":
        """Return the settings with options in place; those that are empty change nothing."""
        given: dict[str, Any] = {name: option for name, option in options.items() if option}
        return replace(self._settings, **given)

    def _new_classifier(self) -> "CurrentClassifier":
        from tasks.champion import CurrentClassifier

        return CurrentClassifier(self._settings.layout)

    def _find_embedder(self, representation: str) -> "Embedder":
        from flows.studies.similar import find_embedder

        name = representation or next(
            (one for one in self._settings.representations if self._settings.embeds(one)), ""
        )
        with self._lock:
            if name not in self._embedders:
                with prepared(self._settings):
                    self._embedders[name] = find_embedder(self._settings, name)
            return self._embedders[name]


def _require_extra_of(command: str) -> None:
    """Refuse what the command of this name refuses, where its extra is not installed."""
    from flows.cli.app import extra_of
    from storage.extras import require_extra

    if extra := extra_of(command):
        require_extra(extra, f"Library.{command}")


def _location(song: str | Path) -> str:
    from storage.sources.identity import location_given

    return location_given(str(song))
