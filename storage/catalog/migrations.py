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


def migrate_3_to_4(catalog: DuckDBPyConnection) -> None:
    """Add what nights, challenges of the champion, golden songs and removals are known by."""
    catalog.execute(
        """
        alter table promotions add column kind varchar not null default 'promotion';
        alter table promotions add column who varchar not null default '';
        alter table promotions add column judged_on varchar not null default '';
        alter table promotions add column n_songs integer;
        alter table promotions add column macro_f1 double;
        alter table promotions add column macro_f1_low double;
        alter table promotions add column macro_f1_high double;
        alter table promotions add column previous_macro_f1 double;
        alter table promotions add column previous_macro_f1_low double;
        alter table promotions add column previous_macro_f1_high double;
        alter table promotions add column gain double;
        alter table promotions add column gain_low double;
        alter table promotions add column gain_high double;
        alter table promotions add column audit_id varchar not null default '';
        alter table promotions add column audit_verdict varchar not null default '';
        create table golden_songs (
            version integer not null, track_id varchar not null, genre varchar not null,
            frozen_at timestamptz not null default now(), primary key (version, track_id)
        );
        create sequence challenge_ids;
        create table challenges (
            challenge_id integer primary key default nextval('challenge_ids'),
            run_id varchar not null, previous_run_id varchar, snapshot_id varchar not null,
            promoted boolean not null, reason varchar not null, who varchar not null,
            judged_on varchar not null, n_songs integer not null,
            macro_f1 double, macro_f1_low double, macro_f1_high double,
            previous_macro_f1 double, previous_macro_f1_low double, previous_macro_f1_high double,
            gain double, gain_low double, gain_high double,
            audit_id varchar not null, audit_verdict varchar not null,
            judged_at timestamptz not null default now()
        );
        create table nights (
            night_id varchar primary key, flow_run_id varchar not null, who varchar not null,
            started_at timestamptz not null default now(), ended_at timestamptz,
            outcome varchar not null, message varchar not null default '', n_new_songs integer,
            facts json not null default '{}'
        );
        create table night_steps (
            night_id varchar not null, position integer not null, step varchar not null,
            outcome varchar not null, message varchar not null default '', seconds double not null,
            ended_at timestamptz not null default now(), primary key (night_id, step)
        );
        create table removals (
            track_id varchar primary key, packets_id varchar not null default '',
            artist varchar not null, title varchar not null, reason varchar not null,
            who varchar not null, removed_at timestamptz not null default now()
        );
        """
    )


def migrate_4_to_5(catalog: DuckDBPyConnection) -> None:
    """Add embeddings of songs, suspects, and what predictions say of their own certainty."""
    catalog.execute(
        """
        alter table tracks add column year integer not null default 0;
        alter table tracks add column publisher varchar not null default '';
        alter table predictions add column confidence double;
        alter table predictions add column unknown boolean;
        alter table predictions add column alternatives varchar[];
        create table song_embeddings (
            track_id varchar not null, feature_key varchar not null, embedding float[] not null,
            tag_logits float[] not null, primary key (track_id, feature_key)
        );
        create table suspects (
            track_id varchar primary key, feature_key varchar not null, genre varchar not null,
            confidence double not null, predicted varchar not null,
            predicted_confidence double not null,
            found_at timestamptz not null default now()
        );
        create table suspect_neighbours (
            track_id varchar not null, position integer not null, neighbour_id varchar not null,
            cosine double not null, primary key (track_id, position)
        );
        """
    )


MIGRATIONS: dict[int, Callable[[DuckDBPyConnection], None]] = {
    2: migrate_2_to_3,
    3: migrate_3_to_4,
    4: migrate_4_to_5,
}


def migrate(catalog: DuckDBPyConnection, version: int) -> None:
    """Bring a catalog from a version to the newest; `MIGRATIONS` must have a step from it."""
    while version in MIGRATIONS:
        MIGRATIONS[version](catalog)
        version += 1
        catalog.execute("insert into schema_version values (?)", [version])
