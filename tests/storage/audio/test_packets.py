"""What the packets of a file are together, against the definition, packet by packet."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from storage.audio.probe import open_audio, scan_packets

Encode = Callable[..., Path]
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
    """Give length and digest by asking every packet for all that it says of itself."""
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


def test_the_padding_of_an_mp3_counts_where_another_song_is_hung_on(
    encode: Encode, tmp_path: Path
) -> None:
    song = tmp_path / "two.mp3"
    song.write_bytes(encode("song.mp3", "-b:a", "128k").read_bytes() * 2)

    with open_audio(song) as (container, stream):
        packets = scan_packets(container, stream, song)

    assert (packets.duration_s, packets.packets_id) == spell_out(song)
