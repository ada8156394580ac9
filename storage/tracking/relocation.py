"""A home that was moved or copied: its runs' artifacts are where the home is now."""

import logging
import sqlite3
from contextlib import closing

from storage.layout import DataLayout

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
