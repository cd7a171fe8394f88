"""Keys: the scancodes of a PC's keyboard with the US layout; pure.

Scancodes are those of set 1, which the protocol sends with a `0xe0` in front for the keys that
were added to the first keyboards. A key that is let go has the highest bit set.
"""

from __future__ import annotations

from charly_vm.probe.spice.failures import SpiceMissing

EXTENDED = 0xE000
"""Added to the code of a key that has a prefix."""

_ROWS = (
    (0x02, "1234567890-=", "!@#$%^&*()_+"),
    (0x10, "qwertyuiop[]", "QWERTYUIOP{}"),
    (0x1E, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (0x2B, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
)

SHIFT = 0x2A

_NAMES: dict[str, int] = {
    "esc": 0x01,
    "backspace": 0x0E,
    "tab": 0x0F,
    "enter": 0x1C,
    "ctrl": 0x1D,
    "shift": SHIFT,
    "rshift": 0x36,
    "alt": 0x38,
    "space": 0x39,
    "capslock": 0x3A,
    **{f"f{number}": 0x3A + number for number in range(1, 11)},
    "f11": 0x57,
    "f12": 0x58,
    "numlock": 0x45,
    "scrolllock": 0x46,
    **{
        f"kp{name}": code
        for name, code in zip("789 456 1230.", range(0x47, 0x54), strict=True)
        if name != " "
    },
    "kpminus": 0x4A,
    "kpplus": 0x4E,
    "kp*": 0x37,
    "kp/": EXTENDED + 0x35,
    "kpenter": EXTENDED + 0x1C,
    "rctrl": EXTENDED + 0x1D,
    "altgr": EXTENDED + 0x38,
    "home": EXTENDED + 0x47,
    "up": EXTENDED + 0x48,
    "pageup": EXTENDED + 0x49,
    "left": EXTENDED + 0x4B,
    "right": EXTENDED + 0x4D,
    "end": EXTENDED + 0x4F,
    "down": EXTENDED + 0x50,
    "pagedown": EXTENDED + 0x51,
    "insert": EXTENDED + 0x52,
    "delete": EXTENDED + 0x53,
    "super": EXTENDED + 0x5B,
    "rsuper": EXTENDED + 0x5C,
    "menu": EXTENDED + 0x5D,
    "print": EXTENDED + 0x37,
    # The one key with a prefix of 0xe1 and two bytes behind it.
    "pause": 0xE11D45,
    "less": 0x56,
}

_ALIASES = {
    "escape": "esc",
    "return": "enter",
    "ret": "enter",
    "control": "ctrl",
    "lctrl": "ctrl",
    "lshift": "shift",
    "lalt": "alt",
    "ralt": "altgr",
    "del": "delete",
    "ins": "insert",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "page-up": "pageup",
    "page-down": "pagedown",
    "win": "super",
    "meta": "super",
    "lsuper": "super",
    "sysrq": "print",
    "minus": "-",
    "equal": "=",
    "comma": ",",
    "dot": ".",
    "slash": "/",
    "backslash": "\\",
    "semicolon": ";",
    "apostrophe": "'",
    "grave": "`",
    "plus": "+",
}


def _characters() -> dict[str, tuple[int, bool]]:
    found: dict[str, tuple[int, bool]] = {}
    for first, plain, shifted in _ROWS:
        for index, (one, other) in enumerate(zip(plain, shifted, strict=True)):
            found[one] = first + index, False
            found[other] = first + index, True
    found |= {" ": (0x39, False), "\n": (0x1C, False), "\t": (0x0F, False)}
    found |= {"\b": (0x0E, False), "\x1b": (0x01, False)}
    return found


CHARACTERS = _characters()
"""The key for each character that the layout has, and whether shift is held."""

KEY_NAMES = tuple(_NAMES)
"""What a chord may be made of beside characters, to be shown to people."""


def find_character(character: str, *, caps_lock: bool) -> tuple[int, bool]:
    """The key for a character, and whether to hold shift. Raises `SpiceMissing`."""
    found = CHARACTERS.get(character)
    if found is None:
        raise SpiceMissing(
            f"the US keyboard has no key for {character!r}",
            hint="type() knows printable ASCII, newline and tab",
        )
    key, shift = found
    return key, shift != (caps_lock and character.isalpha())


def parse_chord(text: str) -> list[int]:
    """The keys of `ctrl-alt-f2`, in the order in which they are pressed.

    A key is a name, or a character of the layout; `-` and `+` both join, and stand for themselves
    at the end. Raises `SpiceMissing`.
    """
    parts = _split(text)
    keys: list[int] = []
    for part in parts:
        name = _ALIASES.get(part.lower(), part)
        code = _NAMES.get(name.lower())
        if code is None:
            key, shift = _character_of(name, text)
            if shift and SHIFT not in keys:
                keys.append(SHIFT)
            code = key
        keys.append(code)
    return keys


def _split(text: str) -> list[str]:
    """`ctrl--` and `ctrl-+` end in the characters that otherwise join."""
    last = text[-1:]
    if last in ("-", "+"):
        front = text[:-1]
        if not front:
            return [last]
        if front[-1] in ("-", "+"):
            return [*_split_names(front[:-1]), last]
    return _split_names(text)


def _split_names(text: str) -> list[str]:
    return text.replace("+", "-").split("-") if len(text) > 1 else [text]


def _character_of(name: str, text: str) -> tuple[int, bool]:
    found = CHARACTERS.get(name)
    if found is None:
        raise SpiceMissing(
            f'there is no key "{name}" in "{text}"',
            hint="keys have names such as enter, f2, pageup, ctrl, alt, shift, super, delete",
        )
    return found


def press(key: int) -> int:
    """The number that `KEY_DOWN` has for a key: its bytes, the first one lowest."""
    return _wire(key)


def release(key: int) -> int:
    """The number that `KEY_UP` has for a key."""
    if key >= 0x10000:
        return _wire(key | 0x8080)
    return _wire(key | 0x80)


def _wire(key: int) -> int:
    return int.from_bytes(key.to_bytes(4, "big").lstrip(b"\0"), "little")
