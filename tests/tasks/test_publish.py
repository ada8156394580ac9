"""Publishing the end of a nightly run beside other commands."""

import pytest

from storage.catalog.connection import open_catalog
from storage.home import DataLayout
from storage.lock import hold_home
from tasks.publish import publish_end

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("quiet_runs")]


def test_the_end_of_a_night_is_not_published_while_another_command_holds_the_home(
    layout: DataLayout,
) -> None:
    with open_catalog(layout):
        pass
    with hold_home(layout):
        publish_end.fn(layout)
    before = layout.published.exists()

    publish_end.fn(layout)

    assert (before, layout.published.exists()) == (False, True)
