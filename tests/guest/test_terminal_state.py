"""What a guest's programs leave switched on in a terminal, and what switches it off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from charly_vm.guest.terminal_state import TerminalState


def _restored(*shown: bytes) -> str:
    state = TerminalState()
    for data in shown:
        state.watch(data)
    return state.render_restore()


def test_nothing_is_written_where_nothing_was_shown() -> None:
    assert _restored() == ""
    assert _restored(b"") == ""


def test_plain_text_leaves_colours_and_characters_to_be_reset() -> None:
    assert _restored(b"login: ") == "\x1b[0m\x1b(B"


def test_an_editor_that_was_left_running_gives_the_screen_the_cursor_and_the_mouse_back() -> None:
    restored = _restored(b"\x1b[?1049h\x1b[?25l\x1b[?1000;1006h\x1b[?2004h\x1b[?7l")
    for part in ("\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l", "\x1b[?1006l", "\x1b[?2004l"):
        assert part in restored
    assert "\x1b[?7h" in restored


def test_an_editor_that_has_ended_needs_nothing() -> None:
    assert _restored(b"\x1b[?1049h\x1b[?25l", b"text", b"\x1b[?25h\x1b[?1049l") == _restored(b"x")


@given(
    st.lists(st.sampled_from([b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25l", b"\x1b[?25h", b"ab"])),
    st.data(),
)
def test_it_is_all_the_same_how_the_bytes_are_cut(parts: list[bytes], data: st.DataObject) -> None:
    text = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert _restored(*pieces) == _restored(text)
