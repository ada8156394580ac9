"""Facts of real files, and what is no audio."""

import base64
import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from storage.audio.mp3_frames import find_frames, read_song
from storage.audio.mp3_scan import scan_frames
from storage.audio.packets import scan_packets
from storage.audio.probe import container_suffix, open_audio, probe_audio
from storage.audio.seek import holds_only_frames

Encode = Callable[..., Path]

# an exact length, or one to within a packet
FORMATS = [
    ("song.mp3", ["-b:a", "192k"], "mp3", ".mp3", 44_100, 1e-6),
    ("song.ogg", ["-c:a", "libvorbis"], "vorbis", ".ogg", 44_100, 0.05),
    ("song.opus", ["-c:a", "libopus"], "opus", ".opus", 48_000, 1e-6),
    ("song.m4a", ["-c:a", "aac"], "aac", ".m4a", 44_100, 1e-6),
    ("song.aac", [], "aac", ".aac", 44_100, 0.05),
    ("song.flac", [], "flac", ".flac", 44_100, 1e-6),
    ("song.webm", ["-c:a", "libopus"], "opus", ".webm", 48_000, 0.05),
    ("song.wma", [], "wmav2", ".wma", 44_100, 0.05),
    ("song.avi", ["-c:a", "libmp3lame"], "mp3", ".avi", 44_100, 0.05),
    ("song.3gp", ["-c:a", "aac"], "aac", ".m4a", 44_100, 1e-6),
    ("song.aiff", [], "pcm_s16be", ".aiff", 44_100, 1e-6),
]


@pytest.mark.parametrize(
    ("name", "options", "codec", "suffix", "sample_rate", "tolerance_s"), FORMATS
)
def test_the_facts_of_every_format_are_recognised_and_padding_is_not_counted(
    encode: Encode, name: str, options: list[str], codec: str, suffix: str, sample_rate: int,
    tolerance_s: float,
) -> None:  # fmt: skip
    song = encode(name, *options)

    facts = probe_audio(song)

    assert (facts.codec, facts.sample_rate, facts.channels) == (codec, sample_rate, 2)
    assert facts.duration_s == pytest.approx(12.0, abs=tolerance_s)
    assert container_suffix(song) == suffix


def test_the_last_packet_of_musepack_lasts_as_long_as_it_holds_sound(tmp_path: Path) -> None:
    song = tmp_path / "silence.mpc"  # 2.5 s from mpcenc; a full packet lasts 1.67 s
    song.write_bytes(
        base64.b64decode(
            "TVBDS1NIDp6Q8K8Iht0qAAkLUkcMAQAAAAAAAAAARUkHYQEeAVNPCBwAAAAAQVAMH//////////AQVAI"
            "H////+BTVAYBEtBTRQM="
        )
    )

    assert probe_audio(song).duration_s == pytest.approx(2.5, abs=0.04)


def test_the_bit_rate_is_that_of_the_packets(encode: Encode) -> None:
    facts = probe_audio(encode("song.mp3", "-b:a", "192k", "-metadata", f"title={'x' * 90_000}"))

    assert facts.bit_rate == pytest.approx(192_000, rel=0.02)


@pytest.mark.parametrize("name", ["song.mp3", "song.flac", "song.ogg", "song.opus"])
def test_tags_are_read_in_any_script_and_case(encode: Encode, name: str) -> None:
    tags = ["ARTIST=Ada", "album=Notes", "title=Ünïcode 歌", "date=1959-08-17"]
    tags += ["publisher=Columbia", "album_artist=Host"]
    song = encode(name, *(option for tag in tags for option in ("-metadata", tag)))

    facts = probe_audio(song)

    assert (facts.artist, facts.album, facts.title) == ("Ada", "Notes", "Ünïcode 歌")
    assert facts.album_artist == "Host"
    assert (facts.year, facts.publisher) == (1959, "Columbia")


@pytest.mark.parametrize(
    ("date", "year"), [("19590817", 1959), ("17 August 2001", 2001), ("195908", 0), ("59", 0)]
)
def test_a_year_is_four_digits_alone(encode: Encode, date: str, year: int) -> None:
    facts = probe_audio(encode("song.flac", "-metadata", f"date={date}"))

    assert (facts.year, facts.publisher) == (year, "")


