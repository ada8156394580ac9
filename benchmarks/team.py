"""Two people with a home each, on one tracking server and one S3: everything, end to end.

``python -m benchmarks.team TEAM WORK`` runs every command as a person would and stops with the
first that does not do what it should; `benchmarks.servers` says what TEAM is. It ends with what
each person sees of the other. The songs are those of the built-in library.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.homes import fresh
from benchmarks.servers import list_objects, serve_mlflow, serve_postgres, serve_s3
from benchmarks.tables import say
from demo.library import make_library

PROGRAM = "from flows.cli.start import main; main()"
SHARDS, ARTIFACTS = "spectrograms", "mlflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a home, music, and the environment that leads to the servers."""

    name: str
    home: Path
    music: Path
    environment: Mapping[str, str]

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command; give what it prints, or, of one that is to fail, its message."""
        begin_s = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words],
            env={**os.environ, **self.environment, "GENREFLOW_HOME": str(self.home)},
            capture_output=True,
            text=True,
        )
        if done.returncode != code:
            output = f"{done.stdout}{done.stderr}"
            raise SystemExit(
                f"{self.name}: genreflow {' '.join(words)}: {done.returncode}\n{output}"
            )
        say(f"{self.name:4} {' '.join(words)[:60]:60} {time.monotonic() - begin_s:6.1f} s")
        return done.stderr if code else done.stdout

    def train(self) -> None:
        """Do everything from songs to a champion."""
        for step in (("ingest", str(self.music)), ("extract",), ("train",), ("audit",)):
            self.run(*step)
        self.run("promote")


def main(team: Path, work: Path) -> None:
    """Start the servers, let both people work at once, and show what each sees."""
    library = work / "music"
    if not library.exists():
        make_library(library, unseen=work / "unseen")
    with (
        serve_postgres(work / "postgres", ("mlflow",)) as database,
        serve_s3(work / "s3.log", (SHARDS, ARTIFACTS)) as s3,
        serve_mlflow(work / "mlflow", team, f"{database}/mlflow", ARTIFACTS, s3) as tracking,
    ):
        people = [_make_person(name, work, library, tracking, s3) for name in ("Ada", "Bo")]
        with ThreadPoolExecutor(len(people)) as pool:
            list(pool.map(Person.train, people))
        _check_runs(people, tracking)
        _check_shards(people, s3)
        _pass_on(people, work)


def _make_person(
    name: str, work: Path, library: Path, tracking: str, s3: Mapping[str, str]
) -> Person:
    """Make a new home; Bo has no techno."""
    genres = '["classical", "hiphop", "house", "jazz", "rock"]'
    environment = {
        **s3,
        "GENREFLOW_TRACKING": tracking,
        "GENREFLOW_SHARDS": f"s3://{SHARDS}/{name.lower()}",
        "GENREFLOW_REPRESENTATIONS": '["musicnn"]',
        "GENREFLOW_NETWORKS": '["head"]',
        **({"GENREFLOW_GENRES": genres} if name == "Bo" else {}),
    }
    home = fresh(work / f"home-{name.lower()}")
    return Person(name=name, home=home, music=library, environment=environment)


def _check_runs(people: list[Person], tracking: str) -> None:
    """Each compares its own runs alone; MLflow shows those of both, by name."""
    own = []
    for person in people:
        document = json.loads(person.run("compare", "--json"))
        own.append({row["run_id"] for row in document["runs"]})
    _require(own[0] and own[1] and not own[0] & own[1], "each compares its own runs alone")
    experiments = _ask(tracking, "experiments/search", {"max_results": 10})["experiments"]
    named = {one["name"]: one for one in experiments if one["name"].startswith("genreflow")}
    _require(len(named) == len(people), "the server has an experiment of each home")
    for name, experiment in named.items():
        query = {"experiment_ids": [experiment["experiment_id"]], "max_results": 100}
        runs = {run["info"]["run_id"] for run in _ask(tracking, "runs/search", query)["runs"]}
        _require(sum(bool(mine & runs) for mine in own) == 1, f"{name} has runs of one home")
        alias = f"registered-models/alias?name={name}&alias=champion"
        found = _ask(tracking, alias)["model_version"]
        _require("Model card" in found["description"], f"{name} has a champion with its card")
        tags = {tag["key"]: tag["value"] for tag in experiment["tags"]}
        say(f"     {name}: {tags['mlflow.note.content'].rpartition('Home: ')[2]}")


def _check_shards(people: list[Person], s3: Mapping[str, str]) -> None:
    """Shards and models are in the buckets, none in a home; a prefix belongs to one home."""
    os.environ |= s3
    for person in people:
        shards = list_objects(s3, SHARDS, f"{person.name.lower()}/")
        _require(shards, f"{person.name} has {len(shards)} objects in the bucket of shards")
        _require(not (person.home / "shards").exists(), "and none in the home")
        _require(not (person.home / "mlflow.db").exists(), "nor runs")
    models = [name for name in list_objects(s3, ARTIFACTS) if name.endswith("network.keras")]
    _require(len(models) >= len(people), f"the other bucket has {len(models)} models")
    ada, bo = people
    intruder = Person(
        name="Bo",
        home=bo.home,
        music=bo.music,
        environment={**bo.environment, "GENREFLOW_SHARDS": ada.environment["GENREFLOW_SHARDS"]},
    )
    before = list_objects(s3, SHARDS, "ada/")
    refused = intruder.run("extract", code=2)
    _require(before == list_objects(s3, SHARDS, "ada/"), "Ada's shards stay")
    say(f"     Bo with Ada's prefix: {refused.strip().splitlines()[-1]}")


def _pass_on(people: list[Person], work: Path) -> None:
    """Ada's model predicts the same in a new home of Bo, which needs no server."""
    ada, bo = people
    song = str(next((work / "unseen").glob("*.mp3")))
    mine, theirs = (json.loads(one.run("classify", song, "--json"))[0] for one in people)
    _require(len(mine["probabilities"]) == 6, "Ada's champion knows six genres")
    _require(len(theirs["probabilities"]) == 5, "Bo's champion knows five")
    model = work / "model"
    shutil.rmtree(model, ignore_errors=True)
    ada.run("export-model", str(model))
    other = Person(name="Bo", home=fresh(work / "home-new"), music=bo.music, environment={})
    shutil.rmtree(other.home)
    other.run("import-model", str(model))
    again = json.loads(other.run("classify", song, "--json"))[0]
    _require(again == mine, "Ada's model predicts the same in Bo's new home")


def _ask(tracking: str, call: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{tracking}/api/2.0/mlflow/{call}", content, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _require(holds: object, what: str) -> None:
    if not holds:
        raise SystemExit(f"It does not hold that {what}.")
    say(f"     {what}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
