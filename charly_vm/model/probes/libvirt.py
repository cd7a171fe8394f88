"""The methods of the libvirt probe, which asks the hypervisor and, through it, the guest agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from charly_vm.model.probes.method import Method, Milliseconds, Seconds, Text, by_name
from charly_vm.model.probes.screen import Compare, WaitForText

Encoding = Literal["utf-8", "base64"]


def _as_list(written: object) -> object:
    return [written] if isinstance(written, str | int) else written


class List(Method):
    """Every domain that the machine's hypervisor has, with its state."""

    method = "list"


class Info(Method):
    """State, graphics, uptime, and whether the guest agent answers."""

    method = "info"


class Screenshot(Method):
    """The screen as PNG, as the hypervisor sees it."""

    method = "screenshot"
    screen: Annotated[int, Field(ge=0)] = 0
    """Which of several."""


class SendKey(Method):
    """Presses keys together, one chord after another."""

    method = "send-key"
    main = "keys"
    structured = frozenset({"keys"})
    keys: Annotated[tuple[Text, ...], Field(min_length=1), BeforeValidator(_as_list)]
    """A chord such as ctrl-alt-f2 or ctrl-+, or a list of them; the names are those of Linux
    (KEY_LEFTCTRL), also without KEY_, and what is written on keys."""
    hold: Milliseconds = 50
    """How long they are held, in milliseconds."""


class Passwd(Method):
    """Sets the password of the graphics server while the machine runs."""

    method = "passwd"
    main = "password"
    secret = "password"
    password: Text
    """The new one."""
    protocol: Literal["", "spice", "vnc"] = ""
    """Which server, where there are two."""


class Qmp(Method):
    """A command to QEMU's monitor, and its answer."""

    method = "qmp"
    main = "command"
    structured = frozenset({"arguments"})
    command: Text
    """Its name, `query-status`."""
    arguments: Mapping[str, Any] = Field(default_factory=dict)
    """What it takes."""


class DomainXml(Method):
    """What the hypervisor runs: the live domain XML, or QEMU's command."""

    method = "domain-xml"


class Console(Method):
    """The end of what the serial console has said."""

    method = "console"
    main = "lines"
    lines: Annotated[int, Field(ge=1)] = 40
    """How much of it."""


class Events(Method):
    """What happens to the machine from now on, as the hypervisor tells it."""

    method = "events"
    main = "seconds"
    seconds: Seconds = 10.0
    """How long to listen."""
    until: str = ""
    """An event that ends the listening, by its name or with the first words of its detail
    (`lifecycle stopped`); that it does not come is a failure."""


class GuestPing(Method):
    """Whether the guest agent answers."""

    method = "guest/ping"
    main = "seconds"
    seconds: Seconds = 20.0
    """Within which time."""


class GuestInfo(Method):
    """The agent's version and its commands."""

    method = "guest/info"


class GuestOsInfo(Method):
    """The guest's operating system."""

    method = "guest/os-info"


class GuestTime(Method):
    """The guest's clock."""

    method = "guest/time"


class GuestHostname(Method):
    """The guest's own name."""

    method = "guest/hostname"


class GuestUsers(Method):
    """Who is logged in."""

    method = "guest/users"


class GuestInterfaces(Method):
    """The guest's network interfaces with their addresses."""

    method = "guest/interfaces"


class GuestDisks(Method):
    """The guest's disks."""

    method = "guest/disks"


class GuestFsinfo(Method):
    """The guest's mounted file systems."""

    method = "guest/fsinfo"


class GuestVcpus(Method):
    """The guest's processors."""

    method = "guest/vcpus"


class GuestExec(Method):
    """Runs a command by the agent, as root, and waits for it."""

    method = "guest/exec"
    main = "command"
    command: Text | Annotated[tuple[Text, ...], Field(min_length=1)]
    """A text for the guest's shell, or a list of words that are taken as they are."""
    timeout: Seconds = 60.0
    """For how long."""
    stdin: str = ""
    """What it reads."""


class GuestFstrim(Method):
    """Gives the blocks that file systems do not use back to the host."""

    method = "guest/fstrim"
    minimum: Annotated[int, Field(ge=0)] = 0
    """How many bytes in a row are worth it."""


class GuestRead(Method):
    """A file's content, by the agent."""

    method = "guest/read"
    main = "path"
    path: Text
    """In the guest."""
    encoding: Encoding = "utf-8"
    """How it is shown; a file that is no text wants base64."""
    limit: Annotated[int, Field(ge=0, le=16 * 2**20)] = 16 * 2**20
    """How many bytes it may have."""


class GuestWrite(Method):
    """Writes a file, by the agent."""

    method = "guest/write"
    main = "path"
    path: Text
    """In the guest."""
    content: str
    """What is written."""
    encoding: Encoding = "utf-8"
    """How `content` is written here."""
    append: bool = False
    """Behind what the file has, and not in its place."""


class GuestFsfreeze(Method):
    """Brings the guest's file systems to rest, or lets them go on."""

    method = "guest/fsfreeze"
    main = "action"
    action: Literal["status", "freeze", "thaw"] = "status"
    """What is done."""


class SnapshotList(Method):
    """The machine's snapshots."""

    method = "snapshot/list"


class _OfSnapshot(Method):
    main = "name"
    name: Text
    """Its name."""


class SnapshotCreate(_OfSnapshot):
    """Keeps the disk and, of a machine that runs, the memory."""

    method = "snapshot/create"
    mode: Literal["", "external", "internal"] = ""
    """Where it is kept; what the entity says of this name, or external, where it is not given."""
    description: str | None = None
    """Why it was taken."""
    quiesce: bool | None = None
    """Whether the guest agent brings the file systems to rest meanwhile."""


class SnapshotInfo(_OfSnapshot):
    """What is known of a snapshot."""

    method = "snapshot/info"


class SnapshotRevert(_OfSnapshot):
    """Brings the machine back to a snapshot."""

    method = "snapshot/revert"


class SnapshotDelete(_OfSnapshot):
    """Removes a snapshot."""

    method = "snapshot/delete"


LIBVIRT_METHODS = by_name(
    *(List, Info, Screenshot, SendKey, Passwd, Qmp, DomainXml, Console, Events),
    *(GuestPing, GuestInfo, GuestOsInfo, GuestTime, GuestHostname, GuestUsers, GuestInterfaces),
    *(GuestDisks, GuestFsinfo, GuestVcpus, GuestExec, GuestFstrim, GuestRead, GuestWrite),
    *(GuestFsfreeze, SnapshotList, SnapshotCreate, SnapshotInfo, SnapshotRevert, SnapshotDelete),
    *(WaitForText, Compare),
)
