"""Compare: seeds averaged, and each network against the best one."""

import pytest
from sklearn.metrics import f1_score

from genre_core.errors import GenreflowError
from storage.catalog.runs import PredictedSplit
from tasks.comparison import compare_groups

N_SONGS = 40
LABELS = ("jazz", "rock") * (N_SONGS // 2)
IDS = tuple(f"{place:03}" for place in range(N_SONGS))


def row(run_id: str, network: str, seed: int = 0, **changes: object) -> dict[str, object]:
    alike = {"representation": "thesis", "fragment_s": 3.0, "snapshot_id": "snapshot"}
    sizes = {"n_parameters": 100, "training_key": "a training"}
    return {"run_id": run_id, "network": network, "seed": seed, **alike, **sizes, **changes}


def wrong_songs(n_wrong: int, start: int = 0) -> tuple[str, ...]:
    turned = {"jazz": "rock", "rock": "jazz"}
    spoilt = range(start, start + n_wrong)
    return tuple(turned[g] if place in spoilt else g for place, g in enumerate(LABELS))


def result(run_id: str, predicted: tuple[str, ...], **changes: object) -> list[PredictedSplit]:
    known: dict[str, object] = {"library_id": "library", "genres": ("jazz", "rock")}
    songs: dict[str, object] = {"track_ids": IDS, "group_ids": IDS, "labels": LABELS}
    return [
        PredictedSplit(
            run_id=run_id, split=split, predicted=predicted, **{**known, **songs, **changes}
        )
        for split in ("validation", "test")
    ]


def test_runs_that_differ_by_seed_alone_are_averaged() -> None:
    predicted = [wrong_songs(4), wrong_songs(9)]

    found = compare_groups(
        [row("one", "cnn", seed=0), row("two", "cnn", seed=1)],
        [*result("one", predicted[0]), *result("two", predicted[1])],
    )

    scores = [f1_score(LABELS, seed, average="macro") for seed in predicted]
    assert len(found.groups) == 1
    assert found.groups[0].title == "cnn 3 s"
    assert found.groups[0].test.macro_f1.value == pytest.approx(sum(scores) / 2)
    assert found.differences == ()


def test_each_network_is_weighed_against_the_best_on_validation() -> None:
    found = compare_groups(
        [row("a", "dense"), row("b", "cnn"), row("c", "rnn")],
        [*result("a", wrong_songs(25)), *result("b", wrong_songs(1)), *result("c", wrong_songs(3))],
    )

    assert [group.name for group in found.groups] == ["cnn", "rnn", "dense"]
    assert [(c.name, c.difference.significance) for c in found.differences] == [
        ("rnn 3 s", "cannot be told apart"),
        ("dense 3 s", "worse"),
    ]
    assert found.differences[1].sentence.startswith(
        "dense 3 s is worse than cnn 3 s: macro F1 -0.6"
    )


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"representation": "bands_db"}, {"cnn, thesis 3 s", "cnn, bands_db 3 s"}),
        ({"fragment_s": 1.0, "snapshot_id": "other"}, {"cnn 3 s", "cnn 1 s"}),
        ({"training_key": "b training"}, {"cnn, training a tr 3 s", "cnn, training b tr 3 s"}),
        ({"snapshot_id": "other"}, {"cnn, snapshot snap 3 s", "cnn, snapshot othe 3 s"}),
    ],
)
def test_runs_that_differ_by_more_than_the_seed_stand_apart_and_are_told_apart(
    changes: dict[str, object], names: set[str]
) -> None:
    found = compare_groups(
        [row("one", "cnn"), row("two", "cnn", seed=1, **changes)],
        [*result("one", wrong_songs(4)), *result("two", wrong_songs(4))],
    )

    assert {group.title for group in found.groups} == names


def test_runs_on_different_songs_are_not_compared() -> None:
    others = tuple(f"other {place:03}" for place in range(N_SONGS))

    with pytest.raises(
        GenreflowError, match="rnn 3 s against cnn 3 s: 80 songs were predicted by one"
    ):
        compare_groups(
            [row("one", "cnn"), row("two", "rnn", n_parameters=900)],
            [*result("one", wrong_songs(4)), *result("two", wrong_songs(4), track_ids=others)],
        )


def test_a_run_of_which_nothing_is_known_is_named() -> None:
    with pytest.raises(
        GenreflowError, match=r"no predictions of validation songs by run one \(cnn"
    ):
        compare_groups([row("one", "cnn")], [])


def test_without_a_run_there_is_no_group() -> None:
    assert compare_groups([], []).as_document() == {"groups": [], "differences": []}
