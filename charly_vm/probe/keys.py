"""The keys of a keyboard: their codes in Linux, and the words that people have for them.

The names and codes are those of linux/input-event-codes.h, up to the last that a keyboard of the
PC kind can send; what is above belongs to telephones, remote controls and mice.
"""

from __future__ import annotations

import re
from string import ascii_lowercase

from charly_vm.model.spelling import suggestion
from charly_vm.probe.arguments import wrong_argument

_IN_A_ROW = {
    1: "ESC 1 2 3 4 5 6 7 8 9 0 MINUS EQUAL BACKSPACE TAB",
    16: "Q W E R T Y U I O P LEFTBRACE RIGHTBRACE ENTER LEFTCTRL",
    30: "A S D F G H J K L SEMICOLON APOSTROPHE GRAVE LEFTSHIFT BACKSLASH",
    44: "Z X C V B N M COMMA DOT SLASH RIGHTSHIFT KPASTERISK LEFTALT SPACE CAPSLOCK",
    59: "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NUMLOCK SCROLLLOCK",
    71: "KP7 KP8 KP9 KPMINUS KP4 KP5 KP6 KPPLUS KP1 KP2 KP3 KP0 KPDOT",
    85: "ZENKAKUHANKAKU 102ND F11 F12 RO KATAKANA HIRAGANA HENKAN KATAKANAHIRAGANA MUHENKAN",
    95: "KPJPCOMMA KPENTER RIGHTCTRL KPSLASH SYSRQ RIGHTALT LINEFEED HOME UP PAGEUP LEFT RIGHT",
    107: "END DOWN PAGEDOWN INSERT DELETE MACRO MUTE VOLUMEDOWN VOLUMEUP POWER KPEQUAL",
    118: "KPPLUSMINUS PAUSE SCALE KPCOMMA HANGEUL HANJA YEN LEFTMETA RIGHTMETA COMPOSE STOP AGAIN",
    130: "PROPS UNDO FRONT COPY OPEN PASTE FIND CUT HELP MENU CALC SETUP SLEEP WAKEUP FILE",
    145: "SENDFILE DELETEFILE XFER PROG1 PROG2 WWW MSDOS COFFEE ROTATE_DISPLAY CYCLEWINDOWS MAIL",
    156: "BOOKMARKS COMPUTER BACK FORWARD CLOSECD EJECTCD EJECTCLOSECD NEXTSONG PLAYPAUSE",
    165: "PREVIOUSSONG STOPCD RECORD REWIND PHONE ISO CONFIG HOMEPAGE REFRESH EXIT MOVE EDIT",
    177: "SCROLLUP SCROLLDOWN KPLEFTPAREN KPRIGHTPAREN NEW REDO F13 F14 F15 F16 F17 F18 F19 F20",
    191: "F21 F22 F23 F24",
    200: "PLAYCD PAUSECD PROG3 PROG4 ALL_APPLICATIONS SUSPEND CLOSE PLAY FASTFORWARD BASSBOOST",
    210: "PRINT HP CAMERA SOUND QUESTION EMAIL CHAT SEARCH CONNECT FINANCE SPORT SHOP ALTERASE",
    223: "CANCEL BRIGHTNESSDOWN BRIGHTNESSUP MEDIA SWITCHVIDEOMODE KBDILLUMTOGGLE KBDILLUMDOWN",
    230: "KBDILLUMUP SEND REPLY FORWARDMAIL SAVE DOCUMENTS BATTERY BLUETOOTH WLAN UWB",
    241: "VIDEO_NEXT VIDEO_PREV BRIGHTNESS_CYCLE BRIGHTNESS_AUTO DISPLAY_OFF WWAN RFKILL MICMUTE",
}
"""The names of a row of codes, behind the first."""

CODES = {
    f"KEY_{name}": code
    for first, names in _IN_A_ROW.items()
    for code, name in enumerate(names.split(), first)
} | {
    # Further names of the same header.
    "KEY_HANGUEL": 122,
    "KEY_SCREENLOCK": 152,
    "KEY_DIRECTION": 153,
    "KEY_DASHBOARD": 204,
    "KEY_BRIGHTNESS_ZERO": 244,
    "KEY_WIMAX": 246,
}
"""Linux's codes by Linux's names."""

