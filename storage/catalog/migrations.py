"""Catalogs of older versions become catalogs of this one, one numbered step after the other."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def migrate_2_to_3(catalog: DuckDBPyConnection) -> None:
    """Add what copies, doubtful sound, damaged shards, intervals and audits are known by."""
    catalog.execute(
        """
        alter table tracks add column bit_rate integer not null default 0;
        alter table outcomes add column source_id varchar not null default '';
        alter table outcomes add column version varchar not null default '';
        alter table extracted add column reason varchar not null default '';
        alter table extracted add column message varchar not null default '';
        alter table shards add column digest varchar not null default '';
        alter table runs add column validation_macro_f1_low double;
        alter table runs add column validation_macro_f1_high double;
        alter table runs add column test_macro_f1_low double;
        alter table runs add column test_macro_f1_high double;
        alter table runs add column test_accuracy_low double;
        alter table runs add column test_accuracy_high double;
        alter table runs add column training_key varchar not null default '';
        alter table predictions add column probabilities double[] not null default [];
        create table prints (track_id varchar primary key, items blob not null);
        create table print_keys (
            track_id varchar not null, key uinteger not null, position integer not null
        );
        create table copies (
            track_id varchar not null, other_id varchar not null, similarity double not null,
            offset_s double not null, primary key (track_id, other_id)
        );
        create table decisions (
            track_id varchar primary key, genre varchar not null,
            decided_at timestamptz not null default now()
        );
        create table aside (
            track_id varchar primary key, reason varchar not null, duplicate_of varchar not null,
            message varchar not null
        );
        create table sound (
            track_id varchar primary key, loudness_db double not null, cutoff_hz double not null
        );
        create table audits (
            audit_id varchar primary key, snapshot_id varchar not null, run_id varchar not null,
            verdict varchar not null, seconds double not null, settings json not null,
            created_at timestamptz not null default now(),
            used_at timestamptz not null default now()
        );
        create table audit_checks (
            audit_id varchar not null, position integer not null, name varchar not null,
            level varchar not null, passed boolean not null, value double, low double, high double,
            chance double, message varchar not null, details json not null,
            primary key (audit_id, name)
        );
        """
    )


MIGRATIONS: dict[int, Callable[[DuckDBPyConnection], None]] = {2: migrate_2_to_3}


def migrate(catalog: DuckDBPyConnection, version: int) -> None:
    """Bring a catalog from a version to the newest; `MIGRATIONS` must have a step from it."""
    while version in MIGRATIONS:
        MIGRATIONS[version](catalog)
        version += 1
        catalog.execute("insert into schema_version values (?)", [version])
