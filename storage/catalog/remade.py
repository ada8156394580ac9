"""Which examples are made again because their settings changed, and what they were before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genre_core.features import FeatureConfig
from storage.catalog.connection import fetch_rows, open_catalog
from storage.layout import DataLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Remade:
    """Settings that are asked for first now, and the newest ones of the same name before them."""

    features: FeatureConfig
    before: dict[str, Any]


def read_remade(layout: DataLayout, features: Mapping[str, FeatureConfig]) -> list[Remade]:
    """Find, for each feature key that the catalog does not know, shards under another key.

    They are of the same representation and fragment length: made with other settings of fragments,
    by another decoder, or by other code.
    """
    with open_catalog(layout) as catalog:
        return [
            Remade(features=config, before=json.loads(row["settings"]))
            for key, config in features.items()
            for row in fetch_rows(
                catalog, _NEWEST_BEFORE, [config.representation, config.fragment_s, key]
            )
        ]


_NEWEST_BEFORE = """
    select settings from features join shards using (feature_key)
    where representation = $1 and fragment_s = $2
        and $3 not in (select feature_key from features)
    order by created_at desc limit 1
"""
