"""Indices of 1 and 4 bits as bytes; pure."""

from __future__ import annotations

from functools import cache

from charly_vm.probe.spice.reader import Buffer


def expand_bits(row: Buffer, width: int, *, high_first: bool) -> bytes:
    """A byte of 0 or 1 for each of the first `width` bits."""
    return b"".join(map(_bits(high_first).__getitem__, row))[:width]


def expand_nibbles(row: Buffer, width: int, *, high_first: bool) -> bytes:
    """A byte of 0 to 15 for each of the first `width` half bytes."""
    return b"".join(map(_nibbles(high_first).__getitem__, row))[:width]


@cache
def _bits(high_first: bool) -> list[bytes]:
    order = range(7, -1, -1) if high_first else range(8)
    return [bytes(byte >> bit & 1 for bit in order) for byte in range(256)]


@cache
def _nibbles(high_first: bool) -> list[bytes]:
    if high_first:
        return [bytes((byte >> 4, byte & 15)) for byte in range(256)]
    return [bytes((byte & 15, byte >> 4)) for byte in range(256)]


REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in the other order, for `bytes.translate`."""