# an ADTS stream has no tags
@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name, options, *_ in FORMATS if name != "song.aac"]
)
def test_new_tags_keep_the_packets(encode: Encode, name: str, options: list[str]) -> None:
    song = encode(name, *options)

    title = f"title={'Other ' * 50}"
    tagged = encode(name, "-i", str(song), "-map", "1", "-c", "copy", "-metadata", title)
    if name == "song.mp3":
        tagged.write_bytes(tagged.read_bytes() + b"TAG" + b"Other".ljust(125, b"\0"))

    assert tagged.read_bytes() != song.read_bytes()
    assert probe_audio(tagged).packets_id == probe_audio(song).packets_id


def test_a_playlist_or_a_header_alone_is_rejected(sweep_mp3: Path, tmp_path: Path) -> None:
    playlist, header = tmp_path / "song.mp3", tmp_path / "header.wav"
    playlist.write_text(f"#EXTM3U\n#EXTINF:12,\n{sweep_mp3}\n#EXT-X-ENDLIST\n")
    soundfile.write(header, np.zeros(0), 44_100)

    for path, reason in ((playlist, Reason.NOT_AUDIO), (header, Reason.TRUNCATED)):
        with pytest.raises(TrackRejected) as rejection:
            probe_audio(path)
        assert rejection.value.reason == reason


SONGS = [
    ("song.mp3", ["-b:a", "192k"]),
    ("song.mp3", ["-q:a", "3", "-write_xing", "0"]),
    ("song.mp3", ["-ar", "22050", "-b:a", "32k"]),
    ("song.ogg", ["-c:a", "libvorbis"]),
    ("song.opus", ["-c:a", "libopus"]),
    ("song.m4a", ["-c:a", "aac"]),
    ("song.flac", []),
    ("song.wav", []),
    ("song.webm", ["-c:a", "libopus"]),
]


def spell_out(path: Path) -> tuple[float, str]:
    """Return length and digest by asking every packet for all that it says of itself."""
    begins, ends = [], []
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate, context = stream.codec_context.sample_rate, stream.codec_context
        ticks_per_sample = 1 / (float(stream.time_base) * rate)
        digest = hashlib.sha256(f"{context.name} {rate} {context.channels}".encode())
        for packet in filter(lambda packet: packet.size, container.demux(stream)):
            skipped = bytes(packet.get_sidedata("skip_samples")) or bytes(8)
            lead, tail = struct.unpack_from("<II", skipped)
            tail = tail if container.format.name == "mp3" else 0
            begins.append(packet.pts + round(lead * ticks_per_sample))
            ends.append(packet.pts + packet.duration - round(tail * ticks_per_sample))
            digest.update(bytes(packet))
        return (max(ends) - max(0, begins[0])) * float(stream.time_base), digest.hexdigest()


@pytest.mark.parametrize(("name", "options"), SONGS)
def test_packets_are_measured_and_digested_as_each_of_them_says(
    encode: Encode, name: str, options: list[str]
) -> None:
    song = encode(name, *options)

    with open_audio(song) as (container, stream):
        packets = scan_packets(container, stream, song)

    assert (packets.duration_s, packets.packets_id) == spell_out(song)


ID3V1 = b"TAG" + b"song".ljust(125, b"\0")
APE = b"APETAGEX" + bytes(24)


def alter_tag(content: bytes, place: int, new: bytes) -> bytes:
    """Replace bytes behind the Xing or Info tag of an mp3."""
    begin = max(content.find(b"Xing"), content.find(b"Info")) + place
    return content[:begin] + new + content[begin + len(new) :]


