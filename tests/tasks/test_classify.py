"""Classify: verdicts on songs as the champion heard them in training; nothing is stored."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from flows.settings import Settings
from genre_core.representations.features import FeatureConfig
from storage.catalog.publish import query_rows
from tasks.classify import judge_songs
from tasks.predict import Judge, Verdict, listen, load_champion
from tests.conftest import hiss, hum, write_song

pytestmark = [pytest.mark.flow, pytest.mark.keras]


@pytest.fixture(scope="session")
def verdicts(
    finished: Settings, library: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Verdict]:
    """Verdicts by the name of the song, all from one loading of the champion."""
    folder = tmp_path_factory.mktemp("songs")
    write_song(folder / "new.wav", hum, seed=77)
    write_song(folder / "short.wav", hiss, seed=78, duration_s=2.5)
    write_song(folder / "snippet.wav", hiss, seed=79, duration_s=0.6)
    shutil.copy(library / "clicks" / "song 1.flac", folder / "a copy")
    songs = [
        *(str(folder / name) for name in ("new.wav", "short.wav", "snippet.wav", "gone.wav")),
        str(library / "clicks" / "song 1.flac"),
        str(folder / "a copy"),
        str(library / "hums" / "broken.mp3"),
        str(library / "hiss" / "silent.wav"),
    ]
    judged = judge_songs.fn(finished.layout, songs)
    assert [verdict.song for verdict in judged] == songs
    return {Path(verdict.song).name: verdict for verdict in judged}


def champion_features(finished: Settings) -> FeatureConfig:
    row = query_rows(finished.layout, "select * from runs join promotions using (run_id)")[0]
    return next(f for f in finished.features if f.fragment_s == row["fragment_s"])


def test_a_song_gets_a_genre_with_the_probability_of_each(verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts["new.wav"]

    assert verdict.genre == max(verdict.probabilities, key=verdict.probabilities.__getitem__)
    assert list(verdict.probabilities) == ["clicks", "hiss", "hums"]
    assert sum(verdict.probabilities.values()) == pytest.approx(1)
    assert (verdict.champion, verdict.error) == (1, "")


def test_the_probabilities_of_a_song_are_the_tempered_means_of_its_fragments(
    finished: Settings, verdicts: dict[str, Verdict]
) -> None:
    from storage.models.networks import load_temperature
    from storage.models.registry import champion
    from storage.models.store import open_tracking

    verdict, judge = verdicts["new.wav"], load_champion(finished.layout)
    tracking = open_tracking(finished.layout)
    reigning = champion(tracking)
    assert reigning is not None
    logged = load_temperature(tracking, reigning.model_uri)

    by_fragment = [list(fragment.probabilities.values()) for fragment in verdict.fragments]
    tempered = np.mean(by_fragment, axis=0) ** (1 / logged)

    assert len(by_fragment) == 3
    assert judge.temperature == logged
    assert list(verdict.probabilities.values()) == pytest.approx(
        (tempered / tempered.sum()).tolist(), abs=1e-4
    )


def test_a_network_that_is_too_sure_is_made_as_sure_as_it_is_right() -> None:
    judge = Judge(
        version=1,
        network=None,
        genres=("jazz", "rock"),
        features=FeatureConfig(),
        temperature=2.0,
    )

    probabilities = judge.temper_song(np.array([[0.96, 0.04], [0.84, 0.16]], np.float32))

    assert probabilities.tolist() == pytest.approx([0.75, 0.25])  # 3 : 1 from 9 : 1


def test_a_new_song_of_a_plain_sound_is_recognised(verdicts: dict[str, Verdict]) -> None:
    assert verdicts["new.wav"].genre == "hums"


@pytest.mark.parametrize(
    ("song", "sentence"),
    [
        ("gone.wav", "gone.wav does not exist. Check its name."),
        ("broken.mp3", "broken.mp3"),
        ("silent.wav", "silent.wav is silent."),
        ("snippet.wav", "the song lasts 0.6 s; the champion needs fragments of 1"),
    ],
)
def test_a_song_that_cannot_be_judged_says_why(
    verdicts: dict[str, Verdict], song: str, sentence: str
) -> None:
    verdict = verdicts[song]

    assert sentence in verdict.error
    assert (verdict.genre, verdict.probabilities, verdict.fragments) == ("", {}, ())


def test_a_song_shorter_than_the_protocol_is_judged_on_what_it_has(
    verdicts: dict[str, Verdict],
) -> None:
    verdict = verdicts["short.wav"]

    starts_s = [fragment.start_s for fragment in verdict.fragments]
    assert verdict.error == ""
    assert 1 <= len(starts_s) <= 3
    assert starts_s == sorted(starts_s)
    assert starts_s[0] >= 0
    assert starts_s[-1] + 1.0 <= 2.5


def test_a_copy_of_a_song_gets_the_same_verdict(verdicts: dict[str, Verdict]) -> None:
    song, copy = verdicts["song 1.flac"], verdicts["a copy"]

    assert copy.probabilities == song.probabilities
    assert copy.fragments == song.fragments


@pytest.mark.parametrize("name", ["hums/song 0.wav", "clicks/song 1.flac", "hiss/song 2.mp3"])
def test_the_champion_hears_a_song_as_in_training_bit_for_bit(
    finished: Settings, library: Path, name: str
) -> None:
    features = champion_features(finished)
    stored = query_rows(
        finished.layout,
        f"""
        select spectrograms.* from spectrograms join outcomes using (track_id)
        where source = '{library / name}' and fragment_s = {features.fragment_s} order by fragment
        """,
    )

    starts_s, matrices = listen(str(library / name), features)

    assert starts_s.tolist() == [row["start_s"] for row in stored]
    values = np.array([row["values"] for row in stored], np.float32)
    np.testing.assert_array_equal(matrices.reshape(len(stored), -1), values)


def test_the_verdict_on_a_song_is_the_prediction_that_the_run_recorded(
    finished: Settings,
) -> None:
    recorded = query_rows(
        finished.layout,
        """
        select source, predicted, probability
        from predictions join promotions using (run_id) join outcomes using (track_id)
        where outcome = 'ok' order by source
        """,
    )

    verdicts = judge_songs.fn(finished.layout, [row["source"] for row in recorded])

    assert len(verdicts) == 6
    assert [v.genre for v in verdicts] == [row["predicted"] for row in recorded]
    highest = [max(verdict.probabilities.values()) for verdict in verdicts]
    assert highest == pytest.approx([row["probability"] for row in recorded], abs=1e-6)
