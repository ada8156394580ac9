"""Challenge: which songs decide, and that nothing is promoted where they cannot be scored."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from genre_core.errors import CatalogMismatch, TransientError
from genre_core.promotion import Decision, PromotionConfig
from genre_core.records import Split, Track
from storage.catalog.extraction import all_shards
from storage.catalog.promotions import Promotion, freeze_golden, read_validation_songs
from storage.catalog.runs import Prediction, Run, record_run
from storage.home import DataLayout
from tasks.challenge import choose_setting, evaluate_challenge
from tests.catalogs import in_catalog
from tests.storage.catalog.conftest import Store
from tests.tasks.contests import execute

GENRES = ("jazz", "pop", "rock")
N_SONGS = 12
ALL_RIGHT = dict.fromkeys(GENRES, N_SONGS)
SPLITS = (Split.TRAIN, Split.VALIDATION, Split.GOLDEN)


@dataclass(frozen=True, slots=True)
class Field:
    """Twelve songs of each genre and split under the key ``new``, and runs with planted results."""

    store: Store
    songs: Mapping[tuple[str, Split], list[Track]]

    @property
    def layout(self) -> DataLayout:
        return self.store.layout

    def members(self, *genres: str, without: tuple[Track, ...] = ()) -> list[Track]:
        found = [t for genre in genres for split in SPLITS for t in self.songs[genre, split]]
        return [track for track in found if track not in without]

    def run(
        self, run_id: str, split: Split, n_right: Mapping[str, int], *missing: Track, key: str
    ) -> Run:
        """Record a run that knows these genres; it takes a wrong one for the first other."""
        snapshot = self.store.freeze(key, *self.members(*n_right))
        run = self.store.run(run_id, snapshot)
        self.record(run, split, n_right, missing)
        return run

    def record(
        self, run: Run, split: Split, n_right: Mapping[str, int], missing: tuple[Track, ...] = ()
    ) -> None:
        others = {genre: next(g for g in (*n_right, "jazz") if g != genre) for genre in n_right}
        predictions = [
            Prediction(
                run_id=run.run_id,
                track_id=track.track_id,
                split=str(split),
                genre=genre,
                predicted=genre if number < n else others[genre],
                probability=0.9,
            )
            for genre, n in n_right.items()
            for number, track in enumerate(self.songs[genre, split])
            if track not in missing
        ]
        in_catalog(self.layout, record_run, run, predictions)

    def lose_spectrograms(self, *tracks: Track) -> None:
        for track in tracks:
            execute(self.layout, "delete from extracted where track_id = ?", track.track_id)

    def decide(self, challenger: Run, champion: Run | None) -> tuple[Decision, str]:
        promoted = champion and Promotion(
            version=1,
            run_id=champion.run_id,
            previous_version=None,
            previous_run_id=None,
            snapshot_id=champion.snapshot_id,
            validation_macro_f1=champion.validation_macro_f1,
            previous_validation_macro_f1=None,
            reason="",
        )
        setting = in_catalog(self.layout, choose_setting, challenger, promoted)
        decision = evaluate_challenge(self.layout, setting, "", PromotionConfig())
        return decision, setting.song_set


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Field:
    """The store that each test copies."""
    home = tmp_path_factory.mktemp("field")
    store, songs = Store(DataLayout(home), home), {}
    for genre in GENRES:
        for split in SPLITS:
            tracks = [
                store.track(f"{genre} {split} {number:02}", genre) for number in range(N_SONGS)
            ]
            store.add_songs(*tracks)
            store.assign(*tracks, split=split)
            songs[genre, split] = tracks
    found = Field(store, songs)
    store.extract("new", *found.members(*GENRES))
    return found


@pytest.fixture
def field(made: Field, tmp_path: Path) -> Field:
    shutil.copytree(made.layout.home, tmp_path, dirs_exist_ok=True)
    return Field(Store(DataLayout(tmp_path), tmp_path), made.songs)


def test_songs_that_the_champion_has_no_spectrograms_of_are_left_out_for_both(field: Field) -> None:
    missing = tuple(field.songs["jazz", Split.VALIDATION][:2])
    field.store.extract("old", *field.members(*GENRES, without=missing))
    champion = field.run("champion", Split.VALIDATION, ALL_RIGHT, *missing, key="old")
    challenger = field.run("challenger", Split.VALIDATION, dict.fromkeys(GENRES, 4), key="new")

    decision, judged_on = field.decide(challenger, champion)

    assert not decision.promote
    assert (decision.n_songs, judged_on) == (34, "validation")
    assert "on 34 songs (validation, 2 left out without spectrograms)" in decision.reason


def test_golden_songs_without_spectrograms_are_left_out(field: Field) -> None:
    missing = field.songs["jazz", Split.GOLDEN][0]
    in_catalog(field.layout, freeze_golden)
    field.lose_spectrograms(missing)
    challenger = field.run("challenger", Split.GOLDEN, ALL_RIGHT, missing, key="new")

    decision, _ = field.decide(challenger, None)

    assert decision.promote
    assert decision.reason.endswith("on 35 songs (golden 1, 1 left out without spectrograms).")


def test_a_challenger_that_can_judge_less_than_half_of_a_genre_is_not_promoted(
    field: Field,
) -> None:
    missing = tuple(field.songs["pop", Split.GOLDEN][:7])
    in_catalog(field.layout, freeze_golden)
    field.lose_spectrograms(*missing)
    challenger = field.run("challenger", Split.GOLDEN, ALL_RIGHT, *missing, key="new")

    decision, _ = field.decide(challenger, None)

    assert not decision.promote
    assert decision.reason.startswith(
        "cnn at 1 s is not promoted: 5 of the 12 songs of pop (golden 1)"
    )


def test_shards_that_cannot_be_reached_or_are_lost_promote_nothing(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    unpredicted = field.songs["jazz", Split.VALIDATION][0]
    champion = field.run("champion", Split.VALIDATION, ALL_RIGHT, unpredicted, key="new")
    challenger = field.run("challenger", Split.VALIDATION, ALL_RIGHT, key="new")
    away = "s3://music/shards?region=eu-west-1&scheme=http&endpoint_override=127.0.0.1:9"
    remote = replace(field.store, layout=replace(field.layout, shards_uri=away))

    with pytest.raises(TransientError, match="cannot be reached"):
        replace(field, store=remote).decide(challenger, champion)

    for shard in in_catalog(field.layout, all_shards):
        (field.layout.shards / shard).unlink()
    with pytest.raises(CatalogMismatch, match="1 shard is gone"):
        field.decide(challenger, champion)


def test_a_champion_of_no_run_of_the_store_is_succeeded(field: Field) -> None:
    challenger = field.run("challenger", Split.VALIDATION, ALL_RIGHT, key="new")
    stranger = replace(challenger, run_id="of somebody else")

    decision, _ = field.decide(challenger, stranger)

    assert decision.promote
    assert "version 1 before it is of no run of this store" in decision.reason


def test_where_nothing_can_be_judged_that_is_said(field: Field) -> None:
    challenger = field.run("challenger", Split.GOLDEN, ALL_RIGHT, key="new")
    execute(field.layout, "delete from extracted")

    with pytest.raises(CatalogMismatch, match=r"None of 36 songs \(validation\)"):
        field.decide(challenger, None)


@pytest.mark.parametrize("split", [Split.GOLDEN, Split.VALIDATION])
def test_a_challenger_that_does_not_know_a_genre_of_the_champion_loses_it(
    field: Field, split: Split
) -> None:
    if split is Split.GOLDEN:
        in_catalog(field.layout, freeze_golden)
    champion = field.run("three", split, {"jazz": 8, "rock": 8, "pop": 12}, key="new")
    challenger = field.run("two", split, {"jazz": 12, "rock": 12}, key="new")
    field.record(challenger, split, {"pop": 0})

    decision, _ = field.decide(challenger, champion)

    assert not decision.promote
    assert decision.n_songs == 36
    assert decision.reason.endswith("but its recall of pop falls from 1.00 to 0.00.")


def test_a_challenger_that_knows_a_genre_more_is_credited_with_it(field: Field) -> None:
    in_catalog(field.layout, freeze_golden)
    champion = field.run("two", Split.GOLDEN, {"jazz": 12, "rock": 12}, key="new")
    challenger = field.run("three", Split.GOLDEN, ALL_RIGHT, key="new")
    field.record(champion, Split.GOLDEN, {"pop": 0})

    decision, _ = field.decide(challenger, champion)

    assert decision.promote
    assert decision.n_songs == 36


def test_validation_songs_that_have_chosen_among_networks_say_so_and_golden_ones_do_not(
    field: Field,
) -> None:
    champion = field.run("champion", Split.VALIDATION, dict.fromkeys(GENRES, 5), key="new")
    for name in ("second", "third"):
        field.run(name, Split.VALIDATION, ALL_RIGHT, key="new")
    challenger = field.run("challenger", Split.VALIDATION, ALL_RIGHT, key="new")

    decision, _ = field.decide(challenger, champion)

    assert decision.promote
    assert "(at 98.33 %: these songs chose it among 3 models)" in decision.reason

    in_catalog(field.layout, freeze_golden)
    for run, n_right in ((champion, 5), (challenger, N_SONGS)):
        field.run(run.run_id, Split.GOLDEN, dict.fromkeys(GENRES, n_right), key="new")

    decision, judged_on = field.decide(challenger, champion)

    assert (decision.promote, judged_on) == (True, "golden 1")
    assert "these songs chose it" not in decision.reason


def test_a_genre_that_has_only_changed_its_name_is_no_genre_lost(field: Field) -> None:
    champion = field.run("old", Split.VALIDATION, ALL_RIGHT, key="new")
    execute(field.layout, "update tracks set genre = 'popular' where genre = 'pop'")
    songs = field.songs
    renamed = [songs[genre, split] for genre in GENRES for split in SPLITS]
    snapshot = field.store.freeze("new", *(track for tracks in renamed for track in tracks))

    assert in_catalog(
        field.layout, read_validation_songs, snapshot.snapshot_id, champion.snapshot_id
    ) == in_catalog(field.layout, read_validation_songs, snapshot.snapshot_id)
