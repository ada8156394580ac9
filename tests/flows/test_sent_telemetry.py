"""Spans and events of lineage, as a collector on the same machine receives them."""

import gzip
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jsonschema
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from flows.audit import audit
from flows.extract import extract
from flows.ingest import ingest
from flows.maintenance import tidy
from flows.promote import promote
from flows.settings import Settings
from flows.train import train
from genre_core.errors import GenreflowError, TransientError
from storage import telemetry
from storage.catalog.query import query_rows
from storage.home import DataLayout
from tests.conftest import SOUNDS, write_song
from tests.flows.conftest import Call

pytestmark = pytest.mark.long

# what the specification of OpenLineage 2-0-2 asks of every event of a run
FACETS = {"additionalProperties": {"required": ["_producer", "_schemaURL"]}}
NAMED = {
    "required": ["namespace", "name"],
    "properties": {"namespace": {"type": "string"}, "name": {"type": "string"}},
}
RUN_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": {"type": "string", "format": "uri"},
        "schemaURL": {"type": "string", "pattern": "^https://openlineage.io/spec/.*RunEvent$"},
        "run": {
            "required": ["runId"],
            "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": FACETS},
        },
        "job": NAMED,
        "inputs": {"type": "array", "items": NAMED},
        "outputs": {"type": "array", "items": NAMED},
    },
}


@dataclass
class Collector:
    """A server that keeps what it is sent."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        """The spans of all requests."""
        return [
            span
            for body in self.requests
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def variables(self) -> dict[str, str]:
        """What the programs of the collector are told by."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OPENLINEAGE_URL": self.url}

    def reports(self) -> list[tuple[object, object]]:
        """Kind and job of each event."""
        return [(event["eventType"], event["job"]["name"]) for event in self.events]


@pytest.fixture
def collector() -> Iterator[Collector]:
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            if self.path == "/v1/traces":
                kept.requests.append(body)
            elif self.path == "/api/v1/lineage":
                kept.events.append(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for genre, sound in SOUNDS.items():
        write_song(tmp_path / "music" / genre / "secret song.wav", sound, 1, duration_s=12.0)
    return tmp_path / "music"


def test_the_steps_of_a_command_are_one_trace_and_one_run_of_lineage(
    program: Call, collector: Collector, music: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"

    ended = program("ingest", music, "--home", home, **collector.variables)

    spans = {span.name: span for span in collector.spans}
    assert ended.code == 0, ended.err
    assert {"ingest", "select_sources", "download_chunk"} <= spans.keys()
    assert len({span.trace_id for span in collector.spans}) == 1
    assert spans["download_chunk"].parent_span_id == spans["ingest"].span_id
    assert collector.reports() == [("START", "ingest"), ("COMPLETE", "ingest")]
    assert len({event["run"]["runId"] for event in collector.events}) == 1
    names = {table["name"] for table in collector.events[0]["outputs"]}
    tables = query_rows(DataLayout(home), "select table_name from duckdb_tables()")
    assert names <= {row["table_name"] for row in tables}
    for event in collector.events:
        jsonschema.validate(event, RUN_EVENT, format_checker=jsonschema.FormatChecker())
    sent = b"".join(collector.requests) + json.dumps(collector.events).encode()
    assert b"secret song" not in sent
    assert str(tmp_path).encode() not in sent


def test_the_steps_of_a_nightly_run_name_it_as_their_parent_and_say_which_failed(
    program: Call, collector: Collector, music: Path, tmp_path: Path
) -> None:
    program("ingest", music, "--home", tmp_path / "home")

    ended = program("nightly", "--home", tmp_path / "home", **collector.variables)

    runs = {event["job"]["name"]: event["run"] for event in collector.events}
    kinds = {job: kind for kind, job in collector.reports()}
    assert kinds["ingest"] == kinds["extract"] == "COMPLETE", ended.err
    assert kinds["train"] == kinds["nightly"] == "FAIL"  # three songs are too few
    for name in ("ingest", "extract", "train"):
        assert runs[name]["facets"]["parent"]["run"]["runId"] == runs["nightly"]["runId"]
    assert collector.reports().count(("START", "ingest")) == 1
    assert any(span.name.startswith("select_sources") for span in collector.spans)
    sent = b"".join(collector.requests) + json.dumps(collector.events).encode()
    assert b"secret song" not in sent
    assert str(tmp_path).encode() not in sent


@pytest.fixture
def lineage(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector of this process."""
    monkeypatch.setenv("OPENLINEAGE_URL", collector.url)
    telemetry._open_client.cache_clear()
    yield collector
    telemetry._open_client.cache_clear()
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE__")]:
        del os.environ[name]  # which the client has set


def test_a_step_that_fails_is_reported_without_its_message(lineage: Collector) -> None:
    with pytest.raises(TransientError), telemetry.follow_job("extract"):
        raise TransientError("the disk of /home/ada is full")

    assert lineage.reports() == [("START", "extract"), ("FAIL", "extract")]
    facet = lineage.events[1]["run"]["facets"]["errorMessage"]
    assert facet["message"] == "TransientError"
    assert "/home/ada" not in json.dumps(lineage.events)


@pytest.mark.parametrize("flow", [ingest, extract, train, audit, promote, tidy])
def test_a_flow_reports_itself_whatever_runs_it(
    lineage: Collector, flow: Callable[[Settings], object], tmp_path: Path
) -> None:
    body = flow.fn  # type: ignore[attr-defined] # what Prefect runs: a command, a deployment

    with suppress(GenreflowError):  # there are no songs
        body(Settings(home=tmp_path / "home"))

    assert lineage.reports()[0] == ("START", body.__name__)
    assert lineage.reports()[-1][1] == body.__name__
    assert len(lineage.events) == 2


def test_a_collector_that_is_gone_stops_no_step(program: Call, music: Path, tmp_path: Path) -> None:
    gone = "http://127.0.0.1:9"
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": gone,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OPENLINEAGE_URL": gone,
    }

    ended = program("ingest", music, "--home", tmp_path / "home", **variables)

    assert ended.code == 0
    assert "An event of OpenLineage was not sent: ConnectionError" in ended.err
    assert query_rows(DataLayout(tmp_path / "home"), "select count(*) n from tracks")[0]["n"] == 3
