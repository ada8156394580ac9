"""Files that hold less than their headers announce, and those that announce nothing."""

import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from storage.audio.probe import probe_audio

Encode = Callable[..., Path]

WITH_LENGTH = [
    ("song.mp3", ["-b:a", "192k"]),
    ("song.mp3", ["-q:a", "3"]),
    ("song.wav", []),
    ("large.wav", ["-rf64", "always"]),
    ("song.wav", ["-c:a", "pcm_mulaw"]),
    ("song.wav", ["-c:a", "adpcm_ms"]),
    ("song.w64", []),
    ("song.caf", []),
    ("song.aiff", []),
    ("song.au", []),
    ("song.flac", []),
    ("song.m4a", ["-c:a", "aac"]),
    ("song.m4a", ["-c:a", "aac", "-movflags", "faststart"]),
    ("song.m4a", ["-c:a", "alac", "-movflags", "faststart"]),
    ("song.mp4", ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"]),
    ("song.ogg", ["-c:a", "libvorbis"]),
    ("song.oga", ["-c:a", "flac"]),
    ("song.opus", ["-c:a", "libopus"]),
    ("song.webm", ["-c:a", "libopus"]),
    ("song.mka", ["-c:a", "flac"]),
    ("song.avi", ["-c:a", "libmp3lame"]),
    ("song.avi", ["-c:a", "pcm_s16le"]),
    ("song.flv", ["-c:a", "aac"]),
    ("song.wma", []),
    ("song.tta", []),
    ("song.wv", []),
]
WITHOUT_LENGTH = [
    ("song.mp3", ["-b:a", "192k", "-write_xing", "0"]),
    ("song.aac", []),
    ("song.ac3", []),
    ("song.mp2", []),
    ("song.eac3", []),
    ("song.dts", ["-c:a", "dca", "-strict", "-2"]),
    ("song.mlp", ["-strict", "-2"]),
    ("song.thd", ["-c:a", "truehd", "-strict", "-2"]),
    ("song.ts", ["-c:a", "mp2"]),
    ("song.webm", ["-c:a", "libopus", "-live", "1"]),
]


def reason_of(song: Path) -> str:
    """Return the reason of a file that must be rejected."""
    with pytest.raises(TrackRejected) as rejection:
        probe_audio(song)
    return rejection.value.reason


def cut(song: Path, share: float, target: Path) -> Path:
    """Write the beginning of a file."""
    content = song.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def wav_bytes(n_announced: int, n_held: int) -> bytes:
    """A WAV, 44.1 kHz, mono, int16, whose data chunk announces one size and holds another."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 44_100, 88_200, 2, 16)
    head = b"RIFF\xff\xff\xff\xffWAVE" + form + struct.pack("<4sI", b"data", n_announced)
    return head + bytes(n_held)


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize(("name", "options"), WITH_LENGTH)
def test_a_cut_file_with_an_announced_length_is_truncated_and_the_complete_one_is_not(
    encode: Encode, tmp_path: Path, name: str, options: list[str], share: float
) -> None:
    song = encode(name, *options)

    assert reason_of(cut(song, share, tmp_path / name)) == Reason.TRUNCATED
    assert probe_audio(song).duration_s == pytest.approx(12.0, abs=0.05)


@pytest.mark.parametrize(("name", "options"), WITHOUT_LENGTH)
def test_a_cut_file_without_one_is_as_long_as_what_it_holds(
    encode: Encode, tmp_path: Path, name: str, options: list[str]
) -> None:
    half = cut(encode(name, *options), 0.5, tmp_path / name)

    assert probe_audio(half).duration_s == pytest.approx(6.0, abs=0.3)


def test_the_message_names_both_lengths(sweep_mp3: Path, tmp_path: Path) -> None:
    half = cut(sweep_mp3, 0.5, tmp_path / "half.mp3")

    with pytest.raises(TrackRejected, match=r"half\.mp3 should last 12\.\d s and holds [56]\.\d s"):
        probe_audio(half)


@pytest.mark.parametrize("n_announced", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF - 36])
def test_a_wav_of_open_size_is_as_long_as_its_samples(tmp_path: Path, n_announced: int) -> None:
    song = tmp_path / "streamed.wav"
    song.write_bytes(wav_bytes(n_announced, 5 * 88_200))

    assert probe_audio(song).duration_s == pytest.approx(5.0, abs=0.01)


def test_half_a_second_may_be_missing(tmp_path: Path) -> None:
    song, short = tmp_path / "song.wav", tmp_path / "short.wav"
    song.write_bytes(wav_bytes(5 * 88_200, round(4.6 * 88_200)))
    short.write_bytes(wav_bytes(5 * 88_200, round(4.4 * 88_200)))

    assert probe_audio(song).duration_s == pytest.approx(4.6, abs=0.01)
    assert reason_of(short) == Reason.TRUNCATED


def test_an_ogg_stream_may_end_with_any_full_page(encode: Encode, tmp_path: Path) -> None:
    content = encode("song.ogg", "-c:a", "libvorbis").read_bytes()
    pages = content.split(b"OggS")
    stream = tmp_path / "stream.ogg"
    stream.write_bytes(b"OggS".join(pages[: len(pages) // 2]))

    assert 3.0 < probe_audio(stream).duration_s < 9.0


def test_bytes_behind_an_ogg_file_do_not_matter(encode: Encode, tmp_path: Path) -> None:
    song = encode("song.ogg", "-c:a", "libvorbis")
    tagged = tmp_path / "tagged.ogg"
    tagged.write_bytes(song.read_bytes() + b"TAG" + bytes(125))

    assert probe_audio(tagged).duration_s == probe_audio(song).duration_s


def test_damage_in_the_middle_is_no_missing_end(sweep_mp3: Path, tmp_path: Path) -> None:
    content = bytearray(sweep_mp3.read_bytes())
    content[100_000:140_000] = np.random.default_rng(0).bytes(40_000)
    damaged = tmp_path / "damaged.mp3"
    damaged.write_bytes(content)

    assert 9.0 < probe_audio(damaged).duration_s < 11.5


def test_a_song_cut_out_of_a_longer_one_by_an_edit_list_is_complete(encode: Encode) -> None:
    long = encode("long.m4a", "-c:a", "aac")

    short = encode("short.m4a", "-ss", "5", "-i", str(long), "-map", "1:a", "-c", "copy")

    assert 6.0 < probe_audio(short).duration_s < 8.0


def test_a_film_whose_picture_outlasts_its_sound_is_complete(encode: Encode) -> None:
    film = encode("film.mkv", "-f", "lavfi", "-i", "color=s=16x16:r=5:d=20", "-c:v", "mpeg4")

    assert probe_audio(film).duration_s == pytest.approx(12.0, abs=0.05)


def test_a_vbri_header_counts_the_bytes_of_an_mp3(encode: Encode, tmp_path: Path) -> None:
    frames = encode("song.mp3", "-b:a", "128k", "-write_xing", "0").read_bytes()
    start = frames.index(b"\xff\xfb")
    vbri = struct.pack(">4sHHHII", b"VBRI", 1, 0, 75, len(frames) + 417, 460)
    song = tmp_path / "song.mp3"
    song.write_bytes(
        frames[start : start + 4] + bytes(32) + vbri.ljust(381, b"\0") + frames[start:]
    )

    assert reason_of(cut(song, 0.5, tmp_path / "half.mp3")) == Reason.TRUNCATED
    assert probe_audio(song).duration_s == pytest.approx(12.0, abs=0.1)


@pytest.mark.parametrize("sample_rate", [0, 7_999, 192_001, 384_000, 2**32 - 1])
def test_a_rate_outside_8_to_192_khz_or_none_is_unknown(tmp_path: Path, sample_rate: int) -> None:
    content = bytearray(wav_bytes(88_200, 88_200))
    content[24:28] = struct.pack("<I", sample_rate)
    song = tmp_path / "song.wav"
    song.write_bytes(content)

    assert reason_of(song) == Reason.SAMPLE_RATE_UNKNOWN


@pytest.mark.parametrize("form", ["AU", "AIFF", "CAF", "FLAC"])
def test_a_header_without_a_rate_is_found_in_every_container(tmp_path: Path, form: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(88_200), 44_100, format=form)
    content = bytearray(file.getvalue())
    first, n_bytes = {"AU": (16, 4), "AIFF": (0, 10), "CAF": (20, 8), "FLAC": (18, 2)}[form]
    first = first or content.index(b"COMM") + 16
    content[first : first + n_bytes] = bytes(n_bytes)
    if form == "FLAC":
        content[20] &= 0x0F
    song = tmp_path / "song"
    song.write_bytes(content)

    assert reason_of(song) == Reason.SAMPLE_RATE_UNKNOWN


def test_a_bit_rate_beyond_all_music_is_one_that_the_catalog_can_hold(tmp_path: Path) -> None:
    content = bytearray(wav_bytes(0, 1_000_000))
    # 512 channels of 64 bits at 192 kHz: six thousand million bits a second
    content[22:36] = struct.pack("<HIIHH", 512, 192_000, 0, 4096, 64)
    song = tmp_path / "song.wav"
    song.write_bytes(content)

    assert probe_audio(song).bit_rate == 2**31 - 1


@pytest.mark.parametrize(
    ("options", "box", "fields"),
    [
        (["-c:a", "aac"], b"stsz", [0, 1, 50_000_000]),
        (["-c:a", "aac", "-movflags", "faststart"], b"stsz", [0, 0, 50_000_000]),
        (["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"], b"trun", [0, 50_000_000]),
    ],
)
def test_an_index_claims_no_more_samples_than_the_file_can_hold(
    encode: Encode, tmp_path: Path, options: list[str], box: bytes, fields: list[int]
) -> None:
    content = bytearray(encode("song.m4a", *options).read_bytes())
    struct.pack_into(f">{len(fields)}I", content, content.index(box) + 4, *fields)
    song = tmp_path / "claims.m4a"
    song.write_bytes(content)

    with pytest.raises(TrackRejected, match="claims 50000000 samples") as rejection:
        probe_audio(song)

    assert rejection.value.reason == Reason.TRUNCATED


def mp4_box(name: bytes, *content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, content)), name) + b"".join(content)


def test_ffmpeg_takes_no_large_block_that_a_header_claims(tmp_path: Path) -> None:
    unpacked = mp4_box(b"cmvd", struct.pack(">I", 0x7FFFFFFF), zlib.compress(bytes(1000)))
    index = mp4_box(b"moov", mp4_box(b"cmov", mp4_box(b"dcom", b"zlib"), unpacked))
    song = tmp_path / "claims.m4a"
    song.write_bytes(mp4_box(b"ftyp", b"M4A ", bytes(4)) + mp4_box(b"mdat", bytes(99)) + index)

    with pytest.raises(TrackRejected, match="than fits into memory") as rejection:
        probe_audio(song)

    assert rejection.value.reason == Reason.UNDECODABLE


def test_a_file_of_countless_empty_boxes_is_no_song(tmp_path: Path) -> None:
    song = tmp_path / "boxes.m4a"
    song.write_bytes(mp4_box(b"ftyp", b"M4A ", bytes(4)) + 1_000_001 * mp4_box(b"free"))

    with pytest.raises(TrackRejected, match="over 1000000 boxes") as rejection:
        probe_audio(song)

    assert rejection.value.reason == Reason.UNDECODABLE


def test_a_chunk_may_claim_to_end_where_no_file_can(encode: Encode, tmp_path: Path) -> None:
    content = bytearray(encode("song.caf", "-c:a", "alac").read_bytes())
    struct.pack_into(">4sq", content, content.index(b"chan"), b"junk", 1 << 52)
    song = tmp_path / "claims.caf"
    song.write_bytes(content)

    with suppress(TrackRejected):  # file systems differ in how far one may seek; none is an OSError
        assert probe_audio(song).codec == "alac"
