"""What the qemu backend refuses: blocks as their authors write them, and how the refusal begins."""

from __future__ import annotations

from qemu_refusals.board import AGENT, BOARD
from qemu_refusals.characters import CHARACTERS
from qemu_refusals.devices import DEVICES
from qemu_refusals.refused import Refused
from qemu_refusals.screens import SCREENS
from qemu_refusals.storage import STORAGE

__all__ = ["AGENT", "REFUSED"]

REFUSED: dict[str, Refused] = {**BOARD, **STORAGE, **SCREENS, **CHARACTERS, **DEVICES}
