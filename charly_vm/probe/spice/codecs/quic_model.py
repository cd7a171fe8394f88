"""QUIC's codes and statistics: what sender and receiver compute alike from the pixels so far.

The algorithm is SFALIC of Roman Starosolski ("Simple fast and adaptive lossless image compression
algorithm", 2007), with runs coded as MELCODE does, for 8 and for 5 bits per colour.

A code word is a Golomb-Rice word: zeros, a one, and `code` bits. Words that would have too many
zeros are replaced by a fixed number of zeros and the value itself. Which of a family's codes is
the shortest is counted for each bucket, a range of values of the pixel before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

_LONGEST_WORD = 26

PEEK_BITS = 12
"""How much of the input a table of words looks at; longer words are taken apart."""

MAX_WAIT_INDEX = 6
NEXT_WAIT_INDEX = 2048
"""Pixels, after which statistics are looked at more seldom."""

_HALVE_ABOVE = (110, 550, 900, 800, 550, 400, 350)
"""By the wait index: the count at which a bucket's counters are halved."""

_WAITS = bytes.fromhex(
    "021713150712280e0c202f2c2406120b04132a1d103f39331003050e0f1e1409"
    "242d03393d000805290e2b1b2b3b1f23273c2a260d363e011a030b3d34220730"
    "043b160c160832040a062c080b2e1f333511012b2e3c24360a1b272c16291702"
    "2c0028352830102b201c210c1402383e373a12140d37261d391331212f3f3b00"
    "233d13192e263c0423011a281c0a050e19123031143b3e222e072134223a091d"
    "08373e3c2524253206030a1c30181a3d391e0b360206322f07112335200c1711"
    "05153137332d341b2719273f16182a343826292938200d181a331b383a25182a"
    "0f1c111e1f0f101719362122011d1f323515310f2f09003a252d1e0d092d3f15"
)
"""The pseudo-random numbers that say when statistics are next looked at. No mask of a wait index
has more than six bits, so these are the lower six of the table's words."""

_RUN_BITS = bytes.fromhex("00000000010101010202020203030303040405050606070708090a0b0c0d0e0f")
"""MELCODE's states: how many bits the length of a run is expected to need."""


@dataclass(frozen=True)
class Family:
    """The codes for colours of so many bits, and what goes with them."""

    bits: int
    tables: tuple[tuple[int, ...], ...]
    """By code and the next `PEEK_BITS` of the input: the word's length times 256, and its value;
    0 where the word is longer than that."""
    lengths: tuple[tuple[int, ...], ...]
    """By value and code: how long the word is."""
    buckets: bytes
    """By value: its bucket."""
    unfolded: tuple[int, ...]
    """By value: the difference it stands for, modulo the number of colours."""

    def long_word(self, code: int, word: int) -> tuple[int, int]:
        """The length and value of the word at the top of 32 bits."""
        return _word(self.bits, code, word)


@cache
def family(bits: int) -> Family:
    """The family for 8 or 5 bits."""
    top = (1 << bits) - 1
    tables = tuple(
        tuple(_entry(bits, code, start << 32 - PEEK_BITS) for start in range(1 << PEEK_BITS))
        for code in range(bits)
    )
    lengths = tuple(
        tuple(_length(bits, code, value) for code in range(bits)) for value in range(top + 1)
    )
    unfolded = tuple(top - (value >> 1) if value & 1 else value >> 1 for value in range(top + 1))
    return Family(bits, tables, lengths, _buckets(bits), unfolded)


def _zeros(bits: int, code: int) -> int:
    """The number of zeros that stands for a value written out."""
    return min(_LONGEST_WORD - bits, (1 << bits - code) - 1)


def _suffix(bits: int, code: int) -> int:
    """How many bits such a value has."""
    rest = (1 << bits) - (_zeros(bits, code) << code)
    return (rest - 1).bit_length()


def _length(bits: int, code: int, value: int) -> int:
    zeros = _zeros(bits, code)
    if value < zeros << code:
        return (value >> code) + 1 + code
    return zeros + _suffix(bits, code)


def _word(bits: int, code: int, word: int) -> tuple[int, int]:
    zeros = _zeros(bits, code)
    top = (1 << bits) - 1
    leading = 32 - word.bit_length()
    if leading < zeros:
        length = leading + 1 + code
        return length, (leading << code | word >> 32 - length & (1 << code) - 1) & top
    suffix = _suffix(bits, code)
    length = zeros + suffix
    return length, (zeros << code) + (word >> 32 - length & (1 << suffix) - 1) & top


def _entry(bits: int, code: int, word: int) -> int:
    length, value = _word(bits, code, word)
    return length << 8 | value if length <= PEEK_BITS else 0


def _buckets(bits: int) -> bytes:
    """Buckets of 1, 2, 4, 8 … values; the last takes what would be less than the next."""
    top = 1 << bits
    buckets = bytearray()
    size = 1
    number = 0
    while len(buckets) < top:
        end = len(buckets) + size
        if end + size > top:
            end = top
        buckets += bytes([number]) * (end - len(buckets))
        number += 1
        size *= 2
    return bytes(buckets)


@dataclass
class Statistics:
    """Which code is the best for each bucket, for one colour."""

    family: Family
    tables: list[tuple[int, ...]] = field(init=False)
    """By bucket: the table of its best code."""
    codes: list[int] = field(init=False)
    _counters: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        bits, count = self.family.bits, self.family.buckets[-1] + 1
        self.codes = [bits - 1] * count
        self.tables = [self.family.tables[bits - 1]] * count
        self._counters = [[0] * bits for _ in range(count)]

    def update(self, before: int, value: int, halve_above: int) -> None:
        """Count what `value` would have cost in each code, after a value of `before`."""
        bucket = self.family.buckets[before]
        counters = self._counters[bucket]
        for code, length in enumerate(self.family.lengths[value]):
            counters[code] += length
        least = min(counters)
        # Of equals the highest.
        best = len(counters) - 1 - counters[::-1].index(least)
        self.codes[bucket] = best
        self.tables[bucket] = self.family.tables[best]
        if least > halve_above:
            counters[:] = [count >> 1 for count in counters]


@dataclass
class Pace:
    """How often statistics are looked at, and how runs are coded."""

    wait: int = 0
    index: int = 0
    left: int = NEXT_WAIT_INDEX
    _seed: int = 255
    _run: int = 0

    @property
    def halve_above(self) -> int:
        return _HALVE_ABOVE[self.index]

    def next_wait(self) -> int:
        """Pixels until the next look."""
        self._seed = self._seed + 1 & 255
        return _WAITS[self._seed] & (1 << self.index) - 1

    def slow_down(self) -> None:
        self.index += 1
        self.left = NEXT_WAIT_INDEX

    def run_hit(self) -> int:
        """A run is at least that long; the next guess is higher."""
        length = 1 << _RUN_BITS[self._run]
        self._run = min(self._run + 1, len(_RUN_BITS) - 1)
        return length

    @property
    def run_bits(self) -> int:
        """Bits of what is left of the run."""
        return _RUN_BITS[self._run]

    def run_end(self) -> None:
        self._run = max(self._run - 1, 0)
