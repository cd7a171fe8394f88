"""Guests on libvirt's own networks, which get their addresses from its DHCP server.

The daemon, its networks and the guests are in namespaces, as `private_libvirt` makes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from private_libvirt import URI, Network, PrivateLibvirt, private_libvirt
from workspace import Workspace, workspace

pytestmark = pytest.mark.live

DEFAULT = Network("default", "virbr0", "192.168.122", nat=True)
LAB = Network("lab", "virbr-lab", "10.77.0")


@pytest.fixture(scope="module")
def libvirt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateLibvirt]:
    directory = tmp_path_factory.mktemp("libvirt")
    with private_libvirt(directory) as made:
        for network in (DEFAULT, LAB):
            made.define(network, directory)
        yield made


@pytest.fixture
def space(tiny_image: Path, libvirt: PrivateLibvirt) -> Iterator[Workspace]:
    """A workspace whose machines are made at qemu:///system."""
    with workspace(tiny_image, "auto") as made:
        made.prefix = libvirt.space.prefix(made.directory)
        made.environment["CHARLY_LIBVIRT_URI"] = URI
        # That of the caller may be below /run, which is another one there.
        made.environment["XDG_RUNTIME_DIR"] = str(made.directory)
        yield made
    assert libvirt.virsh("list", "--all", "--name").split() == []


def put_on(space: Workspace, network: str) -> None:
    text = space.project.read_text()
    space.project.write_text(text.replace("cpu: 1\n", f"cpu: 1\n    network: {network}\n"))


def start(libvirt: PrivateLibvirt, network: Network) -> None:
    if network.name not in libvirt.virsh("net-list", "--name").split():
        libvirt.virsh("net-start", network.name)


def stop(libvirt: PrivateLibvirt, network: Network) -> None:
    if network.name in libvirt.virsh("net-list", "--name").split():
        libvirt.virsh("net-destroy", network.name)


def test_a_machine_lives_its_life_behind_libvirts_nat(
    space: Workspace, libvirt: PrivateLibvirt
) -> None:
    start(libvirt, DEFAULT)
    put_on(space, "{mode: nat}")
    made = space.charly("vm", "create", "tiny", "--wait")
    assert made.status == 0, made.stderr
    # The guest takes another address where no DHCP server answers it.
    (address,) = libvirt.leases("default", libvirt.mac("charly-tiny"))
    assert f"charly-tiny is at {address}\n" in made.stderr
    said = space.charly("vm", "ssh", "tiny", "--", "hostname; echo $SSH_CONNECTION")
    assert said.status == 0, said.stderr
    assert said.stdout.split()[0] == "charly-tiny"
    assert said.stdout.split()[1::2] == [DEFAULT.host, address]
    pinged = space.charly("vm", "ssh", "tiny", "--", f"ip route; ping -c 1 {DEFAULT.host}")
    assert pinged.status == 0, pinged
    assert f"default via {DEFAULT.host} " in pinged.stdout
    assert "1 packets received" in pinged.stdout
    config = (space.directory / "config" / "charly" / "ssh_config").read_text()
    assert f"HostName {address}\n" in config
    assert (
        f"-s {DEFAULT.subnet}.0/24 ! -d {DEFAULT.subnet}.0/24 -j MASQUERADE" in libvirt.nat_rules()
    )
    shown = space.charly("vm", "list")
    assert f"running  libvirt at {URI}" in shown.stdout
    stopped = space.charly("vm", "stop", "tiny")
    assert "charly-tiny is off: the guest shut down" in stopped.stdout, stopped
    assert f"shut off  libvirt at {URI}" in space.charly("vm", "list", "-a").stdout
    gone = space.charly("vm", "destroy", "tiny", "--disk")
    assert gone.status == 0, gone.stderr
    assert space.charly("vm", "list", "-a").stdout.count("tiny") == 0


