"""Suspects: songs whose label looks wrong, as the last training found them."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections.abc import Sequence
from typing import Any

from genre_core.suspects import Suspect
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.published import query_rows
from storage.layout import DataLayout


def record_suspects(layout: DataLayout, feature_key: str, suspects: Sequence[Suspect]) -> None:
    """Put suspects in the place of all that were found before, in one transaction.

    One that is found again under the same label keeps the time when it was found first.
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select track_id, genre, found_at from suspects")
        known = {(row["track_id"], row["genre"]): row["found_at"] for row in rows}
        now = fetch_rows(catalog, "select now() as found_at")[0]["found_at"]
        catalog.execute("delete from suspects")
        catalog.execute("delete from suspect_neighbours")
        insert_rows(
            catalog,
            "suspects",
            [
                {
                    "track_id": suspect.track_id,
                    "feature_key": feature_key,
                    "genre": suspect.genre,
                    "confidence": suspect.confidence,
                    "predicted": suspect.predicted,
                    "predicted_confidence": suspect.predicted_confidence,
                    "found_at": known.get((suspect.track_id, suspect.genre), now),
                }
                for suspect in suspects
            ],
        )
        insert_rows(catalog, "suspect_neighbours", _neighbour_rows(suspects))


def suspect_rows(layout: DataLayout) -> list[dict[str, Any]]:
    """Return the published suspects that wait for a decision, the least probable label first.

    Returns
    -------
    list of dict
        ``track_id``, ``genre``, ``confidence``, ``predicted``, ``predicted_confidence``,
        ``artist``, ``title``, ``neighbours`` (``track_id``, ``genre``, ``artist``, ``title``,
        ``cosine`` each) and ``found_at``.
    """
    return query_rows(layout, "select * from suspects order by confidence, track_id")


def _neighbour_rows(suspects: Sequence[Suspect]) -> list[dict[str, Any]]:
    return [
        {
            "track_id": suspect.track_id,
            "position": position,
            "neighbour_id": neighbour.track_id,
            "cosine": neighbour.cosine,
        }
        for suspect in suspects
        for position, neighbour in enumerate(suspect.neighbours)
    ]
