"""Which licences let others share copies of a song."""

import pytest

from genre_core.dataset.licences import may_be_excerpted, may_be_shared


@pytest.mark.parametrize(
    "licence",
    [
        "CC0-1.0",
        "CC BY-NC-SA 4.0",
        "cc-by-4.0",
        "Creative Commons Attribution-NonCommercial 3.0",
        "http://creativecommons.org/licenses/by-nc-nd/3.0/",
        "https://creativecommons.org/publicdomain/zero/1.0/",
        "Attribution-Noncommercial-Share Alike 3.0 United States",
        "Public Domain Mark 1.0",
        "Free Art License",
        "Attribution",
        "Attribution-NonCommercial-NoDerivatives (aka Music Sharing) 3.0 International",
        "Creative Commons BY 4.0",
        "CC0-1.0 (score), GPL-2 (sounds: TimGM6mb)",
    ],
)
def test_a_licence_that_allows_copies_is_known_by_its_name_or_address(licence: str) -> None:
    assert may_be_shared(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "",
        "unknown",
        "All rights reserved",
        "© 2020 Ada, all rights reserved",
        "FMA-Limited: Download Only",
        "Creative Commons Attribution (all rights reserved by the label)",
        "http://example.org/creativecommons.org/licenses/by/4.0",
        "standard YouTube licence",
        "http://creativecommons.org/licenses/sampling/1.0/",
        "Creative Commons Sampling Plus 1.0",
        "Attribution unknown",
        "Attribution required by the label",
        "public domain in Canada only",
        "mit freundlicher Genehmigung",
        "by Ada",
        "cc",
    ],
)
def test_any_other_licence_keeps_the_sound_at_home(licence: str) -> None:
    assert not may_be_shared(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "CC BY-ND 4.0",
        "http://creativecommons.org/licenses/by-nc-nd/3.0/",
        "Attribution-NonCommercial-NoDerivatives (aka Music Sharing) 3.0 International",
        "Attribution-Noncommercial-No Derivative Works 3.0",
    ],
)
def test_a_licence_without_derivatives_allows_whole_copies_alone(licence: str) -> None:
    assert may_be_shared(licence)
    assert not may_be_excerpted(licence)


def test_excerpts_of_songs_under_other_free_licences_may_be_shared() -> None:
    assert may_be_excerpted("CC BY-NC-SA 4.0")
    assert may_be_excerpted("Attribution-ShareAlike 3.0 International")
