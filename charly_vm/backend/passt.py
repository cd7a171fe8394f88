"""Whether passt, which carries the ports of a guest on libvirt's user network, works here."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

from charly_vm.errors import LaunchError
from charly_vm.host.process import find_tool, run, tail_text

PROBE_SECONDS = 5.0


def find_passt_obstacle() -> str | None:
    """Why passt cannot be used, or None where it can: asked by starting one, in some 20 ms.

    It needs a user namespace of its own, which containers, chroots and some hosts do not allow.
    """
    passt = find_tool("passt")
    if passt is None:
        return "the program passt is not installed"
    with tempfile.TemporaryDirectory(prefix="charly-passt-") as directory:
        path = Path(directory) / "socket"
        try:
            # It goes into the background once it is set up, and ends with its only client.
            run([passt, "--one-off", "--socket", path], timeout=PROBE_SECONDS)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.connect(str(path))
        except LaunchError as error:
            return tail_text(error.log, 1) or error.message
        except OSError as error:
            return f"passt does not answer: {error.strerror}"
    return None
