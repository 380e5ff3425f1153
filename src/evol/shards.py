"""Shards: which seeds are whose, and where they stand in the whole list. Pure.

A seed belongs to shard i of N by a hash of its id alone, so the parts stay what they are wherever the seeds stand in
the file, and a seed that is added later moves no other one. Positions are kept as gaps, about four bits each, so that
`collect` can restore the order of the whole list from the shards alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_BLOCK = 1 << 16
_MOST_SHIFT = 63  # bits of a gap
_SPEC = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)


@dataclass(frozen=True)
class ShardSpec:
    """Shard `index` of `count`, written `index/count`; the first one is 1."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def owns(self, seed_id: str) -> bool:
        """Whether a seed belongs to this shard."""
        draw = int.from_bytes(hashlib.sha256(b"shard:" + seed_id.encode()).digest()[:8], "big")
        return draw % self.count == self.index - 1


def parse_shard(text: str) -> ShardSpec:
    """Read "i/N".

    Raises:
        ValueError: with one sentence that says what is wrong.
    """
    if not (found := _SPEC.fullmatch(text.strip())):
        raise ValueError("write i/N, such as 2/4 for the second of four shards")
    spec = ShardSpec(int(found[1]), int(found[2]))
    if not spec.count:
        raise ValueError("there must be at least one shard")
    if not 1 <= spec.index <= spec.count:
        hint = "; add 1 to an index that begins at 0" if not spec.index else ""
        raise ValueError(f"shards are numbered from 1 to {spec.count}{hint}")
    return spec


class PositionPacker:
    """Packs ascending positions (from 0) as they come; `freeze` gives the text that `unpack_positions` reads."""

    def __init__(self) -> None:
        self._packed = bytearray()
        self._next = 0
        self.count = 0

    def add(self, position: int) -> None:
        """Take the next position; it must be larger than all before."""
        gap, self._next = position - self._next, position + 1
        if gap < 0:
            raise ValueError("positions must ascend")
        while gap > 127:  # LEB128: seven bits a byte, the eighth says that there are more
            self._packed.append(gap & 127 | 128)
            gap >>= 7
        self._packed.append(gap)
        self.count += 1

    def freeze(self) -> str:
        """Base64 of the deflated gaps."""
        return base64.b64encode(zlib.compress(bytes(self._packed), 9)).decode()


def pack_positions(positions: Iterable[int]) -> str:
    """Ascending positions as text."""
    packer = PositionPacker()
    for position in positions:
        packer.add(position)
    return packer.freeze()


def unpack_positions(text: str) -> Iterator[int]:
    """Yield the positions of a packed text, ascending.

    Raises:
        ValueError: not such a text.
    """
    try:
        packed = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("no packed positions") from None
    position = gap = shift = 0
    for byte in _inflate(packed):
        gap |= (byte & 127) << shift
        shift += 7
        if shift > _MOST_SHIFT:
            raise ValueError("no packed positions")
        if byte < 128:
            position += gap
            yield position
            position, gap, shift = position + 1, 0, 0
    if shift:
        raise ValueError("no packed positions")


def _inflate(packed: bytes) -> Iterator[int]:
    """Yield the bytes of a deflated text; a small one may come to more than fits the memory."""
    inflater = zlib.decompressobj()
    try:
        while not inflater.eof:
            block = inflater.decompress(packed, _BLOCK)
            if not block and not inflater.unconsumed_tail:
                break
            packed = inflater.unconsumed_tail
            yield from block
    except zlib.error:
        raise ValueError("no packed positions") from None
    if not inflater.eof:
        raise ValueError("no packed positions")
