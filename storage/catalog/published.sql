create table tracks as
    select track_id, genre, artist, album, title, licence, duration_s, sample_rate, channels,
        codec, added_at, is_builtin from catalog.tracks order by track_id;

create table outcomes as
    select source, track_id, genre, outcome, stage, reason, message, attempts, first_at,
        updated_at from catalog.outcomes order by source;

create table shards as
    select shard, feature_key, representation, fragment_s, n_bands, n_frames, n_rows, n_bytes,
        created_at
    from catalog.shards join catalog.features using (feature_key) order by shard;

create table snapshots as
    select snapshot_id, feature_key, created_at, n_tracks, n_examples, seed, library_id, genres,
        used_at
    from catalog.snapshots order by created_at;

create table splits as
    select snapshot_id, track_id, genre, split, group_id, split_level
    from catalog.snapshot_tracks order by snapshot_id, track_id;

create table runs as
    select run_id, network, representation, fragment_s, seed, snapshot_id, n_parameters, epochs,
        validation_macro_f1, test_macro_f1, test_accuracy, seconds, started_at,
        validation_accuracy, comparison_id
    from catalog.runs order by started_at;

create table predictions as
    select run_id, track_id, split, genre, predicted, probability
    from catalog.predictions order by run_id, track_id;

create table promotions as
    select version, run_id, previous_version, previous_run_id, snapshot_id,
        validation_macro_f1, previous_validation_macro_f1, reason, promoted_at, promotion_id
    from catalog.promotions order by promotion_id;

create table audits as
    select audit_id, snapshot_id, run_id, verdict, seconds, settings, created_at, used_at
    from catalog.audits order by created_at;

create table audit_checks as
    select audit_id, name, level, passed, value, low, high, chance, message, details
    from catalog.audit_checks order by audit_id, position;

create table sound as
    select track_id, loudness_db, cutoff_hz from catalog.sound order by track_id;
