"""The account of the songs of a benchmark, and when published figures are compared."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from genre_core.evaluation.bootstrap import Interval
from genre_core.records import Split
from genre_core.representations.features import FeatureConfig
from genre_core.studies.benchmark import BenchmarkScores
from storage.benchmarks.splits import OfficialSplit
from storage.catalog.benchmarks import OfficialSong
from storage.catalog.connection import open_catalog
from storage.catalog.snapshots import read_groups
from storage.home import DataLayout
from tasks.spectrograms import key_features
from tasks.studies.benchmark import Prepared, assign_official, count_songs, find_leaks
from tasks.studies.benchmark_report import _compare_figures, _left_out, explain_few, name_scores
from tasks.studies.benchmark_scores import ModelScores, match_collections
from tests.storage.catalog.conftest import Store

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
    against = {row.figure.cite: row.against for row in compared}
    assert against["Sturm 2013"] == "not comparable"
    assert against["Pons 2019"] == ("within our interval" if is_compared else "–")
    assert against["Pons and Serra 2019"] == ("ours is higher" if is_compared else "–")


def test_no_folder_of_the_machine_is_in_the_account_of_songs() -> None:
    folder = "/home/ada/my music/genres"
    here = replace(
        song(1, TEST, "duplicate_recording"),
        source=f"{folder}/blues/1.wav",
        message=f"{folder}/blues/2.wav is the same recording.",
    )
    elsewhere = replace(here, message="/mnt/old copy/blues/1.wav is the same file.")

    found = _left_out(prepared([here, elsewhere]))

    assert [row["source"] for row in found] == ["blues/1.wav"] * 2
    assert [row["message"] for row in found] == ["blues/2.wav is the same recording.", ""]


def test_scores_of_one_network_on_two_representations_have_two_names() -> None:
    models = [replace(model(score), title=f"head on {name}") for score, name in TWO.items()]

    scores = name_scores(models)

    assert scores["head_on_musicnn_3_s_accuracy"] == 0.7
    assert scores["head_on_tempogram_3_s_accuracy"] == 0.5
    assert len(scores) == 6


TWO = {0.7: "musicnn 3 s", 0.5: "tempogram 3 s"}
FEATURES = FeatureConfig(fragment_s=1.0)


def prepare(home: Path, collection: str, songs: Mapping[str, tuple[str, str, Split]]) -> Prepared:
    """Prepare a benchmark of songs by title, each with genre, artist and subset."""
    store = Store(DataLayout(home), Path())
    tracks = [store.track(title, genre, artist) for title, (genre, artist, _) in songs.items()]
    store.add_songs(*tracks)
    (key,) = key_features([FEATURES])
    store.extract(key, *tracks)
    official = OfficialSplit(
        name=collection,
        title=collection,
        collection=collection,
        source="",
        sources=(),
        subsets={track.location: songs[track.title][2] for track in tracks},
    )
    return assign_official(store.layout, official, [FEATURES])


def test_a_benchmark_that_is_completed_later_has_the_groups_of_a_complete_one(
    tmp_path: Path,
) -> None:
    part = {
        "b": ("Rock", "Ada", TRAIN),
        "c": ("Rock", "Bo", VALIDATION),
        "d": ("Pop", "Cy", TEST),
    }
    first = prepare(tmp_path / "home", "fma", part)

    second = prepare(tmp_path / "home", "fma", part | {"a": ("Rock", "Ada", TEST)})

    by_file = {Path(song.source).stem: song.track_id for song in second.songs}
    with open_catalog(second.layout) as catalog:
        groups, before = (
            read_groups(catalog, one.snapshots[0].snapshot_id) for one in (second, first)
        )
    assert groups[by_file["a"]] == groups[by_file["b"]] == before[by_file["b"]]
    assert len(set(groups.values())) == 3


TRAINED = {
    "a": ("Rock", "Ada", TRAIN),
    "b": ("Hip-Hop", "Bo", VALIDATION),
    "c": ("Rock", "Cy", TEST),
}


def test_songs_of_another_collection_by_artists_of_the_training_are_left_out(
    tmp_path: Path,
) -> None:
    trained = prepare(tmp_path / "fma", "fma", TRAINED)
    others = {
        "c": ("rock", "Cy", TRAIN),
        "d": ("rock", "ADA", TRAIN),
        "e": ("rock", "Dee", VALIDATION),
        "f": ("hiphop", "Eve", TEST),
    }

    found = match_collections(trained, prepare(tmp_path / "jamendo", "jamendo", others))

    assert sorted(found.genre_of_track.values()) == ["Hip-Hop", "Rock"]
    assert (found.n_shared, found.n_by_known_artists) == (1, 1)


def test_a_collection_without_songs_of_other_artists_is_refused(tmp_path: Path) -> None:
    trained = prepare(tmp_path / "fma", "fma", TRAINED)
    others = {
        "d": ("rock", "Ada", TRAIN),
        "e": ("rock", "Bo", VALIDATION),
        "f": ("hiphop", "Cy", TEST),
    }

    with pytest.raises(UsageError, match="by artists of it"):
        match_collections(trained, prepare(tmp_path / "jamendo", "jamendo", others))
