"""A machine as a QEMU command line, for the qemu backend; the work is done in `render.qemu`."""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import hide_secret
from charly_vm.render.qemu.sockets import (
    AGENT_PORT_ID,
    MONITOR_ID,
    find_sockets,
    is_listened_on,
    pass_sockets,
)

__all__ = [
    "AGENT_PORT_ID",
    "MONITOR_ID",
    "find_sockets",
    "hide_secret",
    "is_listened_on",
    "pass_sockets",
    "render_argv",
]


def render_argv(machine: ResolvedMachine) -> list[str]:
    """The command that runs the machine, ready to be replayed by hand.

    The sockets are named by their paths; `pass_sockets` turns them into descriptors that are
    listening already.
    """
    # The models of the libvirt block take longer to import than most commands take.
    from charly_vm.render.qemu.command import render_command

    return render_command(machine)
