"""The core alone: its commands and pages on a trained home, without what extras bring."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.settings import Settings
from storage.catalog.query import query_rows
from storage.extras import EXTRAS
from tests.conftest import copy_home, hum, write_song

if TYPE_CHECKING:
    from flows.nightly import NightlyReport

ROOT = Path(__file__).resolve().parents[2]
MISSING = sorted({module for modules in EXTRAS.values() for module in modules})
CORES = os.environ.get("CORE_PYTHONS", sys.executable).split(os.pathsep)
"""Interpreters to use the home with; `make test-install` names those that have the core alone."""
USE = """
import asyncio, json, sys
missing, commands, pages, new = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(missing))  # importing them fails as where they are not installed
from flows.engine import run_directly

run_directly()
from flows.cli.main import main

failed = []
for command in commands:
    sys.argv = ["genreflow", *command]
    try:
        main()
    except SystemExit as end:
        failed += [(command, end.code)] if end.code else []

import httpx
import genreflow
from flows.settings import read_settings
from flows.web.app import make_app

async def ask():
    transport = httpx.ASGITransport(make_app(read_settings()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        with open(new, "rb") as file:
            named = {"drop": "d" * 16, "name": "song"}
            got = await client.post("/dropped/upload", params=named, content=file.read())
        place = got.json()["address"]
        for page in pages:
            answer = await client.get(page.format(place=place, token=place.rsplit("/")[-1]))
            if answer.status_code != 200:
                failed.append((page, answer.status_code, answer.text))
            if page.endswith("/similar") and '<ol class="similar">' not in answer.text:
                failed.append((page, "no similar songs", answer.text))
            extra = {"/nights": "nightly", "/models": "train"}.get(page)
            is_offered = "hx-post" in answer.text
            if extra and (is_offered or f"[{extra}]" not in answer.text):
                failed.append((page, "offers what needs an extra", answer.text))

asyncio.run(ask())
with genreflow.open() as library:
    if library.embed(new).shape[1] != 400 or not library.similar(new, n=1):
        failed.append("genreflow")
print(json.dumps(failed), file=sys.stderr)
"""
PAGES = (
    *(
        "/",
        "/review",
        "/review/suspects",
        "/review/left-out",
        "/map",
        "/map/points.json",
        "/nights",
    ),
    *("/models", "/models/runs", "/api/champion", "/api/songs", "/healthz", "/metrics"),
    *("{place}", "{place}/prediction", "{place}/similar", "/audio/dropped/{token}"),
    *("/audio/dropped/{token}/preview", "/audio/dropped/{token}/peaks"),
)


@pytest.mark.parametrize("python", CORES)
def test_the_core_alone_uses_a_home_that_was_trained_elsewhere(
    python: str, head_night: tuple[Settings, "NightlyReport"], tmp_path: Path
) -> None:
    home = copy_home(head_night[0].layout, tmp_path / "home").home
    found = query_rows(
        head_night[0].layout,
        "select track_id, source, genre from tracks join outcomes using (track_id, genre) "
        "where outcome = 'ok' order by source limit 1",
    )[0]
    song, own = found["source"], f"/songs/{found['track_id']}"
    new = str(write_song(tmp_path / "new.wav", hum, seed=99))
    lists, exported = str(tmp_path / "lists"), str(tmp_path / "songs.parquet")
    commands = [
        *(["classify", song], ["status"], ["sql", "select count(*) from spectrograms"]),
        *(
            ["similar", song],
            ["similar", new],
            ["suspects"],
            ["next"],
            ["conflicts"],
            ["compare"],
            ["golden"],
        ),
        *(
            ["check", str(Path(song).parents[1])],
            ["playlists", lists],
            ["export", "--out", exported],
        ),
        *(["decide", song, found["genre"]], ["decide", "--undo"]),
        *(["tag", song], ["untag", song], ["doctor"], ["backup", str(tmp_path / "backup")]),
    ]
    pages = [*PAGES, own, f"{own}/prediction", f"{own}/similar", f"/audio{own}/preview"]
    environment = {name: text for name, text in os.environ.items() if "PREFECT" not in name}
    if python == sys.executable:  # others have the installed package
        environment["PYTHONPATH"] = str(ROOT)

    ended = subprocess.run(
        [python, "-c", USE, json.dumps([MISSING, commands, pages, new])],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **environment,
            "GENREFLOW_HOME": str(home),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),  # without converted weights
        },
    )

    assert json.loads(ended.stderr.splitlines()[-1]) == [], ended.stderr
    assert Path(exported).read_bytes()[:4] == b"PAR1"
