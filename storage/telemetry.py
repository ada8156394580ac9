"""Spans of OpenTelemetry and events of OpenLineage: off, unless their own variables are set.

Both hold names of steps, times, ids and classes of errors; no message, path, song or address.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from genre_core.errors import GenreflowError
from storage.extras import NAME, describe_missing

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from openlineage.client import OpenLineageClient
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

LINEAGE: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "nightly": ((), ()),
    "ingest": ((), ("tracks", "outcomes")),
    "extract": (("tracks",), ("spectrograms", "song_embeddings")),
    "train": (
        ("spectrograms", "song_embeddings", "splits"),
        ("snapshots", "splits", "runs", "scores", "predictions", "audits", "promotions"),
    ),
    "audit": (("spectrograms", "song_embeddings", "splits"), ("audits",)),
    "promote": (("runs", "audits"), ("promotions",)),
    "map": (("song_embeddings",), ("song_map",)),
    "tidy": ((), ()),
    "report": (("nights", "outcomes", "runs", "promotions"), ("nights",)),
}
"""The jobs of OpenLineage: the tables of the published store that each reads and writes."""

_LOGGER = logging.getLogger("genreflow")
_TRACED = (NAME, "prefect")
_SHOWN = ("genreflow.", "prefect.run.", "prefect.flow", "prefect.deployment")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"
_JOBS: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("jobs", default=())


def traces() -> bool:
    """Whether the variables of OpenTelemetry ask for spans."""
    exporters = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    is_disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_disabled or exporters not in ("", "otlp"):
        return False
    return exporters == "otlp" or any(os.environ.get(name) for name in _ENDPOINTS)


def follows_lineage() -> bool:
    """Whether the variables of OpenLineage ask for events."""
    if os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    names = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")
    given = any(os.environ.get(name) for name in names)
    return given or any(name.startswith("OPENLINEAGE__TRANSPORT") for name in os.environ)


def trace_step(name: str) -> "AbstractContextManager[object]":
    """Return a block that is a span with the name of a step; it belongs to that around it."""
    provider = _open_provider() if traces() else None
    if provider is None:
        return nullcontext()
    return provider.get_tracer(NAME, _version()).start_as_current_span(name)


def trace_prefect() -> None:
    """Send the spans of Prefect to the same collector, unless the program has its own already."""
    if not traces() or (provider := _open_provider()) is None:
        return
    from opentelemetry import trace

    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # none is set
        trace.set_tracer_provider(provider)


@cache
def _open_provider() -> "TracerProvider | None":
    """Return what sends spans to the collector that the environment names.

    It is not that of the whole program: a program that uses `genreflow` may have its own. None,
    with a warning, if the packages are not installed or the protocol is gRPC.
    """
    protocol = next((os.environ[name] for name in _PROTOCOLS if os.environ.get(name)), _HTTP)
    if protocol != _HTTP:
        _LOGGER.warning("No spans are sent: OTEL_EXPORTER_OTLP_PROTOCOL must be %s.", _HTTP)
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _LOGGER.warning("%s", describe_missing("nightly", "OpenTelemetry"))
        return None
    service = os.environ.get("OTEL_SERVICE_NAME") or NAME
    facts = {"service.name": service, "service.version": _version()}
    provider = TracerProvider(resource=Resource.create(facts))
    provider.add_span_processor(BatchSpanProcessor(_guard(OTLPSpanExporter())))
    return provider


def _guard(exporter: "SpanExporter") -> "SpanExporter":
    """Let an exporter send what `_plain` leaves of our spans and of Prefect's, no others."""
    from opentelemetry.sdk.trace.export import SpanExporter

    class Guarded(SpanExporter):
        def export(self, spans: "Sequence[ReadableSpan]") -> Any:  # noqa: ANN401
            ours = (
                span for span in spans if getattr(span.instrumentation_scope, "name", "") in _TRACED
            )
            return exporter.export([_plain(span) for span in ours])

        def shutdown(self) -> None:
            exporter.shutdown()

    return Guarded()


