"""What belongs to a screen: the card, servers that listen, a pointer that stays where it is."""

from __future__ import annotations

from typing import Any

from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.libvirt.devices.channel import SPICE_AGENT, Channel
from charly_vm.model.libvirt.devices.graphics import Graphics, Listener
from charly_vm.model.libvirt.devices.input import Input
from charly_vm.model.libvirt.devices.video import Video

SERVERS = ("vnc", "spice", "rdp")


def resolve_screen(devices: Devices, *, is_x86: bool) -> dict[str, Any]:
    """The fields of `Devices` that have to do with it, with nothing left open."""
    graphics = tuple(_resolve_server(one) for one in devices.graphics)
    types = {one.type for one in graphics}
    channels = devices.channels
    if "spice" in types and SPICE_AGENT not in [one.name for one in channels]:
        # Without its channel, spice-vdagent in the guest has nobody to talk to.
        channels += (Channel(type="spicevmc", name=SPICE_AGENT),)
    inputs = tuple(_resolve_input(one, is_x86=is_x86) for one in devices.inputs)
    if types - {"egl-headless"} and not inputs:
        inputs = _usual_inputs(is_x86=is_x86)
    return {
        "graphics": graphics,
        "channels": channels,
        "inputs": inputs,
        "video": _resolve_video(devices.video),
    }


def _resolve_server(graphics: Graphics) -> Graphics:
    if graphics.type not in SERVERS:
        return graphics
    listen = graphics.listen or (Listener(type="address", address="127.0.0.1"),)
    update: dict[str, Any] = {"listen": listen}
    on_a_port = any(one.type in ("address", "network") for one in listen)
    written = graphics.model_fields_set & {"port", "tls_port", "autoport"}
    if on_a_port and not written:
        update["autoport"] = "yes"
    return graphics.model_copy(update=update)


def _resolve_video(videos: tuple[Video, ...]) -> tuple[Video, ...]:
    if not videos:
        return (Video(model="virtio", heads=1, primary="yes"),)
    first = videos[0]
    if first.model == "none" or any(one.primary == "yes" for one in videos):
        return videos
    return (first.model_copy(update={"primary": "yes"}), *videos[1:])


def _resolve_input(device: Input, *, is_x86: bool) -> Input:
    """A tablet needs no USB controller where it can be virtio; PS/2 is there on x86 alone."""
    if device.bus is not None or device.type == "evdev":
        return device
    has_ps2 = is_x86 and device.type in ("keyboard", "mouse")
    return device.model_copy(update={"bus": "ps2" if has_ps2 else "virtio"})


def _usual_inputs(*, is_x86: bool) -> tuple[Input, ...]:
    tablet = Input(type="tablet", bus="virtio")
    # x86 machines have a PS/2 keyboard without being told.
    return (tablet,) if is_x86 else (Input(type="keyboard", bus="virtio"), tablet)