def test_a_machine_on_a_network_by_name_outlives_its_lease_and_the_network(
    space: Workspace, libvirt: PrivateLibvirt
) -> None:
    start(libvirt, LAB)
    put_on(space, "{mode: network, bridge: lab}\n    backend: libvirt")
    made = space.charly("vm", "create", "tiny", "--wait")
    assert made.status == 0, made.stderr
    mac = libvirt.mac("charly-tiny")
    (first,) = libvirt.leases("lab", mac)
    assert f"charly-tiny is at {first}\n" in made.stderr
    shown = space.charly("vm", "list")
    assert f"running  libvirt at {URI}" in shown.stdout
    # A guest that says that it is another one than before gets one more for the same card.
    ask_for_a_lease(space, "-x 0x3d:00c0ffee")
    space.wait_for("the second lease", lambda: len(libvirt.leases("lab", mac)) == 2, 20)
    (second,) = set(libvirt.leases("lab", mac)) - {first}
    assert find(space, second) == [LAB.host, second]
    ask_for_a_lease(space, "")
    assert find(space, first) == [LAB.host, first]
    assert sorted(libvirt.leases("lab", mac)) == sorted([first, second])
    pinged = space.charly("vm", "ssh", "tiny", "--", f"ping -c 1 {LAB.host}")
    assert "1 packets received" in pinged.stdout, pinged
    # The network ends while the machine is off.
    assert space.charly("vm", "stop", "tiny").status == 0
    libvirt.virsh("net-destroy", "lab")
    refused = space.charly("vm", "start", "tiny")
    assert refused.status == 1
    told = f"charly-tiny does not start: libvirt's network 'lab' at {URI} is not active"
    assert refused.stderr.count("charly: ") == refused.stderr.count(told) == 1, refused.stderr
    libvirt.space.run("sh", "-c", hinted_command(refused.stderr))
    started = space.charly("vm", "start", "tiny", "--wait")
    assert started.status == 0, started.stderr
    assert space.charly("vm", "destroy", "tiny", "--disk").status == 0


def ask_for_a_lease(space: Workspace, options: str) -> None:
    """From the guest, which loses the address that the command came to."""
    command = f"udhcpc -i eth0 -n -q {options} -s /etc/udhcpc.sh"
    asked = space.charly("vm", "ssh", "tiny", "--", f"({command}) >/dev/null 2>&1 </dev/null &")
    assert asked.status == 0, asked.stderr


def find(space: Workspace, address: str) -> list[str]:
    """Log in as soon as the guest has that address; returns both ends of the connection."""

    def ends() -> list[str]:
        said = space.charly("vm", "ssh", "tiny", "--", "echo $SSH_CONNECTION")
        return said.stdout.split()[::2]

    space.wait_for(f"the guest at {address}", lambda: address in ends(), 20)
    return ends()


def test_a_network_that_is_not_up_is_one_error_with_what_brings_it_up(
    space: Workspace, libvirt: PrivateLibvirt
) -> None:
    stop(libvirt, DEFAULT)
    put_on(space, "{mode: nat}")
    refused = space.charly("vm", "create", "tiny")
    assert refused.status == 1
    told = f"libvirt's network 'default' at {URI} is not active\n"
    assert refused.stderr.count("charly: ") == refused.stderr.count(told) == 1, refused.stderr
    assert space.record("charly-tiny") == ""
    command = hinted_command(refused.stderr)
    assert command == f"virsh -c '{URI}' net-start default"
    libvirt.space.run("sh", "-c", command)
    shown = space.charly("vm", "show", "tiny")
    assert '<source network="default"' in shown.stdout, shown
    stop(libvirt, LAB)
    text = space.project.read_text()
    space.project.write_text(text.replace("{mode: nat}", "{mode: network, bridge: attic}"))
    refused = space.charly("vm", "create", "tiny")
    assert refused.status == 1
    told = f"libvirt at {URI} has no network 'attic'; it has default, lab (not active)\n"
    assert refused.stderr.count("charly: ") == refused.stderr.count(told) == 1, refused.stderr
    assert "net-define FILE" in refused.stderr
    alone = space.charly("vm", "create", "tiny", CHARLY_LIBVIRT_URI="")
    assert alone.status == 1
    assert "needs the libvirt backend" in alone.stderr
    assert f"CHARLY_LIBVIRT_URI={URI}" in alone.stderr


def hinted_command(stderr: str) -> str:
    """The first command in an error's hint."""
    _, _, hint = stderr.partition("hint: ")
    return hint.split("`")[1]
