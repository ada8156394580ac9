"""The General MIDI soundfont that pretty_midi carries, made fit for symusic.

symusic 0.5.9 overlooks the *overriding root key* of a zone, so that a piano sounds up to two
octaves wrong. Writing that key into the header of the sample itself says the same in the one way
that symusic reads. Chunks and generators: SoundFont Technical Specification 2.04, chapters 7 and 8.
"""

import struct
from importlib.util import find_spec
from pathlib import Path

_SAMPLE_ID = 53
_ROOT_KEY = 58
_GENERATOR = struct.Struct("<HH")
_HEADER_BYTES = 46
_ROOT_KEY_AT = 40  # within a sample header


def find_soundfont() -> Path:
    """The path of ``TimGM6mb.sf2`` inside the installed pretty_midi.

    Raises
    ------
    FileNotFoundError
        If pretty_midi is missing or carries no soundfont.
    """
    package = find_spec("pretty_midi")
    folders = package.submodule_search_locations if package else None
    for folder in folders or ():
        font = Path(folder) / "TimGM6mb.sf2"
        if font.is_file():
            return font
    raise FileNotFoundError("TimGM6mb.sf2 is not there; it comes with the package pretty-midi.")


def write_tuned_soundfont(source: Path, target: Path) -> None:
    """Write a copy of a soundfont in which every zone's root key stands in its sample's header."""
    font = source.read_bytes()
    chunks = _chunks(font)
    generators = bytearray(font[slice(*chunks[b"igen"])])
    headers = font[slice(*chunks[b"shdr"])]
    tuned = _tune_zones(generators, headers)
    pdta_start, pdta_end = chunks[b"pdta"]
    pdta = bytearray(font[pdta_start:pdta_end])
    at = chunks[b"igen"][0] - pdta_start
    pdta[at : at + len(generators)] = generators
    shdr_at = chunks[b"shdr"][0] - pdta_start
    pdta[shdr_at - 4 :] = struct.pack("<I", len(tuned)) + tuned
    body = font[8 : pdta_start - 4] + struct.pack("<I", len(pdta)) + bytes(pdta)
    # ``pdta`` is the last list of a soundfont, and ``shdr`` the last chunk in it.
    target.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def _chunks(font: bytes) -> dict[bytes, tuple[int, int]]:
    """Where the content of each chunk starts and ends; a list starts at its name."""
    found: dict[bytes, tuple[int, int]] = {}
    at = 12
    while at < len(font):
        name, size = struct.unpack_from("<4sI", font, at)
        start = at + 8
        if name == b"LIST":
            found[font[start : start + 4]] = (start, start + size)
            at = start + 4
        else:
            found[name] = (start, start + size)
            at = start + size + size % 2
    return found


def _tune_zones(generators: bytearray, headers: bytes) -> bytes:
    """Point each zone with a root key to a sample header of its own; return all headers."""
    terminal = headers[-_HEADER_BYTES:]
    tuned = bytearray(headers[:-_HEADER_BYTES])
    known: dict[tuple[int, int], int] = {}
    root_key = None
    for at in range(0, len(generators), _GENERATOR.size):
        kind, amount = _GENERATOR.unpack_from(generators, at)
        if kind == _ROOT_KEY:
            root_key = amount
        if kind != _SAMPLE_ID:
            continue
        if root_key is not None and root_key <= 127:  # a sample ends its zone
            sample = known.setdefault((amount, root_key), len(tuned) // _HEADER_BYTES)
            if sample * _HEADER_BYTES == len(tuned):
                tuned += _with_root_key(headers, amount, root_key)
            _GENERATOR.pack_into(generators, at, kind, sample)
        root_key = None
    return bytes(tuned + terminal)


def _with_root_key(headers: bytes, sample: int, root_key: int) -> bytes:
    """The header of a sample with another root key."""
    header = bytearray(headers[sample * _HEADER_BYTES : (sample + 1) * _HEADER_BYTES])
    header[_ROOT_KEY_AT] = root_key
    return bytes(header)
