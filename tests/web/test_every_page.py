"""Every page: header, landmarks, widths, no request elsewhere, no foreign host or site."""

import pytest

from tests.web.conftest import DESKTOP, PHONE, Site, Visitor

pytestmark = [pytest.mark.flow, pytest.mark.keras, pytest.mark.browser]
PAGES = ("/", "/review", "/map", "/models", "/nights")


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_is_accessible_and_asks_nobody_else(
    shared_site: Site, visit: Visitor, path: str, size: tuple[int, int]
) -> None:
    seen = visit(shared_site.address + path, size)
    seen.check_fits()
    seen.check_accessible()


def test_the_header_names_the_champion_its_score_and_the_songs(
    shared_site: Site, visit: Visitor
) -> None:
    facts = visit(shared_site.address).page.locator(".facts").inner_text()
    assert "version 1" in facts
    assert "Songs\n20" in facts


def test_an_unknown_page_is_a_sentence_without_a_path(shared_site: Site) -> None:
    answer = shared_site.get("/nothing")
    assert answer.status_code == 404
    assert str(shared_site.config.layout.home) not in answer.text


def test_a_foreign_host_name_is_refused(shared_site: Site) -> None:
    assert shared_site.get("/", headers={"host": "evil.example"}).status_code == 421


def test_a_post_from_a_page_of_another_site_is_refused(shared_site: Site) -> None:
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert shared_site.post("/", headers=headers).status_code == 403
