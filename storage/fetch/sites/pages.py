"""Which addresses are pages of music sites, by yt-dlp's patterns; no request is made."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from storage.extras import require_extra
from storage.fetch.addresses import SCHEMES
from storage.sources.folder import AUDIO_SUFFIXES

NO_SITE = "Generic"
# the address holds the id that the archive has; elsewhere it may hold a name that others share
_SELF_NAMED = frozenset(("Youtube", "Vimeo", "Dailymotion"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a music site."""

    site: str  # the family of extractors of yt-dlp: soundcloud, youtube, bandcamp
    extractor: str  # its key
    song_id: str  # ``extractor id`` as in a download archive, if the address holds it
    is_song: bool | None  # False: a list of songs; None: only the site knows


@lru_cache(maxsize=1024)
def find_page(url: str) -> Page | None:
    """Return what yt-dlp knows of an address; None if it is the page of no site.

    An address that ends as audio files do is that of a file. One of a song within a list
    (``v=…&list=…``) means the song.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    suffix = PurePosixPath(unquote(parts.path)).suffix.lower()
    if parts.scheme.lower() not in SCHEMES or suffix in AUDIO_SUFFIXES:
        return None
    fields = [field for field in parts.query.split("&") if not field.startswith("list=")]
    alone = urlunsplit(parts._replace(query="&".join(fields)))
    page = _find_extractor(alone)
    return page if alone == url or (page and page.song_id) else _find_extractor(url)


def _find_extractor(url: str) -> Page | None:
    require_extra("download", "A page of a music site")
    from yt_dlp.extractor import gen_extractor_classes  # takes a moment to load

    extractor = next((each for each in gen_extractor_classes() if each.suitable(url)), None)
    if extractor is None or extractor.ie_key() == NO_SITE:
        return None
    key = extractor.ie_key()
    return Page(
        site=extractor.IE_NAME.partition(":")[0].lower(),
        extractor=key,
        song_id=f"{key.lower()} {extractor.get_temp_id(url)}" if key in _SELF_NAMED else "",
        is_song=extractor.is_single_video(url),
    )
