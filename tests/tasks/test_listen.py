"""What the champion hears of a page of a music site is what it hears of the file."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from flows.settings import Settings
from tasks.predict import listen
from tests.storage.fetch.sites.music_site import open_music_site


def test_a_page_sounds_as_its_file_does(config: Settings, library: Path) -> None:
    song = library / "hums" / "song 2.mp3"
    with open_music_site() as site:
        url = site.add_track("one", song.read_bytes())

        starts_s, matrices = listen(url, config.features[0])

    expected_s, expected = listen(str(song), config.features[0])
    np.testing.assert_array_equal(starts_s, expected_s)
    np.testing.assert_array_equal(matrices, expected)


@pytest.mark.parametrize("name", ["hums/song 0.wav", "clicks/song 1.flac", "hiss/song 2.mp3"])
def test_a_file_is_heard_where_it_stands_as_its_copy_under_another_name_is(
    config: Settings, library: Path, tmp_path: Path, name: str
) -> None:
    song = library / name
    misnamed = shutil.copy(song, tmp_path / "song.raw")

    starts_s, matrices = listen(str(song), config.features[0])

    expected_s, expected = listen(str(misnamed), config.features[0])
    np.testing.assert_array_equal(starts_s, expected_s)
    np.testing.assert_array_equal(matrices, expected)
