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
    HUGE = 0x145
    """1280x1024"""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return _SIZES[self]


_SIZES = {
    VesaMode.SMALL: (640, 480),
    VesaMode.MIDDLE: (800, 600),
    VesaMode.LARGE: (1024, 768),
    VesaMode.HUGE: (1280, 1024),
}

_BANK_BYTES = 65_536
_SIGNATURE = b"\x55\xaa"


def pattern_sector(mode: VesaMode) -> bytes:
    """Paints ramps of colour and runs of equal pixels in turn, a bank of 64 KiB each.

    Whenever a key is pressed, it paints again in other colours.
    """
    code = bytes.fromhex(
        "31c0 8ed0 bc007c"  # a stack below us: ss:sp = 0:0x7c00
        "fc"  # strings run upwards
        "b8024f bb" + _word(mode) + "cd10"  # set the mode
        "b800a0 8ec0"  # es = 0xa000, where a bank is seen
        "6631f6"  # esi, from which all colours count, is 0
        # 0x18, again:
        + _paint("81fa" + _word(_banks(mode)))  # compare dx with how many banks there are
        + "baf803 b050 ee"  # say P on the serial port
        "30e4 cd16"  # wait for a key
        "ebb3"  # go to again
    )
    return _sector(code)


def tour_sector(*modes: VesaMode) -> bytes:
    """Fills the lower half of the text screen with characters of all colours, and says P. With each
    key that is pressed it goes to the next of the modes, paints as `pattern_sector`, and says P.
    """
    code = bytes.fromhex(
        "31c0 8ed0 8ed8 bc007c"  # ss and ds are 0, and a stack is below us
        "fc"  # strings run upwards
        "b800b8 8ec0 bfd007"  # es:di is the middle of the text: 0xb8000 + 160 * 12.5
        # 0x12, character:
        "ab"  # write a character and its colours
        "050107"  # the next one has the next code, and other colours
        "81ffa00f 72f6"  # until di is 160 * 25 go to character
        "6631f6"  # esi, from which all colours count, is 0
        f"bd{_word(_LOADED + _TABLE)}"  # bp is where the table begins
        # 0x22, wait:
        "baf803 b050 ee"  # say P on the serial port
        "30e4 cd16"  # wait for a key
        "b8024f 8b5e00 cd10"  # set the mode that the table says
        "b800a0 8ec0"  # es = 0xa000, where a bank is seen
        + _paint("3b5602 90")  # compare dx with how many banks the table says
        + "83c504"  # the next line of the table
        "eba3"  # go to wait
    )
    assert len(code) <= _TABLE
    table = "".join(_word(mode) + _word(_banks(mode)) for mode in modes)
    return _sector(code.ljust(_TABLE, b"\0") + bytes.fromhex(table))


_LOADED = 0x7C00
"""Where the firmware puts a boot sector."""
_TABLE = 0x100


def _banks(mode: VesaMode) -> int:
    width, height = mode.size
    return (width * height * 4 + _BANK_BYTES - 1) // _BANK_BYTES


def _word(number: int) -> str:
    return number.to_bytes(2, "little").hex()


def _paint(compare: str) -> str:
    """Paints all banks; `compare` is the instruction of four bytes that compares dx with their
    number. Colours count from esi, which is another one for each bank. All jumps stay in here."""
    return (
        "31d2"  # dx, the bank, is 0
        # 0x02, bank:
        "b8054f 31db cd10"  # have the bank dx be seen
        "6681c611030500"  # other colours: esi grows by 0x50311
        "31ff"  # di, the place in it, is 0
        # 0x12, fill:
        "660fb7c7 c1e802"  # eax is the number of the pixel
        "f6c201 740c"  # in even banks go to smooth
        "c1e804"  # 16 pixels have one colour
        "6669c057341200"  # which is 0x123457 more than the one before
        "eb07"  # go to put
        # 0x2a, smooth:
        "6669c004020100"  # each colour is 0x10204 more than the one before
        # 0x31, put:
        "6601f0 66ab"  # add esi, and write the pixel
        "85ff 75d8"  # until di is 0 again go to fill
        "42" + compare + "72c1"  # go to bank until the last
    )


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
