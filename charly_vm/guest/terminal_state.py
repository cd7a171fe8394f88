"""What a guest's programs have switched on in our terminal, so that it can be switched off again.

The sequences are those of xterm's control sequences document. A terminal's modes are in itself and
not in the kernel's settings, so that restoring those alone leaves a mouse that types and a hidden
cursor.
"""

from __future__ import annotations

import re

_MODES = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_LONGEST = 32
"""Bytes at the end of what was shown that may be the beginning of a sequence."""

SCREENS = {47, 1047, 1049}
"""The alternate screen, as editors and pagers use it."""
WATCHED = {
    1: False,  # cursor keys that send other sequences
    7: True,  # the wrapping of long lines
    9: False, 1000: False, 1002: False, 1003: False, 1006: False,  # reports of the mouse
    25: True,  # the cursor
    1004: False,  # reports of the focus
    2004: False,  # marks around what is pasted
}  # fmt: skip
"""Modes and whether a shell has them on."""


class TerminalState:
    """The modes of a terminal, as far as what was shown on it has changed them."""

    def __init__(self) -> None:
        self.modes: dict[int, bool] = {}
        self._before = b""
        self._shown = False

    def watch(self, data: bytes) -> None:
        """Look at what is about to be shown."""
        self._shown = self._shown or bool(data)
        text = self._before + data
        for found in _MODES.finditer(text):
            for number in found[1].split(b";"):
                if number:
                    self.modes[int(number)] = found[2] == b"h"
        cut = text.rfind(b"\x1b", -_LONGEST)
        # A sequence that has ended changes nothing when it is seen a second time.
        self._before = text[cut:] if cut >= 0 else b""

    def render_restore(self) -> str:
        """What brings the terminal back to what a shell expects; empty where nothing was shown."""
        if not self._shown:
            return ""
        parts = []
        for screen in sorted(SCREENS):
            if self.modes.get(screen):
                parts.append(f"\x1b[?{screen}l")
        for mode, usual in WATCHED.items():
            if self.modes.get(mode, usual) != usual:
                parts.append(f"\x1b[?{mode}{'h' if usual else 'l'}")
        # Colours, and the character set in which letters are line drawings.
        return "".join([*parts, "\x1b[0m", "\x1b(B"])
