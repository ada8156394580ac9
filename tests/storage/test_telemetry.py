"""Spans and events of lineage are off, unless their own variables ask for them."""

import os
import subprocess
import sys

import pytest

from storage.telemetry import follows_lineage, traces

IMPORTED = """
import sys
from tasks.direct import task
import tasks.orchestrator

@task
def ingest():
    return 7

assert ingest() == 7
print([name for name in sys.modules if name.startswith(("opentelemetry", "openlineage"))])
"""
HOSTED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from storage.telemetry import trace_prefect, trace_step

with trace_step("before"):
    pass
own, exporter = TracerProvider(), InMemorySpanExporter()
own.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(own)
trace_prefect()
with trace_step("after"), trace.get_tracer("host").start_as_current_span("of the host"):
    pass
assert trace.get_tracer_provider() is own
print([span.name for span in exporter.get_finished_spans()])
"""
NAMES = (
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER"),
    *("OTEL_SDK_DISABLED", "OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE_DISABLED"),
)


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False),
    ],
)
def test_the_variables_of_opentelemetry_switch_spans(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert traces() is expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"OPENLINEAGE_URL": "http://marquez:5000"}, True),
        ({"OPENLINEAGE_CONFIG": "openlineage.yml"}, True),
        ({"OPENLINEAGE__TRANSPORT__TYPE": "console"}, True),
        ({"OPENLINEAGE_URL": "http://marquez:5000", "OPENLINEAGE_DISABLED": "true"}, False),
    ],
)
def test_the_variables_of_openlineage_switch_events(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert follows_lineage() is expected


def test_a_step_imports_nothing_of_them_where_they_are_off() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True
    )

    assert ended.stdout.strip() == "[]"


def test_the_tracing_of_a_program_around_is_neither_taken_over_nor_used() -> None:
    gone = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}

    ended = subprocess.run(
        [sys.executable, "-c", HOSTED],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | gone,
    )

    assert ended.stdout.strip() == "['of the host']"
