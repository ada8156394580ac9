"""Extractors are passed over only where they would have said no."""

from re import _parser  # type: ignore[attr-defined]

import pytest
from yt_dlp.extractor import gen_extractor_classes

from storage.fetch.sites.pages import find_candidates, needed_words


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"https?://(?:www\.)?music\.example/(?P<id>\d+)", {"music.example/"}),
        (r"https?://(?:odysee\.com|lbry\.tv)/\w+", {"odysee.com", "lbry.tv"}),
        (r"https?://(?:odysee\.com|[^/]+)/\w+", set()),
        (r"https?://(?:music\.)?[^/]+/(?:embed/)+\d", {"embed/"}),
        (r"https?://[^/]+/(?!music)(?:album/)?\d", set()),
        (r"(?i)https?://Music\.Example/", {"://music.example/"}),
        (r"(?x) https?:// music \. example / \d+", {"://music.example/"}),
    ],
)
def test_a_word_is_needed_where_no_match_can_do_without(pattern: str, words: set[str]) -> None:
    assert needed_words(_parser.parse(pattern)) == words


def test_no_extractor_is_passed_over_for_an_address_of_its_own() -> None:
    extractors = tuple(gen_extractor_classes())
    own = [
        (extractor, case["url"])
        for extractor in extractors
        for case in extractor.get_testcases(include_onlymatching=True)
        if extractor.suitable(case["url"])
    ]

    passed_over = [(e, url) for e, url in own if e not in find_candidates(url, extractors)]

    assert len(own) > 1000
    assert passed_over == []
