"""Settings that are written into genreflow.toml: all else in the file stays as it is."""

import tomllib
from pathlib import Path

import pytest

from flows.settings import Settings, read_settings
from flows.settings_file import plan_change, with_settings, write_change
from genre_core.errors import UsageError


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "genreflow.toml"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[fragments]\nmin_track_s = 60.0\n"),
        ("[fragments]\nmin_track_s=120 # why\n", "[fragments]\nmin_track_s=60.0 # why\n"),
        ("fragments.min_track_s = 120\n# end\n", "fragments.min_track_s = 60.0\n# end\n"),
        ("fragments = {margin_s = 5}\n", None),
        ('music = "m"\r\n[night]\r\n', None),
        ("# é\n[fragments] # here\n\n[night]\n", None),
        ("\ufeffmusic = 'm'\n", None),
    ],
)
def test_a_setting_is_written_and_the_rest_stays(
    file: Path, before: str, after: str | None
) -> None:
    if before:
        file.write_bytes(before.encode())

    write_change(plan_change({"fragments.min_track_s": 60.0}))

    written = file.read_bytes().decode()
    assert read_settings().fragments.min_track_s == 60.0
    if after is not None:
        assert written == after
    kept = [line for line in before.splitlines() if "min_track" not in line and "{" not in line]
    assert [line for line in kept if line not in written.splitlines()] == []
    assert written.startswith("\ufeff") == before.startswith("\ufeff")
    assert ("\r\n" in written) == ("\r\n" in before)


def test_the_change_is_shown_line_by_line(file: Path) -> None:
    file.write_text("a = 1\nb = 2\ngenres = ['jazz']  # mine\nc = 3\n")

    change = plan_change({"genres": ("jazz", "polka")})

    assert [line for line in change.lines if line[:1] in "+-"] == [
        "-genres = ['jazz']  # mine",
        '+genres = ["jazz", "polka"]  # mine',
    ]
    assert tomllib.loads(change.after)["genres"] == ["jazz", "polka"]


def test_a_free_name_may_hold_dots_and_spaces(file: Path) -> None:
    write_change(plan_change({"genre_map.drum. 'n' bass": "dnb"}))

    assert read_settings().genre_map == {"drum. 'n' bass": "dnb"}
    assert with_settings(Settings(), {"genre_map.drum. 'n' bass": "dnb"}).genre_map == {
        "drum. 'n' bass": "dnb"
    }


def test_a_variable_of_the_environment_would_win_and_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENREFLOW_FRAGMENTS__MIN_TRACK_S", "120")

    with pytest.raises(UsageError, match="GENREFLOW_FRAGMENTS__MIN_TRACK_S sets"):
        plan_change({"fragments.min_track_s": 60.0})


def test_a_file_that_changed_meanwhile_or_is_no_toml_is_left_alone(file: Path) -> None:
    change = plan_change({"fragments.min_track_s": 60.0})
    file.write_text("music = ")

    with pytest.raises(UsageError, match="has changed meanwhile"):
        write_change(change)
    with pytest.raises(UsageError, match="end of document: Invalid value"):
        plan_change({"fragments.min_track_s": 60.0})
    assert file.read_text() == "music = "


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("# mine\n")
    file.symlink_to(real)

    write_change(plan_change({"fragments.min_track_s": 60.0}))

    assert file.is_symlink()
    assert real.read_text().startswith("# mine\n")
