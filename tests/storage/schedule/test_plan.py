"""Times of day and names of schedules."""

from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from storage.schedule.plan import name_of, next_at, read_time


@pytest.mark.parametrize(("text", "expected"), [("03:00", time(3)), ("7:59", time(7, 59))])
def test_a_time_of_day_is_hours_and_minutes(text: str, expected: time) -> None:
    assert read_time(text) == expected


@pytest.mark.parametrize("text", ["24:00", "3", "03:60", "3:5", "3pm", "03:00:00", "-1:00", "٣:٠٠"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--at 03:00"):
        read_time(text)


def test_the_next_run_is_today_if_its_time_is_to_come_else_tomorrow() -> None:
    now = datetime(2026, 5, 4, 12, 0).astimezone()
    assert next_at(time(12, 1), now) == now + timedelta(minutes=1)
    assert next_at(time(12, 0), now) == now + timedelta(days=1)


def test_each_home_of_a_machine_has_a_name_of_its_own() -> None:
    assert name_of(Path("/a")) != name_of(Path("/b"))
    assert name_of(Path("/a")) == name_of(Path("/a"))
