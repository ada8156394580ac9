"""The account of the songs of a benchmark, and when published figures are compared."""

from pathlib import Path

import pytest

from genre_core.evaluation.bootstrap import Interval
from genre_core.records import Split
from genre_core.studies.benchmark import BenchmarkScores
from storage.benchmarks.splits import OfficialSplit
from storage.catalog.benchmarks import OfficialSong
from storage.home import DataLayout
from tasks.studies.benchmark import Prepared, count_songs, find_leaks
from tasks.studies.benchmark_report import _compare_figures, explain_few
from tasks.studies.benchmark_scores import ModelScores

TRAIN, VALIDATION, TEST = Split.TRAIN, Split.VALIDATION, Split.TEST


def song(number: int, subset: Split, reason: str = "", recording: str = "") -> OfficialSong:
    return OfficialSong(
        source=f"/music/{number:03}.wav",
        track_id=f"{number:064}",
        genre="blues",
        outcome="quarantined" if reason else "ok",
        reason=reason,
        message="",
        subset=subset,
        is_used=not reason,
        recording=recording or f"{number}",
    )


def prepared(songs: list[OfficialSong]) -> Prepared:
    official = OfficialSplit(
        name="gtzan",
        title="GTZAN",
        collection="gtzan",
        source="",
        sources=(),
        subsets={song.source: song.subset for song in songs},
    )
    return Prepared(
        layout=DataLayout(Path("nowhere")),
        official=official,
        features=(),
        snapshots=(),
        songs=tuple(songs),
    )


def model(accuracy: float) -> ModelScores:
    interval = Interval(value=accuracy, low=accuracy - 0.05, high=accuracy + 0.05)
    scores = BenchmarkScores(
        genres=("blues",),
        n_songs=1,
        n_groups=1,
        n_seeds=1,
        accuracy=interval,
        mean_recall=interval,
        macro_f1=interval,
        recall=(interval,),
    )
    return ModelScores(title="", network="", representation="", seeds=(0,), run_ids=(), test=scores)


def test_every_song_is_counted_in_its_subset_with_the_reason_of_those_left_out() -> None:
    songs = [song(1, TRAIN), song(2, TEST, "not_found"), song(3, TEST, "too_short"), song(4, TEST)]

    assert count_songs(songs) == [
        {"subset": "train", "official": 1, "used": 1, "left_out": {}},
        {"subset": "validation", "official": 0, "used": 0, "left_out": {}},
        {
            "subset": "test",
            "official": 3,
            "used": 1,
            "left_out": {"not_found": 1, "too_short": 1},
        },
    ]


def test_a_recording_in_two_subsets_is_named_by_its_files() -> None:
    songs = [song(1, TRAIN, recording="a"), song(2, TEST, "duplicate_recording", "a")]

    leaks = find_leaks([*songs, song(3, TEST)])

    assert leaks.recordings.keys == ("001.wav (train) = 002.wav (test)",)
    assert leaks.sentences[1].endswith("One song of each recording is used.")


@pytest.mark.parametrize(("n_missing", "is_compared"), [(1, True), (2, False)])
def test_figures_are_compared_where_a_twentieth_of_the_songs_is_missing_at_most(
    n_missing: int, is_compared: bool
) -> None:
    songs = [song(n, TEST, "not_found" if n < n_missing else "") for n in range(20)]
    complete = prepared([*songs, song(90, TRAIN)])

    compared = _compare_figures(complete, [model(0.77)])

    assert explain_few(complete).startswith("" if is_compared else "Only 18 of 20 test songs")
    assert bool(explain_few(complete)) is not is_compared
    said = {row.figure.cite: row.against for row in compared}
    assert said["Sturm 2013"] == "not comparable"
    assert said["Pons 2019"] == ("within our interval" if is_compared else "–")
    assert said["Pons and Serra 2019"] == ("ours is higher" if is_compared else "–")
