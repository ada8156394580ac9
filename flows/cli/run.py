"""The main job: the whole line on the built-in library or on one's own music."""

from dataclasses import replace
from typing import cast

from flows.cli.app import ERR, OUT
from flows.cli.collections import compose, unseen
from flows.cli.tables import (
    audit_sentence,
    given_up_sentences,
    outcome_sentence,
    print_comparison,
    provisional_sentence,
    verdicts_table,
)
from flows.nightly import NightlyReport, nightly
from flows.settings import Settings
from genre_core.errors import TransientError, UsageError
from storage.catalog.connection import open_catalog
from storage.catalog.publish import query_rows
from storage.catalog.snapshots import choose_published
from storage.catalog.songs import count_outcomes
from storage.catalog.status import (
    compared_rows,
    count_own_outcomes,
    count_scored_songs,
    read_status,
)
from storage.home import DataLayout
from storage.sources.folder import audio_files
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


def run_line(config: Settings) -> None:
    """Run the line, show how the networks compare, and judge what none has heard."""
    layout = config.layout
    if config.music:
        _show(config, _spend_night(config))
        songs = _unheard_track(layout)
    else:
        _require_no_own_music(layout)
        compose(layout.builtin)
        _show(config, _spend_night(replace(config, music=str(layout.builtin))))
        songs = [str(song) for song in audio_files(unseen(layout.builtin))]
    ERR.print("Classifying what no network has heard")
    OUT.print(verdicts_table(classify_songs.fn(layout, songs)))
    OUT.print(NEXT_STEPS.format(home=layout.home), highlight=False, soft_wrap=True)


def _spend_night(config: Settings) -> NightlyReport:
    """Run the flow; a night that does not begin is an error for the one who waits for it."""
    state = nightly(config, return_state=True)
    if state.name == "Skipped":
        raise TransientError(str(state.message))
    return cast("NightlyReport", state.result())


def _show(config: Settings, report: NightlyReport) -> None:
    layout = config.layout
    outcomes = count_own_outcomes(layout)
    if not outcomes:
        with open_catalog(layout) as catalog:
            outcomes = count_outcomes(catalog)
    OUT.print(outcome_sentence(outcomes))
    given_up = report.ingested.given_up if report.ingested else {}
    for sentence in given_up_sentences(given_up):
        ERR.print(sentence, highlight=False, markup=False)
    if any(not standing.startswith("ok") for standing, n in outcomes.items() if n):
        OUT.print(
            "Why: genreflow sql \"select source, message from outcomes where outcome <> 'ok'\""
        )
    chosen = choose_published(layout, config.snapshot_choice())
    rows = compared_rows(layout, chosen.library_id) if chosen else []
    champion = next((row["run_id"] for row in rows if row["champion"]), "")
    print_comparison(read_comparison(layout, rows), champion)
    n_songs = count_scored_songs(layout, chosen.snapshot_id if chosen else "")
    OUT.print(
        f"The scores rest on {n_songs['validation']} validation and {n_songs['test']} test songs."
    )
    promotion = report.trained.promotion if report.trained else None
    if promotion:
        OUT.print(promotion.reason)
    elif report.trained:
        OUT.print(explain_rejection(layout, report.trained.snapshot))
    champion = read_status(layout)["champion"]
    if champion and champion["provisional"]:
        OUT.print(provisional_sentence(champion))
    if report.trained:
        OUT.print(audit_sentence(report.trained.audit.checks, report.trained.audit.verdict))


def _unheard_track(layout: DataLayout) -> list[str]:
    """Return one song of the test split, which no training and no choice has used."""
    rows = query_rows(
        layout,
        """
        select source from splits join outcomes using (track_id)
        where split = 'test' and outcome = 'ok' and snapshot_id = (
            select arg_max(snapshot_id, promoted_at) from promotions)
        order by source limit 1
        """,
    )
    return [row["source"] for row in rows]


def _require_no_own_music(layout: DataLayout) -> None:
    if not layout.published.exists():
        return
    rows = query_rows(layout, "select title from tracks where not is_builtin and genre <> ''")
    if rows:
        raise UsageError(
            f"The store in {layout.home} holds {len(rows)} songs of your own. "
            "Name your music again (make run MUSIC=PATH), or give the built-in library a place "
            "of its own: GENREFLOW_HOME=./built-in make run."
        )
