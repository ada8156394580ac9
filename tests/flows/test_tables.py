"""What tables and sentences of the commands say."""

import pytest
from rich.console import Console

from flows.cli.studies import claims_table, rows_table
from flows.cli.tables import (
    audit_sentence,
    audit_table,
    predictions_table,
    print_comparison,
)
from genre_core.audit.rules import Check, CheckName, Level
from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.findings import HOLDS, SubClaim, TestedClaim
from tasks.comparison import Comparison, Difference, compare_groups, difference_sentences
from tasks.predict import SongPrediction
from tasks.studies.sweep import SweepRow
from tests.tasks.test_comparison import N_SONGS, result, row, wrong_songs


def compared(*n_wrong: int, n_songs: int = N_SONGS) -> Comparison:
    """Compare networks a, b, … by how many of the first songs each gets wrong."""
    names = "abcdefgh"[: len(n_wrong)]
    verdicts = [
        result(name, wrong_songs(n)[:n_songs], **few(n_songs))
        for name, n in zip(names, n_wrong, strict=True)
    ]
    return compare_groups([row(name, name) for name in names], [one for v in verdicts for one in v])


def few(n_songs: int) -> dict[str, object]:
    known = result("any", wrong_songs(0))[0]
    return {name: getattr(known, name)[:n_songs] for name in ("track_ids", "group_ids", "labels")}


def sentences(challenges: tuple[Difference, ...]) -> list[str]:
    return [sentence.split(": macro F1")[0] for sentence in difference_sentences(challenges)]


def test_who_is_worse_is_named_and_the_others_share_a_sentence() -> None:
    shown = sentences(compared(1, 2, 3, 25).differences)

    assert shown == [
        "d 3 s is worse than a 3 s",
        "The other 2 show no significant difference from a 3 s on these 40 songs.",
    ]


@pytest.mark.parametrize(("n_songs", "is_doubted"), [(6, True), (40, False)])
def test_intervals_over_more_than_half_the_scale_put_the_order_in_doubt(
    capsys: pytest.CaptureFixture[str], n_songs: int, is_doubted: bool
) -> None:
    print_comparison(compared(2, 3, n_songs=n_songs), "")

    out = " ".join(capsys.readouterr().out.split())
    assert ("the order of the table means little" in out) is is_doubted


def test_no_interval_of_a_network_is_broken_at_80_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "a network with a long name"

    print_comparison(compare_groups([row(name, name)], result(name, wrong_songs(3))), "")

    lines = [line for line in capsys.readouterr().out.splitlines() if "[" in line]
    assert [line.count("[") for line in lines] == [line.count("]") for line in lines] == [3]


@pytest.mark.parametrize("columns", [60, 80])
def test_no_word_of_a_prediction_is_broken_but_the_name_of_the_song(columns: int) -> None:
    prediction = SongPrediction(
        song="/music/" + "long name " * 9,
        probabilities={"classical": 0.6, "electronic": 0.3, "rock": 0.1},
        alternatives=("classical", "electronic"),
        confidence=0.6,
    )
    console = Console(width=columns)
    with console.capture() as captured:
        console.print(predictions_table([prediction]))

    words = captured.get().split()
    assert {"classical", "electronic", "alternatives", "confidence"} <= set(words)


@pytest.mark.parametrize(("n_overlaps", "shown"), [(0.0, "–"), (3.0, "3")])
def test_overlaps_are_counted_and_none_is_a_dash(n_overlaps: float, shown: str) -> None:
    check = Check(
        name=CheckName.OVERLAP, level=Level.PASS, value=n_overlaps, chance=0.0, message="none"
    )

    cells = [list(column.cells) for column in audit_table([check]).columns]

    assert [str(cell) for (cell,) in cells[1:]] == ["overlap", shown, "–", "–", "none"]


def test_a_line_on_an_audit_names_what_did_not_pass_with_the_worst_first() -> None:
    levels = {
        CheckName.OVERLAP: Level.WARN,
        CheckName.BY_SONG: Level.PASS,
        CheckName.SHORTCUTS: Level.INCONCLUSIVE,
        CheckName.LEAVE_ONE_SOURCE_OUT: Level.INCONCLUSIVE,
    }
    checks = [Check(name=name, level=level, message="") for name, level in levels.items()]

    assert audit_sentence(checks, Level.WARN).startswith(
        "Audit: warn (warn: overlap; inconclusive: shortcuts, source_out)."
    )


def test_every_level_of_a_check_is_shown_in_the_table() -> None:
    checks = [Check(name=CheckName.OVERLAP, level=level, message="") for level in Level]
    console = Console(width=80)

    with console.capture() as captured:
        console.print(audit_table(checks))

    shown = [line.split()[0] for line in captured.get().splitlines()[2:]]
    assert shown == ["pass", "inconclusive", "warn", "fail"]


def swept(network: str, representation: str = "thesis", n_seeds: int = 2) -> SweepRow:
    return SweepRow(
        network=network,
        representation=representation,
        fragment_s=1.5,
        n_seeds=n_seeds,
        validation_macro_f1=Interval(value=0.7, low=0.4, high=0.9),
        test_macro_f1=Interval(value=0.6, low=0.3, high=0.8),
        n_parameters=123_000,
        seconds=100,
        bytes_per_song=22_000,
    )


def lines_of(rows: list[SweepRow]) -> list[str]:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(rows_table(rows))
    return [line.strip() for line in captured.get().splitlines()]


def test_what_all_rows_of_a_sweep_share_stands_in_its_title() -> None:
    title, headings, row, *_ = lines_of([swept("combined"), swept("cnn")])

    assert title == "Macro F1 by song, on thesis, 2 seeds each, the best on validation first"
    assert headings.split()[:3] == ["network", "length", "validation"]
    assert row.split(maxsplit=3)[:3] == ["combined", "1.5", "s"]


@pytest.mark.parametrize(
    "rows",
    [
        [swept("resnet_small")],
        [swept("combined", "getec_int16", 1), swept("rnn_tanh"), swept("cnn", "logmel")],
    ],
)
def test_an_interval_of_a_sweep_stays_on_one_line_of_80_columns(rows: list[SweepRow]) -> None:
    lines = lines_of(rows)

    whole = [line for line in lines if "0.70 [0.40, 0.90] 0.60 [0.30, 0.80]" in line]
    assert len(whole) == len(rows)
    assert all(line.endswith("123 k 100 s  22 kB") for line in whole)


def test_representations_that_differ_stand_below_the_networks() -> None:
    _, _, first, below, *_ = lines_of([swept("combined", "getec_int16"), swept("cnn", "logmel")])

    assert first.startswith("combined")
    assert below == "getec_int16"


def test_a_claim_of_the_thesis_is_printed_with_its_finding_within_80_columns() -> None:
    found = SubClaim(finding=HOLDS, reason="dense lies above chance")
    console = Console(width=80)

    with console.capture() as captured:
        console.print(claims_table([TestedClaim(claim_id="C1", sub_claims=(found,))]))

    shown = " ".join(captured.get().split())
    assert all(word in shown for word in ("C1", "Dense layers alone", "holds", "above chance"))
