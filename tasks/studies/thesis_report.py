"""Thesis report: every claim and figure of the thesis on the music of a store, as pages."""

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genre_core.audit.songs import AuditedSong, name_sources
from genre_core.dataset.groups import BY_SONG
from genre_core.records import LEARNING_SPLITS, counted
from genre_core.studies.claims.findings import (
    Finding,
    TestedClaim,
    count_findings,
    share_reason,
)
from genre_core.studies.claims.table import CLAIMS, GENERAL_RULES, evaluate_claims
from storage.audio.decode import DECODER_VERSION
from storage.home import DataLayout
from storage.reports import copy_figure, read_document, read_figure
from tasks.orchestrator import task
from tasks.pages import fill_template, inline_png
from tasks.studies.record import Study, create_study
from tasks.studies.thesis_evidence import Gathered
from tasks.studies.thesis_figures import ReportFigure, draw_figures
from tasks.studies.thesis_runs import Chosen
from tasks.tracked import open_tracked

FOLDER, LADDER = "thesis", "ladder.png"
HTML, MARKDOWN = "thesis-report.html", "thesis-report.md"
LIBRARIES = ("genreflow", "tensorflow", "keras", "numpy", "scipy", "mlflow", "duckdb", "pyarrow")
SMALL_SONGS = 100
"""Below so many test songs an interval spans some twenty points."""

