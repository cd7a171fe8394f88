"""`<channel>`: the guest agent's, and the author's."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator

from charly_vm.model.libvirt.devices.channel import GUEST_AGENT, Channel
from charly_vm.render.domain.devices.host_end import render_character
from charly_vm.render.domain.element import add_given


def render_channels(authored: Iterable[Channel]) -> Iterator[ET.Element]:
    """An author's channel of the guest agent takes the place of ours: a name is there once."""
    channels = list(authored)
    if GUEST_AGENT not in [one.name for one in channels]:
        # Without a path libvirt keeps its socket where it looks for it.
        yield _render_channel(Channel(type="unix", name=GUEST_AGENT))
    for channel in channels:
        yield _render_channel(channel)


def _render_channel(channel: Channel) -> ET.Element:
    element = render_character("channel", channel, channel.host_end)
    if channel.target:
        target = channel.target
        add_given(element, "target", type=target.type, address=target.address, port=target.port)
    else:
        add_given(element, "target", type="virtio", name=channel.name)
    return element
