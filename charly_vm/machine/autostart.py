"""Machines that start with the host: a unit of the user's systemd for each.

libvirt's own flag is not enough for a session daemon, which nobody starts at boot. So a unit
starts the machine, and lingering has systemd run the user's units before anybody logs in.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from charly_vm.errors import CharlyError
from charly_vm.host.files import explain_os_errors, write_atomically
from charly_vm.host.process import find_tool, run
from charly_vm.host.progress import Progress

SYSTEMCTL_SECONDS = 20.0
LINGERING = Path("/var/lib/systemd/linger")
"""Holds a file for each user whose units run without a login; see loginctl(1)."""

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


def units_directory() -> Path:
    """Where systemd looks for a user's own units."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user"


def unit_name(domain: str) -> str:
    return f"charly-autostart-{domain}.service"


def render_unit(domain: str, virsh: Path) -> str:
    """The unit that starts a domain of the user's libvirt session."""
    return _UNIT.format(domain=domain, virsh=f"{virsh} --connect qemu:///session")


def enable_autostart(domain: str, progress: Progress) -> None:
    """Write the unit, enable it and have it run without a login; what is missing for that on this
    host is noted."""
    unit = units_directory() / unit_name(domain)
    virsh = find_tool("virsh")
    with explain_os_errors(f"write {unit}"):
        unit.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(unit, render_unit(domain, virsh or Path("/usr/bin/virsh")), mode=0o644)
        link = _link(domain)
        link.parent.mkdir(exist_ok=True)
        # What `systemctl --user enable` does, and it works where no systemd runs as well.
        link.unlink(missing_ok=True)
        link.symlink_to(unit)
    missing = [*_reload(), *_linger()]
    if virsh is None:
        missing.append("virsh is not installed (libvirt-clients, libvirt-client, libvirt)")
    if missing:
        progress.note(
            f"{domain} does not start with this host yet: {'; '.join(missing)}. "
            f"The unit for it is {unit}"
        )


def disable_autostart(domain: str) -> None:
    """Remove the unit, where there is one. Lingering stays: other units may need it."""
    unit = units_directory() / unit_name(domain)
    if not unit.exists() and not _link(domain).is_symlink():
        return
    with explain_os_errors(f"remove {unit}"):
        _link(domain).unlink(missing_ok=True)
        unit.unlink(missing_ok=True)
    _reload()


def lingers() -> bool:
    """Whether this user's units run without a login."""
    return (LINGERING / getpass.getuser()).exists()


def has_user_systemd() -> bool:
    """Whether a systemd of this user's runs."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return bool(runtime) and Path(runtime or "", "systemd").is_dir()


def _link(domain: str) -> Path:
    return units_directory() / "default.target.wants" / unit_name(domain)


def _reload() -> list[str]:
    systemctl = find_tool("systemctl")
    if systemctl is None or not has_user_systemd():
        return ["no systemd runs for this user"]
    return _tried([systemctl, "--user", "daemon-reload"])


def _linger() -> list[str]:
    if lingers():
        return []
    loginctl = find_tool("loginctl")
    if loginctl is None or not Path("/run/systemd/system").is_dir():
        return ["no systemd runs this host"]
    problem = _tried([loginctl, "enable-linger"])
    return [f"run `sudo loginctl enable-linger {getpass.getuser()}`"] if problem else []


def _tried(argv: list[Path | str]) -> list[str]:
    try:
        run(argv, timeout=SYSTEMCTL_SECONDS)
    except CharlyError as error:
        return [error.message]
    return []
