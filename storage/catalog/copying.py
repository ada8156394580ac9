"""A copy of the catalog for a backup."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

import shutil
from pathlib import Path

import duckdb

from storage.catalog.connection import explain_failure, open_catalog
from storage.layout import DataLayout


def copy_catalog(layout: DataLayout, target: Path) -> None:
    """Copy the catalog into one file that holds all that was committed.

    Raises
    ------
    TransientError
        If another process holds the catalog.
    """
    with open_catalog(layout):
        pass  # an older catalog is brought up to date, and one that is held is waited for
    try:
        with duckdb.connect(str(layout.catalog)) as connection:
            connection.execute("checkpoint")
            # within the connection: nobody else can write until the copy is whole
            shutil.copyfile(layout.catalog, target)
    except duckdb.IOException as error:
        raise explain_failure(layout, error) from error
