"""A small library, rendered once for all tests of this room."""

from pathlib import Path

import pytest

from demo.library import LibraryReport, make_library
from demo.soundfont import find_soundfont, write_tuned_soundfont


@pytest.fixture(scope="session")
def progress() -> list[tuple[int, int]]:
    """What ``on_song`` was told while the small library was made."""
    return []


@pytest.fixture(scope="session")
def small_library(
    tmp_path_factory: pytest.TempPathFactory, progress: list[tuple[int, int]]
) -> LibraryReport:
    home = tmp_path_factory.mktemp("demo")
    return make_library(
        home / "library",
        unseen=home / "unseen",
        songs_per_genre=2,
        song_s=(6.0, 8.0),
        on_song=lambda done, total: progress.append((done, total)),
    )


@pytest.fixture(scope="session")
def soundfont(tmp_path_factory: pytest.TempPathFactory) -> Path:
    font = tmp_path_factory.mktemp("soundfont") / "tuned.sf2"
    write_tuned_soundfont(find_soundfont(), font)
    return font
