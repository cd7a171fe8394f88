"""`<input>`: keyboards and pointers beside those that the machine type has."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.libvirt.devices.notation import Short, Typed
from charly_vm.model.libvirt.devices.values import AbsolutePath, VirtioOptions
from charly_vm.model.libvirt.switches import OnOff


class InputSource(Short):
    """An event device of the host's. A bare text is its path."""

    short_for: ClassVar[str] = "dev"
    dev: AbsolutePath
    """Its path."""
    grab: Literal["all"] | None = None
    """Take all devices together, when this one is taken."""
    grab_toggle: (
        Literal[
            "ctrl-ctrl",
            "alt-alt",
            "shift-shift",
            "meta-meta",
            "scrolllock",
            "ctrl-scrolllock",
        ]
        | None
    ) = None
    """Which keys switch it between host and guest."""
    repeat: OnOff | None = None
    """Whether a key that is held repeats."""


class Input(Typed):
    """A keyboard or a pointer. A tablet gives absolute positions, without which a pointer drifts on
    a remote screen."""

    only: ClassVar = {
        "bus": ("tablet", "mouse", "keyboard", "passthrough"),
        "driver": ("tablet", "mouse", "keyboard", "passthrough"),
        "source": ("passthrough", "evdev"),
        "source.grab": ("evdev",),
        "source.grab_toggle": ("evdev",),
        "source.repeat": ("evdev",),
    }
    needs: ClassVar = {"passthrough": ("source",), "evdev": ("source",)}
    type: Literal["tablet", "mouse", "keyboard", "passthrough", "evdev"]
    """What it is."""
    bus: Literal["virtio", "usb", "ps2"] | None = None
    """Where it is plugged in."""
    source: InputSource | None = None
    """The host's event device."""
    driver: VirtioOptions | None = None
    """What every virtio device takes."""
