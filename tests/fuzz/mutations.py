"""Ways to spoil a file: drawn by Hypothesis, the same for the same draw."""

from hypothesis import strategies as st

Piece = bytes


def _flip(content: bytearray, place: int, mask: int) -> None:
    content[place % len(content)] ^= mask


def _overwrite(content: bytearray, place: int, piece: Piece) -> None:
    start = place % len(content)
    content[start : start + len(piece)] = piece


def _insert(content: bytearray, place: int, piece: Piece) -> None:
    start = place % len(content)
    content[start:start] = piece


def _remove(content: bytearray, place: int, piece: Piece) -> None:
    start = place % len(content)
    del content[start : start + 37 * len(piece)]


def _cut(content: bytearray, place: int, _piece: Piece) -> None:
    del content[place % len(content) :]


def _splice(content: bytearray, place: int, piece: Piece) -> None:
    """Copy a segment of the file to another place of it."""
    other = int.from_bytes(piece[:4], "little") % len(content)
    _insert(content, place, content[other : other + 1 + 64 * len(piece)])


_WAYS = (_overwrite, _insert, _cut, _remove, _splice)
# Headers decide more than sound does: half of the places lie in the first 200 bytes.
_PLACES = st.one_of(st.integers(0, 200), st.integers(0, 1 << 24))
_NUMBERS = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
# What tables, archives and settings are made of, or stumble over.
_WORDS = st.sampled_from(
    b'" , \t \r\n \n\n \\ \0 { [[ = ../ http:// nan true 1e999 -1 \xef\xbb\xbf \xed\xa0\x80'.split(
        b" "
    )
)
_PIECES = st.one_of(
    st.binary(min_size=1, max_size=64),
    _NUMBERS.map(lambda number: number.to_bytes(4, "big")),
    _NUMBERS.map(lambda number: number.to_bytes(4, "little")),
    st.just(b"\0" * 64),
    st.just(b"\xff" * 64),
    _WORDS,
)
_CHANGES = st.one_of(
    st.tuples(st.just(_flip), _PLACES, st.sampled_from([1 << bit for bit in range(8)])),
    st.tuples(st.sampled_from(_WAYS), _PLACES, _PIECES),
)
CHANGES = st.lists(_CHANGES, min_size=1, max_size=6)


def spoil(content: bytes, changes: list) -> bytes:
    """Apply changes one after the other; what is empty stays so."""
    spoilt = bytearray(content)
    for change, place, piece in changes:
        if spoilt:
            change(spoilt, place, piece)
    return bytes(spoilt)
