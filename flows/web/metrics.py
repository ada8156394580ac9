"""Metrics in the text form of Prometheus: what is in the store, and how good the champion is."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from flows.web.pages import Header, read_header
from storage.catalog.status import read_last_night, read_status
from storage.home import DataLayout


def describe_metrics(layout: DataLayout) -> str:
    """Return the metrics of a home; those of a champion or night are left out before the first."""
    registry = CollectorRegistry()
    if layout.published.exists():
        _count_songs(registry, layout)
        _score_champion(registry, read_header(layout))
        _time_night(registry, layout)
    return generate_latest(registry).decode()


def _count_songs(registry: CollectorRegistry, layout: DataLayout) -> None:
    songs = Gauge("genreflow_songs", "Songs of all sources", ["outcome"], registry=registry)
    for outcome, n_songs in read_status(layout)["outcomes"].items():
        songs.labels(outcome).set(n_songs)


def _score_champion(registry: CollectorRegistry, header: Header) -> None:
    waiting = Gauge("genreflow_waiting", "Decisions that wait", ["kind"], registry=registry)
    waiting.labels("conflict").set(header.n_conflicts)
    waiting.labels("suspect").set(header.n_suspects)
    if header.version is None:
        return
    version = Gauge("genreflow_champion_version", "Version of the champion", registry=registry)
    version.set(header.version)
    if header.score is None:
        return
    text = "Macro F1 of the champion on test songs, and the ends of its 95 % interval"
    score = Gauge("genreflow_champion_test_macro_f1", text, ["bound"], registry=registry)
    for bound in ("value", "low", "high"):
        score.labels(bound).set(getattr(header.score, bound))


def _time_night(registry: CollectorRegistry, layout: DataLayout) -> None:
    if night := read_last_night(layout):
        ended = Gauge(
            "genreflow_last_night_timestamp_seconds", "When the last night ended", registry=registry
        )
        ended.set(night["ended_s"])
        finished = Gauge("genreflow_last_night_success", "1 if it finished", registry=registry)
        finished.set(night["is_finished"])
