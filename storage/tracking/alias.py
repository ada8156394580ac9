"""Who reigns, read from MLflow's tables without MLflow, which takes seconds to load."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass

from storage.layout import DataLayout

REGISTERED = "genreflow"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
MODEL_URI_TAG = "model_uri"  # a version in SQLite does not say which logged model it is

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The registered network in use."""

    version: int
    run_id: str
    model_uri: str


def read_alias(layout: DataLayout) -> Champion | None:
    """Give the network that the alias names; none before the first promotion.

    Its ``model_uri`` is empty if the version was registered by something else.

    Raises
    ------
    sqlite3.Error
        If the tables cannot be read, or are not those of the MLflow that is locked.
    """
    address = f"{layout.mlflow_db.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        row = connection.execute(_QUERY, (MODEL_URI_TAG, REGISTERED, CHAMPION)).fetchone()
    if row is None:
        return None
    return Champion(version=int(row[0]), run_id=str(row[1]), model_uri=row[2] or "")
