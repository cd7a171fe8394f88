"""The part `guest` of the probe: what the agent in the guest tells and does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from charly_vm.probe.libvirt import guest_facts as facts
from charly_vm.probe.libvirt.channel import ANSWER_SECONDS, BackendChannel
from charly_vm.probe.libvirt.guest_exec import EXEC_SECONDS, Ran, run_command
from charly_vm.probe.libvirt.guest_files import MOST_READ, Written, read_file, write_file
from charly_vm.probe.libvirt.guest_freeze import FreezeState, file_systems_at_rest, freeze
from charly_vm.probe.libvirt.subject import Subject

TRIM_SECONDS = 600.0
"""A large disk has much to give back."""


class GuestAgent:
    """Asks qemu-guest-agent, which runs as root in the guest.

    Every method raises `GuestError` where the agent is silent or refuses, and where what it
    answers is not what its documentation says (interop/qemu-ga-ref): that comes from the guest.
    """

    def __init__(self, subject: Subject) -> None:
        self._channel = BackendChannel(subject)

    def ping(self, seconds: float = ANSWER_SECONDS) -> facts.Pong:
        """Whether it answers within so many seconds."""
        begun = time.monotonic()
        self._channel.ask("guest-ping", seconds)
        return facts.Pong(round(time.monotonic() - begun, 6))

    def info(self) -> facts.AgentInfo:
        """Its version and its commands."""
        return facts.read_agent_info(self._channel.ask("guest-info"))

    def os_info(self) -> facts.OsInfo:
        """The guest's distribution and kernel."""
        return facts.read_os_info(self._channel.ask("guest-get-osinfo"))

    def time(self) -> facts.GuestTime:
        """The guest's clock, beside this host's."""
        return facts.read_time(self._channel.ask("guest-get-time"))

    def hostname(self) -> str:
        """The guest's own name."""
        return self._channel.ask("guest-get-host-name").at("host-name").text()

    def users(self) -> tuple[facts.GuestUser, ...]:
        """Who is logged in."""
        return facts.read_users(self._channel.ask("guest-get-users"))

    def interfaces(self) -> tuple[facts.Interface, ...]:
        """The guest's network interfaces with their addresses."""
        return facts.read_interfaces(self._channel.ask("guest-network-get-interfaces"))

    def disks(self) -> tuple[facts.Disk, ...]:
        """The guest's disks and their partitions."""
        return facts.read_disks(self._channel.ask("guest-get-disks"))

    def fsinfo(self) -> tuple[facts.FileSystem, ...]:
        """The guest's mounted file systems that are on disks."""
        return facts.read_file_systems(self._channel.ask("guest-get-fsinfo"))

    def vcpus(self) -> tuple[facts.Vcpu, ...]:
        """The guest's processors."""
        return facts.read_vcpus(self._channel.ask("guest-get-vcpus"))

    def exec(
        self, command: str | Sequence[str], timeout: float = EXEC_SECONDS, stdin: str = ""
    ) -> Ran:
        """Run a command as root: a text by `/bin/sh -c`, several words as they are.

        Raises `GuestTimeout` after `timeout` seconds; the command goes on then, since the agent
        has no way to end it.
        """
        return run_command(self._channel, command, timeout=timeout, stdin=stdin)

    def fstrim(self, minimum: int = 0) -> tuple[facts.Trimmed, ...]:
        """Have the guest give back the free blocks of its file systems, of `minimum` bytes or
        more in a row."""
        return facts.read_trimmed(self._channel.ask("guest-fstrim", TRIM_SECONDS, minimum=minimum))

    def read(
        self,
        path: str,
        encoding: Literal["utf-8", "base64"] = "utf-8",
        limit: int = MOST_READ,
    ) -> str:
        """The content of a file in the guest, of `limit` bytes at most: a larger one is a
        `GuestError`, and so is one that is no text unless `encoding` is base64."""
        return read_file(self._channel, path, encoding=encoding, limit=limit)

    def write(
        self,
        path: str,
        content: str,
        encoding: Literal["utf-8", "base64"] = "utf-8",
        append: bool = False,
    ) -> Written:
        """Write a file in the guest in place of what it was, or behind that with `append`. With
        `encoding` base64 that is what `content` is written in."""
        return write_file(self._channel, path, content, encoding=encoding, append=append)

    def fsfreeze(self, action: Literal["status", "freeze", "thaw"] = "status") -> FreezeState:
        """Bring the guest's file systems to rest, or undo that, or say which it is.

        What is frozen stays so until `thaw`, and nothing in the guest can write meanwhile. Where
        freezing fails or is interrupted, the file systems are thawed again.
        """
        return freeze(self._channel, action)

    @contextmanager
    def frozen(self) -> Iterator[FreezeState]:
        """The guest's file systems are at rest for the length of the block, however it ends."""
        with file_systems_at_rest(self._channel) as state:
            yield state
