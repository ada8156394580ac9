"""Acoustic fingerprints: how similar two songs sound, and the keys to look one up by.

A fingerprint is what Chromaprint makes of the chroma of a song: one item of 32 bits each 0.1238 s.
That two recordings are one if few of the bits at their best alignment differ is from Haitsma and
Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002); looking songs up by items
without their lowest bits is AcoustID's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Items: TypeAlias = npt.NDArray[np.uint32]
Positions: TypeAlias = npt.NDArray[np.int64]

# Raise it when the items of a song change: the catalog compares no items of two versions.
FINGERPRINT_VERSION = 2

ITEM_BITS = 32
SAMPLE_RATE = 11_025
HOP = 4096 // 3  # of a third of a window, in samples
ITEM_S = HOP / SAMPLE_RATE

# Chosen on 14 songs of the built-in library, each in ten encodings (mp3 at 64, 128 and 320 kbit/s,
# ogg, opus, m4a, 6 dB up and down, 5 s cut off), and on the 3,486 pairs of its 84 songs. Duplicates
# have a similarity of 0.936 or more and share 18 keys or more; the most similar of different songs
# reach 0.688 and share 2. The bit error rate of 0.35 of Haitsma and Kalker is too much here.
SAME_RECORDING = 0.80
DROPPED_BITS = 8
N_KEYS = 128
N_KEYED_ITEMS = 463  # of the first minute
MIN_SHARED_KEYS = 5

# Of the shorter and of the longer one. A medley is no duplicate: it is most of neither song.
MIN_OVERLAP = 0.75
MIN_OVERLAP_OF_LONGER = 0.6
MIN_ITEMS = 40  # 5 s
MAX_SONGS_PER_KEY = 1000
_OFFSET_BITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The best alignment of two fingerprints.

    ``similarity`` is the share of equal bits where they overlap, about a half for different songs.
    Item ``i + offset_items`` of the first song matches item ``i`` of the second.
    """

    similarity: float
    offset_items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupKeys:
    """The keys that a fingerprint is looked up by, and the items where they first occur.

    ``keys`` is uint32 and distinct, ``positions`` int64, both (n_keys,).
    """

    keys: Items
    positions: Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIndex:
    """The sorted keys of many songs, each with its song (by number) and its position there."""

    keys: Items
    songs: Positions
    positions: Positions


def similarity(one: Items, other: Items) -> Match:
    """Share of equal bits at the best alignment of two fingerprints, uint32 (n_items,).

    It is 0 if one has fewer items than `MIN_ITEMS`, or too few to be most of the other. All
    alignments are compared at once: bits as -1 and 1, correlated by the Fourier transform.
    """
    shorter, longer = sorted((len(one), len(other)))
    least = max(MIN_OVERLAP * shorter, MIN_OVERLAP_OF_LONGER * longer)
    if shorter < max(MIN_ITEMS, least):
        return Match(similarity=0.0, offset_items=0)
    offsets = np.arange(1 - len(other), len(one))
    overlaps = np.minimum(len(one), offsets + len(other)) - np.maximum(0, offsets)
    agreement = _correlate(one, other)[offsets] / (ITEM_BITS * overlaps)
    agreement[overlaps < least] = -1
    best = int(np.argmax(agreement))
    return Match(similarity=float(1 + agreement[best]) / 2, offset_items=int(offsets[best]))


def select_keys(items: Items) -> LookupKeys:
    """Keys of a fingerprint, uint32 (n_items,): duplicates of a recording get the same.

    A key is an item without its lowest 8 bits, which are the first to differ after re-encoding.
    Those with the 128 smallest hashes are kept: the sample depends on the items alone, not on
    where the song begins (Broder 1997, bottom-k sketches).
    """
    distinct, positions = np.unique(items >> DROPPED_BITS, return_index=True)
    chosen = np.argsort(_hash(distinct), kind="stable")[:N_KEYS]
    return LookupKeys(keys=distinct[chosen], positions=positions[chosen].astype(np.int64))


def index_keys(selected: Sequence[LookupKeys]) -> KeyIndex:
    """Index of the keys of songs, which are numbered in their order."""
    keys = np.concatenate([np.empty(0, np.uint32), *(own.keys for own in selected)])
    positions = np.concatenate([np.empty(0, np.int64), *(own.positions for own in selected)])
    songs = np.repeat(np.arange(len(selected)), [len(own.keys) for own in selected])
    return order_keys(keys, songs, positions)


def order_keys(keys: Items, songs: Positions, positions: Positions) -> KeyIndex:
    """Index of keys, each with its song and its position there; all (n_keys,)."""
    order = np.argsort(keys, kind="stable")
    return KeyIndex(keys=keys[order], songs=songs[order], positions=positions[order])


def find_candidates(index: KeyIndex, wanted: LookupKeys) -> Positions:
    """Sorted numbers of the songs that share several keys with the wanted ones at one offset.

    `similarity` decides whether a candidate is the same recording. Keys of more than 1000 songs
    (silence, for one) distinguish nothing and are ignored, which bounds the work. Neighbouring
    offsets count as one, because a cut falls between two items.
    """
    first = np.searchsorted(index.keys, wanted.keys, "left")
    n_songs = np.searchsorted(index.keys, wanted.keys, "right") - first
    n_songs[n_songs > MAX_SONGS_PER_KEY] = 0
    rows = np.repeat(first - (np.cumsum(n_songs) - n_songs), n_songs)
    rows += np.arange(len(rows))
    offsets = index.positions[rows] - np.repeat(wanted.positions, n_songs)
    slots = (index.songs[rows] << _OFFSET_BITS) + offsets + (1 << _OFFSET_BITS - 1)
    found, n_shared = np.unique(np.concatenate([slots, slots + 1]), return_counts=True)
    return np.unique(found[n_shared >= MIN_SHARED_KEYS] >> _OFFSET_BITS)


def _correlate(one: Items, other: Items) -> npt.NDArray[np.float64]:
    """Equal bits less the unequal ones at each offset, the negative offsets at the end."""
    n_points = 1 << (len(one) + len(other)).bit_length()
    shifts = np.arange(ITEM_BITS, dtype=np.uint32)[:, np.newaxis]
    signs = [np.where((items >> shifts) & 1 == 1, 1.0, -1.0) for items in (one, other)]
    spectra = [np.fft.rfft(rows, n_points) for rows in signs]  # a row a bit
    product = (spectra[0] * spectra[1].conj()).sum(axis=0)
    agreement: npt.NDArray[np.float64] = np.rint(np.fft.irfft(product, n_points))
    return agreement


def _hash(keys: Items) -> Items:
    """Scatter keys evenly (the multiplier is that of Knuth, TAOCP 6.4), whatever their bits."""
    scattered = (keys ^ (keys >> 15)) * np.uint32(2654435761)
    return (scattered ^ (scattered >> 13)).astype(np.uint32)
