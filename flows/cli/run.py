"""The main job: the whole pipeline on the built-in library or on one's own music."""

from dataclasses import replace
from typing import cast

from flows.cli.app import ERR, OUT, show
from flows.cli.pipeline import complain_of_sites, compose, unseen
from flows.cli.tables import (
    audit_sentence,
    outcome_sentence,
    predictions_table,
    print_comparison,
    provisional_sentence,
)
from flows.nightly import NightlyReport, nightly
from flows.settings import Settings
from genre_core.errors import TransientError, UsageError
from storage.catalog.publish import query_rows
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

NEXT_STEPS = """
What to look at next (the command is .venv/bin/genreflow):
  genreflow ui              networks side by side in MLflow, the flows in Prefect
  genreflow status          songs, outcomes, champion
  genreflow classify SONG   the genre of any song
  genreflow suspects        songs whose label looks wrong
  genreflow similar SONG    the songs of the library that sound like it
  genreflow sql "select reason, count(*) from outcomes group by reason"
  make run MUSIC=PATH       the same with your own music
All that lasts is in {home}"""
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
        _show(config, _run_nightly(config))
        songs = [row["source"] for row in query_rows(layout, TEST_SONG)]
    else:
        _require_no_own_music(layout)
        compose(layout.builtin)
        _show(config, _run_nightly(replace(config, music=str(layout.builtin))))
        songs = [str(song) for song in audio_files(unseen(layout.builtin))]
    ERR.print("Classifying songs that no network was trained on")
    OUT.print(predictions_table(classify_songs.fn(layout, songs)))
    show(NEXT_STEPS.format(home=layout.home))


def _run_nightly(config: Settings) -> NightlyReport:
    """Run the flow; a run that is skipped is an error for the person who waits for it."""
    state = nightly(config, return_state=True)
    if state.name == "Skipped":
        raise TransientError(str(state.message))
    return cast("NightlyReport", state.result())


def _show(config: Settings, report: NightlyReport) -> None:
    layout, status, trained = config.layout, read_status(config.layout), report.trained
    outcomes = count_own_outcomes(layout) or status["outcomes"]
    show(outcome_sentence(outcomes))
    complain_of_sites(report.ingested.given_up if report.ingested else {})
    if any(n for outcome, n in outcomes.items() if not outcome.startswith("ok")):
        show("Why: genreflow sql \"select source, message from outcomes where outcome <> 'ok'\"")
    chosen = choose_published(layout, config.snapshot_choice())
    rows = compared_rows(layout, chosen.library_id) if chosen else []
    champion = next((row["run_id"] for row in rows if row["champion"]), "")
    if chosen and rows:
        print_comparison(read_comparison(layout, rows), champion)
        n_songs = count_scored_songs(layout, chosen.snapshot_id)
        n_validation, n_test = n_songs.get("validation", 0), n_songs.get("test", 0)
        show(f"The scores rest on {n_validation} validation and {n_test} test songs.")
    if trained:
        promotion = trained.promotion
        show(promotion.reason if promotion else explain_rejection(layout, trained.snapshot))
    if status["champion"] and status["champion"]["provisional"]:
        show(provisional_sentence(status["champion"]))
    if trained:
        show(audit_sentence(trained.audit.checks, trained.audit.verdict))


def _require_no_own_music(layout: DataLayout) -> None:
    if not layout.published.exists():
        return
    rows = query_rows(layout, "select title from tracks where not is_builtin and genre <> ''")
    if rows:
        known = next(reversed(known_music(layout)), "PATH")
        raise UsageError(
            f"The store in {layout.home} holds {len(rows)} songs of your own. "
            f"Name your music again (genreflow run {known}), or give the built-in library a home "
            "of its own: GENREFLOW_HOME=./built-in make run."
        )
