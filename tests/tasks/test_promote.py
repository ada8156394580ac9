"""Promote: which run is promoted, what is recorded of it, rollback and chosen versions."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from flows.settings import Settings
from genre_core.errors import UsageError
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.model_card import read_card_facts
from storage.catalog.promotions import read_golden_songs
from storage.catalog.query import query_rows
from storage.catalog.runs import read_run
from storage.home import DataLayout
from tasks.challenge import predict_songs
from tasks.compare import choose_winner
from tasks.promote import explain_rejection, promote_best, promote_version, roll_back
from tests.catalogs import in_catalog
from tests.conftest import copy_home
from tests.tasks.contests import (
    aliases,
    execute,
    move_alias,
    newest,
    plant_golden,
    plant_songs,
    rows,
    set_right,
)

pytestmark = [
    pytest.mark.flow,
    pytest.mark.keras,
    pytest.mark.usefixtures("quiet_runs"),
]


@dataclass(frozen=True, slots=True)
class Ring:
    """A store in which another run than the champion is the best on validation."""

    layout: DataLayout
    champion: str
    challenger: str


@pytest.fixture(scope="module")
def made_ring(finished: Settings, tmp_path_factory: pytest.TempPathFactory) -> Ring:
    """The ring that each test copies."""
    layout = copy_home(finished.layout, tmp_path_factory.mktemp("ring") / "home")
    with open_catalog(layout) as catalog:
        runs = fetch_rows(
            catalog,
            "select run_id, run_id in (select run_id from promotions) as is_champion from runs "
            "order by is_champion desc, snapshot_id = (select snapshot_id from promotions), run_id",
        )
    champion, challenger = runs[0]["run_id"], runs[1]["run_id"]
    execute(layout, "update runs set validation_macro_f1 = 0.25")
    execute(layout, "update runs set validation_macro_f1 = 0.5 where run_id = ?", challenger)
    audited = "(select snapshot_id from runs where run_id = ?)"
    execute(layout, f"update audits set snapshot_id = {audited}", challenger)
    plant_songs(layout)
    return Ring(layout, f"run_id = '{champion}'", f"run_id = '{challenger}'")


@pytest.fixture
def ring(made_ring: Ring, tmp_path: Path) -> Ring:
    return replace(made_ring, layout=copy_home(made_ring.layout, tmp_path / "copy"))


@pytest.fixture(scope="module")
def made_promoted(made_ring: Ring, tmp_path_factory: pytest.TempPathFactory) -> Ring:
    """The promotion that each test copies."""
    home = tmp_path_factory.mktemp("promoted") / "home"
    ring = replace(made_ring, layout=copy_home(made_ring.layout, home))
    set_right(ring.layout, ring.champion, clicks=6, hiss=6, hums=6)
    with disable_run_logger():
        assert promote_best.fn(ring.layout, newest(ring.layout), actor="schedule") is not None
    return ring


@pytest.fixture
def promoted(made_promoted: Ring, tmp_path: Path) -> Ring:
    """A store in which the challenger has taken the place of the champion."""
    return replace(made_promoted, layout=copy_home(made_promoted.layout, tmp_path / "copy"))


def test_a_challenger_that_is_better_beyond_chance_is_promoted_and_all_of_it_recorded(
    promoted: Ring,
) -> None:
    first, second = rows(promoted.layout, "promotions")

    assert aliases(promoted.layout) == {"champion": 2, "previous": 1}
    assert (second["version"], second["previous_version"], second["kind"]) == (2, 1, "promotion")
    assert second["previous_run_id"] == first["run_id"]
    assert (second["who"], second["judged_on"], second["n_songs"]) == ("schedule", "validation", 39)
    assert second["macro_f1"] == 1.0
    assert second["gain_low"] > 0  # type: ignore[operator]
    assert second["audit_verdict"] in ("pass", "inconclusive", "warn")
    assert second["audit_id"]
    assert "replaces version 1: on 39 songs (validation)" in str(second["reason"])
    assert [row["promoted"] for row in rows(promoted.layout, "challenges")] == [True, True]
    from storage.models.store import open_tracking

    version = open_tracking(promoted.layout).client.get_model_version("genreflow", "2")
    assert version.description == second["reason"]


def test_a_challenger_that_is_worse_stays_one_and_is_recorded_once(ring: Ring) -> None:
    set_right(ring.layout, ring.challenger, clicks=6, hiss=6, hums=6)

    assert promote_best.fn(ring.layout, newest(ring.layout)) is None
    assert promote_best.fn(ring.layout, newest(ring.layout)) is None

    _, challenge = rows(ring.layout, "challenges")
    assert aliases(ring.layout) == {"champion": 1, "challenger": 2}
    assert (challenge["promoted"], challenge["gain_high"] < 0) == (False, True)  # type: ignore[operator]
    assert len(rows(ring.layout, "promotions")) == 1
    assert explain_rejection(ring.layout, newest(ring.layout)) == challenge["reason"]
    assert "does not replace version 1" in str(challenge["reason"])


def test_a_challenger_that_loses_one_genre_stays_one(ring: Ring) -> None:
    set_right(ring.layout, ring.champion, clicks=2, hiss=2)
    set_right(ring.layout, ring.challenger, hums=9)

    assert promote_best.fn(ring.layout, newest(ring.layout)) is None

    assert "but its recall of hums falls from 1.00 to 0.77" in explain_rejection(
        ring.layout, newest(ring.layout)
    )


def test_a_rejection_for_another_reason_is_recorded(ring: Ring) -> None:
    execute(ring.layout, "update audits set verdict = 'fail'")
    reasons = []
    for despite_audit in (False, True):
        promotion = promote_best.fn(ring.layout, newest(ring.layout), despite_audit=despite_audit)
        assert promotion is None
        reasons.append(explain_rejection(ring.layout, newest(ring.layout)))
        set_right(ring.layout, ring.challenger, clicks=6, hiss=6, hums=6)

    assert "The audit of snapshot" in reasons[0]
    assert "does not replace version 1" in reasons[1]
    assert [row["reason"] for row in rows(ring.layout, "challenges")][1:] == reasons


@pytest.mark.parametrize(
    ("change", "reason", "remark"),
    [
        (
            "update audits set verdict = 'fail'",
            "The audit of snapshot .* failed",
            " Promoted despite a failed audit.",
        ),
        (
            "delete from audits",
            "Snapshot .* was not audited, so .* at .* s is not promoted",
            " Promoted without an audit.",
        ),
    ],
)
def test_the_audit_stops_a_promotion_unless_a_person_overrules_it(
    ring: Ring, change: str, reason: str, remark: str
) -> None:
    layout = ring.layout
    set_right(layout, ring.champion, clicks=6, hiss=6, hums=6)
    execute(layout, change)

    assert promote_best.fn(layout, newest(layout)) is None
    assert len(rows(layout, "promotions")) == 1
    assert re.match(reason, explain_rejection(layout, newest(layout)))

    promotion = promote_best.fn(layout, newest(layout), despite_audit=True)

    assert promotion is not None
    assert f"run_id = '{promotion.run_id}'" == ring.challenger
    assert promotion.reason.endswith(remark)
    assert rows(layout, "promotions")[-1]["reason"] == promotion.reason


def test_the_first_champion_is_the_best_run_on_validation(finished: Settings) -> None:
    (best,) = query_rows(
        finished.layout,
        "select * from runs "
        "order by validation_macro_f1 desc, validation_accuracy desc, n_parameters limit 1",
    )

    (promoted,) = query_rows(finished.layout, "select * from promotions")

    assert aliases(finished.layout) == {"champion": 1}
    assert promoted["previous_version"] is None
    for name in ("run_id", "snapshot_id", "validation_macro_f1"):
        assert promoted[name] == best[name]
    for end in ("low", "high"):
        assert promoted[f"macro_f1_{end}"] == best[f"validation_macro_f1_{end}"]


def test_the_test_split_never_chooses(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    library_id = newest(layout).library_id
    before, champion = in_catalog(layout, choose_winner, library_id)
    assert champion.run_id == before.run_id
    change = "update runs set test_macro_f1 = $2, test_accuracy = $2 where (run_id = $1) = ($2 = 0)"
    execute(layout, change, before.run_id, 0)
    execute(layout, change, before.run_id, 1)

    after, _ = in_catalog(layout, choose_winner, library_id)

    assert (after.run_id, after.test_macro_f1) == (before.run_id, 0)
    assert promote_best.fn(layout, newest(layout)) is None


def test_runs_that_are_equal_on_validation_do_not_replace_the_champion(
    finished_copy: Settings,
) -> None:
    layout = finished_copy.layout
    execute(
        layout,
        "update runs set validation_macro_f1 = 0.5, validation_accuracy = 0.5, n_parameters = 9",
    )

    assert promote_best.fn(layout, newest(layout)) is None
    assert aliases(layout) == {"champion": 1}


def test_a_stale_champion_is_succeeded_by_one_that_is_as_good(ring: Ring) -> None:
    assert promote_best.fn(ring.layout, newest(ring.layout)) is None
    execute(
        ring.layout,
        "insert into snapshot_tracks select snapshot_id, 'new ' || n, 'hums', 'train', "
        f"'new ' || n, 'group' from runs, range(30) as numbers(n) where {ring.challenger}",
    )

    promotion = promote_best.fn(ring.layout, newest(ring.layout))

    assert promotion is not None
    assert promotion.gain == 0.0
    # 30 new songs of 18 + 36 + 30
    assert promotion.reason.endswith("and the champion's snapshot lacks 36 % of the songs.")


def test_golden_songs_judge_before_validation_songs(ring: Ring) -> None:
    plant_golden(ring.layout)
    set_right(ring.layout, ring.champion, clicks=0, hiss=0, hums=0)
    set_right(ring.layout, ring.challenger, "golden", clicks=6)

    assert promote_best.fn(ring.layout, newest(ring.layout)) is None

    challenge = rows(ring.layout, "challenges")[-1]
    assert (challenge["judged_on"], challenge["n_songs"]) == ("golden 1", 36)
    assert "(golden 1)" in explain_rejection(ring.layout, newest(ring.layout))


def test_golden_songs_are_heard_by_the_network_itself_and_that_is_kept(ring: Ring) -> None:
    layout = ring.layout
    run_id = ring.champion.split("'")[1]
    where = f"split = 'test' and {ring.champion}"
    with open_catalog(layout) as catalog:
        tested = fetch_rows(
            catalog, f"select track_id, genre, predicted from predictions where {where}"
        )
        catalog.execute(f"delete from predictions where {where}")
        catalog.execute("update assignments set split = 'golden' where split = 'test'")
        catalog.execute(
            "insert into golden_songs select 1, track_id, genre, now() from assignments"
            " where split = 'golden'"
        )
    run = in_catalog(layout, read_run, run_id)
    assert run is not None

    result = predict_songs(
        layout, run, in_catalog(layout, read_golden_songs, 1, ("clicks", "hiss", "hums"))
    )

    kept = [r for r in rows(layout, "predictions") if r["split"] == "golden"]
    assert result == {row["track_id"]: row["predicted"] for row in tested}
    assert {(r["run_id"], r["track_id"], r["predicted"]) for r in kept} == {
        (run_id, track_id, genre) for track_id, genre in result.items()
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            "delete from predictions where {} and track_id like 'validation %'",
            "version 1 before it cannot predict 36 of 39 songs",
        ),
        (
            "delete from predictions where {0}; "
            "update runs set model_uri = 'models:/m-gone' where {0}",
            "the model of version 1 before it cannot be loaded any more",
        ),
    ],
)
def test_a_champion_that_cannot_predict_half_of_the_songs_is_replaced(
    ring: Ring, change: str, reason: str
) -> None:
    for statement in change.format(ring.champion).split(";"):
        execute(ring.layout, statement)

    promotion = promote_best.fn(ring.layout, newest(ring.layout))

    assert promotion is not None
    assert reason in promotion.reason
    assert (promotion.gain, promotion.previous_version) == (None, 1)


def test_a_rollback_brings_the_previous_champion_back_and_only_new_runs_challenge_it(
    promoted: Ring,
) -> None:
    layout = promoted.layout
    rollback = roll_back.fn(layout, "ada")

    assert aliases(layout) == {"champion": 1}
    last = rows(layout, "promotions")[-1]
    assert (last["kind"], last["version"], last["previous_version"]) == ("rollback", 1, 2)
    assert (last["who"], last["reason"]) == ("ada", rollback.reason)
    assert rollback.reason.startswith("Version 1 is back in place of version 2, rolled back by ada")

    assert promote_best.fn(layout, newest(layout)) is None
    assert aliases(layout)["champion"] == 1

    execute(layout, f"update runs set started_at = now() where {promoted.challenger}")

    assert promote_best.fn(layout, newest(layout)) is not None
    assert aliases(layout) == {"champion": 2, "previous": 1}


def test_a_rejected_challenger_is_none_any_more_once_a_person_has_chosen(ring: Ring) -> None:
    set_right(ring.layout, ring.challenger, clicks=6, hiss=6, hums=6)
    assert promote_best.fn(ring.layout, newest(ring.layout)) is None
    before = aliases(ring.layout)

    promote_version.fn(ring.layout, 2, "ada")

    assert before == {"champion": 1, "challenger": 2}
    assert aliases(ring.layout) == {"champion": 2, "previous": 1}


def test_before_the_second_champion_there_is_no_way_back(ring: Ring) -> None:
    with pytest.raises(UsageError, match="no previous champion"):
        roll_back.fn(ring.layout)


def test_a_champion_before_of_no_run_of_the_store_does_not_come_back(promoted: Ring) -> None:
    execute(promoted.layout, f"delete from runs where {promoted.champion}")

    with pytest.raises(UsageError, match="The run of version 1 is not in"):
        roll_back.fn(promoted.layout)

    assert aliases(promoted.layout) == {"champion": 2, "previous": 1}
    assert len(rows(promoted.layout, "promotions")) == 2


@pytest.mark.parametrize("alias", ["champion", "challenger", "previous"])
def test_a_moved_alias_is_put_back_and_changes_no_champion(promoted: Ring, alias: str) -> None:
    layout, wrong = promoted.layout, {"champion": 1, "challenger": 1, "previous": 2}[alias]
    before = rows(layout, "promotions")
    move_alias(layout, alias, wrong)

    assert promote_best.fn(layout, newest(layout)) is None

    assert aliases(layout) == {"champion": 2, "previous": 1}
    assert rows(layout, "promotions") == before


def test_a_person_promotes_a_version_and_only_new_runs_challenge_it(promoted: Ring) -> None:
    layout = promoted.layout

    promotion = promote_version.fn(layout, 1, "ada", despite_audit=True)

    assert (promotion.kind, promotion.version, promotion.previous_version) == ("manual", 1, 2)
    assert promotion.reason.startswith("Version 1 was promoted by ada.")
    execute(layout, "update promotions set macro_f1 = null")  # as of one that won no challenge
    with open_catalog(layout) as catalog:
        facts = read_card_facts(catalog, 1)
    assert facts is not None
    assert facts["reason"] == "A person chose this version."  # cards are passed on without names
    assert aliases(layout) == {"champion": 1, "previous": 2}
    assert promote_best.fn(layout, newest(layout)) is None
    assert aliases(layout)["champion"] == 1
    assert roll_back.fn(layout).version == 2


@pytest.mark.parametrize(
    ("version", "message"),
    [(9, "no version 9"), (2, "Version 2 is the champion already"), (1, "The audit of snapshot")],
)
def test_a_version_that_cannot_be_promoted_changes_nothing(
    promoted: Ring, version: int, message: str
) -> None:
    execute(promoted.layout, "update audits set verdict = 'fail'")
    audited = "(select snapshot_id from runs where " + promoted.champion + ")"
    execute(promoted.layout, f"update audits set snapshot_id = {audited}")

    with pytest.raises(UsageError, match=message):
        promote_version.fn(promoted.layout, version)

    assert len(rows(promoted.layout, "promotions")) == 2


def test_every_other_challenge_on_a_golden_version_demands_a_higher_level(ring: Ring) -> None:
    layout = ring.layout
    plant_golden(layout)
    assert promote_best.fn(layout, newest(layout)) is None
    first = rows(layout, "challenges")[-1]
    others = "(select run_id from runs where not " + ring.champion + " and not "
    execute(layout, "update runs set validation_macro_f1 = 0.25")
    execute(
        layout,
        "update runs set validation_macro_f1 = 0.5 where run_id = (select min(run_id) from "
        + others
        + ring.challenger
        + "))",
    )

    assert promote_best.fn(layout, newest(layout), despite_audit=True) is None
    assert promote_best.fn(layout, newest(layout), despite_audit=True) is None

    second = rows(layout, "challenges")[-1]
    assert "(at 96.96 %: challenge 1 on these songs)" in str(first["reason"])
    assert "(at 99.24 %: challenge 2 on these songs)" in str(second["reason"])
