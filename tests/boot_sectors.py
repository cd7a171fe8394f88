"""Programs of less than 512 bytes that a PC's firmware boots, so that a screen has something on it.

They are machine code for the 8086 and its successors, assembled by hand; what each line does
stands beside it.
"""

from __future__ import annotations

from enum import IntEnum

READY = b"P"
"""What the pattern's program says on the serial port each time that it has painted."""


class VesaMode(IntEnum):
    """Modes of QEMU's VGA firmware with 32 bits per pixel."""

    SMALL = 0x142
    """640x480"""
    MIDDLE = 0x143
    """800x600"""
    LARGE = 0x144
    """1024x768"""


_SIZES = {VesaMode.SMALL: (640, 480), VesaMode.MIDDLE: (800, 600), VesaMode.LARGE: (1024, 768)}

_BANK_BYTES = 65_536
_SIGNATURE = b"\x55\xaa"


def pattern_sector(mode: VesaMode) -> bytes:
    """Paints ramps of colour and runs of equal pixels in turn, a bank of 64 KiB each.

    Whenever a key is pressed, it paints again in other colours.
    """
    width, height = _SIZES[mode]
    banks = (width * height * 4 + _BANK_BYTES - 1) // _BANK_BYTES
    code = bytes.fromhex(
        "31c0 8ed0 bc007c"  # a stack below us: ss:sp = 0:0x7c00
        "fc"  # strings run upwards
        "b8024f bb" + f"{mode:#06x}"[4:] + f"{mode:#06x}"[2:4] + "cd10"  # set the mode
        "b800a0 8ec0"  # es = 0xa000, where a bank is seen
        "6631f6"  # esi, which is added to each colour, is 0
        # 0x18, again:
        "31d2"  # dx, the bank, is 0
        # 0x1a, bank:
        "b8054f 31db cd10"  # have the bank dx be seen
        "31ff"  # di, the place in it, is 0
        # 0x23, fill:
        "660fb7c7 c1e802"  # eax is the number of the pixel
        "f6c201 740c"  # in even banks go to smooth
        "c1e804"  # 16 pixels have one colour
        "6669c057341200"  # which is 0x123457 more than the one before
        "eb07"  # go to put
        # 0x3b, smooth:
        "6669c004020100"  # each colour is 0x10204 more than the one before
        # 0x42, put:
        "6601f0 66ab"  # add esi, and write the pixel
        "85ff 75d8"  # until di is 0 again go to fill
        "42 81fa" + f"{banks & 255:02x}{banks >> 8:02x}" + "72c8"  # go to bank until the last
        "baf803 b050 ee"  # say P on the serial port
        "30e4 cd16"  # wait for a key
        "6681c611030500"  # other colours: esi grows by 0x50311
        "ebb3"  # go to again
    )
    return _sector(code)


def echo_sector() -> bytes:
    """Says each character that is typed on the serial port, and shows it on the text screen."""
    code = bytes.fromhex(
        "fc 31c0 8ed0 bc007c"  # strings upwards, ss:sp = 0:0x7c00
        # 0x08, key:
        "30e4 cd16"  # wait for a key; al is its character
        "baf803 ee"  # say it on the serial port
        "b40e 31db cd10"  # show it
        "ebf0"  # go to key
    )
    return _sector(code)


def halted_sector() -> bytes:
    """Says P on the serial port, and does nothing more."""
    return _sector(bytes.fromhex("baf803 b050 ee fa f4"))


def _sector(code: bytes) -> bytes:
    return code.ljust(510, b"\0") + _SIGNATURE
