"""The documents of an exported dataset: its card, its description in Croissant, and its sums."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from genre_core.audit.rules import Check
from genre_core.dataset.croissant import Description, describe_croissant
from genre_core.dataset.exported import (
    SONG_COLUMNS,
    ExportedSong,
    Table,
    TableFile,
    filled_splits,
    hub_feature,
)
from genre_core.dataset.licences import may_be_excerpted, may_be_shared
from genre_core.evaluation.bootstrap import Interval
from genre_core.records import LEARNING_SPLITS, counted
from genre_core.representations.features import name_features
from storage.catalog.exported import DatasetSource
from storage.catalog.runs import Run
from storage.dataset_folder import CARD, MARK, write_sums
from tasks.pages import fill_template

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))
_LARGEST = "1M<n<10M"


def describe_dataset(
    part: Path,
    tables: Sequence[Table],
    files: Sequence[TableFile],
    source: DatasetSource,
    sound: tuple[str, int],
) -> None:
    """Write the card, the description for machines, and the sums.

    ``sound``: whose sound it holds, and of how many of these songs there is none.
    """
    snapshot = source.snapshot
    n_songs, genres = counted(len(source.songs), "song"), counted(len(snapshot.genres), "genre")
    described = Description(
        name=f"genreflow-{snapshot.snapshot_id}",
        about=f"{n_songs} of {genres}, split by group, with features of fragments.",
        version="1.0.0",
        published=f"{source.created_at:%Y-%m-%d}",
        licences=sorted({song.licence or "not named" for song in source.songs}),
    )
    croissant = describe_croissant(described, tables, files)
    text = json.dumps(croissant, indent=2, ensure_ascii=False)
    (part / "croissant.json").write_text(f"{text}\n", "utf-8")
    card = _card(described, tables, files, source, sound)
    (part / CARD).write_text(card, "utf-8")
    write_sums(part, {file.name: file.sha256 for file in files})


def _card(
    described: Description,
    tables: Sequence[Table],
    files: Sequence[TableFile],
    source: DatasetSource,
    sound: tuple[str, int],
) -> str:
    songs, genres = source.songs, source.snapshot.genres
    content: dict[str, object] = {
        "header": _header(described, tables, files, genres),
        "name": described.name,
        "mark": MARK,
        "snapshot_id": source.snapshot.snapshot_id,
        "published": described.published,
        "n_songs": len(songs),
        "genres": genres,
        "splits": [str(split) for split in LEARNING_SPLITS],
        "counts": list(_count_songs(songs, genres)),
        "settings": json.dumps(_settings(source), indent=2),
        "audio": sound[0],
        "unreadable": sound[1],
        "sources": Counter(_site(song.source) for song in songs).most_common(),
        "verdict": source.verdict,
        "checks": [_check_row(check) for check in source.checks],
        "runs": [_run_row(run) for run in source.runs],
        "levels": source.levels,
        "n_removed": source.n_removed,
        "n_excluded": source.n_excluded,
        "n_relabelled": source.n_relabelled,
    }
    content |= _describe_tables(tables, files) | _describe_licences(songs)
    return fill_template("dataset_card.md", content | _describe_embeddings(source)) + "\n"


def _describe_tables(tables: Sequence[Table], files: Sequence[TableFile]) -> dict[str, object]:
    rows = {
        table.name: ", ".join(
            f"{sum(f.n_rows for f in files if (f.table, f.split) == (table.name, split))} {split}"
            for split in filled_splits(files, table.name)
        )
        for table in tables
    }
    return {
        "tables": tables,
        "rows": {name: f"Rows: {text or 'none'}." for name, text in rows.items()},
        "shown_columns": {
            table.name: [c for c in table.columns if table is tables[0] or c not in SONG_COLUMNS]
            for table in tables
        },
    }


def _describe_licences(songs: Sequence[ExportedSong]) -> dict[str, object]:
    shareable = [song.licence for song in songs if may_be_shared(song.licence)]
    return {
        "licences": Counter(song.licence for song in songs).most_common(),
        "shareable": len(shareable),
        "whole": sum(not may_be_excerpted(licence) for licence in shareable),
    }


def _describe_embeddings(source: DatasetSource) -> dict[str, object]:
    by_name = {embedding.name: embedding for embedding in source.embeddings.values()}
    if own := source.features.embedding:
        by_name.setdefault(own.name, own)
    return {
        "embeddings": list(by_name.values()),
        "tags": {f"tag_logits_{name}": e.tags for name, e in by_name.items() if e.tags},
    }


def _settings(source: DatasetSource) -> dict[str, object]:
    """Return the settings of the features; the card lists the tags elsewhere."""
    settings = source.features.as_document()
    settings.get("embedding", {}).pop("tags", None)
    return settings


def _header(
    described: Description,
    tables: Sequence[Table],
    files: Sequence[TableFile],
    genres: Sequence[str],
) -> str:
    """Return the YAML that `datasets` and hubs read: tables, their files and their types."""
    import yaml

    n_rows = sum(file.n_rows for file in files if file.table == tables[0].name)
    document = {
        "pretty_name": described.name,
        "license": "other",
        "task_categories": ["audio-classification"],
        "tags": ["music", "genre", "genreflow"],
        "size_categories": [next((name for most, name in _SIZES if n_rows < most), _LARGEST)],
        "configs": [
            {
                "config_name": table.name,
                **({"default": True} if table is tables[0] else {}),
                "data_files": [
                    {"split": str(split), "path": f"{table.folder}/{split}-*"}
                    for split in filled_splits(files, table.name)
                ],
            }
            for table in tables
        ],
        "dataset_info": [
            {
                "config_name": table.name,
                "features": [hub_feature(column, genres) for column in table.columns],
            }
            for table in tables
        ],
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _count_songs(
    songs: Sequence[ExportedSong], genres: Sequence[str]
) -> Iterator[dict[str, object]]:
    """Yield songs and artists of each genre, then of all, in each split."""
    for genre in (*genres, ""):
        counts = list[int]()
        for split in LEARNING_SPLITS:
            mine = [s for s in songs if s.split is split and genre in ("", s.genre)]
            counts += [len(mine), len({song.artist for song in mine} - {""})]
        yield {"genre": genre or "all", "counts": counts}


def _site(source: str) -> str:
    return urlsplit(source).hostname or "files" if "://" in source else "files"


def _check_row(check: Check) -> dict[str, object]:
    """Return a check without its message, which may name folders of the machine."""
    value = check.interval or ("–" if check.value is None else f"{check.value:.2f}")
    chance = "–" if check.chance is None else f"{check.chance:.2f}"
    return {"name": check.name, "level": check.level, "value": value, "chance": chance}


def _run_row(run: Run) -> dict[str, object]:
    row = run.as_row()
    return {
        "network": run.network,
        "features": name_features(run.representation, run.fragment_s),
        "seed": run.seed,
        "macro_f1": Interval.from_columns(row, "test_macro_f1"),
        "accuracy": Interval.from_columns(row, "test_accuracy"),
    }
