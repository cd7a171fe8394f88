"""The real guest agent in the tiny guest, which has none: brought there by SSH when it runs.

It is Debian's qemu-guest-agent of the host's own release, with the libraries that it needs, as
this host has them.
"""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
from pathlib import Path

from charly_vm.guest.ssh import SshGuest
from charly_vm.host.process import require_tool, run

START = """
set -e
tar -xz -C /
port=$(grep -l org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name | cut -d/ -f5)
export LD_LIBRARY_PATH=/agent
/agent/qemu-ga -d -m virtio-serial -p "/dev/$port" -t /run -f /run/ga.pid
"""


def pack_agent(cache: Path) -> bytes:
    """The agent and its libraries as a tar archive with one directory, `agent`.

    The package is fetched with apt-get and kept in `cache`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / "guest-agent.tar.gz"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=cache, prefix=".agent-") as directory:
            made = Path(directory, "made")
            made.write_bytes(_pack(Path(directory)))
            made.replace(kept)
    return kept.read_bytes()


def start_agent(guest: SshGuest, cache: Path) -> None:
    """Have it running; returns before it has connected."""
    done = guest.run(START, timeout=60, stdin=pack_agent(cache))
    assert done.status == 0, done.stderr


def _pack(work: Path) -> bytes:
    apt_get = require_tool("apt-get", package="a Debian host's apt-get")
    run([apt_get, "-q", "download", "qemu-guest-agent"], cwd=work, timeout=120)
    [package] = work.glob("*.deb")
    run(["dpkg-deb", "--extract", package, work / "tree"], timeout=60)
    program = work / "tree" / "usr" / "sbin" / "qemu-ga"
    needed = re.findall(r"=> (/\S+)", run(["ldd", program], timeout=20).stdout)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=6) as archive:
        for file in (program, *map(Path, needed)):
            archive.add(file.resolve(), f"agent/{file.name}")
    return packed.getvalue()
