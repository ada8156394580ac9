"""ID3 and APE tags, byte by byte: only the frame or the item of the genre is another one."""

import struct
from io import BytesIO

import pytest
from mutagen.apev2 import APEv2
from mutagen.id3 import ID3
from mutagen.id3._util import BitPaddedInt, unsynch

from storage.tags.ape import read_ape, set_ape
from storage.tags.files import TagUnwritable
from storage.tags.formats import read_genres, write_genres
from storage.tags.id3 import new_id3, read_id3, set_id3

ODD = b"\1" + "\ufeffTitel".encode("utf-16-be")  # bytes that mutagen would write in another order
SOUND = b"\xff\xfb\x90\x64" + bytes(413)


def frame(version: int, name: bytes, data: bytes) -> bytes:
    if version == 2:
        return name + struct.pack(">I", len(data))[1:] + data
    size = BitPaddedInt.to_str(len(data), width=4) if version == 4 else struct.pack(">I", len(data))
    return name + size + b"\0\0" + data


def tag(version: int, body: bytes, flags: int = 0) -> bytes:
    size = BitPaddedInt.to_str(len(body), width=4)
    return b"ID3" + bytes([version, 0, flags]) + size + body


TITLES = {2: b"TT2", 3: b"TIT2", 4: b"TIT2"}
NAMES = {2: b"TCO", 3: b"TCON", 4: b"TCON"}
JUNK = {2: b"XYZ", 3: b"XYZW", 4: b"XYZW"}


@pytest.mark.parametrize("version", [2, 3, 4])
def test_a_genre_takes_its_room_from_the_padding_and_other_frames_stay(version: int) -> None:
    title, junk = frame(version, TITLES[version], ODD), frame(version, JUNK[version], b"\x07\xff")
    former = tag(version, title + junk + bytes(100))

    changed = set_id3(former, ["soul"])

    genre = frame(version, NAMES[version], (b"\3" if version == 4 else b"\0") + b"soul")
    assert changed == tag(version, title + junk + genre + bytes(100 - len(genre)))
    assert read_id3(BytesIO(changed)) == ["soul"]


@pytest.mark.parametrize("version", [2, 3, 4])
def test_a_genre_stays_in_its_place(version: int) -> None:
    title = frame(version, TITLES[version], ODD)
    former = tag(version, frame(version, NAMES[version], b"\0(17)") + title)

    changed = set_id3(former, ["Rock", "Žánr"])

    assert read_id3(BytesIO(former)) == ["Rock"]
    assert read_id3(BytesIO(changed)) == ["Rock", "Žánr"]
    assert changed.endswith(title)


def test_an_unsynchronised_tag_stays_one() -> None:
    body = unsynch.encode(frame(3, b"XYZW", b"\xff\xe0\xff\0\xff") + bytes(64))
    former = tag(3, body, flags=0x80)

    changed = set_id3(former, ["soul"])

    assert changed[5] == 0x80
    assert unsynch.decode(changed[10:]).startswith(frame(3, b"XYZW", b"\xff\xe0\xff\0\xff"))
    assert read_id3(BytesIO(changed)) == ["soul"]


def test_a_tag_whose_sizes_are_those_of_an_older_version_keeps_them() -> None:
    picture = (
        b"APIC"
        + struct.pack(">I", 300)
        + b"\0\0"
        + b"\0image/png\0\3\0"
        + bytes(187)
        + b"\xaa" * 100
    )
    former = tag(4, picture)

    changed = set_id3(former, ["soul"])

    assert picture in changed
    assert read_id3(BytesIO(changed)) == ["soul"]


def test_a_tag_with_an_extended_header_is_refused() -> None:
    with pytest.raises(TagUnwritable, match="extended header"):
        set_id3(tag(3, bytes(10), flags=0x40), ["soul"])


def test_frames_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(TagUnwritable, match="cannot be separated"):
        set_id3(tag(3, b"TIT2" + struct.pack(">I", 900) + bytes(40)), ["soul"])


def mp3(*, begin: bytes = b"", end: bytes = b"") -> bytes:
    return begin + SOUND * 20 + end


def v1(genre: int) -> bytes:
    return b"TAG" + b"Title".ljust(124, b"\0") + bytes([genre])


def test_tags_beside_follow_where_they_name_a_genre() -> None:
    ape = set_ape(b"", ["Rock"])
    former = mp3(begin=tag(3, frame(3, b"TCON", b"\0Rock")), end=ape + v1(17))

    changed = write_genres(former, "song.mp3", ["Jazz"])

    assert read_genres(named(former)) == ("Rock",)
    assert read_ape(BytesIO(changed)) == ["Jazz"]
    assert ID3(BytesIO(changed), load_v1=False)["TCON"].text == ["Jazz"]
    assert changed[-1] == 8  # Jazz, by the list of ID3v1
    assert changed[-128:-1] == v1(17)[:-1]


def test_tags_beside_without_a_genre_stay_as_they_are() -> None:
    gain = APEv2()
    gain["REPLAYGAIN_TRACK_GAIN"] = "-3 dB"
    made = BytesIO()
    gain.save(made)
    ending = made.getvalue() + v1(255)
    former = mp3(begin=tag(4, frame(4, b"TIT2", ODD)), end=ending)

    changed = write_genres(former, "song.mp3", ["Jazz"])

    assert changed.endswith(SOUND + ending)


def test_an_mp3_with_an_ape_tag_alone_has_the_genre_there() -> None:
    ape = APEv2()
    ape["Title"], ape["Artist"] = "Song", "Ada"
    made = BytesIO()
    ape.save(made)

    changed = write_genres(mp3(end=made.getvalue() + v1(255)), "song.mp3", ["Jazz", "Soul"])

    assert changed.startswith(SOUND)
    assert changed.endswith(v1(255))
    assert dict(APEv2(BytesIO(changed))) == {
        "Title": "Song",
        "Artist": "Ada",
        "Genre": "Jazz\0Soul",
    }


def test_the_genre_of_an_id3v1_tag_is_that_of_the_file() -> None:
    assert read_genres(named(mp3(end=v1(17)))) == ("Rock",)
    assert read_genres(named(mp3(end=v1(255)))) == ()


def test_a_new_tag_holds_the_genre_alone() -> None:
    assert write_genres(mp3(), "song.mp3", ["Jazz"]) == new_id3(["Jazz"]) + mp3()
    assert write_genres(mp3(), "song.mp3", []) == mp3()


def named(content: bytes) -> BytesIO:
    file = BytesIO(content)
    file.name = "song.mp3"
    return file
