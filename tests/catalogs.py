"""Calls of functions that take an open catalog."""

from collections.abc import Callable
from typing import Any

from storage.catalog.connection import open_catalog
from storage.home import DataLayout


def in_catalog(
    layout: DataLayout, call: Callable[..., Any], *arguments: object, **named: object
) -> Any:  # noqa: ANN401 - whatever the function returns
    """Return what a function of the catalog returns, in a transaction of its own."""
    with open_catalog(layout) as catalog:
        return call(catalog, *arguments, **named)
