"""Facts of real files, and what is no audio."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from storage.audio.probe import container_suffix, probe_audio

Encode = Callable[..., Path]

FORMATS = [
    ("song.mp3", ["-b:a", "192k"], "mp3", ".mp3", 44_100),
    ("song.ogg", ["-c:a", "libvorbis"], "vorbis", ".ogg", 44_100),
    ("song.opus", ["-c:a", "libopus"], "opus", ".opus", 48_000),
    ("song.m4a", ["-c:a", "aac"], "aac", ".m4a", 44_100),
    ("song.flac", [], "flac", ".flac", 44_100),
    ("song.webm", ["-c:a", "libopus"], "opus", ".webm", 48_000),
    ("song.wma", [], "wmav2", ".wma", 44_100),
    ("song.aiff", [], "pcm_s16be", ".aiff", 44_100),
]


@pytest.mark.parametrize(("name", "options", "codec", "suffix", "sample_rate"), FORMATS)
def test_codec_rate_channels_and_container_are_recognised(
    encode: Encode, name: str, options: list[str], codec: str, suffix: str, sample_rate: int
) -> None:
    song = encode(name, *options)

    facts = probe_audio(song)

    assert (facts.codec, facts.sample_rate, facts.channels) == (codec, sample_rate, 2)
    assert container_suffix(song) == suffix


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a", "song.flac", "song.opus", "song.aiff"])
def test_padding_of_the_encoder_is_not_counted(encode: Encode, name: str) -> None:
    facts = probe_audio(encode(name))

    assert facts.duration_s == pytest.approx(12.0, abs=1e-6)


def test_the_bit_rate_is_that_of_the_packets(encode: Encode) -> None:
    facts = probe_audio(encode("song.mp3", "-b:a", "192k", "-metadata", f"title={'x' * 90_000}"))

    assert facts.bit_rate == pytest.approx(192_000, rel=0.02)


@pytest.mark.parametrize("name", ["song.mp3", "song.flac", "song.ogg", "song.opus"])
def test_tags_are_read_in_any_script_and_case(encode: Encode, name: str) -> None:
    tags = [
        "ARTIST=Ada",
        "album=Notes",
        "title=Ünïcode 歌",
        "date=1959-08-17",
        "publisher=Columbia",
    ]
    song = encode(name, *(option for tag in tags for option in ("-metadata", tag)))

    facts = probe_audio(song)

    assert (facts.artist, facts.album, facts.title) == ("Ada", "Notes", "Ünïcode 歌")
    assert (facts.year, facts.publisher) == (1959, "Columbia")


@pytest.mark.parametrize(
    ("date", "year"), [("19590817", 1959), ("17 August 2001", 2001), ("195908", 0), ("59", 0)]
)
def test_a_year_is_taken_where_four_digits_stand_alone(
    encode: Encode, date: str, year: int
) -> None:
    facts = probe_audio(encode("song.flac", "-metadata", f"date={date}"))

    assert (facts.year, facts.publisher) == (year, "")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, []) for name in ("song.ogg", "song.webm", "song.wma", "song.aac")),
        ("song.mp3", ["-q:a", "3", "-write_xing", "0"]),
    ],
)
def test_length_is_known_to_within_a_packet(encode: Encode, name: str, options: list[str]) -> None:
    facts = probe_audio(encode(name, *options))

    assert facts.duration_s == pytest.approx(12.0, abs=0.05)


@pytest.mark.parametrize(("name", "options"), [(name, options) for name, options, *_ in FORMATS])
def test_a_file_that_was_tagged_anew_has_the_same_packets(
    encode: Encode, name: str, options: list[str]
) -> None:
    song = encode(name, *options)

    title = f"title={'Other ' * 50}"
    tagged = encode(name, "-i", str(song), "-map", "1", "-c", "copy", "-metadata", title)
    if name == "song.mp3":
        tagged.write_bytes(tagged.read_bytes() + b"TAG" + b"Other".ljust(125, b"\0"))

    assert tagged.read_bytes() != song.read_bytes()
    assert probe_audio(tagged).packets_id == probe_audio(song).packets_id


def test_packets_are_digested_after_what_they_mean(sweep_wav: Path) -> None:
    facts = probe_audio(sweep_wav)

    samples, _ = soundfile.read(sweep_wav, dtype="int16")
    digest = hashlib.sha256(b"pcm_s16le 44100 2" + samples.astype("<i2").tobytes())
    assert facts.packets_id == digest.hexdigest()


def test_a_playlist_cannot_point_at_other_files(sweep_mp3: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "song.mp3"
    playlist.write_text(f"#EXTM3U\n#EXTINF:12,\n{sweep_mp3}\n#EXT-X-ENDLIST\n")

    with pytest.raises(TrackRejected) as rejection:
        probe_audio(playlist)

    assert rejection.value.reason == Reason.NOT_AUDIO


def test_a_header_without_sound_is_truncated(sweep_wav: Path, tmp_path: Path) -> None:
    header = tmp_path / "header.wav"
    header.write_bytes(sweep_wav.read_bytes()[:44])

    with pytest.raises(TrackRejected) as rejection:
        probe_audio(header)

    assert rejection.value.reason == Reason.TRUNCATED
