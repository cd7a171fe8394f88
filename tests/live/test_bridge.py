"""A guest on a bridge of this host, which has an address of its own that nobody tells us.

The bridge is in a network namespace, and the permission to use it in a copy of /etc that only the
commands of this test see. Root may make both anywhere; others where the host lets users do so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from workspace import workspace

from charly_vm.host.process import Completed, require_tool, run, spawn
from charly_vm.host.waiting import Deadline, NotYet, wait_for

pytestmark = pytest.mark.live

BRIDGE = "charly-test0"
SETTING_UP = f"""
set -e
mkdir "$1/etc"
# In memory, and gone with the namespace: there are secrets among these files.
mount -t tmpfs tmpfs "$1/etc"
cp --archive /etc/. "$1/etc" 2>/dev/null || true
mkdir -p "$1/etc/qemu"
echo "allow {BRIDGE}" >"$1/etc/qemu/bridge.conf"
mount --move "$1/etc" /etc
mount -t sysfs sysfs /sys
ip link set lo up
ip link add {BRIDGE} type bridge
ip address add 10.0.2.2/24 dev {BRIDGE}
ip link set {BRIDGE} up
echo ready
exec sleep 600
"""


@dataclass(frozen=True)
class Network:
    """The namespaces, by the process that keeps them."""

    keeper: int

    def prefix(self, directory: Path) -> list[str | Path]:
        """What runs a command in the namespaces, in a directory."""
        flags = ["--target", str(self.keeper), "--mount", "--net"]
        if os.getuid() != 0:
            flags += ["--user", "--preserve-credentials"]
        return ["nsenter", *flags, "--", "env", "-C", directory]

    def run(self, *words: str | Path) -> Completed:
        return run([*self.prefix(Path("/")), *words], timeout=30)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    unshare = [str(require_tool("unshare", package="util-linux")), "--mount", "--net"]
    if os.getuid() != 0:
        unshare += ["--user", "--map-root-user"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        keeper = spawn([*unshare, "sh", "-c", SETTING_UP, "sh", tmp_path], output=output)

    def probe() -> bool | NotYet:
        said = log.read_text(errors="replace")
        if keeper.poll() is not None:
            raise AssertionError(f"no network of our own: {said}")
        return True if said.endswith("ready\n") else NotYet(said)

    try:
        wait_for("the network", probe, Deadline(20))
        yield Network(keeper.pid)
    finally:
        keeper.kill()
        keeper.wait()


def test_a_guest_on_a_bridge_is_found_and_logged_in_to(tiny_image: Path, network: Network) -> None:
    with workspace(tiny_image, "qemu") as space:
        space.prefix = network.prefix(space.directory)
        text = space.project.read_text()
        where = f"cpu: 1\n    network: {{mode: bridge, bridge: {BRIDGE}}}\n"
        space.project.write_text(text.replace("cpu: 1\n", where))
        made = space.charly("vm", "create", "tiny", "--wait")
        assert made.status == 0, made.stderr
        # Nobody has given it an address but the link itself.
        assert "charly-tiny is at fe80::5054:ff:fe" in made.stderr
        said = space.charly("vm", "ssh", "tiny", "--", "hostname; ping -c 1 10.0.2.2 >&2")
        assert (said.status, said.stdout) == (0, "charly-tiny\n"), said.stderr
        # Now that the host has heard from it, that is preferred.
        config = (space.directory / "config" / "charly" / "ssh_config").read_text()
        assert "HostName fe80::5054:ff:fe" in config
        again = space.charly("vm", "ssh", "tiny", "--", "echo $SSH_CONNECTION")
        assert again.stdout.split()[2:] == ["10.0.2.15", "22"], again
        assert space.charly("vm", "stop", "tiny", "--force").status == 0
        network.run("ip", "neighbour", "flush", "all")
        gone = space.charly("vm", "ssh", "tiny", "--", "true")
        assert gone.status == 1
        assert "nobody knows where charly-tiny is: no address of 52:54:00" in gone.stderr
        assert "this host's table of neighbours: none" in gone.stderr
        assert "qemu-guest-agent" in gone.stderr
        assert space.charly("vm", "destroy", "tiny", "--disk").status == 0
