"""Songs whose stream begins anew in the middle: chained Ogg, and mp3 of changing frames."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from genre_core.signal.fingerprints import SAME_RECORDING, Items, similarity
from storage.audio import links
from storage.audio.decode import read_fragments
from storage.audio.fingerprint import fingerprint_song
from storage.audio.links import find_links
from storage.audio.probe import probe_audio
from storage.audio.seek import can_seek

Encode = Callable[..., Path]

# rate, channels, seconds and tone of each link
LINKS = [(44_100, 2, 5.0, 400), (44_100, 2, 3.0, 700), (48_000, 2, 4.0, 1_000), (32_000, 1, 3, 550)]
LENGTH_S = 15.0
OGG = [("ogg", ["-c:a", "libvorbis"]), ("opus", ["-c:a", "libopus"]), ("oga", ["-c:a", "flac"])]
MP3 = ("-b:a", "64k", "-write_xing", "0", "-id3v2_version", "0")


def chain(encode: Encode, suffix: str, *options: str) -> Path:
    """Encode the links one by one and put them one behind the other."""
    content = b""
    for sample_rate, channels, link_s, hz in LINKS:
        tone = f"aevalsrc=0.5*sin(2*PI*{hz}*t):s={sample_rate}:d={link_s}"
        source = ("-f", "lavfi", "-i", tone, "-map", "1:a", "-ac", str(channels))
        content += encode(f"link.{suffix}", *source, *options).read_bytes()
    song = encode(f"song.{suffix}")
    song.write_bytes(content)
    return song


def tones_of(song: Path, starts_s: list[float]) -> list[int]:
    fragments = read_fragments(song, probe_audio(song), starts_s, 1.0)
    return np.abs(np.fft.rfft(fragments)).argmax(axis=1).tolist()


@pytest.mark.parametrize(("suffix", "options"), OGG)
def test_every_link_of_a_chained_ogg_is_used_at_one_rate(
    encode: Encode, suffix: str, options: list[str]
) -> None:
    song = chain(encode, suffix, *options)

    facts = probe_audio(song)

    assert len(find_links(song)) == len(LINKS)
    assert facts.duration_s == pytest.approx(LENGTH_S, abs=1e-4)
    assert tones_of(song, [2.0, 5.5, 9.0, 13.5]) == [400, 700, 1_000, 550]
    whole = read_fragments(song, facts, [0.0], LENGTH_S)[0]
    # the tone of the third link, sample by sample, far from where it begins and ends
    # (-3 dB in each of the two channels that the encoder makes of one)
    ideal = 0.5 * np.sqrt(0.5) * np.sin(2 * np.pi * 1_000 * np.arange(88_200) / 44_100)
    np.testing.assert_allclose(whole[9 * 44_100 : 11 * 44_100], ideal, atol=0.05)
    alone = read_fragments(song, facts, [9.0], 1.0)[0]
    np.testing.assert_allclose(alone, whole[9 * 44_100 : 10 * 44_100], atol=1e-6)


@pytest.mark.parametrize(("suffix", "options"), OGG)
def test_a_chain_that_ends_within_a_page_is_truncated(
    encode: Encode, suffix: str, options: list[str]
) -> None:
    song = chain(encode, suffix, *options)
    os.truncate(song, song.stat().st_size - 1_000)

    with pytest.raises(TrackRejected, match=r"ends within a page, after 1\d") as rejection:
        probe_audio(song)

    assert rejection.value.reason == Reason.TRUNCATED


def test_streams_side_by_side_are_one_link(encode: Encode) -> None:
    song = encode("song.ogg", "-map", "0:a", "-map", "0:a", "-c:a", "libvorbis")

    assert find_links(song) == [None]
    assert probe_audio(song).duration_s == pytest.approx(12.0, abs=1e-4)


def test_the_links_of_a_song_are_bounded(encode: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_MAX_LINKS", 3)

    with pytest.raises(TrackRejected, match="chains over 3 streams"):
        probe_audio(chain(encode, "ogg", "-c:a", "libvorbis"))


@pytest.mark.parametrize("suffix", ["mp3", "mp2", "ac3"])
def test_frames_that_change_rate_and_channels_are_used_at_one_rate(
    encode: Encode, suffix: str
) -> None:
    song = chain(encode, suffix, *(MP3 if suffix == "mp3" else ()))

    assert not can_seek(song, probe_audio(song))
    assert probe_audio(song).duration_s == pytest.approx(LENGTH_S, abs=0.3)  # delays of the links
    assert tones_of(song, [2.0, 5.5, 9.5, 13.5]) == [400, 700, 1_000, 550]


_READ = """
import sys
from pathlib import Path
from storage.audio.decode import read_fragments
from storage.audio.probe import probe_audio

song = Path(sys.argv[1])
read_fragments(song, probe_audio(song), [1.0, 9.0], 1.0)
"""


def test_an_mp3_of_changing_frames_writes_nothing_to_the_terminal(encode: Encode) -> None:
    song = chain(encode, "mp3", *MP3)

    command = [sys.executable, "-c", _READ, str(song)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)

    assert run.stdout + run.stderr == ""


def fingerprint(song: Path) -> Items:
    return fingerprint_song(song, probe_audio(song))


@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a", "ac3", "ogg"])
def test_six_channels_have_the_fingerprint_of_their_stereo(
    encode: Encode, tmp_path: Path, suffix: str
) -> None:
    noise = np.random.default_rng(0).standard_normal(44_100 * 20)
    shaped = np.sin(np.cumsum(0.02 + 0.1 * (np.arange(len(noise)) // 9_000 * 7 % 11) / 11))
    sound = 0.3 * shaped + 0.02 * noise
    soundfile.write(tmp_path / "six.wav", np.outer(sound, np.ones(6)), 44_100)
    soundfile.write(tmp_path / "stereo.wav", np.outer(sound, np.ones(2)), 44_100)

    song = encode(f"song.{suffix}", "-i", str(tmp_path / "six.wav"), "-map", "1:a")

    match = similarity(fingerprint(song), fingerprint(tmp_path / "stereo.wav"))
    assert match.similarity > SAME_RECORDING


def test_the_fingerprint_of_a_chain_is_that_of_all_its_links(
    encode: Encode, tmp_path: Path
) -> None:
    song = chain(encode, "oga", "-c:a", "flac")
    sound = read_fragments(song, probe_audio(song), [0.0], LENGTH_S)[0]
    soundfile.write(tmp_path / "plain.wav", sound, 44_100, subtype="FLOAT")

    assert fingerprint(song).tolist() == fingerprint(tmp_path / "plain.wav").tolist()
    assert fingerprint(song).size > 80  # 15 s have 102 less 19
