"""The page of nights: calendar, steps, reports, the next run, and a run that is started here."""

import base64
import io
import os
import re
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
import pytest
import soundfile

from flows.web.nights import list_months
from genre_core.dataset.suspects import Neighbour, Suspect
from storage.catalog.audits import record_suspects
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.lock import hold_home, hold_night
from storage.schedule import cron
from storage.schedule.plan import name_of
from tasks.report.notify import make_report
from tests.web.conftest import PHONE, Site, Visitor, set_settings

pytestmark = [pytest.mark.flow, pytest.mark.keras]


def _night(site: Site) -> str:
    return query_rows(site.config.layout, "select night_id from nights")[0]["night_id"]


@pytest.mark.browser
def test_a_day_leads_to_its_run_and_that_to_its_report(shared_site: Site, visit: Visitor) -> None:
    seen = visit(f"{shared_site.address}/nights")
    seen.picture("nights")
    seen.page.locator("a.day").click()
    run = seen.page.locator(f"#night-{_night(shared_site)}")
    steps = run.locator("tbody th").all_inner_texts()
    assert steps == ["ingest", "extract", "train", "map", "tidy", "report"]
    run.get_by_role("link", name="Read the report").click()
    seen.page.get_by_role("heading", name="The champion").wait_for()
    seen.check_accessible()
    seen.picture("nightly-report")


@pytest.mark.browser
def test_a_run_is_started_and_its_outcome_shown(
    own_site: Site, visit: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENREFLOW_NIGHT__MIN_NEW_SONGS", "1")
    set_settings(monkeypatch, MIN_TRACK_S="4.0", MARGIN_S="0.5")
    seen = visit(f"{own_site.address}/nights", PHONE)
    seen.page.get_by_role("button", name="Run now").click()
    seen.page.get_by_text("A nightly run is at work.").wait_for()
    assert own_site.post("/nights/run", headers={"hx-request": "true"}).status_code == 409
    seen.page.wait_for_url("**/nights?ran=true", timeout=240_000)
    assert "The run has ended" in seen.page.locator(".message").inner_text()
    nights = query_rows(own_site.config.layout, "select outcome from nights order by started_at")
    assert [night["outcome"] for night in nights] == ["finished", "finished"]


def test_a_run_is_refused_while_one_is_at_work(own_site: Site) -> None:
    layout = own_site.config.layout
    with hold_night(layout):
        refused = own_site.post("/nights/run")
        assert "A nightly run is at work" in own_site.get("/nights").text
    assert (refused.status_code, "wait until it has ended" in refused.text) == (409, True)
    with hold_home(layout):
        assert own_site.post("/nights/run").status_code == 409
    assert own_site.get("/nights/progress").headers["hx-redirect"] == "/nights?ran=true"


def test_without_a_schedule_the_page_says_how_to_plan_a_run(
    shared_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert "genreflow schedule --at 03:00" in shared_site.get("/nights").text


@pytest.mark.browser
def test_songs_of_a_report_are_linked_and_played(own_site: Site, visit: Visitor) -> None:
    layout = own_site.config.layout
    tracks = query_rows(layout, "select track_id from tracks where genre = 'hums' order by all")
    track_id, near_id = (row["track_id"] for row in tracks[:2])
    neighbours = (Neighbour(track_id=near_id, cosine=0.9),)
    suspect = Suspect(
        track_id=track_id,
        genre="hums",
        confidence=0.01,
        predicted="hiss",
        predicted_confidence=0.98,
        neighbours=neighbours,
    )
    with open_catalog(layout) as catalog:
        record_suspects(catalog, "f", [suspect])
    publish(layout)
    plain = make_report(layout).page.read_text("utf-8")
    assert ("data:audio" in plain, f'data-track="{track_id}"' in plain) == (False, True)
    page = make_report(layout, excerpts=True).page.read_text("utf-8")
    mp3 = base64.b64decode(re.search(r"data:audio/mpeg;base64,([^\"]+)", page)[1])
    assert soundfile.info(io.BytesIO(mp3)).duration == pytest.approx(5.0, abs=0.1)
    seen = visit(f"{own_site.address}/nights/{_night(own_site)}/report", PHONE)
    seen.check_fits()
    seen.check_accessible()
    row = seen.page.locator("tr", has=seen.page.locator("audio"))
    links = row.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert links == [f"/songs/{track_id}", f"/songs/{near_id}"]
    player = row.locator("audio")
    assert player.get_attribute("src") == f"/audio/songs/{track_id}/preview"
    player.evaluate("player => player.play()")


@pytest.mark.parametrize("night", ["nothing", "..%2Flatest", "%2e%2e", "x" * 300])
def test_a_report_that_is_not_there_is_no_page(shared_site: Site, night: str) -> None:
    assert shared_site.get(f"/nights/{night}/report").status_code == 404


def test_a_report_loads_its_style_with_the_nonce_of_the_answer(shared_site: Site) -> None:
    answer = shared_site.get(f"/nights/{_night(shared_site)}/report")
    nonce = re.search(r"'nonce-([^']+)'", answer.headers["content-security-policy"])[1]
    assert f'<style nonce="{nonce}">' in answer.text
    assert 'style="' not in answer.text


def test_months_are_whole_weeks_and_the_last_three_are_shown() -> None:
    days = [date(2026, 8, 31), date(2026, 9, 30), date(2026, 11, 1)]
    months = list_months(days, date(2026, 12, 2))
    assert [month.name for month in months] == ["September 2026", "November 2026", "December 2026"]
    november = months[1].weeks
    assert november[0] == (None, None, None, None, None, None, date(2026, 11, 1))
    assert {len(week) for week in november} == {7}
    assert sum(day is not None for week in november for day in week) == 30


@pytest.mark.prefect
def test_the_next_run_is_the_one_that_prefect_has_planned(
    shared_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Scheduled

    from flows.nightly import nightly
    from flows.schedule import name_deployment

    due_at = datetime(2031, 5, 4, 3, 0, tzinfo=UTC)
    with get_client(sync_client=True) as client:
        monkeypatch.setenv("PREFECT_API_URL", str(client.api_url))
        name = name_deployment(shared_site.config.layout.home)
        deployment = client.create_deployment(client.create_flow(nightly), name)
        state = Scheduled(scheduled_time=due_at)
        planned = client.create_flow_run_from_deployment(deployment, state=state)
    page = shared_site.get("/nights").text
    assert "Sunday, 4 May at 03:00 UTC" in page
    assert f"/runs/flow-run/{planned.id}" in page


def test_the_next_run_is_the_one_of_cron_and_one_that_would_not_start_says_why(
    shared_site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    name = name_of(shared_site.config.layout.home)
    crontab = f"# {name} begin\n7 3 * * * true\n# {name} end\n"
    (tmp_path / "crontab").write_text(f"#!/bin/sh\nprintf '{crontab}'\n")
    (tmp_path / "crontab").chmod(0o700)
    monkeypatch.setattr(cron, "DAEMONS", {psutil.Process().name()})
    page = shared_site.get("/nights").text
    assert re.search(r"Cron starts the next one on <strong>\w+, \d+ \w+ at 03:07 ", page)
    monkeypatch.setattr(cron, "DAEMONS", set())
    page = shared_site.get("/nights").text
    assert "No daemon of cron runs here" in page
