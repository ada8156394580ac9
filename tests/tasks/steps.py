"""The tasks of ingest and extract, called one after the other, and the outcomes of their songs."""

from collections.abc import Sequence
from pathlib import Path

from flows.settings import Settings
from genre_core.dataset.labels import LabelRules
from genre_core.records import Source
from storage.catalog.connection import fetch_rows, open_catalog
from storage.fetch.limits import DownloadLimits
from storage.fetch.sites.access import Access
from storage.home import DataLayout
from tasks.download import Fetched, Selected, download_chunk, select_sources
from tasks.duplicates import (
    fingerprint_chunk,
    record_fingerprints,
    record_wave,
    select_doubtful,
    select_unfingerprinted,
    settle_duplicates,
)
from tasks.extract import record_shards, select_tracks, settle_extraction
from tasks.spectrograms import convert_chunk, extract_chunk

LIMITS = DownloadLimits(timeout_s=2.0, max_attempts=1)


def collect(layout: DataLayout, sources: Sequence[Source]) -> Fetched:
    """Fetch and record sources as one wave."""
    return record_wave.fn(layout, sources, [download_chunk.fn(layout, sources, LIMITS, ())])


def find_duplicates(layout: DataLayout) -> None:
    for select, fingerprinted_s in ((select_unfingerprinted, 60), (select_doubtful, 120)):
        found = fingerprint_chunk.fn(layout, select.fn(layout), fingerprinted_s)
        record_fingerprints.fn(layout, [found])
    settle_duplicates.fn(layout)


def ingest_listing(
    layout: DataLayout, music: Path, rules: LabelRules | None = None, access: Access | None = None
) -> Selected:
    """List a library, record what changed, and fetch what is new; return what was selected."""
    rules = rules or LabelRules()
    selected = select_sources.fn(layout, str(music), rules, LIMITS, access)
    record_wave.fn(layout, [], [Fetched(outcomes=selected.outcomes)])
    record_wave.fn(layout, selected.relabelled, [Fetched(tracks=selected.stored)])
    fetched = download_chunk.fn(layout, selected.sources, LIMITS, rules.genres, access)
    record_wave.fn(layout, selected.sources, [fetched])
    return selected


def scanned(selected: Selected) -> list[str]:
    """The names of the songs that were new or listed otherwise."""
    return [Path(source.location).name for source in (*selected.sources, *selected.relabelled)]


def extract(config: Settings, *, song_by_song: bool = False, decides_short: bool = True) -> None:
    """Extract what is pending, as one shard a feature key or as one a song."""
    layout, features = config.layout, config.features
    converted = convert_chunk.fn(layout, select_tracks.fn(layout, features), features)
    chunks = [converted]
    if song_by_song:
        chunks = [type(converted)(converted=(s,), rejections=()) for s in converted.converted]
    extracted = [extract_chunk.fn(layout, chunk, features) for chunk in chunks]
    record_shards.fn(layout, extracted, config.wav_cache_bytes)
    settle_extraction.fn(layout, features, decides_short=decides_short)


def outcomes(layout: DataLayout) -> dict[str, tuple[str, str, str]]:
    """Genre, outcome and reason by the file name of a source."""
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select source, genre, outcome, reason from outcomes")
    return {
        row["source"].rpartition("/")[2]: (row["genre"], row["outcome"], row["reason"])
        for row in rows
    }
