"""The key table, against the header that it is from where this host has that, and chords."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.backend.qemu_keys import QCODES
from charly_vm.errors import SpecError
from charly_vm.probe.keys import CODES, WORDS, find_code, parse_chord

HEADER = Path("/usr/include/linux/input-event-codes.h")
KEYMAPS = Path("/usr/share/qemu/keymaps")


@pytest.mark.skipif(not HEADER.exists(), reason="the kernel's headers are not installed")
def test_every_key_of_a_keyboard_has_its_name_and_code_of_the_kernels_header() -> None:
    defined: dict[str, int] = {}
    for name, value in re.findall(r"#define (KEY_\w+)\s+(\w+)", HEADER.read_text()):
        defined[name] = defined[value] if value in defined else int(value, 0)
    # Two are no keys: a placeholder, and where the interesting ones begin.
    meant = {name: code for name, code in defined.items() if 0 < code <= 248}
    del meant["KEY_UNKNOWN"], meant["KEY_MIN_INTERESTING"]
    # A newer header has more names.
    assert {name: CODES.get(name) for name in meant} == meant
    assert all(defined.get(name, code) == code for name, code in CODES.items())


@pytest.mark.skipif(not KEYMAPS.exists(), reason="QEMU's keymaps are not installed")
def test_qemus_name_of_each_key_is_the_one_in_its_own_keymaps() -> None:
    said = re.findall(
        r'^# evdev (\d+) \(0x\w+\), QKeyCode "(\w+)"',
        "".join(path.read_text() for path in KEYMAPS.iterdir() if path.is_file()),
        re.MULTILINE,
    )
    assert len(said) > 100
    assert {code: QCODES.get(int(code)) for code, _ in said} == dict(said)


@pytest.mark.parametrize(
    ("chord", "names"),
    [
        ("a", ["A"]),
        ("ctrl-alt-f2", ["LEFTCTRL", "LEFTALT", "F2"]),
        ("KEY_LEFTCTRL-KEY_C", ["LEFTCTRL", "C"]),
        ("Ctrl+Alt+Delete", ["LEFTCTRL", "LEFTALT", "DELETE"]),
        ("super", ["LEFTMETA"]),
        ("shift-/", ["LEFTSHIFT", "SLASH"]),
        ("ctrl--", ["LEFTCTRL", "MINUS"]),
        ("ctrl-+", ["LEFTCTRL", "LEFTSHIFT", "EQUAL"]),
        ("ctrl+-", ["LEFTCTRL", "MINUS"]),
        ("-", ["MINUS"]),
        ("+", ["LEFTSHIFT", "EQUAL"]),
        ("Ctrl-C", ["LEFTCTRL", "C"]),
        ("alt-?", ["LEFTALT", "LEFTSHIFT", "SLASH"]),
        ("shift-?", ["LEFTSHIFT", "SLASH"]),
        ("print", ["SYSRQ"]),
        ("KEY_PRINT", ["PRINT"]),
        (" ", ["SPACE"]),
        ("enter", ["ENTER"]),
        ("KEY_SCREENLOCK", ["COFFEE"]),
    ],
)
def test_a_chord_is_the_keys_that_it_names(chord: str, names: list[str]) -> None:
    assert parse_chord(chord) == tuple(CODES[f"KEY_{name}"] for name in names)


@pytest.mark.parametrize(
    ("chord", "words"),
    [
        ("ctrll-c", "there is no key 'ctrll'; did you mean 'ctrl'"),
        ("KEY_LEFTCRTL", "did you mean 'leftctrl'"),
        ("entr", "did you mean 'enter'"),
        ("", "names no key at one place"),
        ("ctrl-", "'ctrl-' names no key at one place"),
        ("ctrl+", r"'ctrl\+' names no key at one place"),
        ("ctrl-ä", "there is no key 'ä'"),
        ("ctrl-leftctrl", "has the key 'leftctrl' twice"),
    ],
)
def test_what_is_no_chord_names_the_key_and_the_nearest(chord: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_chord(chord)


@given(st.sampled_from(sorted(WORDS)))
def test_every_word_for_a_key_is_that_key_also_in_capitals(word: str) -> None:
    assert find_code(word.upper()) == find_code(word) == WORDS[word]


@given(st.text(max_size=40))
def test_any_text_is_a_chord_or_one_error(text: str) -> None:
    try:
        codes = parse_chord(text)
    except SpecError:
        return
    assert codes
    assert len(set(codes)) == len(codes)
