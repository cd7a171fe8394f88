"""Limits of graphics, video and sound."""

from __future__ import annotations

from collections.abc import Iterator

from charly_vm.model.libvirt.devices.graphics import Graphics
from charly_vm.model.libvirt.devices.video import Video
from charly_vm.model.qemu_limits.places import name_members
from charly_vm.model.resolved import ResolvedMachine

SERVERS = ("vnc", "spice")
FOREIGN_GRAPHICS = {
    "rdp": "rdp needs the libvirt backend, which starts qemu-rdp",
    "sdl": "sdl opens a window, and charly starts QEMU without a screen to open it on; take vnc",
    "dbus": "dbus needs the libvirt backend, which starts the message bus",
}
FOREIGN_LISTENERS = {
    "network": "network needs the libvirt backend, which knows the network's address",
    "none": "none needs the libvirt backend, which hands out connections",
}
FOREIGN_AUDIO = {
    "coreaudio": "coreaudio is of macOS",
    "dbus": "dbus needs the libvirt backend, which starts the message bus",
}
ONE_SCREEN = ("vga", "bochs", "ramfb", "cirrus")
FIRST_VNC_PORT = 5900


def find_screen_limits(machine: ResolvedMachine) -> Iterator[str]:
    devices = machine.libvirt.devices
    for name, shown in name_members("devices.graphics", devices.graphics):
        if shown.type in FOREIGN_GRAPHICS:
            yield f"{name}.type: {FOREIGN_GRAPHICS[shown.type]}"
        elif shown.type in SERVERS:
            yield from _listeners(name, shown)
            yield from _ports(name, shown)
            yield from _encryption(name, shown)
    keymaps = {one.keymap for one in devices.graphics if one.keymap}
    if len(keymaps) > 1:
        yield "devices.graphics: QEMU has one keymap for all of its servers"
    for name, card in name_members("devices.video", devices.video):
        yield from _video(name, card)
    yield from _sound(machine)


def _listeners(name: str, shown: Graphics) -> Iterator[str]:
    if len(shown.listen) > 1:
        yield f"{name}.listen: a server of QEMU's listens in one place"
    for listener in shown.listen:
        if listener.type in FOREIGN_LISTENERS:
            yield f"{name}.listen: {FOREIGN_LISTENERS[listener.type]}"


def _ports(name: str, shown: Graphics) -> Iterator[str]:
    chosen = shown.port is not None and shown.port > 0 and shown.autoport != "yes"
    on_socket = any(one.type == "socket" for one in shown.listen)
    if shown.type == "spice" and not on_socket and not chosen:
        yield f"{name}.port: QEMU's SPICE chooses none; write one, or `listen: {{type: socket}}`"
    if on_socket and (chosen or shown.websocket is not None):
        yield f"{name}.port: a server of QEMU's listens on a port or on a socket, not on both"
    elif shown.type == "vnc" and chosen and (shown.port or 0) < FIRST_VNC_PORT:
        yield f"{name}.port: QEMU's VNC has ports from {FIRST_VNC_PORT} upwards"


def _encryption(name: str, shown: Graphics) -> Iterator[str]:
    if shown.default_mode == "secure":
        yield f"{name}.default_mode: secure needs the libvirt backend and its certificates"
    for channel in shown.channels:
        if channel.mode == "secure":
            yield f"{name}.channels: secure needs the libvirt backend and its certificates"


def _video(name: str, card: Video) -> Iterator[str]:
    if card.driver is not None and card.driver.name == "vhostuser":
        yield f"{name}.driver.name: vhostuser needs the libvirt backend, which starts the renderer"
    if card.model in ONE_SCREEN and (card.heads or 1) > 1:
        yield f"{name}.heads: {card.model} has one"
    if card.model in ("cirrus", "ramfb") and card.resolution is not None:
        yield f"{name}.resolution: {card.model} offers none"


def _sound(machine: ResolvedMachine) -> Iterator[str]:
    devices = machine.libvirt.devices
    has_spice = any(one.type == "spice" for one in devices.graphics)
    for name, audio in name_members("devices.audio", devices.audio):
        if audio.type in FOREIGN_AUDIO:
            yield f"{name}.type: {FOREIGN_AUDIO[audio.type]}"
        if audio.type == "spice" and not has_spice:
            yield f"{name}.type: spice needs `graphics: spice`"
    for name, sound in name_members("devices.sound", devices.sound):
        if sound.model == "ich7":
            yield f"{name}.model: QEMU has no ich7; take ich9 or ich6"
