"""Worker processes: what they compute, report and raise, and how they end."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import psutil
import pytest

from genre_core.errors import TransientError, UsageError
from tasks.workers import (
    Report,
    WorkerDied,
    Workers,
    count_workers,
    free_in_groups,
    in_worker,
    open_workers,
    side_by_side,
)


def name_process(number: int) -> tuple[int, int]:
    return number, os.getpid()


def meet(_number: int) -> int:
    """End once another process has come to the same place."""
    return in_worker(wait_for_two, Path(os.environ["MEETING"]))


def wait_for_two(folder: Path) -> int:
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.01)
    return os.getpid()


def count_to_three(report: Report) -> str:
    for number in (1, 2, 3):
        report(number)
    return "done"


def fail(kind: str) -> None:
    if kind == "foreseen":
        raise UsageError("a foreseen error")
    if kind == "memory":
        raise MemoryError("an array of 4 GiB")
    if kind == "system":
        raise OSError("no space left")
    raise IndexError("nobody foresaw this")


def warn_and_log() -> None:
    logging.getLogger("library").info("details that nobody asked for")
    warnings.warn("the classes are few", UserWarning, stacklevel=1)
    try:
        fail("unforeseen")
    except IndexError:
        logging.getLogger("library").exception("no access to %s", "https://me:secret@host/file")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_without_workers_all_happens_in_this_process() -> None:
    found = side_by_side(lambda number: in_worker(name_process, number), [1, 2])
    reported: list[int] = []

    assert found == [(1, os.getpid()), (2, os.getpid())]
    assert in_worker(count_to_three, on_report=reported.append) == "done"
    assert reported == [1, 2, 3]


def test_two_calls_are_made_at_the_same_time_in_processes_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEETING", str(tmp_path))

    with open_workers(2):
        found = side_by_side(meet, [1, 2])

    assert len({os.getpid(), *found}) == 3
    assert not any(psutil.pid_exists(process_id) for process_id in found)


def test_a_process_stays_for_the_next_call_and_passes_on_reports_and_errors() -> None:
    reported: list[int] = []

    with open_workers(2):
        before = in_worker(name_process, 1)
        with pytest.raises(UsageError, match=r"^a foreseen error$"):
            in_worker(fail, "foreseen")
        with pytest.raises(TransientError, match=r"not enough memory .*: an array of 4 GiB$"):
            in_worker(fail, "memory")
        with pytest.raises(OSError, match=r"^no space left$"):
            in_worker(fail, "system")
        with pytest.raises(RuntimeError, match=r"^IndexError: nobody foresaw this") as error:
            in_worker(fail, "unforeseen")
        assert in_worker(count_to_three, on_report=reported.append) == "done"
        assert in_worker(name_process, 1) == before

    assert "in fail" in error.value.__notes__[0]
    assert reported == [1, 2, 3]
    assert before[1] != os.getpid()


def test_what_a_process_logs_and_warns_of_is_logged_here_with_tracebacks_and_without_passwords(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with open_workers(2):
        in_worker(warn_and_log)

    warned, failed = caplog.records
    assert (warned.name, warned.levelname) == ("py.warnings", "WARNING")
    assert "UserWarning: the classes are few" in warned.getMessage()
    assert (failed.name, failed.levelname) == ("library", "ERROR")
    assert "no access to https://" in failed.getMessage()
    assert failed.exc_text is not None
    assert "in fail" in failed.exc_text
    assert "secret" not in failed.getMessage() + failed.exc_text


def test_results_come_in_order_as_soon_as_they_are_there_and_an_error_ends_the_rest() -> None:
    workers, is_asked = Workers(2), threading.Event()

    def call(number: int) -> int:
        if number == 3:
            is_asked.wait(20)
            raise UsageError("the third")
        return number

    found = workers.side_by_side(call, range(1, 100))

    assert [next(found), next(found)] == [1, 2]
    is_asked.set()
    with pytest.raises(UsageError, match="the third"):
        list(found)
    with pytest.raises(WorkerDied):
        workers.call(name_process, (1,))


def write_group(folder: Path, **numbers: str) -> None:
    """Write the files of a control group; ``_`` in names stands for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, number in numbers.items():
        (folder / name.replace("_", ".", 1)).write_text(f"{number}\n")


def test_memory_is_limited_by_the_control_groups_of_version_2_around_the_process(
    tmp_path: Path,
) -> None:
    groups, mount = tmp_path / "cgroup", tmp_path / "fs"
    groups.write_text("0::/user.slice/run.scope\n")
    stat = "anon 600\ninactive_file 100\nactive_file 50"
    write_group(mount / "user.slice", memory_max="5000", memory_current="4900", memory_stat=stat)
    scope = mount / "user.slice/run.scope"
    write_group(scope, memory_max="max", memory_current="700", memory_stat=stat)

    assert free_in_groups(groups, mount) == [200]

    write_group(scope, memory_max="650")
    assert free_in_groups(groups, mount) == [50, 200]


def test_memory_is_limited_by_the_control_groups_of_version_1_also_in_a_container(
    tmp_path: Path,
) -> None:
    groups, mount = tmp_path / "cgroup", tmp_path / "fs"
    groups.write_text("5:cpu,cpuacct:/docker/1f\n4:memory:/docker/1f\n1:name=systemd:/\n0::/\n")
    write_group(
        mount / "memory",
        memory_limit_in_bytes="3000",
        memory_usage_in_bytes="3500",
        memory_stat="cache 900\ntotal_inactive_file 800\ninactive_file 1",
    )

    assert free_in_groups(groups, mount) == [300]
    assert free_in_groups(tmp_path / "none", mount) == []


def test_a_process_that_is_killed_fails_its_own_call_and_another_takes_the_next() -> None:
    def call(number: int) -> object:
        try:
            return in_worker(die) if number == 1 else in_worker(name_process, number)
        except WorkerDied as error:
            return str(error)

    with open_workers(2):
        died, *others = side_by_side(call, [1, 2, 3])

    assert str(died).startswith("Its process was killed")
    assert [found[0] for found in others] == [2, 3]  # type: ignore[index]


def test_an_error_outside_ends_the_calls_that_are_under_way() -> None:
    started = time.monotonic()

    def call(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt
        in_worker(time.sleep, 600)

    with open_workers(2), pytest.raises((KeyboardInterrupt, WorkerDied)):
        side_by_side(call, [1, 2])

    assert time.monotonic() - started < 60


STOPPED = """
import os, sys, time
from flows.cli.start import stop_on_signals
from tasks.workers import in_worker, open_workers, side_by_side
stop_on_signals()
with open_workers(2):
    for _ in side_by_side(lambda _: in_worker(os.getpid), [1]): print(_, flush=True)
    in_worker(time.sleep, 600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_the_command_however_it_ends(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        worker = psutil.Process(int(command.stdout.readline()))
        threading.Event().wait(0.3)  # it sleeps by now

        command.send_signal(number)

        assert command.wait(20) == (130 if number == signal.SIGINT else -number)
        assert psutil.wait_procs([worker], 20)[1] == []


def test_there_are_as_many_workers_as_cores_and_memory_and_one_for_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert count_workers(1) == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert count_workers(1) == len(psutil.Process().cpu_affinity() or ())
    assert count_workers(psutil.virtual_memory().total) == 1
