"""The page of models: runs, confusion, reliability, audit, and changes of the champion."""

import socket

import pytest

from flows.prefect_server import MLFLOW, announce_server
from flows.web.pages import show_markdown
from storage.catalog.connection import open_catalog
from storage.catalog.promotions import Challenge, read_last_promotion, record_challenge
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.runs import read_run
from storage.home import DataLayout
from storage.lock import hold_home
from storage.models.registry import register_model
from storage.models.store import open_tracking
from tests.web.conftest import PHONE, Site, Visitor

pytestmark = [pytest.mark.flow, pytest.mark.keras]


def _register_another(layout: DataLayout) -> int:
    """Register a run that is not the champion, as a challenge does that is rejected."""
    with open_catalog(layout) as catalog:
        champion = read_last_promotion(catalog)
        other = "select run_id from runs where run_id <> ? order by network, run_id limit 1"
        run = read_run(catalog, catalog.execute(other, [champion.run_id]).fetchone()[0])
    version = register_model(open_tracking(layout), run.model_uri, {})
    challenge = Challenge(
        version=version,
        promoted=False,
        run_id=run.run_id,
        previous_run_id=champion.run_id,
        snapshot_id=run.snapshot_id,
        reason="It is not better.",
        judged_on="validation",
        n_songs=3,
    )
    with open_catalog(layout) as catalog:
        record_challenge(catalog, challenge)
    publish(layout)
    return version


@pytest.mark.browser
def test_a_version_is_promoted_and_the_former_one_brought_back(
    own_site: Site, visit: Visitor
) -> None:
    version = _register_another(own_site.config.layout)
    seen = visit(f"{own_site.address}/models", PHONE)
    seen.page.get_by_text(f"Promote version {version} …").click()
    consequence = f"Version {version} answers from now on"
    assert consequence in seen.page.locator("details[open]").inner_text()
    assert "version 1 can be brought back" in seen.page.locator("details[open]").inner_text()
    overrule = seen.page.locator("details[open] input[type=checkbox]")
    if overrule.count():
        overrule.check()
    seen.check_accessible()
    seen.page.get_by_role("button", name=f"Promote version {version}", exact=True).click()
    seen.page.wait_for_url("**/models?changed=true", timeout=120_000)
    assert f"version {version}" in seen.page.locator(".facts").inner_text()
    assert f"Version {version} was promoted" in seen.page.locator("#change").inner_text()
    seen.page.get_by_text("Bring version 1 back …").click()
    seen.page.get_by_role("button", name="Bring version 1 back", exact=True).click()
    seen.page.locator("#change").get_by_text("Version 1 is back").wait_for(timeout=120_000)
    assert "version 1" in seen.page.locator(".facts").inner_text()
    kinds = "select list(kind order by promotion_id) as kinds from promotions"
    assert query_rows(own_site.config.layout, kinds)[0]["kinds"] == [
        *("promotion", "manual", "rollback"),
    ]


@pytest.mark.browser
def test_a_cell_of_the_matrix_leads_to_its_songs(shared_site: Site, visit: Visitor) -> None:
    seen = visit(f"{shared_site.address}/models")
    seen.page.locator(".runs").wait_for()
    seen.picture("models")
    cell = seen.page.locator(".confusion td a").first
    n_songs, label = int(cell.inner_text()), cell.get_attribute("aria-label")
    cell.press("Enter")
    seen.page.locator("#cell-title").wait_for()
    assert "predicted" in label
    assert seen.page.locator(".songs li").count() == n_songs
    link = seen.page.locator(".songs a").first.get_attribute("href")
    song = shared_site.get("/api" + link).json()
    assert f"labelled {song['label']}, predicted {song['prediction']}" in label
    assert seen.page.locator(".songs audio").count() == n_songs
    seen.check_accessible()


def test_the_cells_of_the_matrix_count_all_test_songs(shared_site: Site) -> None:
    layout = shared_site.config.layout
    run = query_rows(layout, "select run_id from promotions")[0]["run_id"]
    tested = "select count(*) as n from predictions where run_id = ? and split = 'test'"
    n_songs = query_rows(layout, tested, [run])[0]["n"]
    page = shared_site.get(f"/models?run={run}").text
    assert f"of {n_songs} test songs are right" in page


def test_pages_of_mlflow_are_linked_while_they_run(shared_site: Site) -> None:
    assert "starts its pages" in shared_site.get("/models").text
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with announce_server(shared_site.config.layout, address, MLFLOW):
            page = shared_site.get("/models").text
    run = query_rows(shared_site.config.layout, "select run_id from promotions")[0]["run_id"]
    assert f'href="{address}/#/runs/{run}"' in page


def test_runs_that_nothing_tells_apart_are_bracketed_together(shared_site: Site) -> None:
    page = shared_site.get("/models/runs").text
    n_runs = query_rows(shared_site.config.layout, "select count(*) as n from runs")[0]["n"]
    assert f"No significant difference among these {n_runs}" in page


def test_the_checks_of_the_audit_stand_there_with_their_sentences(shared_site: Site) -> None:
    page = shared_site.get("/models").text
    checks = query_rows(shared_site.config.layout, "select name, level from audit_checks")
    assert checks
    assert page.count('<p class="level ') == len(checks)
    for check in checks:
        assert check["name"] in page


def test_nothing_is_promoted_while_a_run_writes(own_site: Site) -> None:
    with hold_home(own_site.config.layout):
        answer = own_site.post("/models/rollback", headers={"hx-request": "true"})
    assert answer.status_code == 409
    assert "A run is writing into this home" in answer.text


def test_a_promotion_that_is_impossible_says_why(own_site: Site) -> None:
    assert own_site.post("/models/promote", data={"version": "99"}).status_code == 303
    while own_site.get("/models/change").status_code == 204:
        pass
    page = own_site.get("/models?changed=true").text
    assert "There is no version 99 of a run of" in page
    assert str(own_site.config.layout.home) not in page


@pytest.mark.parametrize("query", ["run=nothing", "run=%00", "run=" + "x" * 300])
def test_an_unknown_run_is_refused(shared_site: Site, query: str) -> None:
    assert shared_site.get(f"/models?{query}").status_code in (404, 422)


def test_the_card_of_the_champion_is_a_page_and_one_that_is_not_there_is_none(
    shared_site: Site,
) -> None:
    page = shared_site.get("/models/card?version=1")

    assert page.status_code == 200
    assert "<h1>Model card: genreflow version 1</h1>" in page.text
    assert "model-index" not in page.text
    assert shared_site.get("/models/card?version=99").status_code == 404


def test_the_card_of_a_stranger_shows_no_html_link_or_picture() -> None:
    card = "---\na: 1\n---\n# T\n<script>x</script> ![p](http://e/p.png) [l](http://e)\n\x1b[2J\n"

    shown = show_markdown(card + "\n| a |\n| --- |\n| b |\n")

    assert "&lt;script&gt;" in shown
    assert not any(element in shown for element in ("<script", "<img", "<a ", "\x1b", "a: 1"))
    assert "<td>b</td>" in shown
