"""Thesis report: every claim and figure of the thesis on the music of a store, as pages."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefect import task

from genre_core.audit.songs import AuditedSong, name_sources
from genre_core.dataset.groups import fold_artist
from genre_core.records import LEARNING_SPLITS
from genre_core.studies.claims.findings import Finding, Verdict, more_songs, say_once
from genre_core.studies.claims.statements import CLAIMS, GENERAL_RULES, count_verdicts, judge_claims
from storage.audio.decode import DECODER_VERSION
from storage.catalog.audits import Audit, read_audited_songs, read_last_audit
from storage.home import DataLayout
from storage.reports import copy_figure, read_document, read_figure, write_text
from tasks.pages import fill_template, inline_png
from tasks.studies.record import Study, keep_numbers, open_store
from tasks.studies.thesis_evidence import Gathered
from tasks.studies.thesis_figures import Plate
from tasks.studies.thesis_runs import Chosen, read_training

LIBRARIES = ("genreflow", "tensorflow", "keras", "numpy", "scipy", "mlflow", "duckdb", "pyarrow")
SMALL_SONGS = 100
"""Below so many test songs an interval spans some twenty points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the page tells beside claims and figures.

    Attributes
    ----------
    songs : tuple of (genre, train, validation, test, artists)
    rests : tuple of str
        Sentences on the library.
    audit : Audit or None
    runs : tuple of dict
        What was trained, a row a run.
    settings : dict
        Of fragments and training.
    versions : dict
    commands : tuple of str
        How to make the same again.
    ladder : dict
        What `genreflow ladder` left; empty if nothing.
    """

    songs: tuple[tuple[str | int, ...], ...]
    rests: tuple[str, ...]
    audit: Audit | None
    runs: tuple[dict[str, object], ...]
    settings: dict[str, object]
    versions: dict[str, str]
    commands: tuple[str, ...]
    ladder: dict[str, Any]


def collect_facts(layout: DataLayout, gathered: Gathered) -> Facts:
    """Read from the store what the report rests on."""
    chosen = gathered.chosen
    songs = read_audited_songs(layout, chosen.snapshot.snapshot_id)
    return Facts(
        songs=tuple(_genre_row(songs, genre) for genre in chosen.snapshot.genres),
        rests=tuple(_sentences(gathered, songs)),
        audit=_audit(layout, chosen),
        runs=tuple(_run_rows(gathered)),
        settings=_settings(layout, chosen),
        versions=_versions(),
        commands=tuple(_commands(layout, chosen)),
        ladder=read_document(layout.reports / "ladder", "ladder") or {},
    )


def _genre_row(songs: list[AuditedSong], genre: str) -> tuple[str | int, ...]:
    own = [song for song in songs if song.genre == genre]
    sides = Counter(song.split for song in own)
    artists = {fold_artist(song.artist) for song in own} - {""}
    return (genre, *(sides[split] for split in LEARNING_SPLITS), len(artists))


def _sentences(gathered: Gathered, songs: list[AuditedSong]) -> list[str]:
    chosen, evidence = gathered.chosen, gathered.evidence
    artists = {fold_artist(song.artist) for song in songs} - {""}
    unknown = sum(not fold_artist(song.artist) for song in songs)
    loose = sorted({song.genre for song in songs if song.split_level != "group"})
    told = [
        _origin(gathered),
        f"{len(songs)} songs of {len(artists)} known artists in {len(evidence.genres)} genres; "
        f"{chosen.snapshot.n_examples} fragments of {chosen.fragment_s:g} s.",
        f"Scores come from {evidence.n_songs} test songs in {evidence.n_groups} groups (artists "
        "or recordings) that no network has heard.",
        _source_sentence(songs),
    ]
    if evidence.n_songs < SMALL_SONGS:
        told.append(
            f"This is a small library: with {evidence.n_songs} test songs an interval spans some "
            f"{100 * 2 / evidence.n_songs**0.5:.0f} points, so that many claims cannot be told."
        )
    if unknown:
        told.append(f"Songs of unknown artists, who may stand on two sides: {unknown}.")
    if loose:
        told.append(f"Split by song and not by artist, for want of artists: {', '.join(loose)}.")
    if chosen.n_other:
        told.append(
            f"{chosen.n_other} runs with other training settings or on other matrices were left "
            "out."
        )
    return told


def _origin(gathered: Gathered) -> str:
    if gathered.sample.track.is_builtin:
        return (
            "The built-in library, composed by rules: it shows that the line works and proves "
            "nothing about real music."
        )
    return "Your own music."


def _source_sentence(songs: list[AuditedSong]) -> str:
    level, sources = name_sources(songs)
    if not level:
        return "No two genres come from two sources each, so encoder and source may tell a genre."
    return f"They come from {len(set(sources.values()))} sources, told apart by {level}."


def _audit(layout: DataLayout, chosen: Chosen) -> Audit | None:
    """Give the last audit of a snapshot with these songs, that of the compared length first."""
    ids = [chosen.snapshot.snapshot_id, *(run.snapshot_id for run in reversed(chosen.comparable))]
    audits = (read_last_audit(layout, snapshot_id) for snapshot_id in dict.fromkeys(ids))
    return next((audit for audit in audits if audit), None)


def _run_rows(gathered: Gathered) -> list[dict[str, object]]:
    return [
        {
            "network": run.network,
            "fragment_s": f"{run.fragment_s:g}",
            "seed": run.seed,
            "epochs": run.epochs,
            "test_accuracy": f"{run.test_accuracy:.2f}",
            "run_id": run.run_id,
        }
        for runs in gathered.chosen.runs.values()
        for run in runs
    ]


def _settings(layout: DataLayout, chosen: Chosen) -> dict[str, object]:
    features = chosen.features.as_document()
    told = {
        "representation": features["representation"],
        "matrix": " × ".join(map(str, chosen.features.shape)),
        **{f"fragments.{name}": value for name, value in features["fragments"].items()},
    }
    run = next((runs[0] for runs in chosen.runs.values()), None)
    params = read_training(layout, run)["params"] if run else {}
    left_out = {"network", "seed", "fragment_s", "genres", "n_parameters", "representation"}
    return told | {f"training.{k}": v for k, v in params.items() if k not in left_out}


def _versions() -> dict[str, str]:
    versions = {name: version(name) for name in LIBRARIES}
    return versions | {"python": platform.python_version(), "decoder": DECODER_VERSION}


def _commands(layout: DataLayout, chosen: Chosen) -> list[str]:
    keys = list(chosen.runs)
    seeds = sorted({run.seed for runs in chosen.runs.values() for run in runs})
    options = [f"--network {name}" for name in dict.fromkeys(key[0] for key in keys)]
    options += [f"--fragment-s {s:g}" for s in sorted({key[1] for key in keys})]
    options += [f"--seed {seed}" for seed in seeds]
    train = [f"genreflow sweep --representation thesis {' '.join(options)}"] if keys else []
    return ["genreflow ingest MUSIC", *train, "genreflow audit", "genreflow thesis-report"]


HTML, MARKDOWN = "thesis-report.html", "thesis-report.md"


def render_pages(
    gathered: Gathered,
    facts: Facts,
    findings: Sequence[Finding],
    plates: Sequence[Plate],
    images: Mapping[str, bytes],
) -> dict[str, str]:
    """Give the text of both pages by the name of their files.

    Parameters
    ----------
    images : mapping of str to bytes
        The PNG files that plates and ladder name; HTML holds them, Markdown stands beside them.
    """
    shown, shared = say_once(findings, more_songs(gathered.evidence))
    told = {
        "claims": list(zip(CLAIMS, shown, strict=True)),
        "shared": shared,
        "counted": count_verdicts(tuple(finding.verdict for finding in findings)),
        "rules": GENERAL_RULES,
        "facts": facts,
        "plates": plates,
        "sample": gathered.sample,
        "evidence": gathered.evidence,
        "images": {name: inline_png(png) for name, png in images.items()},
    }
    return {
        HTML: fill_template(HTML, told),
        MARKDOWN: fill_template(MARKDOWN, told),
    }


FOLDER, LADDER = "thesis", "ladder.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThesisReport:
    """The pages, and what they say of the claims.

    ``too_few`` is how several reasons end where the library is too small to tell.
    """

    page: Path
    run_id: str
    findings: tuple[Finding, ...]
    too_few: str

    def as_document(self) -> dict[str, object]:
        """Give plain values by name."""
        claims = [finding.as_document() for finding in self.findings]
        return {"page": str(self.page), "run_id": self.run_id, "claims": claims}


@task
def open_report(layout: DataLayout, gathered: Gathered) -> Study:
    """Open the run of the report in MLflow."""
    from storage.models.runs import create_run

    tags = {"library_id": gathered.chosen.snapshot.library_id}
    run_id = create_run(open_store(layout), "thesis report", "report", tags)
    return Study(run_id=run_id, folder=layout.reports / FOLDER)


@task
def write_report(
    layout: DataLayout, study: Study, gathered: Gathered, plates: Sequence[Plate]
) -> ThesisReport:
    """Judge the claims, write both pages, and keep them in MLflow, too."""
    from storage.models.runs import failing_run, finish_run, log_scores

    findings = tuple(judge_claims(gathered.evidence))
    tracking = open_store(layout)
    with failing_run(tracking, study.run_id):
        page = _write_pages(layout, study, gathered, findings, plates)
        report = ThesisReport(
            page=page,
            run_id=study.run_id,
            findings=findings,
            too_few=more_songs(gathered.evidence),
        )
        keep_numbers(layout, study, report.as_document(), "claims")
        log_scores(tracking, study.run_id, _counts(findings))
        finish_run(tracking, study.run_id)
    return report


def _write_pages(
    layout: DataLayout,
    study: Study,
    gathered: Gathered,
    findings: Sequence[Finding],
    plates: Sequence[Plate],
) -> Path:
    """Write both pages and log them; give where that for a browser is."""
    from storage.models.runs import log_file

    facts = collect_facts(layout, gathered)
    images = _images(layout, study, facts, plates)
    pages = render_pages(gathered, facts, findings, plates, images)
    for name, text in pages.items():
        log_file(open_store(layout), study.run_id, write_text(study.folder, name, text))
    return study.folder / HTML


def _images(
    layout: DataLayout, study: Study, facts: Facts, plates: Sequence[Plate]
) -> dict[str, bytes]:
    """Read the figures that the pages show, that of the ladder beside them."""
    ladder = layout.reports / "ladder" / LADDER
    names = [plate.file for plate in plates if plate.file]
    if facts.ladder and ladder.exists():
        names.append(copy_figure(study.folder, "ladder", ladder).name)
    return {name: read_figure(study.folder, name) for name in names}


def _counts(findings: Sequence[Finding]) -> dict[str, float]:
    """Count the claims of each verdict."""
    names = {
        Verdict.HOLDS: "claims_that_hold",
        Verdict.FAILS: "claims_that_do_not_hold",
        Verdict.UNTESTABLE: "claims_not_testable",
    }
    verdicts = [finding.verdict for finding in findings]
    return {name: float(verdicts.count(verdict)) for verdict, name in names.items()}
