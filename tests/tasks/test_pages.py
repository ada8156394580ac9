"""What others have named is plain text wherever Markdown is rendered; our own code stays code."""

import pytest
from markdown_it import MarkdownIt

from tasks.pages import _foreign, _plain

IMAGE = "![a](http://evil.example/p.png)"
RENDERER = MarkdownIt("gfm-like", {"linkify": False})


@pytest.mark.parametrize(
    "text",
    [
        IMAGE,
        "[a](http://evil.example)",
        f"``{IMAGE}`",
        f"` {IMAGE}",
        f"\\{IMAGE}",
        f"a\n\n{IMAGE}",
        f"`a\n\n{IMAGE}`",
        "<img src=http://evil.example/p.png>",
        "**loud** and _slanted_",
    ],
)
@pytest.mark.parametrize("write", [_foreign, _plain])
def test_no_title_becomes_markup(write: object, text: str) -> None:
    rendered = RENDERER.render(write(text))  # type: ignore[operator]

    assert not any(f"<{tag}" in rendered for tag in ("img", "a ", "strong", "em"))


def test_a_foreign_name_is_read_as_it_is_written() -> None:
    name = "Song (live) * [2nd] _take_ | `x` & <y>"

    rendered = RENDERER.renderInline(_foreign(name))

    assert rendered == "Song (live) * [2nd] _take_ | `x` &amp; &lt;y&gt;"


def test_code_in_a_sentence_of_ours_stays_code() -> None:
    rendered = RENDERER.renderInline(_plain("Run `genreflow decide a_b_c` first."))

    assert rendered == "Run <code>genreflow decide a_b_c</code> first."
