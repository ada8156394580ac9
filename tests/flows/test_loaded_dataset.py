"""An exported dataset in the hands of others: Hugging Face `datasets` and MLCommons' Croissant."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from flows.settings import Settings
from genre_core.dataset.exported import Sound
from genre_core.records import SnapshotChoice
from storage.catalog.query import query_rows
from tasks.export_dataset import export_dataset

pytestmark = pytest.mark.long

LOADS = """
import json, sys
from datasets import Audio, load_dataset
from mlcroissant import Dataset

folder = sys.argv[1]
fragments, songs = load_dataset(folder), load_dataset(folder, "songs")
streamed = load_dataset(folder, streaming=True)
audio = load_dataset(folder, "audio")["train"]
sound = audio.cast_column("audio", Audio(decode=False))[0]
features = fragments["train"].features
described = Dataset(jsonld=f"{folder}/croissant.json")
issues = described.metadata.ctx.issues
print(json.dumps({
    "fragments": {split: len(rows) for split, rows in fragments.items()},
    "songs": {row["track_id"]: split for split, rows in songs.items() for row in rows},
    "streamed": {split: sum(1 for _ in rows) for split, rows in streamed.items()},
    "genres": features["genre"].names,
    "shape": features["features"].shape,
    "matrix": [len(fragments["train"][0]["features"]), len(fragments["train"][0]["features"][0])],
    "rate": audio.features["audio"].sampling_rate,
    "sound": sound["audio"]["bytes"].hex(),
    "sound_s": sound["fragment_s"],
    "issues": [*issues.errors, *issues.warnings],
    "records": {name: sum(1 for _ in described.records(name)) for name in ("fragments", "songs")},
}))
"""


def test_datasets_and_croissant_load_every_row_offline(finished: Settings, tmp_path: Path) -> None:
    exported = export_dataset(finished.layout, SnapshotChoice(), tmp_path / "set", Sound.ALL)
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache"), "PYTHONWARNINGS": ""}
    program = [sys.executable, "-c", LOADS, str(exported.folder)]

    loaded = subprocess.run(
        program, env={**os.environ, **offline}, capture_output=True, text=True, check=True
    )

    found = json.loads(loaded.stdout.splitlines()[-1])
    statement = "select track_id, split, genre from splits where snapshot_id = ?"
    members = query_rows(finished.layout, statement, [exported.snapshot_id])
    samples, rate = soundfile.read(io.BytesIO(bytes.fromhex(found["sound"])))
    assert found["songs"] == {row["track_id"]: row["split"] for row in members}
    assert found["genres"] == sorted({row["genre"] for row in members})
    assert found["fragments"] == found["streamed"] == exported.rows["fragments"]
    assert found["matrix"] == found["shape"]
    assert found["issues"] == []
    assert found["records"] == {
        table: sum(exported.rows[table].values()) for table in ("fragments", "songs")
    }
    assert (rate, len(samples) / rate) == (found["rate"], found["sound_s"])
