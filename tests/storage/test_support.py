"""The support bundle: what helps is in it, and nothing private is."""

import hashlib
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import NightOutcome, end_night, start_night
from storage.catalog.publish import publish
from storage.home import DataLayout
from storage.maintenance.doctor import examine
from storage.maintenance.scrub import Scrubber
from storage.maintenance.support import make_bundle, write_bundle

PRIVATE = (
    *("Nina Simone", "Feeling Good", "I Put a Spell", "/mnt/My Music", "anna"),
    *("pw-of-tracking", "tok-of-url", "key-of-aws", "secret-of-log", "Unknown Singer"),
)
LOG = """03:00 GET https://u:pw-of-tracking@api.example/x?token=tok-of-url
03:01 /mnt/My Music/Unknown Singer/Her Song.mp3 failed: no audio stream
03:02 password=secret-of-log was refused; Feeling Good was left out
  File "/home/anna/.venv/lib/python3.11/site-packages/tasks/extract.py", line 7, in read
ZeroDivisionError: division by zero
"""


def digits_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of a home with private names in its catalog, settings, variables and log."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key-of-aws")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pw-of-tracking")
    layout = DataLayout(tmp_path / "anna")
    with open_catalog(layout) as catalog:
        catalog.execute(
            "insert into tracks (track_id, location, genre, artist, album, title, licence, "
            "duration_s, sample_rate, channels, codec, suffix) values ('ab', "
            "'/mnt/My Music/Feeling Good.flac', 'jazz', 'Nina Simone', 'I Put a Spell on You', "
            "'Feeling Good', '', 170, 44100, 2, 'flac', '.flac')"
        )
        start_night(catalog, "one", "", "anna")
        message = "ingest failed: /mnt/My Music/Nina Simone is not there; key-of-aws"
        end_night(catalog, "one", NightOutcome.FAILED, message)
    publish(layout)
    (layout.home / ".nightly.log").write_text(LOG)
    layout.schedule_log.write_text(LOG)
    tracking = "https://mlflow.example/anna"
    given = asdict(
        Settings(home=layout.home, tracking=tracking, music="/mnt/My Music", wav_cache_gb=3)
    )
    parts = make_bundle(layout, given, asdict(Settings()), examine(layout))
    write_bundle(parts, tmp_path / "bundle.zip")
    return tmp_path / "bundle.zip"


def test_nothing_private_is_in_it(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}

    found = [(word, name) for word in PRIVATE for name, text in texts.items() if word in text]
    assert found == []


def test_what_helps_is_in_it(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        read = {name: archive.read(name).decode() for name in archive.namelist()}

    settings, nights = json.loads(read["settings.json"]), json.loads(read["nights.json"])
    assert settings["wav_cache_gb"] == 3
    assert settings["tracking"].startswith("<text of ")
    assert nights["nights"][0]["outcome"] == "failed"
    assert json.loads(read["counts.json"])["tracks"] == [{"n": 1, "n_genres": 1}]
    assert 'File "site-packages/tasks/extract.py", line 7' in read["logs/nightly.log"]
    assert "ZeroDivisionError: division by zero" in read["logs/nightly.log"]
    assert read["logs/schedule.log"] == read["logs/nightly.log"]
    assert "AWS_SECRET_ACCESS_KEY" in json.loads(read["variables.json"])
    assert {check["name"] for check in json.loads(read["doctor.json"])} >= {"place", "store"}


def test_logs_of_a_damaged_home_are_in_it_only_if_their_names_are_known(bundle: Path) -> None:
    layout = DataLayout(bundle.parent / "anna")
    layout.catalog.write_bytes(b"damaged")

    logs = [part.text for part in make_bundle(layout, {}, {}, []) if part.name.startswith("logs/")]

    assert len(logs) == 2
    assert not any(word in text for word in ("Nina Simone", "Feeling Good") for text in logs)

    layout.published.write_bytes(b"damaged, too")
    parts = {part.name: part.text for part in make_bundle(layout, {}, {}, [])}

    assert [name for name in parts if name.startswith("logs/")] == ["logs/left-out.txt"]
    assert "damaged" in parts["counts.json"]


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    path.write_text("mine")

    with pytest.raises(UsageError, match="is there already"):
        write_bundle([], path)

    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def", "Authorization: <secret>"),
        ("2 of 3 songs, 10 MB/s", "2 of 3 songs, 10 MB/s"),
        ("/srv/my home can be written", "<home> can be written"),
        ("mail me@host.example", "mail <mail>"),
        ("/srv/my home2/x y is full", f"<path {digits_of('/srv/my home2/x y')}> is full"),
        ("/srv/my home-2/x: gone", f"<path {digits_of('/srv/my home-2/x')}>: gone"),
        ('password: "a b c", then', 'password: "<secret>", then'),
        (r'{"message": "token=\"a b\" is old"}', r'{"message": "token=\"<secret>\" is old"}'),
        ("no route to 192.168.1.7:4200", f"no route to <machine {digits_of('192.168.1.7:4200')}>"),
        ("nas.fritz.box:5432 refused", f"<machine {digits_of('nas.fritz.box:5432')}> refused"),
        ("(host='nas', port=80)", f"(host='<machine {digits_of('nas')}>', port=80)"),
        (
            "at 03:01, extract.py:42, TensorFlow 2.21.0",
            "at 03:01, extract.py:42, TensorFlow 2.21.0",
        ),
    ],
)
def test_a_text_keeps_what_is_not_private(text: str, shown: str) -> None:
    assert Scrubber(DataLayout(Path("/srv/my home")), [], []).scrub(text) == shown


def test_a_name_is_replaced_however_its_accents_and_spaces_are_written() -> None:
    scrubber = Scrubber(DataLayout(Path("/srv/home")), ["Bj\u00f6rk Gu\u00f0"], [])

    shown = [scrubber.scrub(name) for name in ("Bjo\u0308rk Gu\u00f0", "BJ\u00d6RK \u00a0gu\u00f0")]

    assert shown == ["<name>", "<name>"]
