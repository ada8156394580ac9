"""The places of everything that lasts, below one folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataLayout:
    """The places below ``home`` (``GENREFLOW_HOME``, by default ``./data``).

    ``shards_uri`` names another place of the shards, such as ``s3://bucket/prefix``;
    ``tracking_server`` the MLflow server of runs and models.
    """

    home: Path
    shards_uri: str = ""
    tracking_server: str = ""

    @property
    def songs(self) -> Path:
        """The originals, named by content."""
        return self.home / "songs"

    @property
    def wav(self) -> Path:
        """The cache between convert and extract."""
        return self.home / "wav"

    @property
    def suspects(self) -> Path:
        """Notes of songs that are being read, or that a process died on."""
        return self.songs / ".suspects"

    @property
    def shards(self) -> Path:
        """The spectrograms, one folder a feature key, where ``shards_uri`` names no other place."""
        return self.home / "shards"

    @property
    def home_id(self) -> Path:
        """The id that marks places of shards and runs elsewhere as this home's own."""
        return self.home / ".home-id"

    @property
    def tracking_note(self) -> Path:
        """The address of the tracking server that the runs are on, if they are on one."""
        return self.home / ".tracking-server"

    @property
    def catalog(self) -> Path:
        """The writer's catalog."""
        return self.home / "catalog.duckdb"

    @property
    def published(self) -> Path:
        """The published store: read-only, replaced atomically."""
        return self.home / "spectrograms.duckdb"

    @property
    def mlflow_db(self) -> Path:
        """The runs, where ``tracking_server`` names no other place."""
        return self.home / "mlflow.db"

    @property
    def mlflow_artifacts(self) -> Path:
        """The models and figures of the runs."""
        return self.home / "mlartifacts"

    @property
    def champion(self) -> Path:
        """The exported champion, a LiteRT model."""
        return self.home / "champion"

    @property
    def prefect(self) -> Path:
        """The embedded orchestrator's own state."""
        return self.home / "prefect"

    @property
    def builtin(self) -> Path:
        """The built-in library, composed on the first run without music."""
        return self.home / "builtin-library"

    @property
    def collections(self) -> Path:
        """Public collections that were downloaded, one folder each."""
        return self.home / "collections"

    @property
    def reports(self) -> Path:
        """Figures and documents that studies leave for people, one folder a study."""
        return self.home / "reports"

    @property
    def places(self) -> tuple[Path, ...]:
        """All places that have a name of their own, for the usage of the disk."""
        return (
            *(self.songs, self.wav, self.shards, self.catalog, self.published),
            *(self.mlflow_db, self.mlflow_artifacts, self.champion, self.prefect, self.builtin),
            *(self.collections, self.reports),
        )

    def song(self, track_id: str, suffix: str) -> Path:
        """The original of a track; ``suffix`` starts with a dot."""
        return self.songs / track_id[:2] / f"{track_id}{suffix}"
