"""The places of everything that lasts, below one folder."""

import os
from dataclasses import dataclass
from pathlib import Path


class Below:
    """A place below the home, as an attribute of its layout."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, layout: "DataLayout", owner: object = None) -> Path:
        return layout.home / self.name


@dataclass(frozen=True, slots=True)
class DataLayout:
    """The places below ``home`` (``GENREFLOW_HOME``, by default ``./data``).

    ``shards_uri`` names another place of the shards, such as ``s3://bucket/prefix``;
    ``tracking_server`` the MLflow server of runs and models.
    """

    home: Path
    shards_uri: str = ""
    tracking_server: str = ""

    songs = Below("songs")  # the originals, named by content
    suspects = Below("songs/.suspects")  # songs that are being read, or that a process died on
    wav = Below("wav")  # the cache between convert and extract
    previews = Below("previews")  # the cache of excerpts to listen to
    shards = Below("shards")  # spectrograms, one folder a feature key, without ``shards_uri``
    catalog = Below("catalog.duckdb")
    published = Below("spectrograms.duckdb")
    mlflow_db = Below("mlflow.db")
    mlflow_artifacts = Below("mlartifacts")
    champion = Below("champion")  # the exported champion, a LiteRT model
    prefect = Below("prefect")  # the state of the embedded orchestrator
    builtin = Below("builtin-library")  # composed on the first run without music
    added = Below("added")  # songs that were added one by one, with their manifest
    collections = Below("collections")  # public collections, one folder each
    benchmarks = Below("benchmarks")  # a home of its own for each benchmark
    reports = Below("reports")  # figures and documents for people, one folder a study
    home_id = Below(".home-id")  # marks places of shards and runs elsewhere as this home's
    music_note = Below(".music.json")  # the music of the last ingests
    schedule_log = Below(".schedule.log")  # what the runs of a schedule printed
    schedule_secrets = Below("schedule.env")  # variables of scheduled runs, such as passwords
    tag_journal = Below("tags.jsonl")  # what `tag` wrote into files of the user, to take it back
    tracking_note = Below(".tracking-server")  # its address, if the runs are on one

    @property
    def places(self) -> tuple[Path, ...]:
        """All places that have a name of their own, for the usage of the disk."""
        return (
            *(self.songs, self.wav, self.previews, self.shards, self.catalog, self.published),
            *(self.mlflow_db, self.mlflow_artifacts, self.champion, self.prefect, self.builtin),
            *(self.added, self.collections, self.benchmarks, self.reports),
        )

    def song(self, track_id: str, suffix: str) -> Path:
        """The original of a track; ``suffix`` starts with a dot."""
        return self.songs / track_id[:2] / f"{track_id}{suffix}"


def cache_folder() -> Path:
    """Return the cache of this program: ``$XDG_CACHE_HOME/genreflow`` or ``~/.cache/genreflow``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "genreflow"
