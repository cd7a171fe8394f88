"""Machines that start with the host: a unit of the user's systemd for each.

libvirt's own flag is not enough for a session daemon, which nobody starts at boot. So a unit
starts the machine.
"""

from __future__ import annotations

from pathlib import Path

from charly_vm.host.process import find_tool
from charly_vm.host.progress import Progress
from charly_vm.host.user_units import disable_unit, enable_unit, units_directory

_UNIT = """\
# Written by charly for a machine with `autostart: true`; `charly vm destroy` removes it.
[Unit]
Description=Start the virtual machine {domain}

[Service]
Type=oneshot
# A session daemon that virsh starts belongs to this unit, and so does the machine: they have to
# outlive its command, and its end.
RemainAfterExit=yes
KillMode=process
Environment=LC_ALL=C
# libvirt may have started the machine itself by the time it is asked.
ExecStart=/bin/sh -c '{virsh} start {domain} || {virsh} domstate {domain} | grep -qx running'

[Install]
WantedBy=default.target
"""


def unit_name(domain: str) -> str:
    return f"charly-autostart-{domain}.service"


def render_unit(domain: str, virsh: Path) -> str:
    """The unit that starts a domain of the user's libvirt session."""
    return _UNIT.format(domain=domain, virsh=f"{virsh} --connect qemu:///session")


def enable_autostart(domain: str, progress: Progress) -> None:
    """Write the unit, enable it and have it run without a login; what is missing for that on this
    host is noted."""
    virsh = find_tool("virsh")
    missing = enable_unit(unit_name(domain), render_unit(domain, virsh or Path("/usr/bin/virsh")))
    if virsh is None:
        missing.append("virsh is not installed (libvirt-clients, libvirt-client, libvirt)")
    if missing:
        progress.note(
            f"{domain} does not start with this host yet: {'; '.join(missing)}. "
            f"The unit for it is {units_directory() / unit_name(domain)}"
        )


def disable_autostart(domain: str) -> None:
    """Remove the unit, where there is one."""
    disable_unit(unit_name(domain))
