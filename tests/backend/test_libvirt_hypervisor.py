"""Another hypervisor: how its host is named, and what its words say about it."""

from __future__ import annotations

import pytest

from charly_vm.backend.libvirt_hypervisor import find_emulators, find_hop, pool_command

CAPABILITIES = """
<capabilities>
  <guest><os_type>hvm</os_type>
    <arch name='x86_64'><emulator>/usr/bin/qemu-system-x86_64</emulator>
      <domain type='qemu'/><domain type='kvm'/></arch></guest>
  <guest><os_type>hvm</os_type>
    <arch name='aarch64'><emulator>/usr/bin/qemu-system-aarch64</emulator>
      <domain type='qemu'/></arch></guest>
  <guest><os_type>xen</os_type><arch name='x86_64'><emulator>/xen</emulator></arch></guest>
</capabilities>"""


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("qemu:///session", ""),
        ("qemu:///system", ""),
        ("qemu+unix:///session?socket=/run/a", ""),
        ("test:///default", ""),
        ("qemu+ssh://lab/system", "ssh://lab"),
        ("qemu+ssh://me@lab:2222/session?keyfile=/k", "ssh://me@lab:2222"),
        ("qemu+libssh2://me@lab:2222/session", "ssh://me@lab:2222"),
        ("qemu+ssh://me@[fe80::1]/system", "ssh://me@[fe80::1]"),
        # These ports are libvirt's own.
        ("qemu+tls://lab:16514/system", "ssh://lab"),
        ("qemu+tcp://me@lab:16509/system", "ssh://me@lab"),
    ],
)
def test_the_host_of_a_hypervisor_is_named_as_ssh_takes_it(uri: str, hop: str) -> None:
    assert find_hop(uri) == hop


def test_the_emulators_are_those_of_full_virtualization_with_what_libvirt_offers() -> None:
    native, foreign = find_emulators(CAPABILITIES, (9, 2, 1))
    assert native.architecture == "x86_64"
    assert (native.qemu.binary, native.qemu.version) == ("/usr/bin/qemu-system-x86_64", (9, 2, 1))
    assert [one.name for one in native.accelerators] == ["kvm", "tcg"]
    assert foreign.architecture == "aarch64"
    assert [one.name for one in foreign.accelerators] == ["tcg"]


def test_the_command_that_makes_a_pool_can_be_pasted() -> None:
    command = pool_command("qemu+ssh://lab/session", "default", "/srv/images")
    assert command.startswith("virsh -c 'qemu+ssh://lab/session' \"pool-define-as default dir ")
    assert command.endswith('pool-start default"')
