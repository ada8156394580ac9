"""Genres in every format: nothing else changes, and the patch takes the file back."""

import json
import os
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import av
import mutagen
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.apev2 import APEv2
from mutagen.id3 import TCON

from storage.audio.probe import probe_audio
from storage.tags.files import TagUnwritable
from storage.tags.formats import read_genres, write_genres
from storage.tags.patch import Patch, apply_patch, find_patch
from tests.fuzz.mutations import CHANGES, spoil
from tests.storage.tags.conftest import FORMATS, TAGS, MakeSong

GENRE_KEYS = ("tcon", "\xa9gen", "wm/genre", "genre")
GENRES = ("jazz", "Hip-Hop", "drum & bass", "Žánr 音楽", "Rock", "r/b", "folk; world")


def genres_of(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        return read_genres(file)


def metadata(path: Path) -> dict[str, str]:
    """What FFmpeg reads of the tags, the genre apart."""
    with av.open(str(path)) as container:
        found = {**container.streams.audio[0].metadata, **container.metadata}
    return {key.lower(): value for key, value in found.items() if key.lower() != "genre"}


def ffmpeg_genre(path: Path) -> str:
    with av.open(str(path)) as container:
        found = {**container.streams.audio[0].metadata, **container.metadata}
    return next((value for key, value in found.items() if key.lower() == "genre"), "")


@pytest.mark.parametrize("name", FORMATS)
def test_one_genre_is_read_by_ffmpeg_and_nothing_else_changes(
    make_song: MakeSong, name: str
) -> None:
    song = make_song(name)
    before, facts, former = metadata(song), probe_audio(song), song.read_bytes()

    song.write_bytes(write_genres(former, name, ["Žánr 音楽"]))

    assert genres_of(song) == ("Žánr 音楽",)
    assert ffmpeg_genre(song) == "Žánr 音楽"
    assert metadata(song) == before
    assert before.items() >= {k: v for k, v in TAGS.items() if k != "comment"}.items()
    assert probe_audio(song) == facts


@pytest.mark.parametrize("name", FORMATS)
def test_any_genres_in_any_order_leave_the_rest_and_are_taken_back(
    make_song: MakeSong, name: str
) -> None:
    song, rng = make_song(name), random.Random(name)
    first, facts, before = song.read_bytes(), probe_audio(song), metadata(song)
    content, patches = first, []
    for _ in range(12):
        genres = rng.sample(GENRES, rng.randint(0, 4))
        changed = write_genres(content, name, genres)
        patches.append(find_patch(content, changed))
        song.write_bytes(changed)
        assert list(genres_of(song)) == genres
        assert (probe_audio(song), metadata(song)) == (facts, before)
        content = changed

    for patch in reversed(patches):
        content = apply_patch(content, patch)

    assert content == first
    assert sum(len(former) for patch in patches for _, former in patch.edits) < 12 * 5_000


@pytest.mark.parametrize("name", FORMATS)
def test_several_genres_are_values_of_their_own(make_song: MakeSong, name: str) -> None:
    song = make_song(name)

    song.write_bytes(write_genres(song.read_bytes(), name, ["jazz", "soul"]))

    tags = mutagen.File(song).tags or APEv2(song)
    key = next(key for key in tags.keys() if key.lower() in GENRE_KEYS)  # noqa: SIM118
    values = tags[key].text if isinstance(tags[key], TCON) else map(str, tags[key])
    assert list(values) == ["jazz", "soul"]


def test_the_genre_in_the_list_of_a_wav_is_the_users_and_follows(
    encode: Callable[..., Path],
) -> None:
    song = encode("song.wav", "-t", "1", "-metadata", "genre=Rock", "-metadata", "title=Song")
    former = song.read_bytes()
    assert genres_of(song) == ("Rock",)

    song.write_bytes(write_genres(former, song.name, ["Drum and bass"]))

    assert genres_of(song) == ("Drum and bass",)
    assert b"IGNR\x0e\0\0\0Drum and bass\0" in song.read_bytes()
    assert metadata(song)["title"] == "Song"
    assert apply_patch(song.read_bytes(), find_patch(former, song.read_bytes())) == former


def test_comments_that_would_be_lost_are_a_reason(make_song: MakeSong) -> None:
    spoilt = make_song("song.flac").read_bytes().replace(b"=Ada", b"=A\xe4a")

    with pytest.raises(TagUnwritable, match="not UTF-8"):
        write_genres(spoilt, "song.flac", ["jazz"])


def test_a_chained_song_is_written_in_its_first_link(make_song: MakeSong) -> None:
    song = make_song("song.ogg")
    song.write_bytes(song.read_bytes() + song.read_bytes())
    facts = probe_audio(song)

    song.write_bytes(write_genres(song.read_bytes(), song.name, ["jazz"]))

    assert probe_audio(song) == facts
    assert genres_of(song) == ("jazz",)


@given(st.binary(max_size=400), st.binary(max_size=60), st.binary(max_size=60), st.data())
def test_a_patch_makes_the_former_file_of_any_other(
    middle: bytes, former: bytes, changed: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(middle)))
    before = middle[:at] + former + middle[at:]
    after = middle[:at] + changed + middle[at:] + data.draw(st.binary(max_size=20))

    patch = Patch.from_document(json.loads(json.dumps(find_patch(before, after).as_document())))

    assert apply_patch(after, patch) == before


def test_tags_that_grow_at_the_start_need_few_bytes_and_little_memory() -> None:
    sound = random.Random(1).randbytes(16 << 20)
    former, changed = b"ID3" + sound, b"ID3 and a genre" + sound
    tracemalloc.start()

    patch = find_patch(former, changed)

    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert apply_patch(changed, patch) == former
    assert sum(len(bytes_) for _, bytes_ in patch.edits) < 100
    assert used < 8 << 20


def test_what_moves_between_a_tag_and_its_padding_is_not_kept_in_the_patch() -> None:
    head, picture, sound = (os.urandom(100_000) for _ in range(3))
    before = head + b"genre" + picture + bytes(500) + sound + b"tag"
    after = head + b"longer genre" + picture + bytes(493) + sound + b"another tag"
    patch = find_patch(before, after)
    assert apply_patch(after, patch) == before
    assert sum(len(former) for _, former in patch.edits) < 1000


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_a_spoilt_file_is_written_or_refused_and_its_former_bytes_come_back(
    make_song: MakeSong, name: str
) -> None:
    song = make_song(name).read_bytes()

    @settings(max_examples=40, deadline=None)
    @given(CHANGES)
    def write(changes: list) -> None:
        former = spoil(song, changes)
        try:
            changed = write_genres(former, name, ["jazz", "soul"])
        except TagUnwritable:
            return
        assert apply_patch(changed, find_patch(former, changed)) == former

    write()
