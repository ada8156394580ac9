create table tracks as
    select track_id, genre, artist, album, title, licence, duration_s, sample_rate, channels,
        codec, added_at, is_builtin, bit_rate,
        if(reason = 'duplicate_recording', duplicate_of, null) as duplicate_of,
        nullif(year, 0) as year, publisher, album_artist
    from catalog.tracks left join catalog.excluded_tracks using (track_id) order by track_id;

create table outcomes as
    select if(is_plain(source), source, mask_location(source)) as source, track_id, genre, outcome,
        stage, reason, message, attempts, first_at, updated_at
    from catalog.outcomes order by source;

create table label_conflicts as
    select duplicate_of as recording, track_id,
        if(is_plain(source), source, mask_location(source)) as source, outcomes.genre, artist, title, stage
    from catalog.outcomes join catalog.tracks using (track_id)
        join catalog.excluded_tracks using (track_id)
    where excluded_tracks.reason = 'label_conflict' and outcomes.reason = 'label_conflict'
        and stage <> 'sources'
    union all
    select if(is_plain(source_id), source_id, mask_location(source_id)) as recording, track_id,
        if(is_plain(source), source, mask_location(source)) as source, outcomes.genre, coalesce(artist, ''),
        coalesce(title, ''), stage
    from catalog.outcomes left join catalog.tracks using (track_id)
    where reason = 'label_conflict' and stage = 'sources'
    order by recording, source;

create table shards as
    select shard, feature_key, representation, fragment_s, n_bands, n_frames, n_rows, n_bytes,
        created_at
    from catalog.shards join catalog.features using (feature_key) order by shard;

create table tag_names as
    with tagged as (
        select feature_key, representation, (settings -> 'embedding' ->> 'n_features')::integer as n,
            from_json(settings -> 'embedding' -> 'tags', '["varchar"]') as tags
        from catalog.features where settings ->> 'embedding' is not null
    ), named as (
        select feature_key, representation, n, unnest(tags) as tag,
            generate_subscripts(tags, 1) as nth
        from tagged
    )
    select feature_key, representation, n + nth as position, split_part(tag, ': ', 1) as model,
        substr(tag, instr(tag, ': ') + 2) as tag
    from named order by feature_key, position;

create table snapshots as
    select snapshot_id, feature_key, created_at, n_tracks, n_examples, seed, library_id, genres,
        used_at, all_genres, representation, fragment_s
    from catalog.snapshots left join catalog.features using (feature_key) order by created_at;

create table splits as
    select snapshot_id, track_id, genre, split, group_id, split_level
    from catalog.snapshot_tracks order by snapshot_id, track_id;

create table runs as
    select run_id, network, representation, fragment_s, seed, snapshot_id, n_parameters, epochs,
        validation_macro_f1, test_macro_f1, test_accuracy, seconds, started_at,
        validation_accuracy, comparison_id, validation_macro_f1_low, validation_macro_f1_high,
        test_macro_f1_low, test_macro_f1_high, test_accuracy_low, test_accuracy_high, training_key
    from catalog.runs order by started_at;

create table scores as select * from catalog.scores order by all;

create table predictions as
    select run_id, track_id, split, genre, predicted, probability, probabilities, confidence,
        unknown, alternatives
    from catalog.predictions order by run_id, track_id;

create table promotions as
    select version, run_id, previous_version, previous_run_id, snapshot_id,
        validation_macro_f1, previous_validation_macro_f1, reason, promoted_at, promotion_id,
        kind, who, judged_on, n_songs, macro_f1, macro_f1_low, macro_f1_high, previous_macro_f1,
        previous_macro_f1_low, previous_macro_f1_high, gain, gain_low, gain_high, audit_id,
        audit_verdict
    from catalog.promotions order by promotion_id;

create table challenges as select * from catalog.challenges order by challenge_id;

create table golden_songs as
    select version, track_id, genre, frozen_at from catalog.golden_songs order by all;

create table nights as
    select night_id, flow_run_id, who, started_at, ended_at, outcome, message, n_new_songs
    from catalog.nights order by started_at;

create table night_steps as
    select night_id, position, step, outcome, message, seconds, ended_at
    from catalog.night_steps order by night_id, position;

create table decisions as
    select decision_id, track_id, genre, genre_before, who, decided_at, undone_at, undone_by
    from catalog.decisions order by decision_id, track_id;

create table removals as
    select track_id, artist, title, reason, who, removed_at from catalog.removals order by all;

create table audits as
    select audit_id, snapshot_id, run_id, verdict, seconds, settings, created_at, used_at
    from catalog.audits order by created_at;

create table audit_checks as
    select audit_id, name, level, passed, value, low, high, chance, message, details
    from catalog.audit_checks order by audit_id, position;

create table sound as
    select track_id, loudness_db, cutoff_hz from catalog.sound order by track_id;

create table song_embeddings as
    select track_id, representation, feature_key, embedding, tag_logits
    from catalog.song_embeddings join catalog.features using (feature_key)
        semi join catalog.tracks using (track_id)
    where feature_key in (
        select arg_max(feature_key, (coalesce(used_at, '-infinity'), coalesce(frozen_at, '-infinity'),
            coalesce(made_at, '-infinity')))
        from catalog.features
            left join (
                select feature_key, max(used_at) as used_at, max(created_at) as frozen_at
                from catalog.snapshots group by feature_key) using (feature_key)
            left join (select feature_key, max(created_at) as made_at from catalog.shards
                group by feature_key) using (feature_key)
        where feature_key in (select feature_key from catalog.song_embeddings)
        group by representation)
    order by track_id, representation;

create table song_map as
    select track_id, feature_key, x, y, is_landmark
    from catalog.song_map semi join catalog.tracks using (track_id) order by track_id;

create table suspects as
    select track_id, suspects.genre, confidence, predicted, predicted_confidence, artist, title,
        coalesce(neighbours, []) as neighbours, found_at
    from catalog.suspects join catalog.tracks using (track_id) left join (
        select suspect_neighbours.track_id, list({'track_id': neighbour_id, 'genre': genre,
            'artist': artist, 'title': title, 'cosine': cosine} order by position) as neighbours
        from catalog.suspect_neighbours
            join catalog.tracks as near on near.track_id = neighbour_id
        group by all) using (track_id)
    where suspects.genre = tracks.genre and track_id not in (select track_id from catalog.decided)
        and track_id not in (select track_id from catalog.excluded_tracks)
    order by confidence, track_id;