_ALSO = {
    "ctrl": "LEFTCTRL",
    "control": "LEFTCTRL",
    "alt": "LEFTALT",
    "option": "LEFTALT",
    "altgr": "RIGHTALT",
    "shift": "LEFTSHIFT",
    "lctrl": "LEFTCTRL",
    "rctrl": "RIGHTCTRL",
    "lalt": "LEFTALT",
    "ralt": "RIGHTALT",
    "lshift": "LEFTSHIFT",
    "rshift": "RIGHTSHIFT",
    "lsuper": "LEFTMETA",
    "rsuper": "RIGHTMETA",
    "meta": "LEFTMETA",
    "super": "LEFTMETA",
    "win": "LEFTMETA",
    "cmd": "LEFTMETA",
    "escape": "ESC",
    "return": "ENTER",
    "ret": "ENTER",
    "bksp": "BACKSPACE",
    "del": "DELETE",
    "ins": "INSERT",
    "pgup": "PAGEUP",
    "pgdn": "PAGEDOWN",
    "spc": "SPACE",
    "caps": "CAPSLOCK",
    # A PC's two keys with these words on them; Linux has others of these names.
    "print": "SYSRQ",
    "menu": "COMPOSE",
    "printscreen": "SYSRQ",
    "prtsc": "SYSRQ",
    "break": "PAUSE",
    "period": "DOT",
    "equals": "EQUAL",
    "hyphen": "MINUS",
    "dash": "MINUS",
    "quote": "APOSTROPHE",
    "backquote": "GRAVE",
    "backtick": "GRAVE",
    "bracketleft": "LEFTBRACE",
    "leftbracket": "LEFTBRACE",
    "bracketright": "RIGHTBRACE",
    "rightbracket": "RIGHTBRACE",
    "less": "102ND",
    "-": "MINUS",
    "=": "EQUAL",
    "[": "LEFTBRACE",
    "]": "RIGHTBRACE",
    ";": "SEMICOLON",
    "'": "APOSTROPHE",
    "`": "GRAVE",
    "\\": "BACKSLASH",
    ",": "COMMA",
    ".": "DOT",
    "/": "SLASH",
    " ": "SPACE",
}
"""What people say instead: a sign means the key that has it without shift on an American
keyboard."""

WORDS = {
    **{name.removeprefix("KEY_").lower(): code for name, code in CODES.items()},
    **{word: CODES[f"KEY_{name}"] for word, name in _ALSO.items()},
}
"""Every word for a key, in small letters, and its code."""

SHIFT = CODES["KEY_LEFTSHIFT"]

_WITH_SHIFT = dict(zip('!@#$%^&*()_+{}|:"<>?~', "1234567890-=[]\\;',./`", strict=True))
"""The signs that need the shift key, and what is on the same key without it."""

CHARACTERS = {
    **{character: (WORDS[character], False) for character in WORDS if len(character) == 1},
    **{letter.upper(): (WORDS[letter], True) for letter in ascii_lowercase},
    **{sign: (WORDS[plain], True) for sign, plain in _WITH_SHIFT.items()},
    "\n": (WORDS["enter"], False),
    "\t": (WORDS["tab"], False),
    "\b": (WORDS["backspace"], False),
    "\x1b": (WORDS["esc"], False),
}
"""The key that writes each character on an American keyboard, and whether shift is held."""


def find_code(key: str) -> int:
    """The code of one key: `ctrl`, `F2`, `a`, `KEY_LEFTCTRL`, in letters of either size.

    Raises `SpecError` that names the nearest.
    """
    written = key if key == " " else key.strip()
    code = CODES.get(written.upper()) or WORDS.get(written.lower())
    if code is None:
        nearest = suggestion(written.lower().removeprefix("key_"), WORDS)
        raise wrong_argument("keys", f"there is no key {written!r}{nearest}")
    return code


def parse_chord(chord: str) -> tuple[int, ...]:
    """The codes of keys that are pressed together, in that order: `ctrl-alt-f2`, `ctrl-+`,
    `KEY_LEFTCTRL-KEY_C`.

    They are joined by hyphens or plus signs; one of these at the end, or alone, is the key. A sign
    that needs the shift key has it pressed; a letter is its key, in either size. Raises `SpecError`
    for a key that there is not, and for one that is named twice.
    """
    codes: list[int] = []
    for key in _split(chord):
        if not key:
            raise wrong_argument("keys", f"{chord!r} names no key at one place")
        if key in _WITH_SHIFT:
            code, _ = CHARACTERS[key]
            if SHIFT not in codes:
                codes.append(SHIFT)
        else:
            code = find_code(key)
        if code in codes:
            raise wrong_argument("keys", f"{chord!r} has the key {key!r} twice")
        codes.append(code)
    return tuple(codes)


def _split(chord: str) -> list[str]:
    text = chord if chord == " " else chord.strip()
    if len(text) < 2:
        return [text]
    body, last = (text[:-2], [text[-1]]) if _ENDS_IN_A_JOINT.search(text) else (text, [])
    return [*body.replace("+", "-").split("-"), *last]


_ENDS_IN_A_JOINT = re.compile(r"[-+][-+]\Z")
