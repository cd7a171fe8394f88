"""The user's libvirt daemon: whether one answers, and having systemd start it where it can."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from charly_vm.errors import LaunchError
from charly_vm.host.process import find_tool, run

CONNECT_SECONDS = 5.0
START_SECONDS = 10.0
SOCKETS = ("virtqemud-sock", "libvirt-sock")
"""Modular libvirt's, then that of the older single daemon."""
UNITS = ("virtqemud.service", "libvirtd.service")


def find_session_socket() -> Path | None:
    """The socket at which a session daemon of this user answers at this moment."""
    # libvirt's own fallback, see virGetUserRuntimeDirectory.
    base = os.environ.get("XDG_RUNTIME_DIR") or Path.home() / ".cache"
    for name in SOCKETS:
        path = Path(base) / "libvirt" / name
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(CONNECT_SECONDS)
            try:
                client.connect(str(path))
            except OSError:
                continue
            return path
    return None


def start_session_daemon() -> None:
    """Have systemd start the daemon where it can; elsewhere libvirt's library spawns one itself."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    systemctl = find_tool("systemctl")
    if find_session_socket() or not (runtime and systemctl and Path(runtime, "systemd").is_dir()):
        return
    for unit in UNITS:
        # What comes of it shows when a connection is made.
        with suppress(LaunchError):
            run([systemctl, "--user", "start", unit], timeout=START_SECONDS)
            return
