"""Keys as the protocol has them: by the scancodes of a PC's keyboard; pure.

Scancodes are those of set 1, with a `0xe0` in front for the keys that were added to the first
keyboards. A key that is let go has the highest bit set.
"""

from __future__ import annotations

from charly_vm.probe.arguments import wrong_argument
from charly_vm.probe.keys import CHARACTERS, CODES

_EXTENDED = 0xE000

_ADDED = {
    "KPENTER": 0x1C,
    "RIGHTCTRL": 0x1D,
    "KPSLASH": 0x35,
    "SYSRQ": 0x37,
    "RIGHTALT": 0x38,
    "HOME": 0x47,
    "UP": 0x48,
    "PAGEUP": 0x49,
    "LEFT": 0x4B,
    "RIGHT": 0x4D,
    "END": 0x4F,
    "DOWN": 0x50,
    "PAGEDOWN": 0x51,
    "INSERT": 0x52,
    "DELETE": 0x53,
    "MUTE": 0x20,
    "VOLUMEDOWN": 0x2E,
    "VOLUMEUP": 0x30,
    "POWER": 0x5E,
    "LEFTMETA": 0x5B,
    "RIGHTMETA": 0x5C,
    "COMPOSE": 0x5D,
    "SLEEP": 0x5F,
    "WAKEUP": 0x63,
}
"""Those with the prefix, and what is behind it."""

SCANCODES: dict[int, int] = {
    # Linux has its first codes from here.
    **{code: code for code in (*range(0x01, 0x54), *range(0x56, 0x59))},
    **{CODES[f"KEY_{name}"]: _EXTENDED + code for name, code in _ADDED.items()},
    # The one key with a prefix of 0xe1 and two bytes behind it.
    CODES["KEY_PAUSE"]: 0xE11D45,
}
"""By Linux's codes."""


def find_character(character: str, *, caps_lock: bool) -> tuple[int, bool]:
    """The key for a character, by Linux's code, and whether to hold shift. Raises `SpecError`."""
    found = CHARACTERS.get(character)
    if found is None:
        raise wrong_argument(
            "text",
            f"an American keyboard has no key for {character!r}, only for printable ASCII, newline "
            "and tab",
        )
    key, shift = found
    return key, shift != (caps_lock and character.isalpha())


def find_scancode(code: int) -> int:
    """The scancode of a key, from Linux's code of it. Raises `SpecError` where it has none."""
    scancode = SCANCODES.get(code)
    if scancode is None:
        raise wrong_argument(
            "keys", f"SPICE has no key of the code {code} (linux/input-event-codes.h)"
        )
    return scancode


def press(scancode: int) -> int:
    """The number that `KEY_DOWN` has for a key: its bytes, the first one lowest."""
    return _wire(scancode)


def release(scancode: int) -> int:
    """The number that `KEY_UP` has for a key."""
    if scancode >= 0x10000:
        return _wire(scancode | 0x8080)
    return _wire(scancode | 0x80)


def _wire(scancode: int) -> int:
    return int.from_bytes(scancode.to_bytes(4, "big").lstrip(b"\0"), "little")
