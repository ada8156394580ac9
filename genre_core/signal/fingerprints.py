"""Acoustic fingerprints: how alike two songs sound, and what to look one up by.

A fingerprint is what Chromaprint makes of the chroma of a song: one item of 32 bits each 0.1238 s.
That two recordings are one if few of the bits at their best alignment differ is from Haitsma and
Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002); looking songs up by items
without their lowest bits is AcoustID's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Items: TypeAlias = npt.NDArray[np.uint32]
Positions: TypeAlias = npt.NDArray[np.int64]

ITEM_BITS = 32
ITEM_S = 1365 / 11025  # a step of a third of 4096 samples, at Chromaprint's rate

# Chosen on 14 songs of the built-in library, each in ten copies (mp3 at 64, 128 and 320 kbit/s,
# ogg, opus, m4a, 6 dB up and down, 5 s cut off), and on the 3,486 pairs of its 84 songs. Copies are
# alike to 0.936 or more and share 18 keys or more; the most alike of different songs reach 0.688
# and share 2. The bit error rate of 0.35 of Haitsma and Kalker would be too much for these items.
SAME_RECORDING = 0.80
DROPPED_BITS = 8
N_KEYS = 128
FEWEST_SHARED_KEYS = 5

# Of the shorter and of the longer one. A medley is no copy of two songs: neither is most of it.
LEAST_OVERLAP = 0.75
LEAST_OVERLAP_OF_LONGER = 0.6
FEWEST_ITEMS = 40  # 5 s
MOST_HOLDERS = 1000
_OFFSET_BITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The best alignment of two fingerprints.

    Attributes
    ----------
    similarity : float
        The share of equal bits where they overlap, 0..1; about a half for unlike songs.
    offset_items : int
        How many items the first song is ahead: its item ``i + offset_items`` sounds like item
        ``i`` of the second. Positive if the beginning of the second was cut off.
    """

    similarity: float
    offset_items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """The keys that a fingerprint is looked up by, and the items where they first stand.

    ``keys`` is uint32 and distinct, ``positions`` int64, both [shape=(n_keys,)].
    """

    keys: Items
    positions: Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIndex:
    """The keys of many songs in order, each with its song (by number) and its place there.

    All three arrays are [shape=(n_songs * n_keys,)].
    """

    keys: Items
    songs: Positions
    positions: Positions


def similarity(one: Items, other: Items) -> Match:
    """Give the share of equal bits at the best alignment of two fingerprints.

    Parameters
    ----------
    one, other : uint32 [shape=(n_items,)]
        Fingerprints, not of the same length as a rule.

    Returns
    -------
    Match
        Similarity 0 if one of them is too short to tell (`FEWEST_ITEMS`), or to be most of the
        other.

    Notes
    -----
    All alignments at which three quarters of the shorter and six tenths of the longer one overlap
    are weighed at once: bits as -1 and 1, correlated by the Fourier transform of each of 32 rows.
    """
    shorter, longer = sorted((len(one), len(other)))
    least = max(LEAST_OVERLAP * shorter, LEAST_OVERLAP_OF_LONGER * longer)
    if shorter < max(FEWEST_ITEMS, least):
        return Match(similarity=0.0, offset_items=0)
    offsets = np.arange(1 - len(other), len(one))
    overlaps = np.minimum(len(one), offsets + len(other)) - np.maximum(0, offsets)
    agreement = _correlate(one, other)[offsets] / (ITEM_BITS * overlaps)
    agreement[overlaps < least] = -1
    best = int(np.argmax(agreement))
    return Match(similarity=float(1 + agreement[best]) / 2, offset_items=int(offsets[best]))


def _correlate(one: Items, other: Items) -> npt.NDArray[np.float64]:
    """Give the equal bits less the unequal ones at each offset, the negative ones at the end."""
    n_points = 1 << (len(one) + len(other)).bit_length()
    spectra = [np.fft.rfft(_signs(items), n_points) for items in (one, other)]
    product = (spectra[0] * spectra[1].conj()).sum(axis=0)
    agreement: npt.NDArray[np.float64] = np.rint(np.fft.irfft(product, n_points))
    return agreement