def _plain(span: "ReadableSpan") -> "ReadableSpan":
    """Return a span without messages and tracebacks, which may name files and addresses."""
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Status

    kinds = [(event, (event.attributes or {}).get("exception.type")) for event in span.events]
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={k: v for k, v in (span.attributes or {}).items() if k.startswith(_SHOWN)},
        events=[
            Event(event.name, {"exception.type": kind} if kind else {}, event.timestamp)
            for event, kind in kinds
        ],
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )


@contextmanager
def follow_job(name: str) -> Iterator[None]:
    """Report the beginning and the end of a step of `LINEAGE`, and the step that it belongs to.

    A step that is entered twice, by a nightly run and by its flow, is reported once.
    """
    jobs = _JOBS.get()
    if name not in LINEAGE or not follows_lineage() or name in dict(jobs):
        yield
        return
    job = (name, str(uuid4()))
    token = _JOBS.set((*jobs, job))
    _emit("START", jobs, job)
    try:
        yield
    except GenreflowError as error:
        _emit("ABORT" if type(error).__name__.endswith("Skipped") else "FAIL", jobs, job, error)
        raise
    except BaseException as error:
        _emit("FAIL", jobs, job, error)
        raise
    else:
        _emit("COMPLETE", jobs, job)
    finally:
        _JOBS.reset(token)


def _emit(
    kind: str,
    parents: Sequence[tuple[str, str]],
    job: tuple[str, str],
    error: BaseException | None = None,
) -> None:
    """Send an event; one that cannot be sent is a warning, and the step goes on."""
    if (client := _open_client()) is None:
        return
    from openlineage.client import event_v2 as lineage

    namespace = os.environ.get("OPENLINEAGE_NAMESPACE", NAME)
    facets = _facets(namespace, parents, error)
    inputs, outputs = LINEAGE[job[0]]
    event = lineage.RunEvent(
        eventTime=datetime.now(UTC).isoformat(),
        eventType=lineage.RunState(kind),
        run=lineage.Run(runId=job[1], facets=facets),
        job=lineage.Job(namespace=namespace, name=job[0]),
        inputs=[lineage.InputDataset(namespace=namespace, name=table) for table in inputs],
        outputs=[lineage.OutputDataset(namespace=namespace, name=table) for table in outputs],
        producer=_producer(),
    )
    try:
        client.emit(event)
    except Exception as failure:
        _LOGGER.warning("An event of OpenLineage was not sent: %s", type(failure).__name__)


def _facets(
    namespace: str, parents: Sequence[tuple[str, str]], error: BaseException | None
) -> dict[str, Any]:
    """The run that a run belongs to, and the class of the error that ended it."""
    from openlineage.client.facet_v2 import error_message_run, parent_run

    facets: dict[str, Any] = {}
    if parents:
        name, run_id = parents[-1]
        facets["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(runId=run_id), job=parent_run.Job(namespace=namespace, name=name)
        )
    if error is not None:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=type(error).__name__, programmingLanguage="python"
        )
    return facets


@cache
def _open_client() -> "OpenLineageClient | None":
    """Open the client that the environment describes; None, with a warning, if it cannot be."""
    try:
        from openlineage.client import OpenLineageClient, set_producer
    except ImportError:
        _LOGGER.warning("%s", describe_missing("nightly", "OpenLineage"))
        return None
    set_producer(_producer())
    try:
        return OpenLineageClient()
    except Exception as failure:  # a setting that it cannot use: the night is worth more
        _LOGGER.warning("No events of OpenLineage are sent: %s", type(failure).__name__)
        return None


def _producer() -> str:
    return f"urn:{NAME}:{_version()}"


def _version() -> str:
    try:
        return version(NAME)
    except PackageNotFoundError:  # run from its folder, without an installation
        return "0"
