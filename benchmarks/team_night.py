"""A whole night of a library of 200,000 songs whose shards are on S3, with four Dask workers.

``python -m benchmarks.team_night MUSIC WORK [SONGS [NEW]]``: MUSIC is a folder of real mp3 songs.
The songs that are there already are made up: rows of the catalog (`benchmarks.libraries`), links
in place of files, and embeddings drawn around a centre a genre, written to S3 and recorded by what
`extract` writes with. The new ones are real files, made of pieces of MUSIC: they are listed,
probed, fingerprinted, decoded and embedded. Then `genreflow nightly` runs as a person would start
it: a head is trained on all songs, audited and promoted.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import psutil

from benchmarks import libraries
from benchmarks.growth import peak_memory
from benchmarks.homes import fresh
from benchmarks.made_songs import SHORT_PIECES_S, make_songs
from benchmarks.servers import list_objects, serve_s3
from benchmarks.tables import say
from genre_core.representations.embeddings import song_means
from genre_core.representations.features import FeatureConfig, embedding_features
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.extraction import SongEmbedding, record_features
from storage.catalog.query import query_rows
from storage.embeddings.weights import builtin_embedding
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard
from tasks.direct import CHOSEN
from tasks.duplicates import settle_duplicates
from tasks.extract import record_shards, settle_extraction
from tasks.spectrograms import ExtractedChunk, key_features

BUCKET = "spectrograms"
URI = f"s3://{BUCKET}/night"
N_WORKERS, N_SONGS, N_NEW = 4, 200_000, 300
SONGS_A_SHARD = 7_000
"""67 MB of embeddings: above what compaction joins."""
CONFUSED = 0.2
"""Share of the songs whose embedding is drawn around the centre of another genre."""
FEATURES = embedding_features(builtin_embedding("musicnn"), 6)
STEPS = "select step, outcome, seconds, message from night_steps order by position"


def fill_home(layout: DataLayout, n_songs: int) -> None:
    """Fill a new home with songs that were ingested and extracted before, shards on S3."""
    for statement in (libraries.TRACKS, libraries.OUTCOMES, libraries.DUPLICATES, libraries.SOUND):
        libraries.run(layout, statement, 0, n_songs, n_songs)
    for first in range(0, n_songs, libraries.SONGS_AT_ONCE):
        numbers = range(first, min(first + libraries.SONGS_AT_ONCE, n_songs))
        with open_catalog(layout) as catalog:
            libraries.insert_fingerprints(catalog, numbers)
    libraries.make_files(layout, 0, n_songs, n_songs)
    ((key, features),) = key_features([FEATURES]).items()
    with open_catalog(layout) as catalog:
        record_features(catalog, {key: features})
        rows = fetch_rows(catalog, "select track_id, genre from tracks order by track_id")
    genre_of_track = {row["track_id"]: row["genre"] for row in rows}
    for chunk in _embed(layout, key, features, genre_of_track):
        record_shards(layout, [chunk], 10**9)
    settle_duplicates(layout)
    settle_extraction(layout, [FEATURES])


def _embed(
    layout: DataLayout, key: str, features: FeatureConfig, genre_of_track: Mapping[str, str]
) -> Iterator[ExtractedChunk]:
    """Draw the embeddings of songs, write a shard of some thousand at once, and yield it."""
    rng, track_ids = np.random.default_rng(0), list(genre_of_track)
    genres = sorted(set(genre_of_track.values()))
    n_values, n_windows = features.shape[0], features.fragments.n_fragments
    n_features = n_values if features.embedding is None else features.embedding.n_features
    centres = rng.normal(0, 1, (len(genres), n_values)).astype(np.float32)
    starts_s = tuple(30.0 + 3 * np.arange(n_windows))
    for first in range(0, len(track_ids), SONGS_A_SHARD):
        songs = []
        for track_id in track_ids[first : first + SONGS_A_SHARD]:
            number = genres.index(genre_of_track[track_id])
            if rng.random() < CONFUSED:
                number = int(rng.integers(len(genres)))
            values = centres[number] + 4 * rng.standard_normal(n_values, np.float32)
            windows = values + rng.standard_normal((n_windows, n_values), np.float32)
            songs.append(
                TrackMatrices(
                    track_id=track_id,
                    genre=genre_of_track[track_id],
                    starts_s=starts_s,
                    matrices=windows[:, :, np.newaxis],
                )
            )
        means = [song_means(song.matrices, [song.track_id] * n_windows)[1][0] for song in songs]
        yield ExtractedChunk(
            shards=(write_shard(layout, key, features, songs),),
            rejections=(),
            warnings=(),
            embeddings=tuple(
                SongEmbedding(
                    track_id=song.track_id,
                    feature_key=key,
                    embedding=tuple(mean[:n_features].tolist()),
                    tag_logits=tuple(mean[n_features:].tolist()),
                )
                for song, mean in zip(songs, means, strict=True)
            ),
        )


def make_home(music: Path, work: Path, n_songs: int, n_new: int) -> None:
    """Fill a home and add the new songs, in a process of its own that needs no Prefect."""
    layout = DataLayout(work / "home", shards_uri=URI)
    begin_s, spent_s = time.monotonic(), time.process_time()
    fill_home(layout, n_songs)
    add_songs(layout, music, work, n_new)
    wall_s, cpu_s = time.monotonic() - begin_s, time.process_time() - spent_s
    say(f"{n_songs:,} songs were made up in {wall_s:.0f} s, {cpu_s:.0f} s of CPU.")


def add_songs(layout: DataLayout, music: Path, work: Path, n_new: int) -> None:
    """Add new real files to the folders of the genres, of four songs an artist."""
    for nth, song in enumerate(make_songs(music, work / "new", n_new, 7, SHORT_PIECES_S)):
        folder = layout.home / "music" / f"genre {nth % libraries.N_GENRES}"
        place = folder / f"New artist {nth % libraries.N_GENRES} {nth // 80}" / f"new {nth}.mp3"
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(song, place)


def run_night(layout: DataLayout, s3: Mapping[str, str]) -> dict[str, float]:
    """Run `genreflow nightly`; return its seconds, those of the processor, and MiB of memory."""
    environment = {
        **os.environ,
        **s3,
        "GENREFLOW_HOME": str(layout.home),
        "GENREFLOW_MUSIC": str(layout.home / "music"),
        "GENREFLOW_SHARDS": layout.shards_uri,
        "GENREFLOW_REPRESENTATIONS": '["musicnn"]',
        "GENREFLOW_NETWORKS": '["head"]',
        "GENREFLOW_RUNNER__KIND": "dask",
        "GENREFLOW_RUNNER__WORKERS": str(N_WORKERS),
    }
    begin_s, spent_s = time.monotonic(), _spent_s()
    with peak_memory() as peak:
        command = "from flows.cli.start import main; main()"
        done = subprocess.run([sys.executable, "-c", command, "nightly"], env=environment)
    if done.returncode:
        raise SystemExit(f"The night ended with {done.returncode}.")
    wall_s, cpu_s = time.monotonic() - begin_s, _spent_s() - spent_s
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": peak[0]}


def _spent_s() -> float:
    """Seconds of the processor of all processes that this one has started and that have ended."""
    times = psutil.Process().cpu_times()
    return times.children_user + times.children_system


def main(music: Path, work: Path, n_songs: int, n_new: int) -> None:
    """Fill the home, run the night, and print what it cost."""
    home = fresh(work / "home")
    with serve_s3(work / "s3.log", (BUCKET,)) as s3:
        os.environ |= s3
        layout = DataLayout(home, shards_uri=URI)
        command = [sys.executable, "-m", "benchmarks.team_night", "--fill"]
        command += [str(music), str(work), str(n_songs), str(n_new)]
        subprocess.run(command, check=True, env=os.environ | {CHOSEN: ""})
        cost = run_night(layout, s3)
        steps = query_rows(layout, STEPS)
        outcomes = query_rows(layout, "select outcome, count(*) as n from outcomes group by all")
        runs = query_rows(layout, "select test_macro_f1, seconds from runs")
        shards = list_objects(s3, BUCKET)
        verdicts = query_rows(layout, "select verdict, seconds from audits")
    for step in steps:
        say(f"{step['step']:10} {step['outcome']:10} {step['seconds']:8.1f} s  {step['message']}")
    disk = {name: _mib(home / name) for name in ("", "catalog.duckdb", "spectrograms.duckdb")}
    disk["shards"] = sum(shards.values()) >> 20
    found = {"outcomes": outcomes, "runs": runs, "audits": verdicts, "disk_mib": disk}
    say(json.dumps({"n_songs": n_songs, "n_new": n_new, **cost, **found}, default=str))


def _mib(place: Path) -> int:
    paths = [place] if place.is_file() else place.rglob("*")
    return sum(path.stat().st_size for path in paths if path.is_file()) >> 20


if __name__ == "__main__":
    is_filling = sys.argv[1] == "--fill"
    words = sys.argv[2:] if is_filling else sys.argv[1:]
    places = [Path(one).resolve() for one in words[:2]]
    sizes = [int(one) for one in words[2:]] + [N_SONGS, N_NEW][len(words) - 2 :]
    (make_home if is_filling else main)(*places, *sizes)
