"""Packages, accounts and what the kernel tells: answers as guests give them."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest
from step_stand_in import Answers, Result, carry_out, explain

from charly_vm.check.guest_distribution import GuestDistribution, read_os_release
from charly_vm.check.result import StepNotRun
from charly_vm.check.verbs.kernel import find_mount, render_path
from charly_vm.check.verbs.packages import is_version

DEBIAN = 'ID=debian\nVERSION_ID="13"\n'


def test_a_package_is_installed_in_a_version(tmp_path: Path) -> None:
    there = Answers("1:9.2p1-2+deb12u3\n")
    assert explain(tmp_path, "package: openssh-server", there) == ""
    assert "name=openssh-server\n" in there.asked[0]
    assert explain(tmp_path, "package: openssh-server, version: ['8', 9.2p1]", there) == ""
    text = explain(tmp_path, "package: openssh-server, version: ['9.3']", there)
    assert "version of openssh-server: expected 9.3" in text
    assert "found 1:9.2p1-2+deb12u3" in text
    text = explain(tmp_path, "package: openssh-server, installed: false", there)
    assert "found installed, version 1:9.2p1-2+deb12u3" in text


@pytest.mark.parametrize("said", ["", "package frob is not installed\n"])
def test_a_package_is_not_installed(tmp_path: Path, said: str) -> None:
    assert explain(tmp_path, "package: frob, installed: false", Answers(said)) == ""
    assert "found not installed" in explain(tmp_path, "package: frob", Answers(said))


def test_a_package_has_other_names_elsewhere(tmp_path: Path) -> None:
    written = "package: httpd, package_map: {debian: apache2, debian-13: apache3, arch: apache}"
    shell = Answers({"os-release": DEBIAN, "name=apache3\n": "2.4-1"})
    assert explain(tmp_path, written, shell) == ""
    shell = Answers({"os-release": "ID=fedora\n", "name=httpd\n": "2.4-1"})
    assert explain(tmp_path, written, shell) == ""


def test_a_guest_without_a_known_package_manager_cannot_be_asked(tmp_path: Path) -> None:
    with pytest.raises(StepNotRun, match="none of dpkg, rpm, pacman and apk"):
        carry_out(tmp_path, "package: x", Answers({"": Result(127, b"")}))


@pytest.mark.parametrize("wanted", ["1:9.2p1-2", "9.2p1-2", "9.2p1"])
def test_a_version_may_leave_out_what_packaging_adds(wanted: str) -> None:
    assert is_version(wanted, "1:9.2p1-2")
    assert not is_version("9.2", "1:9.2p1-2")


def test_a_distribution_is_known_by_its_exact_name_its_own_and_its_parents() -> None:
    said = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nID=again\n# x=y\n'
    ubuntu = read_os_release(said)
    assert ubuntu == GuestDistribution(("ubuntu-24.04", "ubuntu", "debian"))
    assert ubuntu.is_one_of(["arch", "Debian"])
    assert not ubuntu.is_one_of(["ubuntu-22.04"])
    assert ubuntu.choose({"debian": "a", "ubuntu": "b"}) == "b"
    assert ubuntu.choose({"fedora": "a"}) is None
    assert read_os_release("").names == ("linux",)


def test_an_account_is_there_with_its_fields(tmp_path: Path) -> None:
    me = pwd.getpwuid(os.getuid())
    name = me.pw_name
    written = f"user: {name}, uid: {me.pw_uid}, gid: {me.pw_gid}, home: {me.pw_dir}"
    assert explain(tmp_path, f"{written}, shell: {me.pw_shell}") == ""
    assert "found absent" in explain(tmp_path, "user: nobody-has-this")
    assert "found absent" in explain(tmp_path, f"user: '{me.pw_uid}'")
    text = explain(tmp_path, f"user: {name}, uid: 4711, home: /nowhere")
    assert f"uid of user {name}: expected 4711" in text
    assert f"found {me.pw_dir}" in text


def test_a_group_is_there(tmp_path: Path) -> None:
    group = grp.getgrgid(os.getgid())
    assert explain(tmp_path, f"unix_group: {group.gr_name}, gid: {group.gr_gid}") == ""
    assert "expected 4711" in explain(tmp_path, f"unix_group: {group.gr_name}, gid: 4711")
    assert "found absent" in explain(tmp_path, "unix_group: nobody-has-this")


def test_accounts_are_found_without_getent(tmp_path: Path) -> None:
    shell = Answers({"grep -e '^x:' /etc/passwd": "x:*:5:6:::/bin/sh\n"})
    assert explain(tmp_path, "user: x, uid: 5, gid: 6, shell: /bin/sh", shell) == ""


def test_a_process_runs_by_its_name(tmp_path: Path) -> None:
    # The kernel keeps 15 letters.
    shell = Answers("a-long-name-of-\nsh\nkthreadd\n")
    for name in ("a-long-name-of-it", "sh", "kthreadd"):
        assert explain(tmp_path, f"process: {name}", shell) == ""
    assert "found not running" in explain(tmp_path, "process: frob", shell)
    assert explain(tmp_path, "process: frob, running: false", shell) == ""
    assert "found running" in explain(tmp_path, "process: sh, running: false", shell)
    assert explain(tmp_path, "process: sh") == ""
    # Where nothing is to be seen, nothing is proven.
    assert "found none" in explain(tmp_path, "process: x, running: false", Answers(""))


MOUNTS = """\
22 1 254:3 / / rw,relatime shared:1 - ext4 /dev/vda3 rw,discard
30 22 0:25 / /mnt/a\\040b ro,nosuid - tmpfs tmpfs ro,size=1k
31 22 0:26 / /mnt/a\\040b rw - 9p share rw,trans=virtio
"""


def test_a_mount_is_there_with_source_kind_and_options(tmp_path: Path) -> None:
    shell = Answers(MOUNTS)
    written = "mount: /, mount_source: /dev/vda3, filesystem: ext4, opt: [relatime, discard]"
    assert explain(tmp_path, written, shell) == ""
    assert "found not mounted" in explain(tmp_path, "mount: /data", shell)
    text = explain(
        tmp_path, "mount: '/mnt/a b', mount_source: x, filesystem: xfs, opt: [ro]", shell
    )
    for found in ("found share", "found 9p", "found rw,trans=virtio"):
        assert found in text
    assert find_mount(MOUNTS, "/mnt/a b") == ("share", "9p", ["rw", "trans=virtio"])


def test_an_interface_has_a_mtu_and_addresses(tmp_path: Path) -> None:
    said = "1500\n2: eth0    inet 10.0.2.15/24 brd 10.0.2.255 scope global eth0\\       valid\n"
    shell = Answers(said)
    assert explain(tmp_path, "interface: eth0, mtu: 1500, addrs: [10.0.2.15/24]", shell) == ""
    assert explain(tmp_path, "interface: eth0, addrs: [10.0.2.15]", shell) == ""
    text = explain(tmp_path, "interface: eth0, mtu: 9000, addrs: [10.0.2.16]", shell)
    assert "mtu of eth0: expected 9000" in text
    assert "found 10.0.2.15/24" in text
    assert "found absent" in explain(tmp_path, "interface: eth7", Answers(""))


def test_a_sysctl_has_a_value(tmp_path: Path) -> None:
    release = Path("/proc/sys/kernel/ostype").read_text().strip()
    assert explain(tmp_path, f"kernel-param: kernel.ostype, value: {release}") == ""
    assert explain(tmp_path, "kernel-param: kernel.ostype") == ""
    assert "No such file" in explain(tmp_path, "kernel-param: kernel.frob")
    shell = Answers("4096\t131072\t6291456\n")
    assert explain(tmp_path, "kernel-param: a.b, value: 4096 131072 6291456", shell) == ""


def test_a_sysctl_is_written_in_either_notation() -> None:
    assert render_path("net.ipv4.ip_forward") == "net/ipv4/ip_forward"
    assert render_path("net/ipv4/conf/eth0.1/forwarding") == "net/ipv4/conf/eth0.1/forwarding"
    assert render_path("net.ipv4.conf.eth0/1.forwarding") == "net/ipv4/conf/eth0.1/forwarding"
