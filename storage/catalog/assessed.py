"""What the predictions of a run say of themselves, read from the catalog."""

from collections.abc import Sequence
from typing import Any

from storage.catalog.connection import fetch_rows, open_catalog
from storage.layout import DataLayout


def read_assessed(layout: DataLayout, run_id: str, splits: Sequence[str]) -> list[dict[str, Any]]:
    """Return the predictions of a run that name alternatives, of songs of some splits.

    Returns
    -------
    list of dict
        ``track_id``, ``genre`` (the true one), ``unknown`` and ``alternatives``.
    """
    statement = """
        select track_id, genre, unknown, alternatives from predictions
        where run_id = ? and split in (select unnest(?)) and alternatives is not null
        order by track_id
    """
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, statement, [run_id, list(splits)])
