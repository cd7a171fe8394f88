"""Control keys as people write them."""

from __future__ import annotations

import pytest

from charly_vm.host.control_keys import describe_control_key, parse_control_key


@pytest.mark.parametrize(
    ("written", "byte"),
    [("^]", 0x1D), ("^a", 1), ("^A", 1), ("Ctrl-b", 2), ("ctrl-]", 0x1D), ("^\\", 0x1C), ("^@", 0)],
)
def test_a_control_key_is_the_byte_that_a_terminal_sends(written: str, byte: int) -> None:
    assert parse_control_key(written) == bytes([byte])


@pytest.mark.parametrize("written", ["", "]", "^", "^]]", "^1", "Ctrl+]", "^é", "\x1d"])
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="control key"):
        parse_control_key(written)


@pytest.mark.parametrize("byte", range(32))
def test_every_control_key_is_described_in_a_way_that_is_understood(byte: int) -> None:
    assert parse_control_key(describe_control_key(bytes([byte]))) == bytes([byte])
