"""A guest on a bridge of this host, which has an address of its own that nobody tells us.

The bridge is in a network namespace, and the permission to use it in a copy of /etc that only the
commands of this test see.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from own_namespaces import OWN_ETC, Namespaces, namespaces
from workspace import workspace

pytestmark = pytest.mark.live

BRIDGE = "charly-test0"
SETTING_UP = f"""
{OWN_ETC}
mkdir -p /etc/qemu
echo "allow {BRIDGE}" >/etc/qemu/bridge.conf
mount -t sysfs sysfs /sys
ip link set lo up
ip link add {BRIDGE} type bridge
ip address add 10.0.2.2/24 dev {BRIDGE}
ip link set {BRIDGE} up
echo ready
exec sleep 600
"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Namespaces]:
    with namespaces(tmp_path, SETTING_UP) as made:
        yield made


def test_a_guest_on_a_bridge_is_found_and_logged_in_to(
    tiny_image: Path, network: Namespaces
) -> None:
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
