"""Metrics in the text form of Prometheus: what is in the store, and how good the champion is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from flows.web.pages import Header, read_header
from storage.catalog.nightly import NightOutcome
from storage.catalog.status import count_nights, read_last_night, read_status
from storage.files import write_bytes
from storage.home import DataLayout

TEXTFILE = "metrics.prom"


def describe_metrics(layout: DataLayout) -> str:
    """Return the metrics of a home; those of a champion or night are left out before the first."""
    registry = CollectorRegistry()
    if layout.published.exists():
        _count_songs(registry, layout)
        _score_champion(registry, read_header(layout))
        _time_night(registry, layout)
    return generate_latest(registry).decode()


def write_metrics(layout: DataLayout) -> Path:
    """Write the metrics to ``reports/metrics.prom``, for the textfile collector of node_exporter.

    The file appears whole, as that collector wants it.
    """
    path = layout.reports / TEXTFILE
    write_bytes(path, describe_metrics(layout).encode())
    return path


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
    if counts := count_nights(layout):
        nights = Gauge("genreflow_nights", "Nightly runs on record", ["outcome"], registry=registry)
        for outcome in NightOutcome:
            nights.labels(outcome).set(counts.get(outcome, 0))
    night = read_last_night(layout)
    if not night:
        return
    numbers = {
        "timestamp_seconds": ("When the last night ended", night["ended_s"]),
        "start_timestamp_seconds": ("When it began", night["started_s"]),
        "duration_seconds": ("How long it took", night["ended_s"] - night["started_s"]),
        "success": ("1 if it finished", night["is_finished"]),
        "new_songs": ("Songs that it brought in", night["n_new_songs"]),
    }
    for name, (text, number) in numbers.items():
        if number is not None:
            Gauge(f"genreflow_last_night_{name}", text, registry=registry).set(number)
    _time_steps(registry, night["steps"])


def _time_steps(registry: CollectorRegistry, steps: Sequence[Mapping[str, Any]]) -> None:
    name, labels = "genreflow_last_night_step", ["step"]
    took = Gauge(f"{name}_duration_seconds", "How long each step took", labels, registry=registry)
    text = "1 if the step finished or had nothing to do, 0 if it failed"
    success = Gauge(f"{name}_success", text, labels, registry=registry)
    for step in steps:
        took.labels(step["step"]).set(step["seconds"])
        success.labels(step["step"]).set(step["outcome"] != NightOutcome.FAILED)
