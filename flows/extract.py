"""Flow extract: every track becomes examples, in shards that the catalog names."""

from dataclasses import dataclass

from flows.engine import mapping_on, waves
from flows.settings import Settings, read_settings
from genre_core.records import counted
from storage.lock import hold_home
from storage.telemetry import follow_job
from tasks.extract import (
    compact_shards,
    publish_shards,
    record_shards,
    select_tracks,
    settle_extraction,
    settle_short,
)
from tasks.orchestrator import flow, unmapped
from tasks.predict_unlabelled import predict_unlabelled
from tasks.progress import completed, show_progress
from tasks.publish import report_songs
from tasks.spectrograms import convert_chunk, extract_chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractReport:
    """How many tracks were processed, and how many examples the store has."""

    n_tracks: int
    n_examples: int
    outcomes: dict[str, int]

    @property
    def sentence(self) -> str:
        """What the flow did, for people."""
        return (
            f"Processed {counted(self.n_tracks, 'track')}; the store has "
            f"{counted(self.n_examples, 'example')}."
        )


@flow
def extract(config: Settings | None = None, own: Settings | None = None) -> ExtractReport:
    """Convert songs, compute features, record, compact; predict new unlabelled songs.

    Without a ``config`` the settings are read where the flow runs. ``own`` are the settings of the
    home, by which a song is too short, where the ``config`` has others for once.
    """
    config = config or read_settings()
    layout, features, own_features = config.layout, config.features, (own or config).known_features
    decides_short = features == own_features
    with follow_job("extract"), hold_home(layout):
        n_tracks = make_examples(config)
        outcomes, n_examples = settle_extraction(layout, features, decides_short=decides_short)
        if not decides_short:
            outcomes = settle_short(layout, own_features)
        predict_unlabelled(layout)
        publish_shards(layout)
    report_songs("extract", n_tracks, outcomes)
    return ExtractReport(n_tracks=n_tracks, n_examples=n_examples, outcomes=outcomes)


def make_examples(config: Settings) -> int:
    """Make the examples that are missing; return of how many tracks. No outcome is changed.

    A study needs no more: what it finds too short or silent is so under its own protocol.
    """
    layout, features = config.layout, config.features
    pending = select_tracks(layout, features)
    with (
        mapping_on(config.runner, len(pending)),
        show_progress("extract", len(pending), "songs") as advance,
    ):
        for wave in waves(pending, config.runner.chunks_per_wave):
            converted = convert_chunk.map(unmapped(layout), wave, unmapped(features))
            futures = extract_chunk.map(
                unmapped(layout), converted, unmapped(features), unmapped(config.embeddings)
            )
            extracted = list(completed(futures, wave, advance))
            record_shards(layout, extracted, config.wav_cache_bytes)
    compact_shards(layout)
    return len(pending)
