create table schema_version (version integer not null);

create table tracks (
    track_id varchar primary key, location varchar not null, genre varchar not null,
    artist varchar not null, album varchar not null, title varchar not null,
    licence varchar not null, duration_s double not null, sample_rate integer not null,
    channels integer not null, codec varchar not null, suffix varchar not null,
    packets_id varchar not null default '',
    is_builtin boolean not null default false,
    added_at timestamptz not null default now(),
    bit_rate integer not null default 0,
    year integer not null default 0, publisher varchar not null default '',
    album_artist varchar not null default ''
);

create table outcomes (
    source varchar primary key, track_id varchar not null, genre varchar not null,
    outcome varchar not null, stage varchar not null, reason varchar not null,
    message varchar not null, attempts integer not null default 1,
    first_at timestamptz not null default now(), updated_at timestamptz not null default now(),
    source_id varchar not null default '', version varchar not null default ''
);

create table fingerprints (
    track_id varchar primary key, items blob not null, version integer not null,
    is_partial boolean not null, is_doubtful boolean not null
);

create table fingerprint_keys (
    track_id varchar not null, key uinteger not null, position integer not null
);

create table duplicates (
    track_id varchar not null, other_id varchar not null, similarity double not null,
    offset_s double not null, primary key (track_id, other_id)
);

create sequence decision_ids;

create table decisions (
    decision_id integer not null default nextval('decision_ids'), track_id varchar not null,
    genre varchar not null, genre_before varchar not null default '',
    location_before varchar not null default '', who varchar not null default '',
    decided_at timestamptz not null default now(),
    undone_at timestamptz, undone_by varchar not null default '',
    primary key (decision_id, track_id)
);

create view decided as
    select track_id, arg_max(genre, decision_id) as genre from decisions
    where undone_at is null group by track_id;

create table excluded_tracks (
    track_id varchar primary key, reason varchar not null, duplicate_of varchar not null,
    message varchar not null
);

create table features (
    feature_key varchar primary key, representation varchar not null, fragment_s double not null,
    n_bands integer not null, n_frames integer not null, settings json not null
);

create table shards (
    shard varchar primary key, feature_key varchar not null, n_rows integer not null,
    n_bytes bigint not null, created_at timestamptz not null default now(),
    digest varchar not null default ''
);

create table extracted (
    track_id varchar not null, feature_key varchar not null, shard varchar not null,
    n_fragments integer not null, reason varchar not null default '',
    message varchar not null default '', primary key (track_id, feature_key)
);

create table rejected (
    track_id varchar not null, feature_key varchar not null, stage varchar not null,
    reason varchar not null, message varchar not null, primary key (track_id, feature_key)
);

create table assignments (
    track_id varchar primary key, genre varchar not null, split varchar not null,
    group_id varchar not null, split_level varchar not null,
    assigned_at timestamptz not null default now()
);

create table snapshots (
    snapshot_id varchar primary key, feature_key varchar not null, library_id varchar not null,
    genres varchar[] not null, n_tracks integer not null, n_examples integer not null,
    seed integer not null, created_at timestamptz not null default now(),
    used_at timestamptz, all_genres boolean not null default true
);

create table snapshot_tracks (
    snapshot_id varchar not null, track_id varchar not null, genre varchar not null,
    split varchar not null, group_id varchar not null, split_level varchar not null,
    primary key (snapshot_id, track_id)
);

create table runs (
    run_id varchar primary key, trial_id varchar not null, comparison_id varchar not null,
    network varchar not null, representation varchar not null, fragment_s double not null,
    seed integer not null, snapshot_id varchar not null, n_parameters integer not null,
    epochs integer not null, validation_accuracy double not null,
    validation_macro_f1 double not null, test_macro_f1 double not null,
    test_accuracy double not null, seconds double not null, model_uri varchar not null,
    started_at timestamptz not null,
    validation_macro_f1_low double, validation_macro_f1_high double,
    test_macro_f1_low double, test_macro_f1_high double,
    test_accuracy_low double, test_accuracy_high double,
    training_key varchar not null default ''
);

create table models (model_uri varchar primary key, network_sha256 varchar not null);

create table scores (
    run_id varchar not null, split varchar not null, metric varchar not null,
    genre varchar not null default '', value double not null, low double not null,
    high double not null, primary key (run_id, split, metric, genre)
);

create table predictions (
    run_id varchar not null, track_id varchar not null, split varchar not null,
    genre varchar not null, predicted varchar not null, probability double not null,
    probabilities double[] not null default [],
    confidence double, unknown boolean, alternatives varchar[], primary key (run_id, track_id)
);

create table song_embeddings (
    track_id varchar not null, feature_key varchar not null, embedding float[] not null,
    tag_logits float[] not null, primary key (track_id, feature_key)
);

create table suspects (
    track_id varchar primary key, feature_key varchar not null, genre varchar not null,
    confidence double not null, predicted varchar not null, predicted_confidence double not null,
    found_at timestamptz not null default now()
);

create table suspect_neighbours (
    track_id varchar not null, position integer not null, neighbour_id varchar not null,
    cosine double not null, primary key (track_id, position)
);

create table song_map (
    track_id varchar primary key, feature_key varchar not null, x double not null,
    y double not null, is_landmark boolean not null
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

create sequence promotion_ids;

create table promotions (
    promotion_id integer primary key default nextval('promotion_ids'),
    version integer not null, run_id varchar not null, previous_version integer,
    previous_run_id varchar, snapshot_id varchar not null, validation_macro_f1 double not null,
    previous_validation_macro_f1 double, reason varchar not null,
    promoted_at timestamptz not null default now(),
    kind varchar not null default 'promotion', who varchar not null default '',
    judged_on varchar not null default '', n_songs integer,
    macro_f1 double, macro_f1_low double, macro_f1_high double,
    previous_macro_f1 double, previous_macro_f1_low double, previous_macro_f1_high double,
    gain double, gain_low double, gain_high double,
    audit_id varchar not null default '', audit_verdict varchar not null default ''
);

create table golden_songs (
    version integer not null, track_id varchar not null, genre varchar not null,
    frozen_at timestamptz not null default now(), primary key (version, track_id)
);

create sequence challenge_ids;

create table challenges (
    challenge_id integer primary key default nextval('challenge_ids'),
    version integer, run_id varchar not null, previous_run_id varchar, snapshot_id varchar not null,
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
    artist varchar not null, title varchar not null, reason varchar not null, who varchar not null,
    removed_at timestamptz not null default now()
);