def _signs(items: Items) -> npt.NDArray[np.float64]:
    """Spread items into bits of -1 and 1.  # (ITEM_BITS, n_items)."""
    bits = (items[np.newaxis] >> np.arange(ITEM_BITS, dtype=np.uint32)[:, np.newaxis]) & 1
    return np.where(bits == 1, 1.0, -1.0)


def sketch(items: Items) -> Sketch:
    """Choose the keys of a fingerprint: a sample that copies of a recording choose alike.

    Parameters
    ----------
    items : uint32 [shape=(n_items,)]

    Notes
    -----
    A key is an item without its lowest 8 bits, which are the first to differ after re-encoding.
    Of the distinct ones, those with the 128 smallest hashes are kept: what the sample holds
    depends on the items alone, not on where the song begins (Broder 1997, bottom-k sketches).
    """
    distinct, positions = np.unique(items >> DROPPED_BITS, return_index=True)
    chosen = np.argsort(_hash(distinct), kind="stable")[:N_KEYS]
    return Sketch(keys=distinct[chosen], positions=positions[chosen].astype(np.int64))


def index_keys(sketches: Sequence[Sketch]) -> KeyIndex:
    """Put the keys of songs in order; the songs are numbered as they come."""
    keys = _join([sketch.keys for sketch in sketches], np.uint32)
    sizes = [len(sketch.keys) for sketch in sketches]
    songs = np.repeat(np.arange(len(sketches), dtype=np.int64), sizes)
    positions = _join([sketch.positions for sketch in sketches], np.int64)
    return order_keys(keys, songs, positions)


def order_keys(keys: Items, songs: Positions, positions: Positions) -> KeyIndex:
    """Put keys in order, each with its song and its place there; all [shape=(n_keys,)]."""
    order = np.argsort(keys, kind="stable")
    return KeyIndex(keys=keys[order], songs=songs[order], positions=positions[order])


def find_candidates(index: KeyIndex, wanted: Sketch) -> Positions:
    """Give the songs that share several keys with a sketch at one offset.

    Parameters
    ----------
    index : KeyIndex
        The songs to search; its cost is that of a binary search a key.
    wanted : Sketch
        The song to look up.

    Returns
    -------
    int64 [shape=(n_candidates,)]
        Numbers of songs in order. Only `similarity` tells whether they are the same recording.

    Notes
    -----
    Keys held by more than 1000 songs (silence, for one) are passed over: they tell nothing, and
    bound the work. Neighbouring offsets count as one, because a cut falls between two items.
    """
    first = np.searchsorted(index.keys, wanted.keys, "left")
    n_holders = np.searchsorted(index.keys, wanted.keys, "right") - first
    n_holders[n_holders > MOST_HOLDERS] = 0
    rows = np.repeat(first - (np.cumsum(n_holders) - n_holders), n_holders)
    rows += np.arange(len(rows))
    offsets = index.positions[rows] - np.repeat(wanted.positions, n_holders)
    slots = (index.songs[rows] << _OFFSET_BITS) + offsets + (1 << _OFFSET_BITS - 1)
    found, n_shared = np.unique(np.concatenate([slots, slots + 1]), return_counts=True)
    return np.unique(found[n_shared >= FEWEST_SHARED_KEYS] >> _OFFSET_BITS)


def _hash(keys: Items) -> Items:
    """Scatter keys evenly (the multiplier is that of Knuth, TAOCP 6.4), whatever their bits."""
    scattered = (keys ^ (keys >> 15)) * np.uint32(2654435761)
    return (scattered ^ (scattered >> 13)).astype(np.uint32)


def _join(arrays: Sequence[npt.NDArray[Any]], dtype: type) -> npt.NDArray[Any]:
    return np.concatenate([np.empty(0, dtype), *arrays])
