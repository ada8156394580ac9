"""The main job: the whole pipeline on the built-in library or on one's own music."""

from collections.abc import Mapping
from dataclasses import replace
from shutil import which
from typing import Any, cast

from flows.cli.app import at_home, settle_engine, show
from flows.cli.pipeline import complain_of_sites, compose, unseen
from flows.cli.tables import (
    audit_sentence,
    outcome_sentence,
    predictions_table,
    print_comparison,
    provisional_sentence,
)
from flows.nightly import NightlyReport, nightly
from flows.settings import Settings, read_settings
from genre_core.audit.rules import Level
from genre_core.errors import TransientError, UsageError
from genre_core.records import Reason, counted
from storage.catalog.audits import suspect_rows
from storage.catalog.query import query_rows
from storage.catalog.snapshots import choose_published
from storage.catalog.status import (
    compared_rows,
    count_own_outcomes,
    count_scored_songs,
    read_status,
)
from storage.home import DataLayout
from storage.sources.folder import audio_files
from storage.sources.listing import known_music
from tasks.classify import classify_songs
from tasks.comparison import read_comparison
from tasks.promote import explain_rejection
from tasks.terminal import ERR, OUT

TEST_SONG = """
    select source from splits join outcomes using (track_id)
    where split = 'test' and outcome = 'ok' and snapshot_id = (
        select arg_max(snapshot_id, promoted_at) from promotions)
    order by source limit 1
"""


def run_pipeline(config: Settings) -> None:
    """Run the pipeline, show how the networks compare, and classify songs none has seen."""
    layout = config.layout
    if config.music:
        verdict = _show(config, _run_nightly(config))
        songs = [row["source"] for row in query_rows(layout, TEST_SONG)]
    else:
        _require_no_own_music(layout)
        compose(layout.builtin)
        verdict = _show(config, _run_nightly(replace(config, music=str(layout.builtin))))
        songs = [str(song) for song in audio_files(unseen(layout.builtin))]
    try:  # where this fails, the next steps matter most
        if read_status(layout)["champion"]:
            ERR.print("Classifying songs that no network was trained on")
            OUT.print(predictions_table(classify_songs.fn(layout, songs)))
    finally:
        _show_next(layout, verdict)


def _run_nightly(config: Settings) -> NightlyReport:
    """Run the flow; a run that is skipped is an error for the person who waits for it."""
    settle_engine()
    state = nightly(config, read_settings(home=config.home), return_state=True)
    if state.name == "Skipped":
        raise TransientError(str(state.message))
    return cast("NightlyReport", state.result())


def _show(config: Settings, report: NightlyReport) -> Level | None:
    """Show what a run found; return the verdict of its audit, None if nothing was trained."""
    layout, status, trained = config.layout, read_status(config.layout), report.trained
    outcomes = count_own_outcomes(layout) or status["outcomes"]
    show(outcome_sentence(outcomes))
    complain_of_sites(report.ingested.given_up if report.ingested else {})
    chosen = choose_published(layout, config.snapshot_choice())
    rows = compared_rows(layout, chosen.library_id) if chosen else []
    champion = next((row["run_id"] for row in rows if row["champion"]), "")
    if chosen and rows:
        print_comparison(read_comparison(layout, rows), champion)
        n_songs = count_scored_songs(layout, chosen.snapshot_id)
        n_validation, n_test = n_songs.get("validation", 0), n_songs.get("test", 0)
        show(f"The scores rest on {n_validation} validation and {counted(n_test, 'test song')}.")
    if trained:
        promotion = trained.promotion
        show(promotion.reason if promotion else explain_rejection(layout, trained.snapshot))
    if status["champion"] and status["champion"]["provisional"]:
        show(provisional_sentence(status["champion"]))
    if not trained:
        return None
    show(audit_sentence(trained.audit.checks, trained.audit.verdict))
    return trained.audit.verdict


def next_steps(
    status: Mapping[str, Any], verdict: Level | None, n_suspects: int
) -> list[tuple[str, str]]:
    """Return what the state of a home calls for, and a command for it; the most urgent first."""
    reasons, champion = status["reasons"], status["champion"]
    n_conflicts = reasons.get(Reason.LABEL_CONFLICT, 0)
    doubts = verdict in (Level.WARN, Level.FAIL)
    is_provisional = bool(champion and champion["provisional"])
    labels = counted(n_suspects, "label looks", "labels look")
    steps: list[tuple[object, str, str]] = [
        (doubts, "The audit doubts the scores; see each check.", "genreflow audit"),
        (champion is None, "There is no champion yet; see why.", "genreflow promote"),
        (is_provisional, "The champion is provisional; add songs.", "genreflow run MUSIC"),
        (n_conflicts, f"{counted(n_conflicts, 'song')} of several genres.", "genreflow conflicts"),
        *(
            (n, f"{counted(n, 'song')} left out: {why}.", _list_songs(why))
            for why, n in reasons.items()
            if not why.startswith("duplicate")
            and why not in (Reason.REMOVED, Reason.LABEL_CONFLICT)
        ),
        (n_suspects, f"{labels} wrong.", "genreflow suspects"),
        (status["unlabelled"], "Some songs have no label; see which help most.", "genreflow next"),
        (True, "Predict the genre of any song.", "genreflow classify SONG"),
        (True, "See networks side by side in MLflow, and runs in Prefect.", "genreflow ui"),
    ]
    return [(why, command) for is_due, why, command in steps if is_due]


def _list_songs(reason: str) -> str:
    return f"genreflow sql \"select source, message from outcomes where reason = '{reason}'\""


def _show_next(layout: DataLayout, verdict: Level | None) -> None:
    steps = next_steps(read_status(layout), verdict, len(suspect_rows(layout)))
    own = "" if which("genreflow") else " (the command is .venv/bin/genreflow)"
    home = at_home(layout)
    show("", f"Next steps{own}:", *(f"  {why}\n    {command}{home}" for why, command in steps))
    show(f"All that lasts is in {layout.home}.")


def _require_no_own_music(layout: DataLayout) -> None:
    if not layout.published.exists():
        return
    rows = query_rows(layout, "select title from tracks where not is_builtin and genre <> ''")
    if rows:
        known = next(reversed(known_music(layout)), "PATH")
        raise UsageError(
            f"The store in {layout.home} holds {counted(len(rows), 'song')} of your own. "
            f"Name your music again (genreflow run {known}), or give the built-in library a home "
            "of its own: GENREFLOW_HOME=./built-in make run."
        )
