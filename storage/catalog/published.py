"""The tables of the published store: made from the catalog, or brought up to date in a copy.

The comment of each table digests what it was made from: what did not change since is neither read
nor written again.
"""

from __future__ import annotations  # nanobind reports DuckDB's types as leaks if they stay alive

import hashlib
import re
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

from storage.catalog.instance import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

    from storage.catalog.connection import Catalog

FEWEST_ROWS = 20_000
"""A smaller table is made anew when it changed, which also restores its order."""

_TABLE = re.compile(r"create table (\w+) as\s+(.*)", re.DOTALL)
_ORDER = re.compile(r"order by [^()]*$")
_INPUT = re.compile(r"\bcatalog\.(\w+)")


@cache
def published_tables() -> Mapping[str, str]:
    """Return the query that makes each published table from those of the database ``catalog``."""
    statements = files("storage.catalog").joinpath("published.sql").read_text("utf-8").split(";\n")
    found = (_TABLE.fullmatch(statement.strip()) for statement in statements)
    return {table[1]: table[2] for table in found if table}


def digest_inputs(catalog: Catalog) -> dict[str, str]:
    """Digest, for each published table, its query, then all rows of the catalog that it reads."""
    inputs = {name: _INPUT.findall(query) for name, query in published_tables().items()}
    rows = {}
    for table in sorted(set().union(*inputs.values())):
        statement = f"select count(*), bit_xor(hash(t)) from {table} as t"
        rows[table] = f"{table} {catalog.execute(statement).fetchone()}"
    return {
        name: f"{digest_text(query)} {digest_text(*(rows[table] for table in inputs[name]))}"
        for name, query in published_tables().items()
    }


def digest_text(*texts: str) -> str:
    """Digest what a table or view is made from, under this version of genreflow."""
    return hashlib.sha256("\n".join([_release(), *texts]).encode()).hexdigest()


@cache
def _release() -> str:
    return version("genreflow")  # which parses the metadata of the package each time


def make_tables(connection: DuckDBPyConnection, digests: Mapping[str, str]) -> None:
    """Make tables, in place of those that are there; the catalog is attached as ``catalog``."""
    for name, digest in digests.items():
        connection.execute(f"create or replace table {name} as {published_tables()[name]}")
        note_digest(connection, f"table {name}", digest)


def update_tables(connection: DuckDBPyConnection, changed: Mapping[str, str]) -> None:
    """Bring tables up to date: delete the rows that are gone, append those that are new."""
    for name, digest in changed.items():
        if _is_small(connection, name) or not _update_rows(connection, name):
            make_tables(connection, {name: digest})
        note_digest(connection, f"table {name}", digest)


def note_digest(connection: DuckDBPyConnection, what: str, digest: str) -> None:
    """Note what a table or a view was made from."""
    connection.execute(f"comment on {what} is {quote(digest)}")


def _is_small(connection: DuckDBPyConnection, name: str) -> bool:
    (n_rows,) = connection.execute(f"select count(*) from {name}").fetchone() or (0,)
    return n_rows < FEWEST_ROWS


def _update_rows(connection: DuckDBPyConnection, name: str) -> bool:
    """Replace the rows that differ; return whether the table then has those that it should.

    It has not where rows are alike, as addresses are that differ in a token alone.
    """
    query = _ORDER.sub("", published_tables()[name])
    connection.execute(f"""
        create or replace temp table wanted as select hash(t) as content from ({query}) as t
    """)
    connection.execute(f"""
        create or replace temp table differing as
        select place, wanted.content as content
        from (select rowid as place, hash(t) as content from {name} as t) as there
            full join wanted using (content)
        where place is null or wanted.content is null
    """)
    connection.execute(f"delete from {name} where rowid in (select place from differing)")
    connection.execute(f"""
        insert into {name} select * exclude (content)
        from (select *, hash(t) as content from ({query}) as t)
        where content in (select content from differing)
    """)
    there = f"(select hash(t) as content from {name} as t)"
    return _sum_up(connection, there) == _sum_up(connection, "wanted")


def _sum_up(connection: DuckDBPyConnection, contents: str) -> tuple[int, ...]:
    """Return the number of rows and the sum of their hashes, which are alike in any order."""
    statement = f"select count(*), coalesce(sum(content::hugeint), 0) from {contents}"
    return connection.execute(statement).fetchone() or ()
