"""What LZ and GLZ share: runs of pixels that come as they are, and copies of earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

from charly_vm.probe.spice.colours import widen_row_555

_LARGE = 4096
"""Bytes, from which on it pays to copy without memory of its own: it may be a whole image."""

ENDS_EARLY = "it ends before all of its pixels"
TOO_MANY = "it has more pixels than it says"


@dataclass(frozen=True, slots=True)
class Unit:
    """What is compressed: its bytes as they come, its bytes as they are kept, and how many units
    are added to the length of a copy."""

    coded: int
    kept: int
    bias: int


BYTES = Unit(1, 1, 2)
"""Indices of a palette, or alpha."""
SIXTEEN = Unit(2, 4, 1)
COLOURS = Unit(3, 4, 0)


def take(data: memoryview, position: int, count: int, unit: Unit, out: bytearray, done: int) -> int:
    """Units that come as they are, into `out` from `done` on; gives the position behind them."""
    after = position + count * unit.coded
    if after > len(data):
        raise ValueError(ENDS_EARLY)
    stop = done + count * unit.kept
    if stop > len(out):
        raise ValueError(TOO_MANY)
    if unit is COLOURS:
        out[done:stop:4] = data[position:after:3]
        out[done + 1 : stop : 4] = data[position + 1 : after : 3]
        out[done + 2 : stop : 4] = data[position + 2 : after : 3]
    elif unit is SIXTEEN:
        # Big-endian, as no other pixels are.
        swapped = bytearray(2 * count)
        swapped[0::2] = data[position + 1 : after : 2]
        swapped[1::2] = data[position:after:2]
        out[done:stop] = widen_row_555(swapped)
    else:
        out[done:stop] = data[position:after]
    return after


def read_length(data: memoryview, position: int, control: int, unit: Unit) -> tuple[int, int]:
    """The length of a copy in units, and the position behind it."""
    length = control >> 5
    if length == 7:
        while True:
            more = data[position]
            position += 1
            length += more
            if more != 255:
                break
    return length + unit.bias, position


def copy_within(out: bytearray, done: int, distance: int, size: int) -> None:
    """Repeat what stands `distance` bytes back; what is copied may itself be copied again."""
    start = done - distance
    if start < 0:
        raise ValueError("it copies from before its first pixel")
    if done + size > len(out):
        raise ValueError(TOO_MANY)
    if size >= _LARGE:
        with memoryview(out) as view:
            while size:
                step = min(distance, size)
                view[done : done + step] = view[start : start + step]
                # Twice as much repeats itself now.
                done += step
                distance += step
                size -= step
    elif distance >= size:
        out[done : done + size] = out[start : start + size]
    else:
        times = (size + distance - 1) // distance
        out[done : done + size] = (out[start:done] * times)[:size]