METRICS = {
    Finding.HOLDS: "claims_that_hold",
    Finding.FAILS: "claims_that_do_not_hold",
    Finding.UNTESTABLE: "claims_not_testable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ThesisReport:
    """The page, and what was found of the claims.

    ``too_few`` is the end of several reasons where the library is too small.
    """

    page: Path
    run_id: str
    claims: tuple[TestedClaim, ...]
    too_few: str

    def as_document(self) -> dict[str, object]:
        """Return plain values by name."""
        claims = [claim.as_document() for claim in self.claims]
        return {"page": str(self.page), "run_id": self.run_id, "claims": claims}


@task
def write_report(layout: DataLayout, gathered: Gathered) -> ThesisReport:
    """Draw the figures, test the claims, and write both pages into the reports and into MLflow."""
    evidence, snapshot = gathered.evidence, gathered.chosen.snapshot
    tags = {"library_id": snapshot.library_id}
    study = create_study(layout, FOLDER, "thesis report", "report", tags)
    claims = evaluate_claims(evidence)
    with study.failing():
        figures = draw_figures(study, gathered)
        shown, shared = share_reason(claims, evidence.too_few)
        facts = _collect_facts(layout, gathered)
        content = {
            "claims": list(zip(CLAIMS, shown, strict=True)),
            "shared": shared,
            "counted": count_findings([claim.finding for claim in claims]),
            "rules": GENERAL_RULES,
            "facts": facts,
            "figures": figures,
            "sample": gathered.sample,
            "evidence": evidence,
            "images": _inline_images(study, bool(facts["ladder"]), figures),
        }
        for name in (HTML, MARKDOWN):
            study.add_text(name, fill_template(name, content))
        report = ThesisReport(
            page=study.folder / HTML,
            run_id=study.run_id,
            claims=tuple(claims),
            too_few=evidence.too_few,
        )
        study.add_numbers("claims", report.as_document())
        counts = Counter(claim.finding for claim in claims)
        study.add_scores({name: float(counts[finding]) for finding, name in METRICS.items()})
    study.finish()
    return report


def _inline_images(
    study: Study, has_ladder: bool, figures: Sequence[ReportFigure]
) -> dict[str, str]:
    """Return the figures that the HTML contains, that of the ladder among them, by file name."""
    ladder = study.layout.reports / "ladder" / LADDER
    names = [figure.file for figure in figures if figure.file]
    if has_ladder and ladder.exists():
        names.append(copy_figure(study.folder, "ladder", ladder).name)
    return {name: inline_png(read_figure(study.folder, name)) for name in names}


def _collect_facts(layout: DataLayout, gathered: Gathered) -> dict[str, Any]:
    """Return what the pages show beside claims and figures.

    ``songs`` are rows of genre, train, validation, test, artists; ``basis`` sentences on the
    library; ``commands`` make the same again; ``ladder`` is the last report of `genreflow ladder`.
    """
    chosen, versions = gathered.chosen, {name: version(name) for name in LIBRARIES}
    return {
        "songs": [_genre_row(gathered.songs, genre) for genre in chosen.snapshot.genres],
        "basis": [sentence for sentence in _describe_library(gathered) if sentence],
        "audit": gathered.audit,
        "runs": _run_rows(chosen),
        "settings": _settings(layout, chosen),
        "versions": {**versions, "python": platform.python_version(), "decoder": DECODER_VERSION},
        "commands": _commands(chosen),
        "ladder": read_document(layout.reports / "ladder", "ladder") or {},
    }


def _genre_row(songs: Sequence[AuditedSong], genre: str) -> tuple[str | int, ...]:
    own = [song for song in songs if song.genre == genre]
    counts = Counter(song.split for song in own)
    artists = {artist for song in own for artist in song.artists}
    return (genre, *(counts[split] for split in LEARNING_SPLITS), len(artists))


def _describe_library(gathered: Gathered) -> list[str]:
    """Return sentences on the library, some of them empty."""
    chosen, evidence, songs = gathered.chosen, gathered.evidence, gathered.songs
    n_artists = len({artist for song in songs for artist in song.artists})
    n_unknown = sum(not song.artists for song in songs)
    loose = ", ".join(sorted({song.genre for song in songs if song.split_level == BY_SONG}))
    level, sources = name_sources(songs)
    n_tested, builtin = evidence.n_songs, gathered.sample.track.is_builtin
    n_points = 100 * 2 / n_tested**0.5
    return [
        "The built-in library, composed by rules: it shows that the pipeline works and proves "
        "nothing about real music."
        if builtin
        else "Your own music.",
        f"{counted(len(songs), 'song')} of {counted(n_artists, 'known artist')} in "
        f"{len(evidence.genres)} genres; "
        f"{chosen.snapshot.n_examples} fragments of {chosen.fragment_s:g} s.",
        f"Scores come from {counted(n_tested, 'test song')} in "
        f"{counted(evidence.n_groups, 'group')} (artists or recordings) that no network "
        "was trained on.",
        f"They come from {len(set(sources.values()))} sources, distinguished by {level}."
        if level
        else "No two genres come from two sources each, so encoder and source may reveal a genre.",
        f"This is a small library: with {counted(n_tested, 'test song')} an interval spans some "
        f"{n_points:.0f} points, so that many claims cannot be decided."
        if n_tested < SMALL_SONGS
        else "",
        f"Songs of unknown artists, who may be in two subsets: {n_unknown}." if n_unknown else "",
        f"Split by song and not by artist, for want of artists: {loose}." if loose else "",
        f"Left out: {counted(chosen.n_other, 'run')} with other training settings or on other "
        "matrices."
        if chosen.n_other
        else "",
    ]


def _run_rows(chosen: Chosen) -> list[dict[str, object]]:
    return [
        {
            "network": run.network,
            "fragment_s": f"{run.fragment_s:g}",
            "seed": run.seed,
            "epochs": run.epochs,
            "test_accuracy": f"{run.test_accuracy:.2f}",
            "run_id": run.run_id,
        }
        for runs in chosen.runs.values()
        for run in runs
    ]


def _settings(layout: DataLayout, chosen: Chosen) -> dict[str, object]:
    features = chosen.features.as_document()
    run = next((runs[0] for runs in chosen.runs.values()), None)
    params = open_tracked(layout).client.get_run(run.run_id).data.params if run else {}
    left_out = {"network", "seed", "fragment_s", "genres", "n_parameters", "representation"}
    return {
        "representation": features["representation"],
        "matrix": " × ".join(map(str, chosen.features.shape)),
        **{f"fragments.{name}": value for name, value in features["fragments"].items()},
        **{f"training.{k}": v for k, v in params.items() if k not in left_out},
    }


def _commands(chosen: Chosen) -> list[str]:
    keys = list(chosen.runs)
    seeds = sorted({run.seed for runs in chosen.runs.values() for run in runs})
    options = [f"--network {name}" for name in dict.fromkeys(key[0] for key in keys)]
    options += [f"--fragment-s {s:g}" for s in sorted({key[1] for key in keys})]
    options += [f"--seed {seed}" for seed in seeds]
    train = [f"genreflow sweep --representation thesis {' '.join(options)}"] if keys else []
    return ["genreflow ingest MUSIC", *train, "genreflow audit", "genreflow thesis-report"]
