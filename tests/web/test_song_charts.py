"""Charts of the page of a song: places by hand, pictures by another library."""

import base64
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread

from flows.web.song_charts import draw_bands, draw_timeline, outline, png_address
from genre_core.representations.features import FeatureConfig
from tasks.predict import FragmentPrediction, SongPrediction
from tasks.studies.why import BandsWhy


def song(*starts_s: float) -> SongPrediction:
    shares = {"folk": 0.2, "jazz": 0.8}
    fragments = [FragmentPrediction(start_s=start_s, probabilities=shares) for start_s in starts_s]
    return SongPrediction(
        song="song", genre="jazz", probabilities=shares, fragments=tuple(fragments)
    )


def test_fragments_lie_on_the_timeline_where_they_are_in_the_song() -> None:
    timeline = draw_timeline(song(60, 20), length_s=10, duration_s=100)
    assert timeline.lanes == ("jazz", "folk")
    assert [(block.x, block.width) for block in timeline.blocks] == [(20, 10), (60, 10)]
    targets = [(block.target_x, block.target_width) for block in timeline.blocks]
    assert targets == [(19, 12), (59, 12)]  # middles at 25 and 65, as wide as targets may be


def test_targets_of_near_fragments_meet_between_them_and_thin_blocks_can_be_seen() -> None:
    timeline = draw_timeline(song(0, 1, 999), length_s=1, duration_s=1000)
    first, second, last = timeline.blocks
    assert first.target_x + first.target_width == pytest.approx(0.1)
    assert second.target_x == pytest.approx(0.1)
    assert (first.x, first.width, last.x + last.width) == (0, 1.2, 100)


def test_of_many_genres_the_most_probable_have_lanes() -> None:
    shares = {f"genre {n}": n / 45 for n in range(10)}
    fragment = FragmentPrediction(start_s=0, probabilities=shares)
    prediction = SongPrediction(
        song="", genre="genre 9", probabilities=shares, fragments=(fragment,)
    )
    timeline = draw_timeline(prediction, 3, 30)
    assert timeline.lanes == tuple(f"genre {n}" for n in range(9, 1, -1))
    assert timeline.n_hidden == 2


def test_a_picture_is_a_png_with_the_top_row_first() -> None:
    levels = np.array([[0, 51, 255], [255, 0, 102]], np.uint8)
    kind, _, content = png_address(levels).partition(",")
    read = imread(BytesIO(base64.b64decode(content)))
    assert kind == "data:image/png;base64"
    assert (read * 255).round().astype(int).tolist() == levels.tolist()


def test_the_outline_runs_around_the_places_of_a_mask() -> None:
    mask = np.array([[False, True], [False, True]])
    lines = {f"M{line}" for line in outline(mask).split("M")[1:]}
    assert lines == {"M1 0h1", "M1 2h1", "M1 0v1", "M1 1v1", "M2 0v1", "M2 1v1"}


def test_the_bars_name_ranges_of_frequency_the_highest_first() -> None:
    losses = np.zeros((12, 4))
    losses[2] = 0.3  # the third band from below
    features = FeatureConfig()
    why = BandsWhy(
        start_s=5.0,
        matrix=np.arange(48, dtype=np.float32).reshape(12, 4),
        losses=losses,
        band_losses=losses.mean(axis=1),
        n_fragments=1,
    )
    drawn = draw_bands(why, features)
    assert [round(bar.loss, 6) for bar in drawn.bars] == [0] * 9 + [0.3, 0, 0]
    assert drawn.strongest.share == 1
    assert drawn.bars[-1].name.startswith(drawn.low)
    assert drawn.bars[0].name.endswith(drawn.top)
    assert "M0 9h1" in drawn.outline  # the third row from below of 12
    assert "M0 10h1" in drawn.outline
