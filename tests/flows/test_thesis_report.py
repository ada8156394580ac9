"""Thesis report: the page on a copy of the finished store, parsed, and what MLflow keeps of it."""

import json
import re
import shutil
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import pytest

from flows.settings import Settings
from genre_core.studies.claims.evidence import Ballad
from genre_core.studies.claims.findings import HOLDS, UNTESTABLE
from genre_core.studies.claims.table import CLAIMS
from storage.catalog.connection import open_catalog
from storage.home import DataLayout
from tasks.studies.thesis_report import ThesisReport
from tasks.studies.thesis_runs import choose_runs, compare_ballad
from tests.flows.conftest import Call

pytestmark = [pytest.mark.flow, pytest.mark.keras]

VOID = {"meta", "img", "br", "hr", "link"}
FIGURES = (
    *("2.1", "2.4", "3.6", "3.7", "4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "4.8"),
    *("4.9", "4.10", "4.11", "4.12", "4.13", "4.14", "4.15"),
)
NO_RUN = {"4.2", "4.3", "4.4", "4.12", "4.14"}
RUNG = {
    "change": "nothing yet",
    "true_labels": {"fragment": [0.83, 0.8, 0.86], "song": None},
    "random_labels": None,
}


class Page(HTMLParser):
    """Tags that stand open, and what the page refers to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open_tags: list[str] = []
        self.ids: list[str] = []
        self.sources: list[str] = []
        self.faults: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.sources += [value for name, value in attrs if name in ("src", "href") and value]
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open_tags or self.open_tags.pop() != tag:
            self.faults.append(tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A copy of the finished store, and the report on it."""

    config: Settings
    report: ThesisReport
    html: str
    markdown: str


@pytest.fixture(scope="module")
def written(finished: Settings, tmp_path_factory: pytest.TempPathFactory) -> Written:
    from flows.studies.thesis_report import thesis_report

    home = tmp_path_factory.mktemp("thesis") / "home"
    shutil.copytree(finished.layout.home, home)
    config = replace(finished, home=home)
    ladder = config.layout.reports / "ladder"
    ladder.mkdir(parents=True)
    (ladder / "ladder.json").write_text(json.dumps({"caption": "Rungs.", "rungs": [RUNG]}))
    report = thesis_report(config)
    markdown = report.page.with_suffix(".md").read_text("utf-8")
    return Written(
        config=config, report=report, html=report.page.read_text("utf-8"), markdown=markdown
    )


def test_both_pages_have_every_claim_and_figure_and_need_nothing_from_outside(
    written: Written,
) -> None:
    page = Page(written.html)

    assert (page.faults, page.open_tags) == ([], [])
    assert len(page.ids) == len(set(page.ids))
    assert page.sources
    assert all(s.startswith(("#", "data:image/png;base64,")) for s in page.sources)
    assert not re.search(r"url\(|@import|<script|<link", written.html)
    assert {claim.claim_id for claim in CLAIMS} <= set(page.ids)
    assert {f"figure-{number}" for number in FIGURES} <= set(page.ids)
    assert all(f"### {claim.claim_id}: {claim.statement}" in written.markdown for claim in CLAIMS)
    assert all(f"**Figure {number}.**" in written.markdown for number in FIGURES)


def test_a_figure_is_drawn_or_says_why_it_is_not(written: Written) -> None:
    files = {path.stem.removeprefix("figure-") for path in written.report.page.parent.glob("*.png")}

    assert files == set(FIGURES) - NO_RUN
    assert written.html.count("Not drawn:") == len(NO_RUN)
    assert "there is no finished run of `rnn` at 1.5 s" in written.markdown
    assert all(f"(figure-{number}.png)" in written.markdown for number in files)


def test_the_page_names_its_basis(written: Written) -> None:
    assert "Your own music." in written.html
    assert "18 songs of 15 known artists in 3 genres" in written.html
    assert "This is a small library" in written.html
    assert "The last audit of these songs:" in written.html
    assert "0.83 [0.80, 0.86]" in written.html  # of the ladder


def test_a_claim_without_runs_is_not_testable_and_loudness_holds(written: Written) -> None:
    findings = {claim.claim_id: claim.finding for claim in written.report.claims}

    assert list(findings) == [claim.claim_id for claim in CLAIMS]
    assert findings["C10"] is HOLDS
    assert {findings[claim] for claim in ("C2", "C3", "C4", "C6", "C7", "C8", "C9", "C12")} == {
        UNTESTABLE
    }


def test_that_songs_are_too_few_is_written_once_where_several_reasons_share_it(
    written: Written,
) -> None:
    phrase = written.report.too_few
    ending = sum(part.reason.count(phrase) for c in written.report.claims for part in c.sub_claims)

    assert ending >= 2
    assert (written.html.count(phrase), written.markdown.count(phrase)) == (1, 1)


def test_the_report_is_a_run_of_mlflow_with_both_pages(written: Written) -> None:
    from storage.models.store import open_tracking

    client = open_tracking(written.config.layout).client
    run = client.get_run(written.report.run_id)
    kept = {artifact.path for artifact in client.list_artifacts(written.report.run_id)}

    assert (run.data.tags["kind"], run.info.status) == ("report", "FINISHED")
    assert {"thesis-report.html", "thesis-report.md", "claims.json", "figures"} <= kept
    assert run.data.metrics["claims_that_hold"] + run.data.metrics["claims_not_testable"] <= 12


def test_ballads_are_weighed_on_the_songs_of_the_other_genres(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    with open_catalog(layout) as catalog:
        for table in ("tracks", "snapshot_tracks", "predictions"):
            catalog.execute(f"update {table} set genre = 'ballad' where genre = 'hums'")
        catalog.execute("update predictions set predicted = 'ballad' where predicted = 'hums'")
        catalog.execute("update snapshots set genres = ['ballad', 'clicks', 'hiss']")
        catalog.execute(
            """
            insert into snapshots by name select * replace ('without' as snapshot_id,
                'smaller' as library_id, ['clicks', 'hiss'] as genres,
                created_at - interval 1 day as created_at)
            from snapshots where feature_key = (select feature_key from features
                where fragment_s = 1.5)
            """
        )
        catalog.execute(
            """
            insert into snapshot_tracks by name select * replace ('without' as snapshot_id)
            from snapshot_tracks where genre <> 'ballad' and snapshot_id = (
                select any_value(snapshot_id) from runs where fragment_s = 1.5)
            """
        )
        catalog.execute(
            """
            insert into runs by name select * replace ('smaller run' as run_id,
                'without' as snapshot_id, 'a trial' as trial_id)
            from runs where network = 'cnn' and fragment_s = 1.5
            """
        )
        catalog.execute(
            """
            insert into predictions by name select * replace ('smaller run' as run_id,
                genre as predicted)
            from predictions where genre <> 'ballad' and run_id = (
                select run_id from runs where network = 'cnn' and fragment_s = 1.5
                    and run_id <> 'smaller run')
            """
        )
        n_songs = catalog.execute(
            "select count(*) from predictions where run_id = 'smaller run' and split = 'test'"
        ).fetchone()
        ballad = compare_ballad(catalog, choose_runs(catalog, layout))

    assert isinstance(ballad, Ballad)
    assert (ballad.n_songs,) == n_songs
    assert -1 <= ballad.difference.value <= 0


def test_a_store_without_runs_says_what_to_do(genreflow: Call, empty_home: DataLayout) -> None:
    result = genreflow("thesis-report", "--home", empty_home.home)

    assert result.code == 2
    assert "genreflow train" in result.err
