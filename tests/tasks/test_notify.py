"""Notification of a nightly run: a real block, sent to a server on this machine."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prefect import flow
from prefect.artifacts import Artifact
from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

from storage.catalog.connection import insert_rows, open_catalog
from storage.home import DataLayout
from tasks.report.notify import ReportPage, make_report, notify_of_night, write_report

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server"), pytest.mark.prefect]


class Hook(BaseHTTPRequestHandler):
    """Take what is posted; refuse what is posted to ``/refuse``."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(500 if self.path == "/refuse" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        server.posted = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def page(tmp_path: Path) -> ReportPage:
    layout = DataLayout(tmp_path)
    with open_catalog(layout) as catalog:
        night = {"night_id": "one", "flow_run_id": "f", "who": "schedule", "outcome": "done"}
        insert_rows(catalog, "nights", [night])
    return make_report(layout)


def save_block(name: str, hook: HTTPServer, path: str) -> str:
    block = CustomWebhookNotificationBlock(
        name=name,
        url=f"http://127.0.0.1:{hook.server_port}{path}",
        json_data={"text": "{{body}}", "title": "{{subject}}"},
    )
    save(block, name)
    return f"custom-webhook/{name}"


def save(block: Block, name: str) -> None:
    """Save a block from within a flow, which closes its connections."""

    @flow
    def saving() -> None:
        block.save(name, overwrite=True)

    saving()


def artifact(key: str) -> Artifact:
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        newest = ArtifactSort.CREATED_DESC
        return client.read_artifacts(artifact_filter=wanted, sort=newest)[0]


@flow
def tell(block: str, page: ReportPage | None) -> None:
    notify_of_night(block, page, ["report failed: no disk"])


def test_the_headline_and_what_is_to_be_done_are_sent(hook: HTTPServer, page: ReportPage) -> None:
    slug = save_block("good", hook, "/")

    tell(slug, page)

    (posted,) = hook.posted  # type: ignore[attr-defined]
    assert posted["title"] == "genreflow: nightly run"
    assert posted["text"].startswith("Nothing new came in; there is no champion yet.\n- There is")
    assert str(page.page) in posted["text"]


def test_a_server_that_refuses_does_not_fail_the_night(
    hook: HTTPServer, page: ReportPage, caplog: pytest.LogCaptureFixture
) -> None:
    slug = save_block("refused", hook, "/refuse")

    with caplog.at_level(logging.WARNING):
        tell(slug, page)

    assert len(hook.posted) == 1  # type: ignore[attr-defined]
    assert "Notification through custom-webhook/refused failed" in caplog.text


def test_a_block_that_does_not_exist_does_not_fail_the_night(
    page: ReportPage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        tell("slack-webhook/nowhere", page)

    assert "through slack-webhook/nowhere" in caplog.text


def test_a_block_that_sends_nothing_is_told_as_such(
    page: ReportPage, caplog: pytest.LogCaptureFixture
) -> None:
    save(Secret(value="x"), "not-a-hook")

    with caplog.at_level(logging.WARNING):
        tell("secret/not-a-hook", page)

    assert "does not send notifications" in caplog.text


def test_a_report_that_was_not_written_is_told_with_what_failed(hook: HTTPServer) -> None:
    tell(save_block("unwritten", hook, "/"), None)

    (posted,) = hook.posted  # type: ignore[attr-defined]
    assert posted["text"] == "The report could not be written.\n- report failed: no disk"


def test_without_a_block_nobody_is_told(page: ReportPage, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        tell("", page)

    assert "Notification" not in caplog.text


def test_the_page_stands_in_the_prefect_ui_in_markdown_and_tables(page: ReportPage) -> None:
    layout = DataLayout(page.page.parents[2])
    with open_catalog(layout) as catalog:
        step = {"night_id": "one", "position": 1, "step": "ingest", "seconds": 2.0}
        insert_rows(catalog, "night_steps", [{**step, "outcome": "done"}])

    @flow
    def show() -> None:
        write_report(layout, "one")

    show()

    markdown, steps = artifact("morning"), artifact("morning-steps")
    assert str(markdown.data).startswith("# Nothing new came in; there is no champion yet.")
    assert json.loads(str(steps.data))[0]["step"] == "ingest"
