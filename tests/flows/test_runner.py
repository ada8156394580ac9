"""Who works on chunks: how many at a time, and what is printed where Dask cannot be had."""

import sys

import pytest

from flows.engine import RunnerConfig, mapping_on
from genre_core.errors import UsageError


def test_a_wave_holds_two_chunks_a_worker_and_eight_at_least() -> None:
    assert RunnerConfig(workers=2).chunks_per_wave == 8
    assert RunnerConfig(kind="dask", workers=40).chunks_per_wave == 80


def test_without_the_extra_the_way_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)  # importing it would fail

    with (
        pytest.raises(UsageError, match=r'\[dask\].*, or set runner.kind = "threads"\.$'),
        mapping_on(RunnerConfig(kind="dask"), n_songs=1),
    ):
        pass


@pytest.mark.prefect
def test_workers_elsewhere_need_a_server_of_prefect_that_they_can_reach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(UsageError, match=r"PREFECT_API_URL=http://that-machine:4200/api"),
        mapping_on(RunnerConfig(kind="dask", address="tcp://head:8786"), n_songs=1),
    ):
        pass
