"""Runs and models in the home: MLflow's SQLite file, and artifacts beside it."""

import logging
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from storage.home import DataLayout
from storage.models.champion import CHAMPION, MODEL_URI_TAG, REGISTERED, Champion

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

# MLflow writes whole addresses into all of these and offers no call to change them
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)

logger = logging.getLogger(__name__)


def relocate(layout: DataLayout, recorded: str) -> None:
    """Let every address that begins with ``recorded`` begin where the artifacts are now.

    All of them change, or none; where ``recorded`` is right already, nothing does.
    """
    present = layout.mlflow_artifacts.resolve().as_uri()
    if recorded == present:
        return
    logger.warning("the runs of %s now have their artifacts in %s", recorded, present)
    with closing(sqlite3.connect(layout.mlflow_db)) as connection, connection:
        for table, column in ADDRESSES:
            _replace_beginning(connection, table, column, recorded, present)


def _replace_beginning(
    connection: sqlite3.Connection, table: str, column: str, recorded: str, present: str
) -> None:
    """Change one column; the slash keeps ``mlartifacts2`` out of ``mlartifacts``."""
    connection.execute(
        f"update {table} set {column} = :present || substr({column}, length(:recorded) + 1) "
        f"where substr({column} || '/', 1, length(:recorded) + 1) = :recorded || '/'",
        {"recorded": recorded, "present": present},
    )


_QUERY = """
    select versions.version, versions.run_id, tags.value
    from registered_model_aliases aliases
    join model_versions versions
      on versions.name = aliases.name and versions.version = aliases.version
     and versions.workspace = aliases.workspace
    left join model_version_tags tags
      on tags.name = versions.name and tags.version = versions.version
     and tags.workspace = versions.workspace and tags.key = ?
    where aliases.name = ? and aliases.alias = ?
"""


@dataclass(frozen=True, slots=True)
class HomeRuns:
    """The place of runs that every home has of its own."""

    layout: DataLayout
    marks: ClassVar[Mapping[str, str]] = {}

    @property
    def uri(self) -> str:
        """The address of the runs, as MLflow's own commands take it."""
        return f"sqlite:///{self.layout.mlflow_db.resolve()}"

    @property
    def artifacts(self) -> str | None:
        """Where a new experiment keeps its files."""
        return self.layout.mlflow_artifacts.resolve().as_uri()

    @property
    def is_there(self) -> bool:
        """Tell whether the tables are there."""
        return self.layout.mlflow_db.exists()

    def read_alias(self) -> Champion | None:
        """Give the network in use, by one query."""
        if not self.is_there:
            return None
        address = f"{self.layout.mlflow_db.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            row = connection.execute(_QUERY, (MODEL_URI_TAG, REGISTERED, CHAMPION)).fetchone()
        if row is None:
            return None
        return Champion(version=int(row[0]), run_id=str(row[1]), model_uri=row[2] or "")

    def make_ready(self) -> None:
        """Create the tables where there are none.

        Notes
        -----
        They are created in a file beside, so that a killed process leaves no half of them in
        place: MLflow makes them step by step, and refuses a file that lacks some of the steps.
        """
        if self.is_there:
            return
        # imported late, because that takes seconds, and warns: see `open_tracking`
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        fresh = self.layout.home.resolve() / ".mlflow.db.new"
        for left in fresh.parent.glob(f"{fresh.name}*"):
            left.unlink()
        create_store = cast(Callable[[str, str], Any], SqlAlchemyStore)  # MLflow tells no types
        store = create_store(f"sqlite:///{fresh}", str(self.artifacts))
        store.engine.dispose()
        fresh.replace(self.layout.mlflow_db)

    def guard(self, client: "MlflowClient") -> "MlflowClient":
        """Give the client as it is."""
        return client

    def settle(self, experiment: "Experiment") -> None:
        """Let the addresses of the artifacts follow a home that was moved."""
        relocate(self.layout, experiment.artifact_location)
