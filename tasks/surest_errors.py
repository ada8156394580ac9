"""Surest errors: the test songs that a model got wrong most confidently, to listen to in MLflow."""

import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genre_core.errors import GenreflowError
from genre_core.records import Split, Track, name_song
from storage.audio.previews import PlayedSong, cut_preview
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Prediction
from storage.catalog.songs import known_tracks
from storage.home import DataLayout

if TYPE_CHECKING:
    from storage.models.store import Tracking

N_ERRORS = 10
logger = logging.getLogger(__name__)


def find_surest_errors(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Return at most `N_ERRORS` wrong predictions of test songs, the most confident first."""
    errors = [p for p in predictions if p.split == Split.TEST and p.predicted != p.genre]
    return sorted(errors, key=lambda p: (-(p.confidence or p.probability), p.track_id))[:N_ERRORS]


def log_surest_errors(
    layout: DataLayout, tracking: "Tracking", run_id: str, predictions: Sequence[Prediction]
) -> None:
    """Log the surest errors of a run: a table, and an excerpt of each song, below ``errors/``.

    A song whose file is missing or cannot be decoded has a row without an excerpt.
    """
    from storage.models.runs import log_errors

    errors = find_surest_errors(predictions)
    if not errors:
        return
    with open_catalog(layout) as catalog:
        tracks = known_tracks(catalog, [error.track_id for error in errors])
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        rows = [
            _describe(layout, nth, error, tracks[error.track_id], Path(folder))
            for nth, error in enumerate(errors, start=1)
            if error.track_id in tracks
        ]
        log_errors(tracking, run_id, rows, Path(folder))


def _describe(
    layout: DataLayout, nth: int, error: Prediction, track: Track, folder: Path
) -> dict[str, object]:
    name = f"{nth:02} {track.track_id[:12]}.mp3"
    song = PlayedSong(
        name=track.track_id, path=layout.song(track.track_id, track.suffix), facts=track.facts
    )
    try:
        shutil.copy(cut_preview(layout.previews, song), folder / name)
    except (GenreflowError, OSError) as failure:
        logger.warning("no excerpt of %s: %s", track.track_id[:12], failure)
        name = ""
    return {
        "excerpt": name,
        "song": name_song(track.artist, track.title, track.track_id[:12]),
        "label": error.genre,
        "prediction": error.predicted,
        "confidence": round(error.confidence or error.probability, 3),
        "track_id": track.track_id,
    }
