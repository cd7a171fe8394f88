"""Keys of a US keyboard, as the protocol writes them."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from charly_vm.errors import SpecError
from charly_vm.probe.keys import CODES, find_code
from charly_vm.probe.spice.keyboard import (
    SCANCODES,
    find_character,
    find_scancode,
    press,
    release,
)

KEYMAPS = Path("/usr/share/qemu/keymaps")


@pytest.mark.skipif(not KEYMAPS.exists(), reason="QEMU's keymaps are not installed")
def test_each_scancode_is_the_one_in_qemus_own_keymaps() -> None:
    said = re.findall(
        r'^# evdev (\d+) \(0x\w+\), QKeyCode "\w+", number 0x(\w+)',
        "".join(path.read_text() for path in KEYMAPS.iterdir() if path.is_file()),
        re.MULTILINE,
    )
    known = {int(code): _prefixed(int(number, 16)) for code, number in said}
    # Their numbers are what these two keys send together with another one, on the first keyboards.
    del known[CODES["KEY_SYSRQ"]], known[CODES["KEY_PAUSE"]]
    assert len(known) > 100
    assert {code: known[code] for code in SCANCODES if code in known} == {
        code: scancode for code, scancode in SCANCODES.items() if code in known
    }
    assert SCANCODES.keys() - known.keys() == {CODES["KEY_SYSRQ"], CODES["KEY_PAUSE"]}


def _prefixed(number: int) -> int:
    """QEMU has the highest bit where the keyboard has a prefix."""
    return 0xE000 + (number & 0x7F) if number & 0x80 else number


@pytest.mark.parametrize(
    ("key", "scancode"), [("print", 0xE037), ("pause", 0xE11D45), ("menu", 0xE05D), ("kp7", 0x47)]
)
def test_keys_of_a_pc_have_their_scancodes(key: str, scancode: int) -> None:
    assert find_scancode(find_code(key)) == scancode


def test_a_key_that_no_pc_has_is_refused() -> None:
    with pytest.raises(SpecError, match="no key of the code 191"):
        find_scancode(find_code("f21"))


def test_every_printable_character_has_a_key() -> None:
    for character in string.printable[:95] + "\n\t":
        key, _ = find_character(character, caps_lock=False)
        assert key in SCANCODES
    with pytest.raises(SpecError, match="no key for 'ä'"):
        find_character("ä", caps_lock=False)


def test_no_two_characters_have_one_key() -> None:
    made = [find_character(character, caps_lock=False) for character in string.printable[:95]]
    assert len(made) == len(set(made))


def test_caps_lock_matters_for_letters_alone() -> None:
    assert find_character("a", caps_lock=True) == (30, True)
    assert find_character("A", caps_lock=True) == (30, False)
    assert find_character("1", caps_lock=True) == (2, False)


@pytest.mark.parametrize(
    ("scancode", "down", "up"),
    [
        (0x1E, b"\x1e\0\0\0", b"\x9e\0\0\0"),
        (0xE053, b"\xe0\x53\0\0", b"\xe0\xd3\0\0"),
        (0xE11D45, b"\xe1\x1d\x45\0", b"\xe1\x9d\xc5\0"),
    ],
)
def test_codes_on_the_wire(scancode: int, down: bytes, up: bytes) -> None:
    assert press(scancode).to_bytes(4, "little") == down
    assert release(scancode).to_bytes(4, "little") == up