# What leads libavformat to other numbers, and yet to frame after frame.
CLEAN = {
    "as it is": lambda content: content,
    "ID3v1": lambda content: content + ID3V1,
    "encoder unknown": lambda content: alter_tag(content, 120, b"Gogo"),
    "all added": lambda content: alter_tag(content, 141, b"\xff\xff\xff"),
    "little added": lambda content: alter_tag(content, 141, b"\x01\x00\x10"),
}
UNCLEAN = {
    "bytes of half the file": lambda content: alter_tag(
        content, 12, (len(content) // 2).to_bytes(4, "big")
    ),
    "truncated": lambda content: content[:-100],
    "joined": lambda content: content * 2,
    "zeros": lambda content: content + bytes(1_000),
    "junk": lambda content: bytes(100) + content,
    "APE": lambda content: content + APE,
    "VBRI": lambda content: alter_tag(content, 0, b"VBRI"),
    "no counts": lambda content: alter_tag(content, 7, b"\x0c"),
    "one frame too few": lambda content: alter_tag(content, 11, b"\x01"),
}
MP3S = (
    ("-b:a", "128k"),
    ("-q:a", "3"),
    ("-q:a", "3", "-ac", "1", "-ar", "48000"),
    ("-b:a", "32k", "-ar", "22050"),
    ("-b:a", "16k", "-ac", "1", "-ar", "11025"),
)


@pytest.mark.parametrize("options", MP3S, ids=" ".join)
@pytest.mark.parametrize("name", [*CLEAN, *UNCLEAN])
def test_an_mp3_is_measured_as_libavformat_measures_it(
    encode: Encode, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes((CLEAN | UNCLEAN)[name](encode("song.mp3", *options).read_bytes()))

    with open_audio(song) as (container, stream):
        is_by_headers = scan_frames(stream, song) is not None
        packets = scan_packets(container, stream, song)

    assert is_by_headers == (name in CLEAN)
    assert (packets.duration_s, packets.packets_id) == spell_out(song)


def test_padding_counts_where_another_mp3_is_appended(encode: Encode, tmp_path: Path) -> None:
    song = tmp_path / "two.mp3"
    song.write_bytes(encode("song.mp3", "-b:a", "128k").read_bytes() * 2)

    with open_audio(song) as (container, stream):
        packets = scan_packets(container, stream, song)

    assert (packets.duration_s, packets.packets_id) == spell_out(song)


@pytest.mark.parametrize(
    "options",
    [
        ["-b:a", "128k"],
        ["-b:a", "32k", "-ac", "1"],
        ["-q:a", "3"],
        ["-b:a", "56k", "-ar", "22050"],
        ["-b:a", "16k", "-ar", "11025"],
        ["-b:a", "320k", "-ar", "48000"],
    ],
)
def test_the_lengths_in_headers_lead_to_the_end(encode: Encode, options: list[str]) -> None:
    song = encode("song.mp3", *options)

    assert find_frames(song.read_bytes())
    assert holds_only_frames(song)


def test_a_file_of_more_than_64_mib_is_left_to_libavformat(encode: Encode, tmp_path: Path) -> None:
    song, large = encode("song.mp3", "-b:a", "128k", "-id3v2_version", "0"), tmp_path / "large.mp3"
    with large.open("wb") as file:  # a tag of 64 MiB, its size in four times seven bits
        file.write(b"ID3\4\0\0" + bytes([32, 0, 0, 0]))
        file.seek(10 + (64 << 20))
        file.write(song.read_bytes())

    with open_audio(large) as (container, stream):
        assert scan_frames(stream, large) is None
        packets = scan_packets(container, stream, large)

    assert (packets.duration_s, packets.packets_id) == spell_out(song)
    assert holds_only_frames(large)


def test_more_than_a_million_frames_are_not_listed() -> None:
    frame = bytes([0xFF, 0xF3, 0x14, 0]).ljust(24, b"\0")  # MPEG-2, 8 kbit/s, 24 kHz

    assert len(find_frames(frame * 1_000_000)) == 1_000_001
    assert not find_frames(frame * 1_000_001)


def test_a_file_cut_short_after_it_was_read_ends_no_process(encode: Encode) -> None:
    song = encode("song.mp3", "-b:a", "128k")
    content = read_song(song)
    os.truncate(song, 0)

    assert len(content) > 4_096
    assert find_frames(content)
    assert not find_frames(read_song(song))


@pytest.mark.parametrize("tail", [b"", ID3V1, APE])
def test_tags_at_both_ends_stand_between_no_frames(encode: Encode, tail: bytes) -> None:
    song = encode("song.mp3", "-metadata", "title=A title", "-id3v2_version", "4")
    song.write_bytes(song.read_bytes() + tail)

    assert song.read_bytes().startswith(b"ID3")
    assert holds_only_frames(song)


@pytest.mark.parametrize("junk", [b"x", bytes(2_000), b"TAG"])
def test_what_stands_between_frames_is_found(encode: Encode, junk: bytes) -> None:
    song = encode("song.mp3", "-b:a", "128k")
    with av.open(str(song)) as container:
        places = [packet.pos for packet in container.demux(audio=0) if packet.size]
    sound = song.read_bytes()
    song.write_bytes(sound[: places[100]] + junk + sound[places[100] :])

    assert not holds_only_frames(song)
