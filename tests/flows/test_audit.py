"""The command audit, and promote where the audit stands against it."""

import json

import pytest

from flows.settings import Settings
from storage.catalog.connection import open_catalog
from storage.home import DataLayout
from tests.flows.conftest import Call

pytestmark = [pytest.mark.flow, pytest.mark.keras]


@pytest.fixture
def home(finished_copy: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """A finished store, and the settings of the audit that it was made with."""
    for name in ("n_draws", "n_folds", "max_epochs"):
        setting = str(getattr(finished_copy.audit, name))
        monkeypatch.setenv(f"GENREFLOW_AUDIT__{name.upper()}", setting)
    return str(finished_copy.home)


def test_the_audit_of_a_night_is_told_again_without_training(genreflow: Call, home: str) -> None:
    result = genreflow("audit", "--json", "--home", home)

    document = json.loads(result.out)
    assert result.code == 0
    assert document["verdict"] in ("pass", "inconclusive", "warn")
    assert {tuple(check) for check in document["checks"]} == {
        ("name", "level", "passed", "value", "interval", "chance", "message")
    }
    assert [check["name"] for check in document["checks"]] == [
        "overlap",
        "random_labels_by_song",
        "random_labels_by_fragment",
        "shortcuts",
        "metadata",
        "source_out",
    ]


def test_a_leak_is_told_with_exit_code_one_and_stops_the_promotion(
    genreflow: Call, home: str, finished_copy: Settings
) -> None:
    layout = DataLayout(finished_copy.layout.home)
    with open_catalog(layout) as catalog:
        catalog.execute(
            "update snapshot_tracks set split = 'test' where track_id = (select min(track_id) "
            "from tracks where artist = 'Ada hums')"
        )
        catalog.execute("delete from promotions")

    audited = genreflow("audit", "--home", home)
    stopped = genreflow("promote", "--home", home)
    overruled = genreflow("promote", "--despite-audit", "--home", home)

    assert audited.code == 1
    assert "in two subsets of the split" in audited.out
    assert "is not promoted" in " ".join(stopped.out.split())
    assert "Promoted despite a failed audit." in " ".join(overruled.out.split())
