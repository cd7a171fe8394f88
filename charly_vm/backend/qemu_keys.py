"""Linux's key codes as the names that QEMU's monitor knows them by.

The names are QKeyCode's in QEMU's documentation (interop/qemu-qmp-ref), those of 7.2. QEMU has no
others: a keyboard of its own has no F13 and no browser keys beyond these.
"""

from __future__ import annotations

from itertools import chain

_IN_A_ROW = {
    1: "esc 1 2 3 4 5 6 7 8 9 0 minus equal backspace tab",
    16: "q w e r t y u i o p bracket_left bracket_right ret ctrl",
    30: "a s d f g h j k l semicolon apostrophe grave_accent shift backslash",
    44: "z x c v b n m comma dot slash shift_r kp_multiply alt spc caps_lock",
    59: "f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 num_lock scroll_lock",
    71: "kp_7 kp_8 kp_9 kp_subtract kp_4 kp_5 kp_6 kp_add kp_1 kp_2 kp_3 kp_0 kp_decimal",
    86: "less f11 f12 ro",
    91: "hiragana henkan katakanahiragana muhenkan",
    96: "kp_enter ctrl_r kp_divide sysrq alt_r lf home up pgup left right end down pgdn insert",
    111: "delete",
    113: "audiomute volumedown volumeup power kp_equals",
    119: "pause",
    121: "kp_comma lang1 lang2 yen meta_l meta_r compose stop again props undo front copy open",
    135: "paste find cut help menu calculator",
    142: "sleep wake",
    155: "mail ac_bookmarks computer ac_back ac_forward",
    163: "audionext audioplay audioprev audiostop",
    172: "ac_home ac_refresh",
    226: "mediaselect",
}
"""The names of a row of keys, behind the code of its first."""

QCODES = dict(
    chain.from_iterable(enumerate(names.split(), first) for first, names in _IN_A_ROW.items())
)
"""By the codes of linux/input-event-codes.h."""
