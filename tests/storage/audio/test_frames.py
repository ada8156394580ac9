"""Frames of an mp3 are followed from header to header, and nothing else may stand between them."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from storage.audio.seek import holds_only_frames, leads_to_end

Encode = Callable[..., Path]
ID3V1 = b"TAG" + b"song".ljust(125, b"\0")
APE = b"APETAGEX" + bytes(24)


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

    assert leads_to_end(song)
    assert holds_only_frames(song)


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
