"""libvirt's system daemon with its networks, private to a test: `qemu:///system` in namespaces.

It has all that a host's own would have: directories below /etc, /run and /var, bridges, DHCP
servers, rules for NAT. In these namespaces they are others than the host's, and they end with them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from own_namespaces import OWN_ETC, Namespaces, namespaces
from second_hypervisor import link_programs

from charly_vm.host.process import require_tool

URI = "qemu:///system"
SECONDS = 60
PROGRAMS = {
    "libvirtd": "libvirt-daemon",
    "virsh": "libvirt-clients",
    "dnsmasq": "dnsmasq-base",
    "iptables": "iptables",
}
"""With their packages. Of the last two libvirt tells only where it starts a network."""
SETTING_UP = f"""
{OWN_ETC}
mount -t sysfs sysfs /sys
mount -t proc proc /proc
# The host's own bus is out of reach with /run, so that nothing is registered at its systemd.
for directory in /run /var/lib /var/cache /var/log; do mount -t tmpfs tmpfs $directory; done
# dnsmasq's own place, beside libvirt's, and that of the disks.
mkdir -p /var/lib/misc /var/lib/libvirt/images
rm -rf /etc/libvirt
mkdir /etc/libvirt
echo 'auth_unix_rw = "none"' >/etc/libvirt/libvirtd.conf
# Nobody is there to be protected from, no cgroup to be put in, and no virtlogd to write to.
cat >/etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
security_driver = "none"
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
END
# Debian's libvirt looks for its user before it reads that it is to be another one, and the package
# that makes it would start a daemon of the host's.
getent passwd libvirt-qemu >/dev/null || echo "libvirt-qemu:x:0:0::/:/bin/false" >>/etc/passwd
getent group libvirt-qemu >/dev/null || echo "libvirt-qemu:x:0:" >>/etc/group
ip link set lo up
(PATH="$1/bin:/usr/sbin:/sbin"; exec libvirtd) &
daemon=$!
until virsh --connect {URI} version; do
    kill -0 $daemon
    sleep 0.2
done
echo ready
wait $daemon
"""


@dataclass(frozen=True)
class Network:
    """What is written about one of libvirt's networks."""

    name: str
    bridge: str
    subnet: str
    """The first three numbers of its addresses: the host is 1, its guests are 40 to 60."""
    nat: bool = False

    @property
    def host(self) -> str:
        return f"{self.subnet}.1"

    @property
    def definition(self) -> str:
        return f"""
<network>
  <name>{self.name}</name>
  {"<forward mode='nat'/>" if self.nat else ""}
  <bridge name='{self.bridge}'/>
  <ip address='{self.host}' netmask='255.255.255.0'>
    <dhcp><range start='{self.subnet}.40' end='{self.subnet}.60'/></dhcp>
  </ip>
</network>"""


@dataclass(frozen=True)
class PrivateLibvirt:
    """The daemon, which runs, with an active pool `default` and no networks."""

    space: Namespaces

    def virsh(self, *words: str | Path) -> str:
        return self.space.run("virsh", "--connect", URI, "--quiet", *words).stdout

    def define(self, network: Network, directory: Path) -> None:
        """Have it know a network, which is not active yet."""
        file = directory / f"{network.name}.xml"
        file.write_text(network.definition)
        self.virsh("net-define", file)

    def leases(self, network: str, mac: str) -> list[str]:
        """The addresses that the DHCP server of a network has given to a card."""
        lines = self.virsh("net-dhcp-leases", network, "--mac", mac).splitlines()
        return [line.split()[4].partition("/")[0] for line in lines if line]

    def nat_rules(self) -> str:
        return self.space.run(require_tool("iptables-save", package="iptables"), "-t", "nat").stdout

    def mac(self, domain: str) -> str:
        """The address of a machine's only card."""
        card = ET.fromstring(self.virsh("dumpxml", domain)).find("devices/interface/mac")
        assert card is not None
        return card.get("address", "")


@contextmanager
def private_libvirt(directory: Path) -> Iterator[PrivateLibvirt]:
    """Ended with the block, its machines and networks with it."""
    for name, package in PROGRAMS.items():
        require_tool(name, package=package)
    link_programs(directory)
    with namespaces(directory, SETTING_UP, processes=True, seconds=SECONDS) as space:
        made = PrivateLibvirt(space)
        made.virsh("pool-create-as", "default", "dir", "--target", "/var/lib/libvirt/images")
        yield made
