"""What tables and sentences of the commands say."""

import pytest

from flows.cli.tables import audit_table, print_comparison, standing_sentences
from genre_core.audit.rules import Check, CheckName, Level
from tasks.comparison import Challenge, Comparison, compare_groups
from tests.tasks.test_comparison import N_SONGS, row, said, wrong_songs


def compared(*n_wrong: int, n_songs: int = N_SONGS) -> Comparison:
    """Compare networks a, b, … by how many of the first songs each gets wrong."""
    names = "abcdefgh"[: len(n_wrong)]
    verdicts = [
        said(name, wrong_songs(n)[:n_songs], **few(n_songs))
        for name, n in zip(names, n_wrong, strict=True)
    ]
    return compare_groups([row(name, name) for name in names], [one for v in verdicts for one in v])


def few(n_songs: int) -> dict[str, object]:
    known = said("any", wrong_songs(0))[0]
    return {name: getattr(known, name)[:n_songs] for name in ("track_ids", "group_ids", "labels")}


def sentences(challenges: tuple[Challenge, ...]) -> list[str]:
    return [sentence.split(": macro F1")[0] for sentence in standing_sentences(challenges)]


def test_who_is_worse_is_named_and_the_others_share_a_sentence() -> None:
    told = sentences(compared(1, 2, 3, 25).challenges)

    assert told == [
        "d 3 s is worse than a 3 s",
        "The other 2 cannot be told apart from a 3 s on these 40 songs.",
    ]


def test_a_single_network_that_cannot_be_told_apart_is_named_with_its_interval() -> None:
    told = standing_sentences(compared(1, 3).challenges)

    assert len(told) == 1
    assert told[0].startswith("b 3 s and a 3 s cannot be told apart: macro F1 -0.05 [")


@pytest.mark.parametrize(("n_songs", "is_doubted"), [(6, True), (40, False)])
def test_intervals_over_more_than_half_the_scale_put_the_order_in_doubt(
    capsys: pytest.CaptureFixture[str], n_songs: int, is_doubted: bool
) -> None:
    print_comparison(compared(2, 3, n_songs=n_songs), "")

    out = " ".join(capsys.readouterr().out.split())
    assert ("the order of the table means little" in out) is is_doubted


@pytest.mark.parametrize(("n_overlaps", "shown"), [(0.0, "–"), (3.0, "3")])
def test_overlaps_are_counted_and_none_is_a_dash(n_overlaps: float, shown: str) -> None:
    check = Check(
        name=CheckName.OVERLAP, level=Level.PASS, value=n_overlaps, chance=0.0, message="none"
    )

    cells = [list(column.cells) for column in audit_table([check]).columns]

    assert [str(cell) for (cell,) in cells[1:]] == ["overlap", shown, "–", "–"]
