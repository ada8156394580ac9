"""Which of the formats of a page is fetched: sound alone, and what needs no other program."""

from collections.abc import Iterator, Mapping
from typing import Any

from genre_core.errors import TrackRejected
from genre_core.records import Reason

_PROTOCOLS = frozenset(("http", "https", "m3u8", "m3u8_native", "http_dash_segments"))


def choose_sound(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the best format without a picture; yt-dlp lists them from the worst to the best.

    Raises
    ------
    TrackRejected
        ``not_audio`` if there is none.
    """
    heard = [form for form in page["formats"] if _is_sound(form)]
    if not heard:
        raise TrackRejected(
            Reason.NOT_AUDIO,
            "the page offers no sound that can be fetched without a picture. Leave it out.",
        )
    yield max(enumerate(heard), key=lambda place: (_is_surely_sound(place[1]), place[0]))[1]


def require_end(page: Mapping[str, Any]) -> None:
    """Reject what is on the air: it has no end.

    Raises
    ------
    TrackRejected
        ``too_large``.
    """
    if page.get("is_live"):
        message = "the page is a live stream, which has no end. Name a recording of it."
        raise TrackRejected(Reason.TOO_LARGE, message)


def _is_sound(form: Mapping[str, Any]) -> bool:
    has_picture = form.get("vcodec") not in (None, "none") or form.get("height")
    is_still = form.get("acodec") == "none" or form.get("has_drm")
    return form.get("protocol") in _PROTOCOLS and not has_picture and not is_still


def _is_surely_sound(form: Mapping[str, Any]) -> bool:
    return form.get("vcodec") == "none"
