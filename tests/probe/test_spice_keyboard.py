"""Keys of a US keyboard, as the protocol writes them."""

from __future__ import annotations

import string

import pytest

from charly_vm.probe.spice import SpiceMissing
from charly_vm.probe.spice.keyboard import (
    CHARACTERS,
    KEY_NAMES,
    find_character,
    parse_chord,
    press,
    release,
)


@pytest.mark.parametrize(
    ("chord", "codes"),
    [
        ("a", [0x1E]),
        ("A", [0x2A, 0x1E]),
        ("?", [0x2A, 0x35]),
        ("enter", [0x1C]),
        ("Return", [0x1C]),
        ("ctrl-alt-f2", [0x1D, 0x38, 0x3C]),
        ("Ctrl+Alt+Delete", [0x1D, 0x38, 0xE053]),
        ("shift-a", [0x2A, 0x1E]),
        ("f12", [0x58]),
        ("-", [0x0C]),
        ("+", [0x2A, 0x0D]),
        ("ctrl--", [0x1D, 0x0C]),
        ("ctrl-+", [0x1D, 0x2A, 0x0D]),
        ("ctrl-minus", [0x1D, 0x0C]),
        ("up", [0xE048]),
        ("super-l", [0xE05B, 0x26]),
        ("altgr", [0xE038]),
        ("kp7", [0x47]),
        ("kpminus", [0x4A]),
        ("pause", [0xE11D45]),
    ],
)
def test_chords(chord: str, codes: list[int]) -> None:
    assert parse_chord(chord) == codes


@pytest.mark.parametrize("chord", ["", "ctrl-", "hyper-x", "ctrl-ä", "f13"])
def test_a_chord_with_an_unknown_key_names_it(chord: str) -> None:
    with pytest.raises(SpiceMissing, match="there is no key"):
        parse_chord(chord)


def test_every_name_is_a_chord() -> None:
    for name in KEY_NAMES:
        assert len(parse_chord(name)) == 1


def test_every_printable_character_has_a_key() -> None:
    for character in string.digits + string.ascii_letters + string.punctuation + " \n\t":
        assert character in CHARACTERS


def test_no_two_characters_have_one_key() -> None:
    plain = [key for key, shift in CHARACTERS.values() if not shift]
    assert len(plain) == len(set(plain))


def test_caps_lock_matters_for_letters_alone() -> None:
    assert find_character("a", caps_lock=True) == (0x1E, True)
    assert find_character("A", caps_lock=True) == (0x1E, False)
    assert find_character("1", caps_lock=True) == (0x02, False)


@pytest.mark.parametrize(
    ("key", "down", "up"),
    [
        (0x1E, b"\x1e\0\0\0", b"\x9e\0\0\0"),
        (0xE053, b"\xe0\x53\0\0", b"\xe0\xd3\0\0"),
        (0xE11D45, b"\xe1\x1d\x45\0", b"\xe1\x9d\xc5\0"),
    ],
)
def test_codes_on_the_wire(key: int, down: bytes, up: bytes) -> None:
    assert press(key).to_bytes(4, "little") == down
    assert release(key).to_bytes(4, "little") == up
