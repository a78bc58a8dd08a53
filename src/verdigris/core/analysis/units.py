"""Which units were seen: a bitmap of fixed size, so that only a unit's first observation counts."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from verdigris.core.analysis.columns import Flags, Hashes

_BITS = 2**21  # 256 KiB; 100,000 units fill 5 % of it


def _blank() -> npt.NDArray[np.uint8]:
    return np.zeros(_BITS // 8, dtype=np.uint8)


@dataclass(kw_only=True, slots=True)
class Units:
    """Remembers units by one bit of their mixed hash.

    A unit whose bit another one took is never counted. That leaves out units by their label alone, in both roles alike,
    so evidence stays valid; after n units, a share of 1 - exp(-n / 2,097,152) of the new ones is left out.
    """

    bits: npt.NDArray[np.uint8] = field(default_factory=_blank)

    def first(self, units: Hashes, drawn: Flags) -> Flags:
        """Marks the first observation of every unit not seen before; those `drawn` by lot, without a unit, count each."""
        places = mix(units) % np.uint64(_BITS)
        earliest = np.zeros(places.size, dtype=np.bool_)
        known = np.flatnonzero(~drawn)
        earliest[known[np.unique(places[known], return_index=True)[1]]] = True
        byte, bit = (places >> np.uint64(3)).astype(np.int64), (places & np.uint64(7)).astype(np.uint8)
        new = earliest & ((self.bits[byte] << bit) & np.uint8(128) == 0)
        np.bitwise_or.at(self.bits, byte[new], np.uint8(128) >> bit[new])
        counted: Flags = new | drawn
        return counted

    def forget(self) -> None:
        self.bits[:] = 0

    def dump(self) -> str:
        return base64.b64encode(zlib.compress(self.bits.tobytes(), 1)).decode("ascii")

    def restore(self, dumped: str) -> None:
        self.bits = np.frombuffer(zlib.decompress(base64.b64decode(dumped)), dtype=np.uint8).copy()


def mix(hashes: Hashes) -> Hashes:
    """Spreads hashes evenly; the finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        mixed = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
