"""Numbers of mouse, keyboard and cursor, as `enums.h` of the SPICE protocol has them."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class SpiceMouseMode(IntFlag):
    """SERVER: the guest moves its cursor; CLIENT: positions are absolute."""

    SERVER = 1 << 0
    CLIENT = 1 << 1


class SpiceMouseButton(IntEnum):
    INVALID = 0
    LEFT = 1
    MIDDLE = 2
    RIGHT = 3
    UP = 4
    DOWN = 5
    SIDE = 6
    EXTRA = 7


class SpiceMouseButtonMask(IntFlag):
    LEFT = 1 << 0
    MIDDLE = 1 << 1
    RIGHT = 1 << 2
    UP = 1 << 3
    DOWN = 1 << 4
    SIDE = 1 << 5
    EXTRA = 1 << 6


class SpiceKeyboardModifierFlags(IntFlag):
    SCROLL_LOCK = 1 << 0
    NUM_LOCK = 1 << 1
    CAPS_LOCK = 1 << 2


class SpiceCursorType(IntEnum):
    ALPHA = 0
    MONO = 1
    COLOR4 = 2
    COLOR8 = 3
    COLOR16 = 4
    COLOR24 = 5
    COLOR32 = 6


class SpiceCursorFlags(IntFlag):
    NONE = 1 << 0
    CACHE_ME = 1 << 1
    FROM_CACHE = 1 << 2
