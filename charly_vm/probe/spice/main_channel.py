"""The main channel: the session, its channels, the mouse mode, and whether an agent is there."""

from __future__ import annotations

import struct
import threading
import uuid
from collections.abc import Mapping

from charly_vm.probe.spice.channel import Channel, Handler
from charly_vm.probe.spice.handshake import Link
from charly_vm.probe.spice.limits import MAX_CHANNELS
from charly_vm.probe.spice.protocol.devices import SpiceMouseMode
from charly_vm.probe.spice.protocol.messages import SpiceMsgcMain, SpiceMsgMain
from charly_vm.probe.spice.reader import Reader

_INIT = struct.Struct("<8I")
_MODES = struct.Struct("<HH")
_MAX_NAME = 1024


class MainChannel(Channel):
    """What the server says about the session as a whole."""

    def __init__(self, link: Link, changed: threading.Condition) -> None:
        self.session_id: int | None = None
        self.channels: list[tuple[int, int]] | None = None
        """Types and ids, once they are known."""
        self.mouse_modes = SpiceMouseMode(0)
        self.mouse_mode = SpiceMouseMode.SERVER
        self.agent = False
        self.agent_tokens = 0
        self.display_hint = 0
        self.ram_hint = 0
        self.multi_media_time = 0
        self.server_name = ""
        self.server_uuid = ""
        super().__init__(link, changed)

    def handlers(self) -> Mapping[int, Handler]:
        return {
            SpiceMsgMain.INIT: self._on_init,
            SpiceMsgMain.CHANNELS_LIST: self._on_channels,
            SpiceMsgMain.MOUSE_MODE: self._on_mouse_mode,
            SpiceMsgMain.MULTI_MEDIA_TIME: self._on_time,
            SpiceMsgMain.AGENT_CONNECTED: self._on_agent_connected,
            SpiceMsgMain.AGENT_CONNECTED_TOKENS: self._on_agent_connected_tokens,
            SpiceMsgMain.AGENT_DISCONNECTED: self._on_agent_disconnected,
            SpiceMsgMain.AGENT_DATA: self._on_nothing,
            SpiceMsgMain.AGENT_TOKEN: self._on_agent_token,
            SpiceMsgMain.NAME: self._on_name,
            SpiceMsgMain.UUID: self._on_uuid,
            SpiceMsgMain.MIGRATE_BEGIN: self._on_moving,
            SpiceMsgMain.MIGRATE_BEGIN_SEAMLESS: self._on_moving,
            SpiceMsgMain.MIGRATE_SWITCH_HOST: self._on_moving,
            SpiceMsgMain.MIGRATE_END: self._on_moving,
            SpiceMsgMain.MIGRATE_CANCEL: self._on_nothing,
        }

    def request_mouse_mode(self, mode: SpiceMouseMode) -> None:
        self.send(SpiceMsgcMain.MOUSE_MODE_REQUEST, mode.to_bytes(2, "little"))

    def _on_init(self, reader: Reader) -> None:
        (
            self.session_id,
            self.display_hint,
            modes,
            mode,
            agent,
            self.agent_tokens,
            self.multi_media_time,
            self.ram_hint,
        ) = reader.fields(_INIT)
        self._set_modes(modes, mode)
        self.agent = bool(agent)
        self.send(SpiceMsgcMain.ATTACH_CHANNELS)

    def _on_channels(self, reader: Reader) -> None:
        count = reader.count(reader.u32(), 2, MAX_CHANNELS, "channels")
        self.channels = [(reader.u8(), reader.u8()) for _ in range(count)]

    def _on_mouse_mode(self, reader: Reader) -> None:
        self._set_modes(*reader.fields(_MODES))

    def _set_modes(self, modes: int, mode: int) -> None:
        self.mouse_modes = SpiceMouseMode(modes & 3)
        self.mouse_mode = SpiceMouseMode(mode & 3)

    def _on_time(self, reader: Reader) -> None:
        self.multi_media_time = reader.u32()

    def _on_agent_connected(self, reader: Reader) -> None:
        self.agent = True

    def _on_agent_connected_tokens(self, reader: Reader) -> None:
        self.agent = True
        self.agent_tokens = reader.u32()

    def _on_agent_disconnected(self, reader: Reader) -> None:
        reader.u32()
        self.agent = False

    def _on_agent_token(self, reader: Reader) -> None:
        self.agent_tokens = min(self.agent_tokens + reader.u32(), 0xFFFFFFFF)

    def _on_name(self, reader: Reader) -> None:
        size = reader.count(reader.u32(), 1, _MAX_NAME, "bytes of a name")
        self.server_name = bytes(reader.take(size)).rstrip(b"\0").decode("utf-8", "replace")

    def _on_uuid(self, reader: Reader) -> None:
        self.server_uuid = str(uuid.UUID(bytes=bytes(reader.take(16))))

    def _on_moving(self, reader: Reader) -> None:
        raise self.migration()

    def _on_nothing(self, reader: Reader) -> None:
        pass
